//! A dashboard, an API that tells what reached it, and the frontend before both.

use std::{net::SocketAddr, time::Duration};

use anyhow::Result;
use axum::{
    Router,
    body::Body,
    extract::{
        Request, WebSocketUpgrade,
        ws::{Message, WebSocket},
    },
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::{any, get},
};
use frontend_svc::{Capacity, ContentPolicy, Site};
use futures::stream;
use serde_json::{Value, json};
use service_kit::descriptors::Descriptors;
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinHandle, time::timeout};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::AbortOnDropHandle,
};
use url::Url;

pub(crate) const STORAGE: &str = "https://videos.s3.eu-central-1.amazonaws.com";

/// Longest anything may take: generous, as it only bounds a failing test.
pub(crate) const DEADLINE: Duration = Duration::from_mins(1);

pub(crate) const HASHED: &str = "web-1f2e3d4c5b6a7988.js";

pub(crate) struct Stage {
    pub(crate) base: String,
    pub(crate) folder: TempDir,
    pub(crate) stop: CancellationToken,
    pub(crate) serving: JoinHandle<()>,
    api: AbortOnDropHandle<()>,
    _stop_on_drop: DropGuard,
}

impl Stage {
    pub(crate) async fn set() -> Result<Self> {
        let (api_addr, api) = api().await?;
        let folder = dashboard()?;
        let policy = ContentPolicy::new([STORAGE.parse()?]);
        let site = Site::open(folder.path(), policy)?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let base = format!("http://{}", listener.local_addr()?);
        let stop = CancellationToken::new();
        let serving = tokio::spawn({
            let (stop, api) = (stop.clone(), Url::parse(&format!("http://{api_addr}"))?);
            let limits = (Capacity::new(Descriptors::of(1024)), DEADLINE);
            async move { frontend_svc::serve(listener, site, &api, limits, stop).await }
        });
        Ok(Self {
            base,
            folder,
            stop: stop.clone(),
            serving,
            api,
            _stop_on_drop: stop.drop_guard(),
        })
    }

    /// Ends the API, so that nobody listens there any more.
    pub(crate) async fn end_api(&self) {
        self.api.abort();
        while !self.api.is_finished() {
            tokio::task::yield_now().await;
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Result<reqwest::Response> {
        self.get_with(path, &[]).await
    }

    pub(crate) async fn get_with(
        &self,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<reqwest::Response> {
        let mut request = reqwest::Client::new().get(format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Ok(timeout(DEADLINE, request.send()).await??)
    }
}

pub(crate) fn header<'a>(response: &'a reqwest::Response, name: &str) -> &'a str {
    let value = response.headers().get(name);
    value
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

pub(crate) fn dashboard() -> Result<TempDir> {
    let folder = tempfile::tempdir()?;
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text);
    write("index.html", "<title>t</title><script>start()</script>")?;
    write("index.html.br", "page in brotli")?;
    write("index.html.gz", "page in gzip")?;
    write(HASHED, "script, plain")?;
    write(&format!("{HASHED}.br"), "script in brotli")?;
    write(&format!("{HASHED}.gz"), "script in gzip")?;
    write("app-0123456789abcdef_bg.wasm", "wasm")?;
    write("favicon.ico", "icon")?;
    write(".secret", "secret")?;
    Ok(folder)
}

pub(crate) async fn api() -> Result<(SocketAddr, AbortOnDropHandle<()>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let app = Router::new()
        .route("/api/endless", get(endless))
        .route("/api/echo", any(async |body: Body| body))
        .route("/ws", any(ws))
        .fallback(tell);
    let serving = tokio::spawn(async move {
        // Ends with its task.
        let _ = axum::serve(listener, app).await;
    });
    Ok((address, AbortOnDropHandle::new(serving)))
}

/// Tells what reached the API.
async fn tell(request: Request) -> Response {
    let headers: serde_json::Map<String, Value> = request
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), json!(value.to_str().unwrap_or_default())))
        .collect();
    let told = json!({
        "method": request.method().as_str(),
        "uri": request.uri().to_string(),
        "headers": headers,
    });
    let fields = [
        ("content-type", "application/json"),
        ("connection", "x-hop"),
        ("x-hop", "1"),
        ("x-end", "2"),
        ("x-frame-options", "SAMEORIGIN"),
    ];
    (StatusCode::IM_A_TEAPOT, fields, told.to_string()).into_response()
}

/// One chunk, and then nothing for ever.
async fn endless() -> Body {
    let first = stream::once(async { Ok::<_, std::io::Error>("first") });
    Body::from_stream(futures::StreamExt::chain(first, stream::pending()))
}

async fn ws(headers: HeaderMap, upgrade: WebSocketUpgrade) -> Response {
    let field = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let origin = field(header::ORIGIN).unwrap_or_default().to_owned();
    if origin == "https://evil.example" {
        return StatusCode::FORBIDDEN.into_response();
    }
    let host = field(header::HOST).unwrap_or_default().to_owned();
    upgrade
        .on_upgrade(async move |mut socket: WebSocket| {
            let hello = Message::text(format!("{host} {origin}"));
            if socket.send(hello).await.is_err() {
                return;
            }
            while let Some(Ok(message)) = socket.recv().await {
                if matches!(message, Message::Text(_)) && socket.send(message).await.is_err() {
                    return;
                }
            }
        })
        .into_response()
}
