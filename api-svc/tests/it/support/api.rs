//! The API's process and its log.

use std::{ops::Deref, process::ExitStatus};

use anyhow::{Context, Result, ensure};
use devstack::{
    Stack,
    crowd::limited,
    program::{Program, until},
};
use serde_json::Value;

/// An API; killed when dropped. Its log is printed if the test fails.
pub(crate) struct Api {
    program: Program,
    address: String,
    http: reqwest::Client,
}

impl Deref for Api {
    type Target = Program;

    fn deref(&self) -> &Program {
        &self.program
    }
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
        Self::start_limited(env, None).await
    }

    /// One with a soft and a hard limit of file descriptors.
    pub(crate) async fn start_limited(
        env: &[(&str, &str)],
        descriptors: Option<(u32, u32)>,
    ) -> Result<Self> {
        let mut command = limited(env!("CARGO_BIN_EXE_thumbnail-api"), descriptors);
        for variable in [
            "RUST_LOG",
            "LOG_FORMAT",
            "AWS_PROFILE",
            "KUBERNETES_SERVICE_HOST",
        ] {
            command.env_remove(variable);
        }
        let program = Program::start(
            command
                .env("API_ADDR", "127.0.0.1:0")
                .env("SAMPLE_INTERVAL_MS", "100")
                .env("KUBECONFIG", "/nonexistent")
                .env("HOME", "/nonexistent")
                .envs(env.iter().copied()),
        )?;
        let mut api = Self {
            program,
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
        self.program.signal("TERM").await?;
        self.program.exit().await
    }
}
