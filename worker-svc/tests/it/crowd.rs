//! Many idle, half-open and slow connections to the monitor.

use anyhow::Result;
use devstack::{crowd::Crowd, media::Clip};

use crate::support::{Worker, WorkerOptions, check, manifest, stack, upload_file};

/// A crowd of `count` connections, while the limits of file descriptors are `descriptors`.
async fn crowd(count: usize, descriptors: (u32, u32)) -> Result<()> {
    let stack = stack(30).await?;
    let options = WorkerOptions {
        descriptors: Some(descriptors),
        ..WorkerOptions::default()
    };
    let mut worker = Worker::start(&stack, options).await?;
    let crowd = Crowd::gather(worker.metrics_addr(), count).await?;
    worker.http("/health").await?;
    let clip = Clip::new("mp4").make()?;
    for number in 0..3 {
        let key = format!("uploads/{number}.mp4");
        let etag = upload_file(&stack, &key, &clip).await?;
        let manifest = manifest(&stack, &format!("thumbnails/{number}.json")).await?;
        check(&stack, &manifest, &key, &etag).await?;
    }
    worker.http("/health").await?;
    // All but the seats of the monitor have made room.
    assert!(crowd.held() <= 64, "{}", crowd.held());
    worker.signal("TERM").await?;
    assert!(worker.exit().await?.success());
    let lines = worker.raw_log().lines().count();
    assert!(lines < 40, "{lines} lines");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_at_the_monitor_holds_up_nothing() -> Result<()> {
    crowd(1000, (256, 256)).await?;
    crowd(1000, (256, 4096)).await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "5,000 connections: cargo nextest run -p worker-svc --run-ignored all crowd"]
async fn five_thousand_at_the_monitor_hold_up_nothing() -> Result<()> {
    crowd(5000, (1024, 1024)).await?;
    crowd(5000, (1024, 20_000)).await
}
