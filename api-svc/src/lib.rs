//! The API: everything the dashboard and an operator need, over HTTP and WebSocket.
//!
//! The `sampler` is the one that looks at the queue, the bucket and the cluster; it keeps the
//! `index` of thumbnails and gives what it saw to the `feed`. The `routes` answer from the two, and
//! so cost AWS nothing; only what someone asks for by name (a manifest, a frame, an upload) or
//! changes goes further: the `actions` do that, behind the gate of `access`. The `server` puts
//! limits, request ids and headers around the routes.
//!
//! # Invariants
//! - What a look costs does not depend on how many thumbnails there are, nor on how many people
//!   watch.
//! - A source that fails makes its figures old, never the others', and never ends the service.
//! - Every error a client sees is a problem document.

mod access;
mod actions;
mod app;
mod aws;
mod config;
mod feed;
mod index;
mod linger;
mod pods;
mod problem;
mod prometheus;
mod routes;
mod sampler;
mod server;
mod sign;
mod site;
mod source;
mod time;
mod videos;

use anyhow::Context as _;
use service_kit::shutdown;
use tokio::net::TcpListener;

pub use self::{
    access::{AccessConfig, Secret},
    actions::ActionsConfig,
    config::Config,
    routes::openapi,
};

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// A wrong setting or an address that is taken; the error names the variable. Nothing that happens
/// later is an error: sources that do not answer are shown as such.
pub async fn run(config: Config) -> anyhow::Result<()> {
    service_kit::telemetry::init(&config.rust_log, config.log_format)?;
    let stop = shutdown::listen().context("cannot listen for signals")?;
    let prefixes = config.prefixes()?;
    let gate = config.access.gate(config.api_addr.ip())?;
    let site = site::open(&config)?;
    let recorder = prometheus::install()?;
    let address = config.api_addr;
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("API_ADDR: cannot serve on {address}"))?;
    let address = listener.local_addr()?;

    let aws = aws::Clients::connect(&config).await;
    let pods = pods::Pods::watch(&config, &stop).await;
    let app = app::App::new(config, prefixes, aws, pods, stop);
    sampler::spawn(&app);
    app.tasks
        .spawn(prometheus::keep_up(recorder.clone(), app.stop.clone()));
    tracing::info!(%address, bucket = app.config.s3_bucket, "serving");
    server::serve(listener, app, gate, site, recorder).await?;
    tracing::info!("stopped");
    Ok(())
}
