//! A service's process, as in production but for its endpoint.

use std::{
    env,
    fs::File,
    io::Read,
    net::{SocketAddr, TcpListener},
    path::Path,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use anyhow::{Context, anyhow, bail};
use devstack::Stack;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::NamedTempFile;
use tokio::{
    net::TcpStream,
    process::{Child, Command},
    time::{sleep, timeout},
};

/// A service that can be started.
pub(crate) struct Program {
    /// Its name in messages.
    name: &'static str,
    /// The program's file, beside this program.
    file: &'static str,
    /// The variable with the address that it listens on once it has started.
    address: &'static str,
}

pub(crate) const WORKER: Program = Program {
    name: "the worker",
    file: "thumbnail-worker",
    address: "METRICS_ADDR",
};

pub(crate) const API: Program = Program {
    name: "the API",
    file: "thumbnail-api",
    address: "API_ADDR",
};

const START_LIMIT: Duration = Duration::from_secs(30);
/// Kubernetes' default grace period.
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// Variables of the user's shell that would make a service use something else than the stack.
const FOREIGN: [&str; 6] = [
    "AWS_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT_URL_SQS",
    "S3_UPLOAD_PREFIX",
    "S3_THUMBNAIL_PREFIX",
];

/// A running service. Dropping it kills the process; [`Service::stop`] is the orderly way.
pub(crate) struct Service {
    name: &'static str,
    address: SocketAddr,
    child: Child,
    /// Ends the service if this process is killed; see [`guard`].
    _guard: Child,
    log: NamedTempFile,
}

impl Service {
    /// Starts the service that lies beside this program with the stack's variables and `env`, and
    /// waits until it listens on `address`.
    pub(crate) async fn start(
        what: &Program,
        stack: &Stack,
        address: SocketAddr,
        env: &[(&str, &str)],
    ) -> anyhow::Result<Self> {
        let name = what.name;
        let program = env::current_exe()?.with_file_name(what.file);
        if !program.exists() {
            bail!(
                "{} is missing: `cargo xtask up` builds it",
                program.display()
            );
        }
        let log = NamedTempFile::with_prefix(format!("{}-", what.file))
            .with_context(|| format!("cannot create the log of {name}"))?;
        let mut command = Command::new(&program);
        for name in FOREIGN {
            command.env_remove(name);
        }
        if env::var_os("LOG_FORMAT").is_none() {
            command.env("LOG_FORMAT", "text");
        }
        command
            // No cluster: the user's own must not be watched.
            .env("KUBECONFIG", "/dev/null")
            .envs(stack.env())
            .envs(env.iter().copied())
            .env(what.address, address.to_string())
            .stdin(Stdio::null())
            .stdout(log.reopen()?)
            .stderr(log.as_file().try_clone()?)
            // Ctrl-C in a terminal must reach only this process.
            .process_group(0)
            .kill_on_drop(true);
        let child = command
            .spawn()
            .with_context(|| format!("cannot run {}", program.display()))?;
        let mut service = Self {
            name,
            address,
            _guard: guard(&child)?,
            child,
            log,
        };
        let listening = async {
            while TcpStream::connect(address).await.is_err() {
                sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::select! {
            ready = timeout(START_LIMIT, listening) => if ready.is_err() {
                bail!(
                    "{name} does not listen on {address} after {} s; {}",
                    START_LIMIT.as_secs(),
                    service.log_tail(),
                );
            },
            error = service.ended() => return Err(error),
        }
        Ok(service)
    }

    /// Its name in messages.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// The address that it listens on.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The file that it logs to.
    pub(crate) fn log(&self) -> &Path {
        self.log.path()
    }

    pub(crate) fn is_running(&self) -> bool {
        self.child.id().is_some()
    }

    /// Waits until the service ends without being told to, which is always an error.
    pub(crate) async fn ended(&mut self) -> anyhow::Error {
        match self.child.wait().await {
            Ok(status) => anyhow!("{} ended ({status}); {}", self.name, self.log_tail()),
            Err(error) => anyhow!(error).context(format!("cannot wait for {}", self.name)),
        }
    }

    /// Asks the service to finish what it has in hand and end; kills it if it does not.
    pub(crate) async fn stop(&mut self) -> anyhow::Result<()> {
        let Some(pid) = self.child.id() else {
            return Ok(());
        };
        let pid = Pid::from_raw(pid.cast_signed()).context("the service has no process id")?;
        kill_process(pid, Signal::TERM).with_context(|| format!("cannot end {}", self.name))?;
        let Ok(status) = timeout(STOP_LIMIT, self.child.wait()).await else {
            self.child.kill().await?;
            bail!(
                "{} did not end within {} s and was killed",
                self.name,
                STOP_LIMIT.as_secs()
            );
        };
        let status: ExitStatus = status?;
        if !status.success() {
            bail!("{} ended badly ({status}); {}", self.name, self.log_tail());
        }
        Ok(())
    }

    /// Its process; `None` once it has ended.
    pub(crate) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Kills the service, which has no chance to do anything about it.
    pub(crate) async fn kill(&mut self) -> anyhow::Result<()> {
        let killed = self.child.kill().await;
        killed.with_context(|| format!("cannot kill {}", self.name))
    }

    /// The end of the service's log, to be shown below an error.
    pub(crate) fn log_tail(&self) -> String {
        const LINES: usize = 20;
        let mut log = Vec::new();
        let read = File::open(self.log.path()).and_then(|mut file| file.read_to_end(&mut log));
        if let Err(error) = read {
            return format!("its log cannot be read: {error}");
        }
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<_> = log.trim_end().lines().collect();
        if lines.is_empty() {
            return "it logged nothing".to_owned();
        }
        let tail = &lines[lines.len().saturating_sub(LINES)..];
        format!("its log ends:\n  {}", tail.join("\n  "))
    }
}

/// A process that ends `service` when this one has ended for whatever reason: its standard input
/// ends then.
fn guard(service: &Child) -> anyhow::Result<Child> {
    let pid = service.id().context("the service has ended already")?;
    Command::new("sh")
        .args(["-c", "cat >/dev/null; kill -TERM \"$0\"", &pid.to_string()])
        .stdin(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .context("cannot run `sh`")
}

/// A free address of 127.0.0.1, at `port` if that is free.
pub(crate) fn free_address(port: u16) -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind(("127.0.0.1", port))
        .or_else(|_| TcpListener::bind(("127.0.0.1", 0)))
        .context("no free port on 127.0.0.1")?;
    Ok(listener.local_addr()?)
}
