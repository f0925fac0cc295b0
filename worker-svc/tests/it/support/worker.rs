//! The worker process and its log.

use std::{
    net::TcpListener,
    ops::{Deref, DerefMut},
};

use anyhow::{Result, ensure};
use devstack::{Stack, crowd::limited, program::Program};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// A worker; killed when dropped. Its log is printed if the test fails.
pub(crate) struct Worker {
    program: Program,
    metrics_addr: String,
}

impl Deref for Worker {
    type Target = Program;

    fn deref(&self) -> &Program {
        &self.program
    }
}

impl DerefMut for Worker {
    fn deref_mut(&mut self) -> &mut Program {
        &mut self.program
    }
}

#[derive(Default)]
pub(crate) struct WorkerOptions {
    /// Set `SQS_DLQ_URL`.
    pub(crate) dlq: bool,
    /// Another `AWS_ENDPOINT_URL` than the stack's own.
    pub(crate) endpoint: Option<String>,
    /// The soft and the hard limit of file descriptors.
    pub(crate) descriptors: Option<(u32, u32)>,
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
        let program = env!("CARGO_BIN_EXE_thumbnail-worker");
        let mut command = limited(program, options.descriptors);
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
        Ok(Self {
            program: Program::start(command.envs(options.env))?,
            metrics_addr,
        })
    }

    pub(crate) fn program(&self) -> &Program {
        &self.program
    }

    pub(crate) fn metrics_addr(&self) -> &str {
        &self.metrics_addr
    }

    /// The log's lines so far that are JSON and say `message`.
    pub(crate) fn log(&self, message: &str) -> Vec<Value> {
        let mut lines = self.program.log();
        lines.retain(|line| line["message"] == message);
        lines
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
}
