//! The API as a process, its client, and waiting.

use std::{
    ops::Deref,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result};
use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    response::{IntoResponse as _, Response},
};
pub(crate) use devstack::program::until;
use devstack::{
    Stack, StackOptions,
    program::{DEADLINE, Program},
};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::Value;
use tokio::{process::Command, time::sleep};
use tokio_util::task::AbortOnDropHandle;

pub(crate) const TOKEN: &str = "a-token-of-the-tests-0123456789";

/// The program; killed when dropped.
pub(crate) struct Api {
    program: Program,
    pub(crate) base: String,
    client: reqwest::Client,
}

impl Deref for Api {
    type Target = Program;

    fn deref(&self) -> &Program {
        &self.program
    }
}

impl Api {
    /// One with [`TOKEN`].
    pub(crate) async fn start(stack: &Stack) -> Result<Self> {
        Self::start_with(stack, &[("API_TOKEN", TOKEN)]).await
    }

    /// One with these variables on top; waits until it serves.
    pub(crate) async fn start_with(stack: &Stack, env: &[(&str, &str)]) -> Result<Self> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_thumbnail-api"));
        for variable in [
            "RUST_LOG",
            "LOG_FORMAT",
            "AWS_PROFILE",
            "KUBECONFIG",
            "API_TOKEN",
        ] {
            command.env_remove(variable);
        }
        let program = Program::start(
            command
                .envs(stack.env())
                .env("API_ADDR", "127.0.0.1:0")
                .envs(env.iter().copied()),
        )?;
        let line = program.logged("serving").await?;
        let address = line["address"].as_str().context("no address")?;
        let port = address.rsplit(':').next().unwrap_or_default();
        let api = Self {
            base: format!("http://127.0.0.1:{port}"),
            program,
            client: reqwest::Client::new(),
        };
        Ok(api)
    }

    /// A request without credentials.
    pub(crate) fn bare(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base))
    }

    /// A request with [`TOKEN`].
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.bare(method, path).bearer_auth(TOKEN)
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Answer> {
        Answer::of(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Answer> {
        let request = self.request(Method::POST, path);
        Answer::of(json(request, body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Result<Answer> {
        Answer::of(self.request(Method::DELETE, path)).await
    }

    /// The audit log's lines about a route.
    pub(crate) fn audit(&self, route: &str) -> Vec<Value> {
        let mut lines = self.program.log();
        lines.retain(|line| line["target"] == "audit" && line["route"] == route);
        lines
    }
}

pub(crate) fn json(request: RequestBuilder, body: &Value) -> RequestBuilder {
    request
        .header("content-type", "application/json")
        .body(body.to_string())
}

/// An answer, read.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) async fn of(request: RequestBuilder) -> Result<Self> {
        let response = tokio::time::timeout(DEADLINE, request.send()).await??;
        Ok(Self {
            status: response.status(),
            headers: response.headers().clone(),
            body: response.bytes().await?.to_vec(),
        })
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// The body of a success.
    pub(crate) fn json(&self) -> Result<Value> {
        let text = String::from_utf8_lossy(&self.body);
        anyhow::ensure!(self.status.is_success(), "{}: {text}", self.status);
        serde_json::from_slice(&self.body).with_context(|| text.into_owned())
    }

    /// The detail of a problem of this status.
    pub(crate) fn problem(&self, status: u16) -> Result<String> {
        let text = String::from_utf8_lossy(&self.body);
        anyhow::ensure!(
            self.status.as_u16() == status,
            "not {status} but {}: {text}",
            self.status
        );
        anyhow::ensure!(
            self.header("content-type") == "application/problem+json",
            "{:?}",
            self.headers
        );
        let problem: Value = serde_json::from_slice(&self.body)?;
        anyhow::ensure!(problem["status"] == status, "{problem}");
        Ok(problem["detail"].as_str().context("no detail")?.to_owned())
    }
}

pub(crate) async fn stack() -> Result<Stack> {
    Stack::start(StackOptions::default()).await
}

pub(crate) async fn put(stack: &Stack, key: &str, body: impl Into<Vec<u8>>) -> Result<String> {
    let put = stack.s3().put_object().bucket(stack.bucket()).key(key);
    let put = put.body(body.into().into()).send().await?;
    put.e_tag.context("no ETag")
}

/// Stands between the API and S3, counts requests for objects and may delay them.
pub(crate) struct Counter {
    pub(crate) endpoint: String,
    state: Arc<Counted>,
    _serving: AbortOnDropHandle<()>,
}

struct Counted {
    upstream: String,
    prefix: String,
    requests: AtomicUsize,
    delay: Duration,
    client: reqwest::Client,
}

impl Counter {
    /// Counts requests for objects under `uploads/`.
    pub(crate) async fn start(stack: &Stack, delay: Duration) -> Result<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let state = Arc::new(Counted {
            upstream: stack.endpoint().to_owned(),
            prefix: format!("/{}/uploads/", stack.bucket()),
            requests: AtomicUsize::new(0),
            delay,
            client: reqwest::Client::new(),
        });
        let app = Router::new().fallback(pass).with_state(state.clone());
        let serving = tokio::spawn(async move {
            // Ends with its task.
            let _ = axum::serve(listener, app).await;
        });
        Ok(Self {
            endpoint,
            state,
            _serving: AbortOnDropHandle::new(serving),
        })
    }

    /// Requests since the last call.
    pub(crate) fn take(&self) -> usize {
        self.state.requests.swap(0, Ordering::SeqCst)
    }
}

async fn pass(State(state): State<Arc<Counted>>, request: Request) -> Response {
    if request.uri().path().starts_with(&state.prefix) {
        state.requests.fetch_add(1, Ordering::SeqCst);
        sleep(state.delay).await;
    }
    let (parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let sent = state
        .client
        .request(parts.method, format!("{}{path}", state.upstream))
        // With its Host, which is signed.
        .headers(parts.headers)
        .body(reqwest::Body::wrap_stream(body.into_data_stream()))
        .send()
        .await;
    match sent {
        Ok(answer) => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = answer.status();
            *response.headers_mut() = answer.headers().clone();
            *response.body_mut() = Body::from_stream(answer.bytes_stream());
            response
        }
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}
