//! The server: what is answered where, from start to shutdown.

use std::time::Duration;

use anyhow::Context as _;
use axum::{
    Router,
    http::header,
    middleware,
    routing::{any, get},
};
use service_kit::{
    descriptors::Descriptors,
    http::{self, Limits},
    shutdown, telemetry,
};
use tokio::{
    net::TcpListener,
    time::{Instant, timeout_at},
};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::{Capacity, Config, ContentPolicy, Site, headers, proxy, proxy::Proxy};

/// Runs the server until SIGTERM, SIGINT or SIGHUP.
///
/// # Errors
/// A wrong setting, a folder without a dashboard, or an address that is taken; the error names the
/// variable.
pub async fn run(config: Config) -> anyhow::Result<()> {
    telemetry::init(&config.log)?;
    let stop = shutdown::listen().context("cannot listen for signals")?;
    let capacity = Capacity::new(Descriptors::raise());
    let policy = ContentPolicy::new(config.storage_origins.iter().cloned());
    let site = Site::open(&config.web_dir, policy).context("WEB_DIR")?;
    let listener = TcpListener::bind(config.frontend_addr)
        .await
        .with_context(|| format!("FRONTEND_ADDR: cannot listen on {}", config.frontend_addr))?;
    let addr = listener.local_addr()?;
    tracing::info!(%addr, api = %config.api_base_url, "frontend started");
    serve(
        listener,
        site,
        &config.api_base_url,
        (capacity, config.shutdown_grace()),
        stop,
    )
    .await;
    tracing::info!("frontend stopped");
    Ok(())
}

/// Serves the dashboard on `listener`, and hands `/api`, `/ws` and `/health` to the API at `api`,
/// until `stop`; requests in hand are then finished within `grace`. No more is open at the same
/// time than `capacity` says.
pub async fn serve(
    listener: TcpListener,
    site: Site,
    api: &Url,
    (capacity, grace): (Capacity, Duration),
    stop: CancellationToken,
) {
    let proxy = Proxy::new(api, capacity, stop.clone());
    let handed_on = any(proxy::forward).with_state(proxy.clone());
    let app = Router::new()
        .route("/healthz", get(health))
        .route("/api", handed_on.clone())
        .route("/api/{*path}", handed_on.clone())
        .route("/ws", handed_on.clone())
        .route("/health", handed_on)
        .layer(middleware::from_fn(headers::secure))
        // Which has those headers already.
        .fallback_service(site.router());
    let limits = Limits::new(capacity.connections);
    let serving = http::serve(listener, app, limits, &stop, grace);
    let end = async {
        stop.cancelled().await;
        Instant::now() + grace
    };
    let (finished, end) = tokio::join!(serving, end);
    if !finished || timeout_at(end, proxy.closed()).await.is_err() {
        tracing::warn!("grace period over: requests were cut off");
    }
}

/// Says that this server runs; the API's health is at `/health`.
async fn health() -> impl axum::response::IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, r#"{"status":"ok"}"#)
}
