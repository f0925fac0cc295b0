//! The server: what is answered where, from start to shutdown.

use std::{future::IntoFuture as _, net::SocketAddr, time::Duration};

use anyhow::Context as _;
use axum::{
    Router,
    http::header,
    middleware,
    routing::{any, get},
    serve::ListenerExt as _,
};
use service_kit::{shutdown, telemetry};
use tokio::{net::TcpListener, time::timeout};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::{Config, ContentPolicy, Site, headers, proxy, proxy::Proxy};

/// Runs the server until SIGTERM, SIGINT or SIGHUP.
///
/// # Errors
/// A wrong setting, a folder without a dashboard, or an address that is taken; the error names the
/// variable.
pub async fn run(config: Config) -> anyhow::Result<()> {
    telemetry::init(&config.log)?;
    let stop = shutdown::listen().context("cannot listen for signals")?;
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
        config.shutdown_grace(),
        stop,
    )
    .await?;
    tracing::info!("frontend stopped");
    Ok(())
}

/// Serves the dashboard on `listener`, and hands `/api`, `/ws` and `/health` to the API at `api`,
/// until `stop`; requests in hand are then finished within `grace`.
///
/// # Errors
/// The listener fails.
pub async fn serve(
    listener: TcpListener,
    site: Site,
    api: &Url,
    grace: Duration,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let proxy = Proxy::new(api, stop.clone());
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
    let listener = listener.tap_io(|stream| {
        // Ticks are small and wanted now. A failure costs some milliseconds a tick.
        let _ = stream.set_nodelay(true);
    });
    let server = axum::serve(
        listener,
        app.into_make_service_with_connect_info::<SocketAddr>(),
    )
    .with_graceful_shutdown(stop.clone().cancelled_owned());
    let mut server = tokio::spawn(server.into_future());
    tokio::select! {
        ended = &mut server => return Ok(ended??),
        () = stop.cancelled() => {}
    }
    let finished = async {
        proxy.closed().await;
        (&mut server).await
    };
    if let Ok(ended) = timeout(grace, finished).await {
        ended??;
    } else {
        server.abort();
        tracing::warn!("grace period over: requests were cut off");
    }
    Ok(())
}

/// Says that this server runs; the API's health is at `/health`.
async fn health() -> impl axum::response::IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, r#"{"status":"ok"}"#)
}
