//! nginx before a site, as a company's ingress would stand there.

use std::{fs, net::SocketAddr, path::Path, process::Command};

use anyhow::{Context as _, bail};
use tokio::time::{Duration, Instant, sleep};

use crate::{
    DEADLINE, Site,
    process::{Program, free_address},
};

/// A running nginx that ends TLS and takes a prefix away. It ends when dropped.
#[derive(Debug)]
pub struct Proxy {
    _program: Program,
    address: SocketAddr,
    prefix: String,
}

impl Proxy {
    /// Puts nginx before `site`: what lies below `prefix`, which begins and ends in a slash, is the
    /// site's, and nothing else is there. `folder` has `certificate.pem` and `key.pem`, and room
    /// for nginx's own files.
    ///
    /// # Errors
    /// There is no nginx (Debian's `nginx-light` has it), or it does not start.
    pub async fn start(folder: &Path, site: &Site, prefix: &str) -> anyhow::Result<Self> {
        let address = free_address()?;
        let configuration = folder.join("nginx.conf");
        fs::write(&configuration, configured(address, site.address(), prefix))?;
        let mut command = Command::new("/usr/sbin/nginx");
        command.arg("-p").arg(folder).arg("-c").arg(&configuration);
        let program = Program::start(&mut command).context("Debian's nginx-light has it")?;
        let deadline = Instant::now() + DEADLINE;
        while tokio::net::TcpStream::connect(address).await.is_err() {
            if Instant::now() > deadline {
                bail!("nginx does not listen:\n{}", program.log());
            }
            sleep(Duration::from_millis(20)).await;
        }
        Ok(Self {
            _program: program,
            address,
            prefix: prefix.to_owned(),
        })
    }

    /// Where the dashboard is.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://{}{}", self.address, self.prefix)
    }
}

/// One process, so that it ends when killed.
fn configured(address: SocketAddr, site: SocketAddr, prefix: &str) -> String {
    format!(
        "daemon off; master_process off; pid nginx.pid; error_log stderr; \
         events {{ }} \
         http {{ \
             access_log off; client_body_temp_path body; proxy_temp_path proxy; \
             fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi; \
             map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }} \
             server {{ \
                 listen {address} ssl; ssl_certificate certificate.pem; ssl_certificate_key key.pem; \
                 location {prefix} {{ \
                     proxy_pass http://{site}/; proxy_http_version 1.1; \
                     proxy_set_header Host $http_host; \
                     proxy_set_header X-Forwarded-Proto https; \
                     proxy_set_header Upgrade $http_upgrade; \
                     proxy_set_header Connection $connection_upgrade; \
                 }} \
             }} \
         }}\n"
    )
}
