//! The API's process and its log.

use std::{
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context, Result, bail, ensure};
use devstack::Stack;
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::timeout,
};

use super::{DEADLINE, until};

/// An API; killed when dropped. Its log is printed if the test fails.
pub(crate) struct Api {
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
    address: String,
    http: reqwest::Client,
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.text).with_context(|| self.text.clone())
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// Checks that it is a problem document of this status and gives its detail.
    pub(crate) fn problem(&self, status: u16) -> Result<String> {
        ensure!(self.status == status, "{}: {}", self.status, self.text);
        ensure!(self.header("content-type") == "application/problem+json");
        let problem = self.json()?;
        ensure!(problem["status"] == status && problem["type"] == "about:blank");
        ensure!(problem["title"].is_string());
        Ok(problem["detail"].as_str().unwrap_or_default().to_owned())
    }
}

impl Api {
    /// Starts an API that looks at `stack` ten times a second, and waits until it serves.
    pub(crate) async fn start(stack: &Stack, env: &[(&str, &str)]) -> Result<Self> {
        let own = stack.env();
        let all = own
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let all: Vec<_> = all.chain(env.iter().copied()).collect();
        Self::start_with(&all).await
    }

    pub(crate) async fn start_with(env: &[(&str, &str)]) -> Result<Self> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_thumbnail-api"));
        for variable in [
            "RUST_LOG",
            "LOG_FORMAT",
            "AWS_PROFILE",
            "KUBERNETES_SERVICE_HOST",
        ] {
            command.env_remove(variable);
        }
        let mut child = command
            .env("API_ADDR", "127.0.0.1:0")
            .env("SAMPLE_INTERVAL_MS", "100")
            .env("KUBECONFIG", "/nonexistent")
            .env("HOME", "/nonexistent")
            .envs(env.iter().copied())
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
        let mut api = Self {
            child,
            log,
            address: String::new(),
            http: reqwest::Client::builder().no_proxy().build()?,
        };
        let line = api.logged("serving").await?;
        line["address"]
            .as_str()
            .context("no address")?
            .clone_into(&mut api.address);
        Ok(api)
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    pub(crate) fn raw_log(&self) -> String {
        self.log
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .join("\n")
    }

    /// Waits for a line that says `message`.
    pub(crate) async fn logged(&self, message: &str) -> Result<Value> {
        until(&format!("the log says {message:?}"), async || {
            let log = self.raw_log();
            let mut lines = log
                .lines()
                .filter_map(|line| serde_json::from_str::<Value>(line).ok());
            Ok(lines.find(|line| line["message"] == message))
        })
        .await
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Answer> {
        self.send(self.request("GET", path)?).await
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> Result<reqwest::RequestBuilder> {
        let url = format!("http://{}{path}", self.address);
        Ok(self.http.request(method.parse()?, url))
    }

    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Result<Answer> {
        let response = request.send().await?;
        Ok(Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            text: response.text().await?,
        })
    }

    /// The body of a GET that must succeed.
    pub(crate) async fn json(&self, path: &str) -> Result<Value> {
        let answer = self.get(path).await?;
        ensure!(
            answer.status == 200,
            "{path}: {} {}",
            answer.status,
            answer.text
        );
        answer.json()
    }

    /// Waits until the metrics are as wanted.
    pub(crate) async fn metrics_when(
        &self,
        what: &str,
        wanted: impl Fn(&Value) -> bool,
    ) -> Result<Value> {
        until(what, async || {
            let answer = self.get("/api/metrics").await?;
            if answer.status == 503 {
                return Ok(None);
            }
            Ok(Some(answer.json()?).filter(&wanted))
        })
        .await
    }

    pub(crate) async fn terminate(&mut self) -> Result<ExitStatus> {
        let pid = self.child.id().context("the API has ended")?;
        let status = Command::new("kill")
            .args(["-s", "TERM", &pid.to_string()])
            .status()
            .await?;
        ensure!(status.success(), "kill: {status}");
        match timeout(DEADLINE, self.child.wait()).await {
            Ok(status) => Ok(status?),
            Err(_) => bail!("the API does not end"),
        }
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        println!("API log:\n{}", self.raw_log());
    }
}
