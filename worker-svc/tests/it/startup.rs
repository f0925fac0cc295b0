//! A wrong setting ends the worker at once with an error that names the variable.

use anyhow::{Context as _, Result};
use devstack::{Stack, media::Clip};
use tokio::net::TcpListener;

use crate::support::{Worker, WorkerOptions, stack, upload_file};

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
        // The reason is one line of JSON, as all others are.
        let lines = worker.program().log();
        assert_eq!(lines.len(), said.lines().count(), "{said}");
        let last = lines.last().context("no line")?;
        assert_eq!(last["level"], "ERROR", "{said}");
        let error = last["error"].as_str().unwrap_or_default();
        assert!(error.contains(variable), "{variable}: {said}");
    }
    Ok(())
}

/// A worker whose AWS takes connections and answers nothing, and what must be kept for that.
async fn before_silence(stack: &Stack) -> Result<(Worker, TcpListener)> {
    let silent = TcpListener::bind("127.0.0.1:0").await?;
    let options = WorkerOptions {
        endpoint: Some(format!("http://{}", silent.local_addr()?)),
        ..WorkerOptions::default()
    };
    let worker = Worker::spawn(stack, options)?;
    Ok((worker, silent))
}

const LOOK: &str = "looking for the queue (SQS_QUEUE_URL)";

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_takes_long_is_logged_and_a_signal_ends_it_with_the_reason() -> Result<()> {
    let stack = stack(30).await?;
    let (mut worker, _silent) = before_silence(&stack).await?;
    let line = worker
        .logged("the start takes more than three seconds")
        .await?;
    assert_eq!(line["step"], LOOK);
    worker.signal("TERM").await?;
    assert_eq!(worker.exit().await?.code(), Some(1));
    let line = worker.logged("the service ends").await?;
    let error = line["error"].as_str().unwrap_or_default();
    assert!(error.contains(LOOK) && error.contains("signal"), "{error}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_does_not_end_ends_the_start() -> Result<()> {
    let stack = stack(30).await?;
    let (mut worker, _silent) = before_silence(&stack).await?;
    assert_eq!(worker.exit().await?.code(), Some(1));
    let line = worker.logged("the service ends").await?;
    let error = line["error"].as_str().unwrap_or_default();
    assert!(error.contains(LOOK), "{error}");
    assert!(error.contains("not done within"), "{error}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn not_even_a_log_at_trace_holds_a_secret() -> Result<()> {
    let stack = stack(30).await?;
    let secrets = [
        ("AWS_SESSION_TOKEN", "session-token-of-the-test"),
        ("AWS_SECRET_ACCESS_KEY", "secret-key-of-the-test"),
    ];
    let mut env = vec![("RUST_LOG", "trace".to_owned())];
    env.extend(secrets.map(|(name, value)| (name, value.to_owned())));
    let options = WorkerOptions {
        env,
        ..WorkerOptions::default()
    };
    let worker = Worker::start(&stack, options).await?;
    upload_file(&stack, "uploads/a.mp4", &Clip::new("mp4").make()?).await?;
    worker.logged("thumbnails published").await?;
    let said = worker.raw_log();
    for (name, value) in secrets {
        let line = said.lines().find(|line| line.contains(value));
        assert!(line.is_none(), "{name}: {line:?}");
    }
    let signed = said.lines().find(|line| line.contains("Signature="));
    assert!(signed.is_none(), "{signed:?}");
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
