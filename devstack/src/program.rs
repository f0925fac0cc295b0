//! A program under test: its process, its log, and waiting for conditions.

use std::{
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context, bail, ensure};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

/// Longest that a condition may take: generous, because it only bounds a failing test.
pub const DEADLINE: Duration = Duration::from_secs(90);

/// Polls until `check` gives a value.
///
/// # Errors
/// The errors of `check`; and `what` has not happened within [`DEADLINE`].
pub async fn until<T>(
    what: &str,
    mut check: impl AsyncFnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(value) = check().await.with_context(|| what.to_owned())? {
            return Ok(value);
        }
        if Instant::now() > deadline {
            bail!("{what}: not within {DEADLINE:?}");
        }
        sleep(Duration::from_millis(20)).await;
    }
}

/// A running program that logs lines of JSON on standard error; killed when dropped.
///
/// Its log is printed then, which the test harness shows if the test fails.
#[derive(Debug)]
pub struct Program {
    name: String,
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
    /// Reads the log until the program ends.
    reading: JoinHandle<()>,
}

impl Program {
    /// Starts `command`.
    ///
    /// # Errors
    /// It cannot be run.
    pub fn start(command: &mut Command) -> anyhow::Result<Self> {
        let path = std::path::Path::new(command.as_std().get_program());
        let name = path.file_name().unwrap_or_default();
        let name = name.to_string_lossy().into_owned();
        let mut child = command
            .stderr(Stdio::piped())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot run {name}"))?;
        let log = Arc::new(Mutex::new(Vec::new()));
        let mut lines = BufReader::new(child.stderr.take().context("no stderr")?).lines();
        let reading = tokio::spawn({
            let log = log.clone();
            async move {
                while let Ok(Some(line)) = lines.next_line().await {
                    log.lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push(line);
                }
            }
        });
        Ok(Self {
            name,
            child,
            log,
            reading,
        })
    }

    /// Its process; `None` once it has ended.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// CPU time that it has used so far, in steps of 10 ms.
    ///
    /// # Errors
    /// It has ended.
    pub fn cpu(&self) -> anyhow::Result<Duration> {
        let id = self
            .id()
            .with_context(|| format!("{} has ended", self.name))?;
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat"))?;
        // The name, in parentheses, may hold anything. User and system time are fields 14 and 15.
        let fields = stat.rsplit(')').next().unwrap_or_default();
        let ticks = fields.split_whitespace().skip(11).take(2);
        let ticks: u64 = ticks.map(str::parse::<u64>).sum::<Result<_, _>>()?;
        Ok(Duration::from_millis(ticks * 10))
    }

    /// Its log so far.
    #[must_use]
    pub fn raw_log(&self) -> String {
        self.log
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .join("\n")
    }

    /// The lines of its log so far that are JSON.
    #[must_use]
    pub fn log(&self) -> Vec<Value> {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.iter()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }

    /// Waits for a line with this `message`.
    ///
    /// # Errors
    /// No such line comes within [`DEADLINE`].
    pub async fn logged(&self, message: &str) -> anyhow::Result<Value> {
        self.logged_if(message, |_| true).await
    }

    /// Waits for a line with this `message` that is `wanted`.
    ///
    /// # Errors
    /// No such line comes within [`DEADLINE`].
    pub async fn logged_if(
        &self,
        message: &str,
        mut wanted: impl FnMut(&Value) -> bool,
    ) -> anyhow::Result<Value> {
        until(&format!("the log says {message:?}"), async || {
            let mut lines = self.log().into_iter();
            Ok(lines.find(|line| line["message"] == message && wanted(line)))
        })
        .await
    }

    /// Sends it a signal: `TERM`, `INT`, ….
    ///
    /// # Errors
    /// It has ended.
    pub async fn signal(&self, signal: &str) -> anyhow::Result<()> {
        let pid = self
            .id()
            .with_context(|| format!("{} has ended", self.name))?;
        let status = Command::new("kill")
            .args(["-s", signal, &pid.to_string()])
            .status()
            .await?;
        ensure!(status.success(), "kill: {status}");
        Ok(())
    }

    /// Waits until it ends and its log is whole.
    ///
    /// # Errors
    /// It does not end within [`DEADLINE`].
    pub async fn exit(&mut self) -> anyhow::Result<ExitStatus> {
        let ended = async {
            let status = self.child.wait().await?;
            // What it said last may still be in the pipe.
            if !self.reading.is_finished() {
                (&mut self.reading).await?;
            }
            Ok(status)
        };
        match timeout(DEADLINE, ended).await {
            Ok(status) => status,
            Err(_) => bail!("{} does not end", self.name),
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // A test that fails by `?` does not panic; its output is shown only if it fails.
        println!(
            "{} log (pid {:?}):\n{}",
            self.name,
            self.id(),
            self.raw_log()
        );
    }
}
