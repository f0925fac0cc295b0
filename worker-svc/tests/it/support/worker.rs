//! The worker process and its log.

use std::{
    net::TcpListener,
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context, Result, bail, ensure};
use devstack::Stack;
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    process::{Child, Command},
    time::timeout,
};

use super::{DEADLINE, until};

/// A worker; killed when dropped. Its log is printed if the test fails.
pub(crate) struct Worker {
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
    metrics_addr: String,
}

#[derive(Default)]
pub(crate) struct WorkerOptions {
    /// Set `SQS_DLQ_URL`.
    pub(crate) dlq: bool,
    /// Another `AWS_ENDPOINT_URL` than the stack's own.
    pub(crate) endpoint: Option<String>,
    /// Variables on top.
    pub(crate) env: Vec<(&'static str, String)>,
}

impl Worker {
    /// Starts a worker and waits until it receives.
    pub(crate) async fn start(stack: &Stack, options: WorkerOptions) -> Result<Self> {
        let worker = Self::spawn(stack, options)?;
        worker.logged("worker started").await?;
        Ok(worker)
    }

    pub(crate) fn spawn(stack: &Stack, options: WorkerOptions) -> Result<Self> {
        let metrics_addr = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let mut command = Command::new(env!("CARGO_BIN_EXE_thumbnail-worker"));
        command.envs(stack.env()).env("METRICS_ADDR", &metrics_addr);
        for variable in [
            "RUST_LOG",
            "LOG_FORMAT",
            "WORKER_CONCURRENCY",
            "AWS_PROFILE",
        ] {
            command.env_remove(variable);
        }
        if !options.dlq {
            command.env_remove("SQS_DLQ_URL");
        }
        if let Some(endpoint) = options.endpoint {
            command.env("AWS_ENDPOINT_URL", endpoint);
        }
        let mut child = command
            .envs(options.env)
            .stderr(Stdio::piped())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let log = Arc::new(Mutex::new(Vec::new()));
        let mut lines = BufReader::new(child.stderr.take().context("no stderr")?).lines();
        tokio::spawn({
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
            child,
            log,
            metrics_addr,
        })
    }

    /// The log's lines so far that are JSON and say `message`.
    pub(crate) fn log(&self, message: &str) -> Vec<Value> {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.iter()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter(|line| line["message"] == message)
            .collect()
    }

    pub(crate) fn raw_log(&self) -> String {
        self.log
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .join("\n")
    }

    /// Waits for a line that says `message`.
    pub(crate) async fn logged(&self, message: &str) -> Result<Value> {
        self.logged_if(message, |_| true).await
    }

    pub(crate) async fn logged_if(
        &self,
        message: &str,
        mut wanted: impl FnMut(&Value) -> bool,
    ) -> Result<Value> {
        until(&format!("the log says {message:?}"), || {
            let found = self.log(message).into_iter().find(|line| wanted(line));
            async move { Ok(found) }
        })
        .await
    }

    /// A metric's value, the sum over its labels.
    pub(crate) async fn metric(&self, name: &str) -> Result<u64> {
        let text = self.http("/metrics").await?;
        let mut values = Vec::new();
        for line in text.lines() {
            let Some((series, value)) = line.rsplit_once(' ') else {
                continue;
            };
            if series.split('{').next() == Some(name) {
                values.push(value.parse::<u64>()?);
            }
        }
        ensure!(!values.is_empty(), "no metric {name} in {text}");
        Ok(values.into_iter().sum())
    }

    /// GETs a path of the metrics server.
    pub(crate) async fn http(&self, path: &str) -> Result<String> {
        let mut stream = TcpStream::connect(&self.metrics_addr).await?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        ensure!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        Ok(answer)
    }

    pub(crate) async fn signal(&self, name: &str) -> Result<()> {
        let pid = self.child.id().context("the worker has ended")?;
        let status = Command::new("kill")
            .args(["-s", name, &pid.to_string()])
            .status()
            .await?;
        ensure!(status.success(), "kill: {status}");
        Ok(())
    }

    pub(crate) async fn exit(&mut self) -> Result<ExitStatus> {
        match timeout(DEADLINE, self.child.wait()).await {
            Ok(status) => Ok(status?),
            Err(_) => bail!("the worker does not end"),
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // A test that fails by `?` does not panic; its output is shown only if it fails.
        println!("worker log:\n{}", self.raw_log());
    }
}
