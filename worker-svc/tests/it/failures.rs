//! What fails: the message stays until the dead-letter queue has it, and the worker goes on.

use anyhow::{Context, Result};
use aws_sdk_sqs::types::Message;
use devstack::{Stack, media::Clip};

use crate::support::{
    Proxy, Worker, WorkerOptions, check, dead_letter, depth, dlq_depth, event, keys, manifest,
    purge, queue_is_empty, send, stack, upload, upload_file,
};

fn attribute<'a>(message: &'a Message, name: &str) -> &'a str {
    let attributes = message.message_attributes.as_ref();
    let value = attributes.and_then(|attributes| attributes.get(name));
    value
        .and_then(|value| value.string_value())
        .unwrap_or_default()
}

async fn corrupt(stack: &Stack) -> Result<()> {
    let mut bytes = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom".to_vec();
    bytes.extend((0..100_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8));
    upload(stack, "uploads/corrupt.mp4", bytes).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_corrupt_video_stays_until_the_redrive_policy_takes_it() -> Result<()> {
    let stack = stack(2).await?;
    let worker = Worker::start(&stack, WorkerOptions::default()).await?;
    corrupt(&stack).await?;

    let line = worker.logged("failed").await?;
    assert_eq!(line["key"], "uploads/corrupt.mp4");
    assert_eq!(line["transient"], false);
    let (visible, hidden) = depth(&stack, stack.queue_url()).await?;
    assert_eq!(visible + hidden, 1, "the message is still there");
    assert_eq!(dlq_depth(&stack).await?, 0);

    let message = dead_letter(&stack).await?;
    assert!(message.body.context("a body")?.contains("corrupt.mp4"));
    assert_eq!(
        worker.log("failed").len(),
        2,
        "as often as the redrive policy says"
    );
    queue_is_empty(&stack).await?;
    assert!(keys(&stack, "thumbnails/").await?.is_empty());
    assert_eq!(
        worker
            .metric("thumbnail_worker_videos_failed_total")
            .await?,
        2
    );

    // And the worker goes on.
    let etag = upload_file(&stack, "uploads/fine.mp4", &Clip::new("mp4").make()?).await?;
    let manifest = manifest(&stack, "thumbnails/fine.json").await?;
    check(&stack, &manifest, "uploads/fine.mp4", &etag).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_corrupt_video_goes_to_the_dead_letter_queue_with_the_reason() -> Result<()> {
    let stack = stack(30).await?;
    let options = WorkerOptions {
        dlq: true,
        ..WorkerOptions::default()
    };
    let worker = Worker::start(&stack, options).await?;
    corrupt(&stack).await?;
    let message = dead_letter(&stack).await?;
    let line = worker.logged("failed").await?;
    assert_eq!(attribute(&message, "error-kind"), line["kind"]);
    assert_eq!(attribute(&message, "error-message"), line["error"]);
    assert_eq!(worker.log("failed").len(), 1);
    queue_is_empty(&stack).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_object_and_a_nonsense_message_are_failures_with_a_reason() -> Result<()> {
    let stack = stack(30).await?;
    purge(&stack).await?;
    let options = WorkerOptions {
        dlq: true,
        ..WorkerOptions::default()
    };
    let _worker = Worker::start(&stack, options).await?;
    send(&stack, &event(&stack, &["uploads/missing.mp4"])).await?;
    let message = dead_letter(&stack).await?;
    assert_eq!(attribute(&message, "error-kind"), "not_found");
    assert!(attribute(&message, "error-message").contains("uploads/missing.mp4"));

    send(&stack, r#"{"no":"event"}"#).await?;
    let message = dead_letter(&stack).await?;
    assert_eq!(attribute(&message, "error-kind"), "event");
    assert_eq!(message.body.as_deref(), Some(r#"{"no":"event"}"#));
    queue_is_empty(&stack).await?;
    assert!(keys(&stack, "thumbnails/").await?.is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_object_reaches_the_dead_letter_queue_by_redrive_too() -> Result<()> {
    let stack = stack(1).await?;
    purge(&stack).await?;
    let worker = Worker::start(&stack, WorkerOptions::default()).await?;
    send(&stack, &event(&stack, &["uploads/missing.mp4"])).await?;
    dead_letter(&stack).await?;
    assert_eq!(worker.log("failed").len(), 2);
    queue_is_empty(&stack).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_record_does_not_cost_the_others_their_pictures() -> Result<()> {
    let stack = stack(30).await?;
    let etag = upload_file(&stack, "uploads/good.mp4", &Clip::new("mp4").make()?).await?;
    purge(&stack).await?;
    send(
        &stack,
        &event(&stack, &["uploads/missing.mp4", "uploads/good.mp4"]),
    )
    .await?;
    let options = WorkerOptions {
        dlq: true,
        ..WorkerOptions::default()
    };
    let _worker = Worker::start(&stack, options).await?;
    let message = dead_letter(&stack).await?;
    assert_eq!(attribute(&message, "error-kind"), "not_found");
    let manifest = manifest(&stack, "thumbnails/good.json").await?;
    check(&stack, &manifest, "uploads/good.mp4", &etag).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_is_waited_out() -> Result<()> {
    let stack = stack(5).await?;
    let clip = Clip::new("mp4").make()?;
    let proxy = Proxy::holding(&stack, "nothing", 0).await?;
    let options = WorkerOptions {
        endpoint: Some(proxy.endpoint()),
        ..WorkerOptions::default()
    };
    let worker = Worker::start(&stack, options).await?;
    proxy.set_broken(true);
    // Ends the long poll that is under way.
    send(&stack, r#"{"Event":"s3:TestEvent"}"#).await?;
    worker.logged("cannot receive").await?;
    let etag = upload_file(&stack, "uploads/later.mp4", &clip).await?;
    proxy.set_broken(false);
    let manifest = manifest(&stack, "thumbnails/later.json").await?;
    check(&stack, &manifest, "uploads/later.mp4", &etag).await?;
    queue_is_empty(&stack).await
}
