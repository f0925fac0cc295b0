//! The server for the metrics and the health check.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context as _;
use axum::{
    Router,
    http::header,
    response::{IntoResponse as _, Response},
    routing::get,
};
use metrics_exporter_prometheus::PrometheusHandle;
use service_kit::http::{self, Limits};
use tokio::{net::TcpListener, time::interval};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use crate::polls::Polls;

/// Most connections at the same time: probes, and whoever collects metrics.
pub(crate) const CONNECTIONS: usize = 64;

/// How often recorded times are sorted into their buckets; each takes memory until then.
const UPKEEP: Duration = Duration::from_secs(5);

/// Serves `/metrics` and `/health` until the handles are dropped.
pub(crate) async fn serve(
    address: SocketAddr,
    recorder: PrometheusHandle,
    polls: Arc<Polls>,
) -> anyhow::Result<[AbortOnDropHandle<()>; 2]> {
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("METRICS_ADDR: cannot serve on {address}"))?;
    let shown = recorder.clone();
    let router = Router::new()
        .route(
            "/metrics",
            get(async move || answer("text/plain; version=0.0.4", shown.render())),
        )
        .route(
            "/health",
            get(async move || answer("application/json", polls.health().to_string())),
        );
    let serving = tokio::spawn(async move {
        // Answers probes to the last moment of a shutdown.
        let never = CancellationToken::new();
        let limits = Limits::new(CONNECTIONS);
        http::serve(listener, router, limits, &never, Duration::ZERO).await;
    });
    let upkeep = tokio::spawn(async move {
        let mut ticks = interval(UPKEEP);
        loop {
            ticks.tick().await;
            recorder.run_upkeep();
        }
    });
    Ok([serving, upkeep].map(AbortOnDropHandle::new))
}

fn answer(media_type: &'static str, body: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, media_type),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, body).into_response()
}
