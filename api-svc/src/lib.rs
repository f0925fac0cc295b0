//! The API: everything the dashboard and an operator need, over HTTP and WebSocket.
//!
//! The `sampler` is the one task that looks at the queue, the bucket and the cluster. It keeps
//! `watch` up to date: the `index` of thumbnails, and the `feed` that tells WebSockets what
//! changed. The `routes` answer from `watch`, which costs AWS nothing. Only what someone asks for
//! by name (a manifest, a frame, an upload) or changes goes further: the `actions` do that, behind
//! the gate of `access`. All HTTP is in `routes`; the `server` puts limits, request ids and headers
//! around them.
//!
//! # Layers
//! A module uses modules below it only:
//!
//! 1. `server`
//! 2. `routes`
//! 3. `app`, `sampler`, `site`
//! 4. `capacity`
//! 5. `config`
//! 6. `actions`, `access`, `watch`
//! 7. `index`, `feed`, `pods`
//! 8. `manifests`, `presign`, `shared`, `sources`
//! 9. `aws`, `health`, `prometheus`, `time`
//!
//! # Invariants
//! - What a look costs depends neither on how many thumbnails there are nor on how many people
//!   watch.
//! - A source that fails makes its own figures old, never another's, and never ends the service.
//! - Every error a client sees is a problem document.

mod access;
mod actions;
mod app;
mod aws;
mod capacity;
mod config;
mod feed;
mod health;
mod index;
mod manifests;
mod pods;
mod presign;
mod prometheus;
mod routes;
mod sampler;
mod server;
mod shared;
mod site;
mod sources;
mod storyboards;
mod time;
mod watch;

use anyhow::Context as _;
use service_kit::{descriptors::Descriptors, shutdown, start::Start};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use self::{
    access::{AccessConfig, Secret},
    actions::ActionsConfig,
    config::Config,
    routes::openapi,
};
use self::{app::App, aws::Clients, capacity::Capacity, pods::Pods, sampler::Sampler};

/// Serves until SIGTERM, SIGINT or SIGHUP.
///
/// # Errors
/// A wrong setting, or an address that is taken; the error names the variable. A signal before the
/// API serves. Later failures are no errors: a source that does not answer is shown as unavailable.
pub async fn run(config: Config) -> anyhow::Result<()> {
    service_kit::telemetry::init(&config.log)?;
    let stop = shutdown::listen().context("cannot listen for signals")?;
    let capacity = Capacity::new(&config, Descriptors::raise());
    let prefixes = config.pipeline.prefixes()?;
    let gate = config.access.gate(config.api_addr.ip())?;
    let site = site::open(&config)?;
    let recorder = prometheus::install()?;
    let address = config.api_addr;
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("API_ADDR: cannot serve on {address}"))?;
    let address = listener.local_addr()?;

    let sources = find_sources(&config, &stop).await?;
    let app = App::new(config, prefixes, sources, capacity, stop)?;
    sample(&app);
    let service = &app.service;
    let keep_up = prometheus::keep_up(recorder.clone(), service.stop.clone());
    service.tasks.spawn(keep_up);
    let (actions, stop) = (app.actions.clone(), service.stop.clone());
    service
        .tasks
        .spawn(async move { actions.ondemand.keep_up(stop).await });
    share(&app);
    tracing::info!(%address, bucket = service.config.pipeline.s3_bucket, "serving");
    server::serve(listener, app, gate, site, recorder).await;
    tracing::info!("stopped");
    Ok(())
}

/// Finds AWS's region and credentials, and the cluster.
async fn find_sources(
    config: &Config,
    stop: &CancellationToken,
) -> anyhow::Result<(Clients, Pods)> {
    let start = Start::new(stop.clone());
    // Boxed: the SDK's future is large.
    let find = Box::pin(async { Ok(Clients::connect(&config.pipeline).await) });
    let what = "finding AWS's region and credentials (AWS_REGION)";
    let clients = start.step(what, Start::AWS, find).await?;
    let find =
        async { Ok(Pods::watch(&config.worker_namespace, &config.worker_selector, stop).await) };
    let what = "finding the cluster (KUBECONFIG)";
    let pods = start.step(what, Start::AWS, find).await?;
    Ok((clients, pods))
}

/// Starts what keeps up with other instances as a task of the service.
fn share(app: &App) {
    let (watch, service) = (app.watch.clone(), app.service.clone());
    app.service.tasks.spawn(async move {
        let interval = service.config.sample_interval();
        let stop = service.stop.clone();
        watch.shared.keep_up(&watch.feed, interval, stop).await;
    });
}

/// Starts the sampler as a task of the service.
fn sample(app: &App) {
    let service = app.service.clone();
    let sampler = Sampler::new(
        app.watch.clone(),
        &service.sources,
        service.config.sample_interval(),
        service.config.index_requests.get(),
    );
    app.service
        .tasks
        .spawn(async move { sampler.run(&service.sources, service.stop.clone()).await });
}
