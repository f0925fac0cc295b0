//! The dashboard's build, beside the pipeline's start.

use std::{path::PathBuf, process::Stdio};

use anyhow::{Context, bail};
use tokio::{process::Command, task::JoinHandle};

/// A build under way; dropping it ends the build.
pub(crate) struct Dashboard {
    build: Option<JoinHandle<anyhow::Result<()>>>,
}

impl Dashboard {
    /// Starts `builder web`, which makes what `WEB_DIR` names; without a builder there is nothing
    /// to wait for.
    pub(crate) fn build(builder: Option<PathBuf>) -> Self {
        Self {
            build: builder.map(|builder| tokio::spawn(run(builder))),
        }
    }

    /// Waits for the end of the build. Fails with what the build said.
    pub(crate) async fn built(&mut self) -> anyhow::Result<()> {
        match &mut self.build {
            Some(build) => build.await.context("the build of the dashboard")?,
            None => Ok(()),
        }
    }
}

impl Drop for Dashboard {
    fn drop(&mut self) {
        if let Some(build) = &self.build {
            build.abort();
        }
    }
}

async fn run(builder: PathBuf) -> anyhow::Result<()> {
    let output = Command::new(&builder)
        .arg("web")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .with_context(|| format!("cannot run {}", builder.display()))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!(
            "the dashboard cannot be built ({}):\n{}",
            output.status,
            said.trim_end()
        );
    }
    Ok(())
}
