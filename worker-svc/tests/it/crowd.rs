//! Many idle, half-open and slow connections to the monitor.

use std::time::{Duration, Instant};

use anyhow::Result;
use devstack::{Stack, crowd::Crowd, media::Clip};

use crate::support::{Worker, WorkerOptions, check, manifest, queue_is_empty, stack, upload_file};

/// How long the worker takes for `count` new videos below `folder`, all of which are right.
async fn videos(stack: &Stack, folder: &str, count: usize) -> Result<Duration> {
    let clip = Clip::new("mp4").make()?;
    let began = Instant::now();
    let mut etags = Vec::new();
    for number in 0..count {
        let key = format!("uploads/{folder}/{number}.mp4");
        etags.push(upload_file(stack, &key, &clip).await?);
    }
    queue_is_empty(stack).await?;
    let took = began.elapsed();
    for (number, etag) in etags.iter().enumerate() {
        let manifest = manifest(stack, &format!("thumbnails/{folder}/{number}.json")).await?;
        let key = format!("uploads/{folder}/{number}.mp4");
        check(stack, &manifest, &key, etag).await?;
    }
    Ok(took)
}

/// A crowd of `connections`, while the limits of file descriptors are `descriptors` and the worker
/// has `count` videos to make pictures of.
async fn crowd(connections: usize, descriptors: (u32, u32), count: usize) -> Result<()> {
    let stack = stack(30).await?;
    let options = WorkerOptions {
        descriptors: Some(descriptors),
        ..WorkerOptions::default()
    };
    let mut worker = Worker::start(&stack, options).await?;
    let alone = videos(&stack, "alone", count).await?;
    let crowd = Crowd::gather(worker.metrics_addr(), connections).await?;
    let crowded = videos(&stack, "crowded", count).await?;
    let asked = Instant::now();
    worker.http("/health").await?;
    let health = asked.elapsed();
    // All but the seats of the monitor have made room.
    assert!(crowd.held() <= 64, "{}", crowd.held());
    let asked = Instant::now();
    worker.signal("TERM").await?;
    assert!(worker.exit().await?.success());
    let end = asked.elapsed();
    // Those of each video aside.
    let log = worker.raw_log();
    let lines = log.lines().filter(|line| !line.contains("uploads/"));
    let lines = lines.count();
    assert!(lines < 40, "{lines} lines");
    println!(
        "{connections} connections, {descriptors:?} descriptors: {count} videos in {alone:?} alone \
         and {crowded:?} beside them, /health in {health:?}, {lines} lines of log, end in {end:?}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_at_the_monitor_holds_up_nothing() -> Result<()> {
    crowd(1000, (256, 256), 3).await?;
    crowd(1000, (256, 4096), 3).await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "5,000 connections: cargo nextest run -p worker-svc --run-ignored all crowd"]
async fn five_thousand_at_the_monitor_hold_up_nothing() -> Result<()> {
    crowd(5000, (1024, 1024), 100).await?;
    crowd(5000, (1024, 20_000), 100).await
}
