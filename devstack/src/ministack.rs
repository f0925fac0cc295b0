//! The `ministack` program: its installation in a virtual environment, and one running server.

use std::{
    fs::File,
    io::Read,
    net::TcpListener,
    path::PathBuf,
    process::{Child, ChildStdin, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use tempfile::TempDir;

use crate::{process, python::python};

const VERSION: &str = "1.5.33";

/// Longest that a start may take: half a second on an idle core, and tests start many servers on
/// few cores.
const START_LIMIT: Duration = Duration::from_mins(1);

/// Runs the server until standard input ends. The kernel closes it however the parent ends, even by
/// `kill -9`; the parent's clean-up has not run then, so the server removes its own folder
/// (`TMPDIR`).
const LAUNCHER: &str = "\
import os, shutil, sys, threading
def watch():
    while os.read(0, 1024): pass
    shutil.rmtree(os.environ['TMPDIR'], ignore_errors=True)
    os._exit(0)
threading.Thread(target=watch, daemon=True).start()
from ministack.app import main
main()
";

/// The Python interpreter with ministack, which is installed first if it is missing.
pub(crate) fn install() -> anyhow::Result<PathBuf> {
    python("ministack", &[&format!("ministack=={VERSION}")])
}

/// A running server. Dropping it kills the process and reaps it.
#[derive(Debug)]
pub(crate) struct Ministack {
    child: Child,
    /// The launcher's lifeline; see [`LAUNCHER`].
    _lifeline: Option<ChildStdin>,
    /// The server's log, pid file and other files.
    _folder: TempDir,
    port: u16,
}

impl Ministack {
    /// Starts a server on `port` of 127.0.0.1, or on a free one, and waits until it listens.
    pub(crate) fn start(port: Option<u16>) -> anyhow::Result<Self> {
        if let Some(port) = port {
            return Self::try_start(port);
        }
        // Another process may take a free port before the server listens on it: then choose again.
        let mut attempts = 0;
        loop {
            attempts += 1;
            match Self::try_start(free_port()?) {
                Err(error) if attempts < 5 && format!("{error:#}").contains("in use") => {}
                result => return result,
            }
        }
    }

    fn try_start(port: u16) -> anyhow::Result<Self> {
        let python = install()?;
        let folder = tempfile::Builder::new()
            .prefix("devstack-")
            .tempdir()
            .context("cannot create a temporary folder")?;
        let log = folder.path().join("ministack.log");
        let log_file = File::create(&log)?;
        let mut command = Command::new(&python);
        command
            .args(["-c", LAUNCHER])
            .env("SERVICES", "s3,sqs")
            .env("GATEWAY_PORT", port.to_string())
            .env("BIND_HOST", "127.0.0.1")
            .env("TMPDIR", folder.path())
            // Persistence makes the server a hundred times slower; the user's shell may turn it on.
            .env("S3_PERSIST", "0")
            .env("PERSIST_STATE", "0")
            .env_remove("LOCALSTACK_PERSISTENCE")
            .env_remove("USE_SSL")
            .env("PYTHONUNBUFFERED", "1")
            .stdin(Stdio::piped())
            .stdout(log_file.try_clone()?)
            .stderr(log_file);
        #[cfg(unix)]
        {
            use std::os::unix::process::CommandExt;
            // Ctrl-C in a terminal must reach only this process, which stops the services first.
            command.process_group(0);
        }
        let mut child = command
            .spawn()
            .with_context(|| format!("cannot run {}", python.display()))?;
        let lifeline = child.stdin.take();
        let mut server = Self {
            child,
            _lifeline: lifeline,
            _folder: folder,
            port,
        };

        let deadline = Instant::now() + START_LIMIT;
        loop {
            let mut text = Vec::new();
            File::open(&log)?.read_to_end(&mut text)?;
            // Read the log instead of probing the port: another process may answer there.
            if String::from_utf8_lossy(&text).contains("Running on http") {
                return Ok(server);
            }
            if let Some(status) = server.child.try_wait()? {
                bail!(
                    "ministack ended while starting on port {port} ({status}): {}",
                    process::tail(&text)
                );
            }
            if Instant::now() > deadline {
                bail!(
                    "ministack did not listen on port {port} within {} s: {}",
                    START_LIMIT.as_secs(),
                    process::tail(&text)
                );
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Ministack {
    fn drop(&mut self) {
        // The server keeps everything in memory, so there is nothing to finish. Errors mean that it
        // has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("no free port on 127.0.0.1")?;
    Ok(listener.local_addr()?.port())
}
