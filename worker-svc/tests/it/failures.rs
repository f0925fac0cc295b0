//! What fails: the message stays until the dead-letter queue has it, and the worker goes on.

use anyhow::{Context, Result};
use aws_sdk_sqs::types::Message;
use devstack::{Stack, media::Clip};

use crate::support::{
    Proxy, Worker, WorkerOptions, check, dead_letter, dlq_depth, event, keys, manifest, purge,
    queue_is_empty, send, stack, until, upload, upload_file,
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
    let (visible, hidden) = stack.depth(stack.queue_url()).await?;
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
async fn a_deleted_video_is_done() -> Result<()> {
    let stack = stack(30).await?;
    purge(&stack).await?;
    let options = WorkerOptions {
        dlq: true,
        ..WorkerOptions::default()
    };
    let worker = Worker::start(&stack, options).await?;
    send(&stack, &event(&stack, &["uploads/deleted.mp4"])).await?;
    let line = worker
        .logged("the video was deleted; nothing is left to do")
        .await?;
    assert_eq!(line["level"], "WARN");
    assert_eq!(line["key"], "uploads/deleted.mp4");
    queue_is_empty(&stack).await?;
    assert_eq!(dlq_depth(&stack).await?, 0);
    let gone = worker.metric("thumbnail_worker_objects_gone_total").await?;
    assert_eq!(gone, 1);
    assert!(worker.log("failed").is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_messages_are_moved_at_once_and_summed_up() -> Result<()> {
    let stack = stack(30).await?;
    let clip = Clip::new("mp4").make()?;
    let mut etags = Vec::new();
    for number in 0..2 {
        etags.push(upload_file(&stack, &format!("uploads/good{number}.mp4"), &clip).await?);
    }
    purge(&stack).await?;
    let junk = [
        "hello",
        "<xml/>",
        "elsewhere/a.mp4",
        "{",
        r#"{"no":"event"}"#,
        "[1,2]",
    ];
    for number in 0..36 {
        send(&stack, junk[number % junk.len()]).await?;
    }
    for number in 0..2 {
        let key = format!("uploads/good{number}.mp4");
        send(&stack, &event(&stack, &[&key])).await?;
    }
    let options = WorkerOptions {
        dlq: true,
        ..WorkerOptions::default()
    };
    let mut worker = Worker::start(&stack, options).await?;
    for (number, etag) in etags.iter().enumerate() {
        let manifest = manifest(&stack, &format!("thumbnails/good{number}.json")).await?;
        let key = format!("uploads/good{number}.mp4");
        check(&stack, &manifest, &key, etag).await?;
    }
    queue_is_empty(&stack).await?;
    // None was left to the redrive policy.
    assert_eq!(dlq_depth(&stack).await?, 36);
    assert_eq!(
        attribute(&dead_letter(&stack).await?, "error-kind"),
        "event"
    );
    let failed = worker.metric("thumbnail_worker_videos_failed_total");
    assert_eq!(failed.await?, 36);

    worker.signal("TERM").await?;
    assert!(worker.exit().await?.success());
    let sums = worker.log("messages are neither S3 events nor keys of uploads");
    let summed: u64 = sums
        .iter()
        .filter_map(|line| line["messages"].as_u64())
        .sum();
    assert_eq!(summed, 36);
    assert!(sums.len() < 6, "{sums:?}");
    assert!(worker.log("failed").is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn failing_records_are_all_named_and_do_not_cost_the_others_their_pictures() -> Result<()> {
    let stack = stack(30).await?;
    let etag = upload_file(&stack, "uploads/good.mp4", &Clip::new("mp4").make()?).await?;
    upload(&stack, "uploads/text.mp4", b"no video at all".repeat(100)).await?;
    corrupt(&stack).await?;
    purge(&stack).await?;
    let records = [
        "uploads/corrupt.mp4",
        "uploads/good.mp4",
        "uploads/text.mp4",
    ];
    send(&stack, &event(&stack, &records)).await?;
    let options = WorkerOptions {
        dlq: true,
        ..WorkerOptions::default()
    };
    let worker = Worker::start(&stack, options).await?;
    let message = dead_letter(&stack).await?;
    let lines = worker.log("failed");
    assert_eq!(lines.len(), 2);
    assert_eq!(attribute(&message, "error-kind"), lines[0]["kind"]);
    for line in lines {
        let reason = line["error"].as_str().context("no reason")?;
        assert!(attribute(&message, "error-message").contains(reason));
    }
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
    // The events of the bucket's making are deleted: until they are, they may take all slots.
    queue_is_empty(&stack).await?;
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

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_kms_does_not_let_use_is_waited_for() -> Result<()> {
    let stack = stack(30).await?;
    let proxy = Proxy::counting(&stack).await?;
    for (name, code) in [
        ("disabled", "KMS.DisabledException"),
        ("throttled", "KMS.ThrottlingException"),
    ] {
        let object = format!("GET /{}/uploads/{name}.mp4", stack.bucket());
        proxy.refuse(&[&object], 400, code);
    }
    let options = WorkerOptions {
        dlq: true,
        endpoint: Some(proxy.endpoint()),
        ..WorkerOptions::default()
    };
    let worker = Worker::start(&stack, options).await?;
    let clip = Clip::new("mp4").make()?;
    for name in ["disabled", "throttled"] {
        let key = format!("uploads/{name}.mp4");
        upload_file(&stack, &key, &clip).await?;
        let failed = worker.logged_if("failed", |line| line["key"] == key.as_str());
        assert_eq!(failed.await?["transient"], true);
    }
    until("no message is in hand", async || {
        let in_hand = worker.metric("thumbnail_worker_messages_in_flight").await?;
        Ok((in_hand == 0).then_some(()))
    })
    .await?;
    // Hidden for longer than the visibility timeout: they would be back at once otherwise.
    assert_eq!(stack.depth(stack.queue_url()).await?, (0, 2));
    assert_eq!(dlq_depth(&stack).await?, 0);
    Ok(())
}
