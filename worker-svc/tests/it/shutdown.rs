//! Signals while a video is worked on.

use std::time::Duration;

use anyhow::Result;
use aws_sdk_sqs::types::MessageSystemAttributeName;
use devstack::{Stack, media::Clip};

use crate::support::{
    Proxy, Worker, WorkerOptions, check, dlq_depth, keys, manifest, queue_is_empty, stack, until,
    upload_file,
};

const KEY: &str = "uploads/clip.mp4";

/// A worker that waits for the first bytes of a video.
async fn busy(stack: &Stack, grace_seconds: u32) -> Result<(Worker, Proxy, String)> {
    let proxy = Proxy::holding(stack, KEY, 0).await?;
    let options = WorkerOptions {
        endpoint: Some(proxy.endpoint()),
        env: vec![("SHUTDOWN_GRACE_SECONDS", grace_seconds.to_string())],
        ..WorkerOptions::default()
    };
    let worker = Worker::start(stack, options).await?;
    let etag = upload_file(stack, KEY, &Clip::new("mp4").make()?).await?;
    proxy.held().await?;
    Ok((worker, proxy, etag))
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_finishes_the_video_in_hand() -> Result<()> {
    let stack = stack(30).await?;
    let (mut worker, proxy, etag) = busy(&stack, 60).await?;
    worker.signal("TERM").await?;
    worker.logged("shutting down").await?;
    worker.logged("finishing the messages in hand").await?;
    proxy.release();
    assert!(worker.exit().await?.success());

    // The worker has ended: what is there now is all there will be.
    let manifest = manifest(&stack, "thumbnails/clip.json").await?;
    check(&stack, &manifest, KEY, &etag).await?;
    assert_eq!(stack.depth(stack.queue_url()).await?, (0, 0));
    assert_eq!(dlq_depth(&stack).await?, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hangup_is_a_graceful_end() -> Result<()> {
    let stack = stack(30).await?;
    let mut worker = Worker::start(&stack, WorkerOptions::default()).await?;
    worker.signal("HUP").await?;
    assert_eq!(worker.logged("shutting down").await?["signal"], "SIGHUP");
    assert!(worker.exit().await?.success());
    worker.logged("worker stopped").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_worker_ends_with_a_poll_of_at_most_five_seconds() -> Result<()> {
    let stack = stack(600).await?;
    let proxy = Proxy::counting(&stack).await?;
    let options = WorkerOptions {
        endpoint: Some(proxy.endpoint()),
        ..WorkerOptions::default()
    };
    let mut worker = Worker::start(&stack, options).await?;
    queue_is_empty(&stack).await?;
    until("a poll", async || {
        Ok((!proxy.polls().is_empty()).then_some(()))
    })
    .await?;
    worker.signal("TERM").await?;
    assert!(worker.exit().await?.success());
    let polls = proxy.polls();
    assert!(polls.iter().all(|seconds| *seconds <= 5), "{polls:?}");
    assert_eq!(stack.depth(stack.queue_url()).await?, (0, 0));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_the_grace_period_goes_back_at_once() -> Result<()> {
    // Were the message not returned, it would come back after ten minutes.
    let stack = stack(600).await?;
    let (mut worker, _proxy, etag) = busy(&stack, 1).await?;
    worker.signal("INT").await?;
    assert!(worker.exit().await?.success());
    assert!(keys(&stack, "thumbnails/").await?.is_empty());
    until("the message is back", async || {
        Ok((stack.depth(stack.queue_url()).await? == (1, 0)).then_some(()))
    })
    .await?;

    let next = Worker::start(&stack, WorkerOptions::default()).await?;
    let manifest = manifest(&stack, "thumbnails/clip.json").await?;
    check(&stack, &manifest, KEY, &etag).await?;
    queue_is_empty(&stack).await?;
    assert_eq!(next.log("thumbnails published").len(), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_last_poll_brings_goes_back_at_once() -> Result<()> {
    // Were the message hidden by a poll that nobody waits for, it would come back after ten
    // minutes.
    let stack = stack(600).await?;
    let options = WorkerOptions {
        env: vec![("SHUTDOWN_GRACE_SECONDS", "15".to_owned())],
        ..WorkerOptions::default()
    };
    let mut worker = Worker::start(&stack, options).await?;
    queue_is_empty(&stack).await?;
    worker.signal("TERM").await?;
    worker.logged("shutting down").await?;
    // Longer than a worker that had nothing in hand might wait out of courtesy.
    tokio::time::sleep(Duration::from_secs(1)).await;
    upload_file(&stack, KEY, &Clip::new("mp4").make()?).await?;
    assert!(worker.exit().await?.success());
    let count = MessageSystemAttributeName::ApproximateReceiveCount;
    let another = until("the message is there for others", async || {
        let receive = stack.sqs().receive_message().queue_url(stack.queue_url());
        let output = receive
            .message_system_attribute_names(count.clone())
            .send()
            .await?;
        Ok(output.messages.unwrap_or_default().pop())
    })
    .await?;
    // The worker had it, so it had not left its poll to itself.
    let attributes = another.attributes.unwrap_or_default();
    assert_eq!(attributes[&count], "2");
    assert!(keys(&stack, "thumbnails/").await?.is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_it_on_the_spot() -> Result<()> {
    let stack = stack(30).await?;
    let (mut worker, _proxy, _) = busy(&stack, 3600).await?;
    worker.signal("TERM").await?;
    worker.logged("shutting down").await?;
    worker.signal("TERM").await?;
    assert_eq!(worker.exit().await?.code(), Some(1));
    // The message is not lost: it is hidden until its timeout ends.
    let (visible, hidden) = stack.depth(stack.queue_url()).await?;
    assert_eq!(visible + hidden, 1);
    Ok(())
}
