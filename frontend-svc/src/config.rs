//! The settings, each a flag and an environment variable of the same name.
//!
//! Fields are named after their variables, so that what clap says about a wrong value names it.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::Parser;
use service_kit::telemetry::LogArgs;
use url::Url;

use crate::StorageOrigin;

/// Serves the built dashboard, and hands /api, /ws and /health to the API.
///
/// /healthz answers for this server alone. SIGTERM, SIGINT and SIGHUP stop it: requests in hand are
/// finished within the grace period, upgraded connections closed. A second signal ends it on the
/// spot.
#[derive(Debug, Clone, Parser)]
#[command(name = "thumbnail-frontend", version)]
pub struct Config {
    /// Address to listen on. Outside of a container or a cluster nobody else needs to reach it
    #[arg(long, env, default_value = "127.0.0.1:3000")]
    pub frontend_addr: SocketAddr,

    /// The built dashboard: a folder with index.html
    #[arg(long, env, default_value = "web/dist")]
    pub web_dir: PathBuf,

    /// Where the API listens: http, a host and a port. TLS ends at the ingress
    #[arg(long, env, default_value = "http://thumbnail-api:8000", value_parser = base_url)]
    pub api_base_url: Url,

    /// Origins that presigned URLs point to, separated by commas, such as
    /// `https://videos.s3.eu-central-1.amazonaws.com`: pages may show pictures from there and upload
    /// to there
    #[arg(long, env, value_delimiter = ',')]
    pub storage_origins: Vec<StorageOrigin>,

    /// How long a shutdown waits for the requests in hand. Keep it below the orchestrator's own
    /// period (30 s in Kubernetes)
    #[arg(long, env, default_value_t = 10)]
    pub shutdown_grace_seconds: u64,

    /// What is logged, and how.
    #[command(flatten)]
    pub log: LogArgs,
}

impl Config {
    pub(crate) fn shutdown_grace(&self) -> Duration {
        Duration::from_secs(self.shutdown_grace_seconds)
    }
}

fn base_url(value: &str) -> Result<Url, String> {
    let url = Url::parse(value).map_err(|error| format!("not a URL: {error}"))?;
    if url.scheme() != "http" || !url.has_host() {
        return Err("not an http URL".to_owned());
    }
    let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    if !is_bare || !url.username().is_empty() || url.password().is_some() {
        return Err("more than a scheme, a host and a port".to_owned());
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn parse(extra: &[&str]) -> Result<Config, clap::Error> {
        Config::try_parse_from(["thumbnail-frontend"].iter().chain(extra))
    }

    #[test]
    fn help_lists_every_variable() {
        let help = Config::command().render_long_help().to_string();
        for variable in [
            "FRONTEND_ADDR",
            "WEB_DIR",
            "API_BASE_URL",
            "STORAGE_ORIGINS",
            "SHUTDOWN_GRACE_SECONDS",
            "LOG_FORMAT",
            "RUST_LOG",
        ] {
            assert!(help.contains(&format!("[env: {variable}")), "{variable}");
        }
    }

    #[test]
    fn a_wrong_value_names_its_variable() {
        for (flag, variable) in [
            ("--frontend-addr=3000", "FRONTEND_ADDR"),
            ("--api-base-url=nowhere", "API_BASE_URL"),
            ("--api-base-url=https://x", "API_BASE_URL"),
            ("--api-base-url=http://x/api", "API_BASE_URL"),
            ("--api-base-url=http://u:p@x", "API_BASE_URL"),
            ("--storage-origins=https://a/b", "STORAGE_ORIGINS"),
            ("--storage-origins=*", "STORAGE_ORIGINS"),
            ("--log-format=xml", "LOG_FORMAT"),
            ("--rust-log=a=b=c", "RUST_LOG"),
        ] {
            let error = parse(&[flag]).unwrap_err().to_string();
            assert!(error.contains(variable), "{flag}: {error}");
        }
    }

    #[test]
    fn the_default_reaches_no_further_than_this_machine() {
        assert!(parse(&[]).unwrap().frontend_addr.ip().is_loopback());
    }
}
