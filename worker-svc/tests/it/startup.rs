//! A wrong setting ends the worker at once with an error that names the variable.

use anyhow::Result;

use crate::support::{Worker, WorkerOptions, stack};

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_exist_is_named() -> Result<()> {
    let stack = stack(30).await?;
    let no_queue = stack.queue_url().replace("video-uploads", "no-such-queue");
    for (variable, value) in [
        ("SQS_QUEUE_URL", no_queue.clone()),
        ("SQS_DLQ_URL", no_queue),
        ("S3_BUCKET", "no-such-bucket".to_owned()),
        (
            "METRICS_ADDR",
            stack.endpoint().trim_start_matches("http://").to_owned(),
        ),
        ("S3_THUMBNAIL_PREFIX", String::new()),
        ("THUMBNAIL_FORMAT", "gif".to_owned()),
        ("THUMBNAIL_WIDTHS", "640,64".to_owned()),
        ("DECODE_SANDBOX", "perhaps".to_owned()),
        ("RUST_LOG", "a=b=c".to_owned()),
    ] {
        let options = WorkerOptions {
            env: vec![(variable, value)],
            ..WorkerOptions::default()
        };
        let mut worker = Worker::spawn(&stack, options)?;
        assert!(!worker.exit().await?.success(), "{variable}");
        let said = worker.raw_log();
        assert!(said.contains(variable), "{variable}: {said}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn log_and_metrics_say_which_locks_hold() -> Result<()> {
    let stack = stack(30).await?;
    let options = |sandbox: &str| WorkerOptions {
        env: vec![("DECODE_SANDBOX", sandbox.to_owned())],
        ..WorkerOptions::default()
    };
    let worker = Worker::start(&stack, options("on")).await?;
    let line = worker.logged("videos are decoded in a sandbox").await?;
    let locks = line["locks"].as_str().unwrap_or_default();
    assert!(locks.contains("seccomp=full"), "{locks}");
    let lock = "thumbnail_worker_sandbox_lock{lock=\"seccomp\"}";
    assert!(
        worker
            .http("/metrics")
            .await?
            .contains(&format!("{lock} 1"))
    );
    drop(worker);
    let worker = Worker::start(&stack, options("off")).await?;
    worker
        .logged("DECODE_SANDBOX is off: videos are decoded beside the credentials")
        .await?;
    assert!(
        worker
            .http("/metrics")
            .await?
            .contains(&format!("{lock} 0"))
    );
    Ok(())
}
