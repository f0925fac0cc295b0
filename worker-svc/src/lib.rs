//! The queue consumer around thumbcore.
//!
//! A message goes one way: `receive` takes it from the `queue` when a slot is free and holds it
//! by a `lease`; `plan` turns its body into jobs; `process` makes one video's pictures, and
//! `publish` uploads them and the manifest through the `store`; `extras` makes storyboard and
//! preview where they are wanted; `receive` then settles the message: it deletes it, returns it for
//! a retry, or moves it to the dead-letter queue.
//!
//! # Invariants
//! - A message is deleted only when every video in it has all its pictures and its manifest, which
//!   names what else is wanted as made or as failed for good, or no record in it is a video, or its
//!   videos were deleted, or the dead-letter queue has the whole message.
//! - Deliveries may repeat and overlap: `publish` is idempotent, and finished videos are skipped.
//! - All pictures of a video come from one version of it; its manifest tells which.
//! - A failing video, queue or bucket never ends the loop; only a signal does.
//! - All videos together stay within one memory budget (`capacity`).

mod aws;
mod backoff;
mod capacity;
mod config;
mod extras;
mod failure;
mod foreign;
mod lease;
mod metrics;
mod plan;
mod process;
mod publish;
mod queue;
mod receive;
mod sandbox;
mod store;

use std::sync::Arc;

use anyhow::Context as _;
pub use service_kit::telemetry::LogFormat;
use service_kit::{shutdown, telemetry};

pub use self::config::{Config, ExtrasArgs, PlayerFiles, PreviewFormat, Storyboards, Widths};
use self::{extras::Extras, process::Processor, publish::Publisher, queue::Queue, store::Store};

/// Runs the worker until SIGTERM, SIGINT or SIGHUP.
///
/// # Errors
/// A wrong setting, a queue or bucket that does not exist, or a metrics address that is taken; the
/// error names the variable. Nothing that happens later is an error.
pub async fn run(config: Config) -> anyhow::Result<()> {
    telemetry::init(&config.log)?;
    let stop = shutdown::listen().context("cannot listen for signals")?;
    let sandbox = sandbox::start(config.decode_sandbox)?;
    let shared = config.shared(sandbox);
    let extractor = config.extractor(&shared)?;
    let (settings, for_extras) = config.extras(&shared)?;
    let outputs = config.outputs()?;
    let prefixes = config.pipeline.prefixes()?;

    let aws = aws::Clients::connect(&config).await;
    let connected = async {
        let queue = Queue::connect(aws.sqs, &config).await?;
        anyhow::Ok((queue, Store::connect(aws.s3, &config).await?))
    };
    let (queue, store) = tokio::select! {
        biased;
        () = stop.cancelled() => return Ok(()),
        connected = connected => connected?,
    };
    // Not before: it tells that the worker works.
    metrics::serve(config.metrics_addr)?;
    sandbox::measure(shared.sandbox.as_ref());
    let concurrency = config.concurrency();
    tracing::info!(
        concurrency,
        bucket = store.bucket(),
        uploads = prefixes.uploads(),
        thumbnails = prefixes.thumbnails(),
        visibility_timeout_s = queue.visibility().as_secs(),
        "worker started"
    );

    let publisher = Publisher::new(store.clone(), prefixes.clone(), outputs);
    let reads = aws.s3_reads;
    let extras = Extras::new(store.clone(), reads.clone(), for_extras, settings);
    let processor = Processor::new(store, reads, extractor, publisher, extras);
    let consumer = receive::Consumer::new(Arc::new(queue), Arc::new(processor), prefixes);
    consumer
        .run(concurrency, config.shutdown_grace(), &stop)
        .await;
    tracing::info!("worker stopped");
    Ok(())
}
