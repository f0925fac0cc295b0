//! A program of ours that ends with the test.

use std::{
    env,
    fs::{self, File},
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use anyhow::{Context, bail};
use tempfile::NamedTempFile;
use tokio::time::{Instant, sleep};

use crate::DEADLINE;

/// A running program. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Program {
    child: Child,
    log: NamedTempFile,
}

impl Program {
    /// Starts `command`, its output going into a file.
    pub(crate) fn start(command: &mut Command) -> anyhow::Result<Self> {
        let log = NamedTempFile::new()?;
        let output = || File::options().append(true).open(log.path());
        let child = command
            .stdin(Stdio::null())
            .stdout(output()?)
            .stderr(output()?)
            .spawn()
            .with_context(|| format!("cannot run {}", command.get_program().display()))?;
        Ok(Self { child, log })
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.log.path()).unwrap_or_default()
    }

    /// Waits until `find` finds something in the log.
    pub(crate) async fn until<T>(
        &mut self,
        what: &str,
        find: impl Fn(&str) -> Option<T>,
    ) -> anyhow::Result<T> {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(found) = find(&self.log()) {
                return Ok(found);
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("ended ({status}) before {what}:\n{}", self.log());
            }
            if Instant::now() > deadline {
                bail!("no {what} within {DEADLINE:?}:\n{}", self.log());
            }
            sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    /// Kills it and waits until it is gone.
    pub(crate) fn kill(&mut self) {
        // Errors mean that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A program of the workspace: it lies in the folder that the variable `PROGRAMS` names, for those of
/// another profile, else in the one above that of the running test.
pub fn workspace_program(name: &str) -> anyhow::Result<PathBuf> {
    let named = env::var_os("PROGRAMS").map(|folder| PathBuf::from(folder).join(name));
    named
        .map_or_else(|| above(2, name), |program| program.canonicalize().ok())
        .with_context(|| format!("{name} is missing; `cargo build --workspace --bins` builds it"))
}

/// A program that `cargo xtask` has put below the target folder: `tools/bin` there.
pub(crate) fn tool(name: &str) -> anyhow::Result<PathBuf> {
    above(3, &format!("tools/bin/{name}"))
        .with_context(|| format!("{name} is missing; `cargo xtask test` installs it"))
}

/// The file of this name in one of so many folders above the running test, the third of which is
/// the target folder.
fn above(levels: usize, name: &str) -> Option<PathBuf> {
    let this = env::current_exe().ok()?;
    let folders = this.ancestors().skip(1).take(levels);
    folders
        .map(|folder| folder.join(name))
        .find(|file| file.exists())
}

/// An address on this machine that nobody listens on.
pub(crate) fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?)
}
