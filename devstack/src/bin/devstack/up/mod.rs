//! Runs the whole service: starts it, uploads videos, watches their thumbnails appear, and stops it
//! in order.
//!
//! `upload` finds and sends videos, `dashboard` runs the build of the page, `watch` looks for
//! thumbnails and dead letters, `term` prints.

mod dashboard;
mod term;
mod upload;
mod watch;

use std::{path::PathBuf, time::Duration};

use anyhow::{Context, anyhow, bail};
use clap::Args;
use dashboard::Dashboard;
use devstack::{Stack, StackOptions};
use tokio::signal::unix::{SignalKind, signal};
use upload::Video;
use watch::Watch;

use crate::{
    service::{API, Service, WORKER, free_address},
    step::step,
};

/// The options of `devstack up`.
#[derive(Args)]
pub(crate) struct Options {
    /// End as soon as every thumbnail exists; fail, saying why, if one cannot be made
    #[arg(long)]
    once: bool,
    /// Port of S3 and SQS on 127.0.0.1 [default: a free one]
    #[arg(long)]
    port: Option<u16>,
    /// Port of the API on 127.0.0.1, or another one if that is taken
    #[arg(long, default_value_t = 8000)]
    api_port: u16,
    /// Upload this video, or every video in this folder, instead of the samples (repeatable)
    #[arg(long, value_name = "FILE_OR_DIR")]
    upload: Vec<PathBuf>,
    /// How many seconds --once waits for the thumbnails after the last upload
    #[arg(long, default_value_t = 120, value_name = "SECONDS")]
    timeout: u64,
    /// Program whose `web` builds the dashboard in `WEB_DIR` while the pipeline starts; the API
    /// waits for it
    #[arg(long, value_name = "PROGRAM", hide = true)]
    dashboard_builder: Option<PathBuf>,
}

/// Runs until Ctrl-C or SIGTERM; with `once`, until every thumbnail exists.
pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    let own = upload::find(&options.upload)?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut session = Session::default();
    let result = tokio::select! {
        result = session.run(&options, own) => result,
        _ = interrupt.recv() => interrupted(&options),
        _ = terminate.recv() => interrupted(&options),
    };
    let result = result.map_err(|error| session.explain(error));
    // A second signal does not wait for the videos in hand: dropping the session kills the worker.
    tokio::select! {
        () = session.stop() => {}
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    result
}

fn interrupted(options: &Options) -> anyhow::Result<()> {
    println!();
    if options.once {
        bail!("interrupted before every thumbnail existed");
    }
    Ok(())
}

/// The processes of a run. Fields drop in this order: the services first, then S3 and SQS.
#[derive(Default)]
struct Session {
    api: Option<Service>,
    worker: Option<Service>,
    stack: Option<Stack>,
}

impl Session {
    async fn run(&mut self, options: &Options, own: Vec<Video>) -> anyhow::Result<()> {
        let mut dashboard = Dashboard::build(options.dashboard_builder.clone());
        // Takes seconds the first time only.
        let prepare = async { tokio::try_join!(Stack::install(), upload::samples()) };
        let ((), samples) = step("Prepare S3, SQS and videos", prepare).await?;
        let start = Stack::start(StackOptions {
            port: options.port,
            ..StackOptions::default()
        });
        let stack = &*self.stack.insert(step("Start S3 and SQS", start).await?);
        upload::lay_out(stack, &samples).await?;
        let videos = if own.is_empty() { samples } else { own };
        // The worker's poll of the queue is no longer than its grace period: Ctrl-C must not take
        // the 20 s of the longest poll.
        let grace = [("SHUTDOWN_GRACE_SECONDS", "5")];
        let start = Service::start(&WORKER, stack, free_address(0)?, &grace);
        let worker = self.worker.insert(step("Start a worker", start).await?);
        let mut watch = Watch::new(stack, options.once);
        let api = &mut self.api;
        tokio::select! {
            result = async {
                tokio::try_join!(
                    show(options, &mut watch, stack, &videos),
                    open_api(options, stack, &mut dashboard, api),
                )
            } => result?,
            error = worker.ended() => return Err(error),
        };
        let api = api.as_mut().context("the API was not started")?;
        term::summary(stack, worker, api, &videos, &watch);
        if options.once {
            return Ok(());
        }
        println!("\nRunning: upload more if you like, see its thumbnails here. Ctrl-C ends it.");
        tokio::select! {
            result = watch.forever() => result,
            error = worker.ended() => Err(error),
            error = api.ended() => Err(error),
        }
    }

    /// Adds the worker's log to the error of a run; the error of a worker that ended has it
    /// already.
    fn explain(&self, error: anyhow::Error) -> anyhow::Error {
        match &self.worker {
            Some(worker) if worker.is_running() => {
                anyhow!("{error:#}\nthe worker: {}", worker.log_tail())
            }
            _ => error,
        }
    }

    async fn stop(&mut self) {
        for service in [&mut self.api, &mut self.worker].into_iter().flatten() {
            let name = format!("Stop {}", service.name());
            if service.is_running()
                && let Err(error) = step(&name, service.stop()).await
            {
                eprintln!("{error:#}");
            }
        }
    }
}

/// Starts the API once there is a dashboard for it to serve, and says where.
async fn open_api(
    options: &Options,
    stack: &Stack,
    dashboard: &mut Dashboard,
    api: &mut Option<Service>,
) -> anyhow::Result<()> {
    dashboard.built().await?;
    let test = [("TEST_SOURCE_BUCKET", stack.sample_bucket())];
    let address = free_address(options.api_port)?;
    let api = api.insert(Service::start(&API, stack, address, &test).await?);
    term::address(api);
    Ok(())
}

/// Uploads the videos and shows every thumbnail as it appears, until all are there.
async fn show(
    options: &Options,
    watch: &mut Watch<'_>,
    stack: &Stack,
    videos: &[Video],
) -> anyhow::Result<()> {
    println!(
        "\nUploads to s3://{} and their thumbnails, with the time since the upload",
        stack.bucket()
    );
    for video in videos {
        let took = watch.during(Box::pin(upload::send(stack, video))).await??;
        term::uploaded(video, took);
        watch.expect(video);
    }
    if !options.once {
        return watch.until_settled().await;
    }
    let limit = Duration::from_secs(options.timeout);
    match tokio::time::timeout(limit, watch.until_settled()).await {
        Ok(result) => result,
        Err(_) => bail!(
            "thumbnails are still missing {} s after the last upload, those of {}",
            options.timeout,
            watch.missing().join(", "),
        ),
    }
}
