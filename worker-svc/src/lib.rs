//! The queue consumer around thumbcore.
//!
//! A message goes one way: `receive` takes it from the `queue` when a slot is free and holds it
//! by a `lease`; `plan` turns its body into jobs; `process` makes one video's pictures, and
//! `publish` uploads them, with what people have chosen (`choices`) in place of some, and the
//! manifest through the `store`; `extras` makes storyboard and
//! preview where they are wanted; `receive` then settles the message: it deletes it, returns it for
//! a retry, or moves it to the dead-letter queue.
//!
//! # Invariants
//! - A message is deleted only when every video in it has all its pictures and its manifest, which
//!   names what else is wanted as made or as failed for good, or no record in it is a video, or its
//!   videos were deleted, or the dead-letter queue has the whole message.
//! - Deliveries may repeat and overlap: `publish` is idempotent, and finished videos are skipped.
//! - All pictures of a video come from one version of it; its manifest tells which.
//! - A failing video, queue or bucket never ends the loop; only a signal does, or AWS when it keeps
//!   refusing the credentials.
//! - All videos together stay within one memory budget (`capacity`).

mod aws;
mod backoff;
mod capacity;
mod choices;
mod config;
mod extras;
mod failure;
mod foreign;
mod lease;
mod metrics;
mod monitor;
mod plan;
mod polls;
mod process;
mod publish;
mod queue;
mod receive;
mod store;

use std::sync::Arc;

use anyhow::Context as _;
pub use service_kit::telemetry::LogFormat;
use service_kit::{descriptors::Descriptors, sandbox, shutdown, start::Start, telemetry};

pub use self::config::{Config, ExtrasArgs, PlayerFiles, PreviewFormat, Storyboards, Widths};
use self::{
    extras::Extras,
    polls::{MOST_REFUSALS, Polls},
    process::Processor,
    publish::Publisher,
    queue::Queue,
    store::Store,
};

/// Runs the worker until SIGTERM, SIGINT or SIGHUP.
///
/// # Errors
/// A wrong setting, a queue or bucket that does not exist or does not answer, or a metrics address
/// that is taken; the error names the variable. A signal before the worker has started. Later, only
/// that AWS keeps refusing the worker's credentials.
pub async fn run(config: Config) -> anyhow::Result<()> {
    telemetry::init(&config.log)?;
    let stop = shutdown::listen().context("cannot listen for signals")?;
    let descriptors = Descriptors::raise();
    let sandbox = sandbox::start(config.decode_sandbox)?;
    let shared = config.shared(sandbox);
    let extractor = config.extractor(&shared)?;
    let (settings, for_extras) = config.extras(&shared)?;
    let outputs = config.outputs()?;
    let prefixes = config.pipeline.prefixes()?;

    let Connected {
        queue,
        store,
        reads,
        polls,
    } = connect(&config, &Start::new(stop.clone())).await?;
    // Not before: it tells that the worker works.
    let recorder = metrics::install()?;
    let _monitor = monitor::serve(config.metrics_addr, recorder, polls.clone()).await?;
    sandbox::measure(metrics::SANDBOX_LOCK, shared.sandbox.as_ref());
    let concurrency = config.concurrency(descriptors);
    tracing::info!(
        concurrency,
        bucket = store.bucket(),
        uploads = prefixes.uploads(),
        thumbnails = prefixes.thumbnails(),
        visibility_timeout_s = queue.visibility().as_secs(),
        "worker started"
    );

    let publisher = Publisher::new(store.clone(), prefixes.clone(), outputs);
    let extras = Extras::new(store.clone(), reads.clone(), for_extras, settings);
    let processor = Processor::new(store, reads, extractor, publisher, extras);
    let consumer = receive::Consumer::new(queue, processor, prefixes, polls);
    consumer
        .run(concurrency, config.shutdown_grace(), &stop)
        .await
        .with_context(|| {
            format!("AWS refused the worker's credentials {MOST_REFUSALS} times in a row")
        })?;
    tracing::info!("worker stopped");
    Ok(())
}

/// What the worker works with in AWS.
struct Connected {
    queue: Queue,
    store: Store,
    /// For ranges of videos.
    reads: aws_sdk_s3::Client,
    polls: Arc<Polls>,
}

/// Finds credentials, queues and bucket.
async fn connect(config: &Config, start: &Start) -> anyhow::Result<Connected> {
    // Boxed: the SDK's future is large.
    let find = Box::pin(async { Ok(aws::Clients::connect(config).await) });
    let what = "finding AWS's region and credentials (AWS_REGION)";
    let aws = start.step(what, Start::AWS, find).await?;
    let queue = Queue::connect(aws.sqs, config, start).await?;
    let look = Store::connect(aws.s3, config);
    let what = "looking for the bucket (S3_BUCKET)";
    let store = start.step(what, Start::AWS, look).await?;
    Ok(Connected {
        queue,
        store,
        reads: aws.s3_reads,
        polls: Arc::new(Polls::new(aws.identities)),
    })
}
