//! Runs workers under faults, and checks that nothing is lost, stuck or wrong.
//!
//! Two workers process videos while requests to S3 and SQS fail (`faults`), and while workers and
//! the processes in which they decode are killed (`crew`). Some videos are announced twice, some
//! can never be processed (`uploads`). Afterwards `verdict` compares the bucket and the dead
//! letters with what they must be: each good video has the pictures that an undisturbed worker
//! makes of it, and the dead letters are those of the bad videos, no others.

mod crew;
mod faults;
mod uploads;
mod verdict;

use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Args;
use devstack::{Stack, StackOptions};
use tokio::time::{sleep, timeout};

use self::{
    crew::Crew,
    faults::FaultyProxy,
    uploads::{Kind, Upload},
    verdict::{References, Verdict},
};
use crate::step::step;

/// The options of `devstack soak`.
#[derive(Args)]
pub(crate) struct Options {
    /// How many videos are uploaded
    #[arg(long, default_value_t = 100)]
    videos: usize,
    /// How many requests of a hundred go wrong
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u8).range(0..=50))]
    faults: u8,
    /// What decides which videos, requests and processes are hit
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many minutes all videos may take
    #[arg(long, default_value_t = 15, value_name = "MINUTES")]
    timeout: u64,
}

/// How long a message of a killed worker stays hidden: short, so that its videos are soon tried
/// again.
const VISIBILITY_TIMEOUT: Duration = Duration::from_secs(10);
/// Deliveries before a message is a dead letter: as in production.
const MAX_RECEIVE_COUNT: u32 = 5;

/// Runs until every video is done, and fails if anything is not as it must be.
pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    let prepare = async { tokio::try_join!(Stack::install(), Kind::all()) };
    let ((), kinds) = step("Prepare S3, SQS and videos", prepare).await?;
    let start = Stack::start(StackOptions {
        visibility_timeout: VISIBILITY_TIMEOUT,
        max_receive_count: MAX_RECEIVE_COUNT,
        ..StackOptions::default()
    });
    let stack = step("Start S3 and SQS", start).await?;
    let references = Box::pin(References::make(&stack, &kinds));
    let references = step("Without faults", references).await?;

    let mut chance = fastrand::Rng::with_seed(options.seed);
    let uploads = Upload::some(&kinds, options.videos, &mut chance);
    let faults = FaultyProxy::start(&stack, options.faults, chance.fork()).await?;
    let mut crew = Crew::start(&stack, faults.endpoint(), chance.fork()).await?;
    let started = Instant::now();
    let limit = Duration::from_mins(options.timeout);
    let work = Box::pin(timeout(limit, work(&stack, &uploads, &mut crew)));
    step("Under faults", async { work.await? })
        .await
        .with_context(|| format!("not done within {} minutes", options.timeout))
        .with_context(|| crew.log_tails())?;
    let took = started.elapsed();
    crew.stop().await?;
    let verdict = Verdict::of(&stack, &uploads, &references).await?;
    println!(
        "\n{} in {:.0} s\n{}\n{}\n{verdict}",
        uploads::summary(&uploads),
        took.as_secs_f64(),
        faults.summary(),
        crew.summary(),
    );
    verdict.check()
}

/// Uploads everything, and waits until nothing is left to do.
async fn work(stack: &Stack, uploads: &[Upload<'_>], crew: &mut Crew<'_>) -> anyhow::Result<()> {
    let done = async {
        uploads::send(stack, uploads).await?;
        until_idle(stack).await
    };
    tokio::select! {
        done = done => done,
        error = crew.disturb() => Err(error),
    }
}

/// Waits until the queue holds nothing, hidden messages included.
async fn until_idle(stack: &Stack) -> anyhow::Result<()> {
    const PERIOD: Duration = Duration::from_millis(500);
    while stack.depth(stack.queue_url()).await? != (0, 0) {
        sleep(PERIOD).await;
    }
    Ok(())
}
