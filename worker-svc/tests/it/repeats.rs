//! Deliveries that repeat or overlap, names that collide, objects that change.

use anyhow::{Context, Result};
use devstack::media::{Clip, Shape, looped};

use crate::support::{
    Proxy, Worker, WorkerOptions, check, dlq_depth, event, event_of, get, keys, manifest, purge,
    queue_is_empty, send, stack, until, upload_file,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_message_costs_no_work() -> Result<()> {
    let stack = stack(30).await?;
    let worker = Worker::start(&stack, WorkerOptions::default()).await?;
    upload_file(&stack, "uploads/clip.mp4", &Clip::new("mp4").make()?).await?;
    worker.logged("thumbnails published").await?;
    queue_is_empty(&stack).await?;
    let outputs = keys(&stack, "thumbnails/").await?;
    assert_eq!(outputs.len(), 4);
    let mut before = Vec::new();
    for key in &outputs {
        before.push(get(&stack, key).await?.context("an output")?);
    }

    send(&stack, &event(&stack, &["uploads/clip.mp4"])).await?;
    worker.logged("already done").await?;
    queue_is_empty(&stack).await?;
    for (key, before) in outputs.iter().zip(before) {
        let after = get(&stack, key).await?.context("an output")?;
        assert_eq!(
            (after.last_modified, after.etag),
            (before.last_modified, before.etag)
        );
    }
    assert_eq!(
        worker
            .metric("thumbnail_worker_videos_processed_total")
            .await?,
        1
    );
    assert_eq!(
        worker
            .metric("thumbnail_worker_videos_skipped_total")
            .await?,
        1
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_picture_a_new_version_and_new_settings_are_no_repeats() -> Result<()> {
    let stack = stack(30).await?;
    let worker = Worker::start(&stack, WorkerOptions::default()).await?;
    let key = "uploads/clip.mp4";
    let etag = upload_file(&stack, key, &Clip::new("mp4").make()?).await?;
    let made = manifest(&stack, "thumbnails/clip.json").await?;
    check(&stack, &made, key, &etag).await?;
    queue_is_empty(&stack).await?;

    let lost = &made.thumbnails[1].key;
    stack
        .s3()
        .delete_object()
        .bucket(stack.bucket())
        .key(lost)
        .send()
        .await?;
    send(&stack, key).await?;
    until("the lost picture", || get(&stack, lost)).await?;
    queue_is_empty(&stack).await?;

    let small = Clip {
        width: 320,
        height: 240,
        ..Clip::new("mp4")
    };
    let etag = upload_file(&stack, key, &small.make()?).await?;
    let newer = until("the new version", async || {
        let newer = manifest(&stack, "thumbnails/clip.json").await?;
        Ok((newer.source_etag == etag).then_some(newer))
    })
    .await?;
    check(&stack, &newer, key, &etag).await?;
    assert_eq!((newer.media.width, newer.media.height), (320, 240));
    queue_is_empty(&stack).await?;
    drop(worker);

    let options = WorkerOptions {
        env: vec![("THUMBNAIL_MAX_WIDTH", "100".to_owned())],
        ..WorkerOptions::default()
    };
    let _worker = Worker::start(&stack, options).await?;
    send(&stack, key).await?;
    until("smaller pictures", async || {
        let newest = manifest(&stack, "thumbnails/clip.json").await?;
        Ok((newest.thumbnails[0].width == 100).then_some(()))
    })
    .await?;
    assert_eq!(keys(&stack, "thumbnails/").await?.len(), 4);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn videos_that_differ_in_extension_do_not_overwrite_each_other() -> Result<()> {
    let stack = stack(30).await?;
    let (mp4, mov) = (Clip::new("mp4").make()?, Clip::new("mov").make()?);
    // Someone else's picture is in the way of a third.
    upload_file(&stack, "thumbnails/c_1.jpg", &mp4).await?;
    let b_mp4 = upload_file(&stack, "uploads/b.mp4", &mp4).await?;
    let b_mov = upload_file(&stack, "uploads/b.mov", &mov).await?;
    let c_mp4 = upload_file(&stack, "uploads/c.mp4", &mp4).await?;
    purge(&stack).await?;
    // Both at once, by two workers, so that they race for the name.
    let workers = [
        Worker::start(&stack, WorkerOptions::default()).await?,
        Worker::start(&stack, WorkerOptions::default()).await?,
    ];
    for key in ["uploads/b.mp4", "uploads/b.mov", "uploads/c.mp4"] {
        send(&stack, key).await?;
    }
    until("all three", async || {
        let done: usize = workers
            .iter()
            .map(|w| w.log("thumbnails published").len())
            .sum();
        Ok((done == 3).then_some(()))
    })
    .await?;
    queue_is_empty(&stack).await?;

    let first = manifest(&stack, "thumbnails/b.json").await?;
    if first.source_key == "uploads/b.mp4" {
        check(&stack, &first, "uploads/b.mp4", &b_mp4).await?;
        let second = manifest(&stack, "thumbnails/b.mov.json").await?;
        check(&stack, &second, "uploads/b.mov", &b_mov).await?;
    } else {
        check(&stack, &first, "uploads/b.mov", &b_mov).await?;
        let second = manifest(&stack, "thumbnails/b.mp4.json").await?;
        check(&stack, &second, "uploads/b.mp4", &b_mp4).await?;
    }
    let third = manifest(&stack, "thumbnails/c.mp4.json").await?;
    check(&stack, &third, "uploads/c.mp4", &c_mp4).await?;
    let theirs = get(&stack, "thumbnails/c_1.jpg")
        .await?
        .context("still there")?;
    assert_eq!(theirs.body, std::fs::read(&mp4)?);
    assert_eq!(dlq_depth(&stack).await?, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_overwritten_while_it_is_read_gives_no_mixture() -> Result<()> {
    let stack = stack(30).await?;
    let key = "uploads/changing.mp4";
    let large = looped(&Clip::new("mp4"), Shape::Mp4MoovLast, 8 << 20)?;
    let small = Clip {
        width: 320,
        height: 240,
        ..Clip::new("mp4")
    };
    // The beginning and the end pass; what follows is held while the object is replaced.
    let proxy = Proxy::holding(&stack, key, 2).await?;
    let options = WorkerOptions {
        endpoint: Some(proxy.endpoint()),
        ..WorkerOptions::default()
    };
    let worker = Worker::start(&stack, options).await?;
    let old = upload_file(&stack, key, &large).await?;
    proxy.held().await?;
    let new = upload_file(&stack, key, &looped(&small, Shape::Mp4MoovLast, 8 << 20)?).await?;
    assert_ne!(old, new);
    proxy.release();

    let manifest = manifest(&stack, "thumbnails/changing.json").await?;
    check(&stack, &manifest, key, &new).await?;
    assert_eq!((manifest.media.width, manifest.media.height), (320, 240));
    worker
        .logged("overwritten while it was processed; starting afresh")
        .await?;
    // The second upload's own message finds it done.
    queue_is_empty(&stack).await?;
    assert_eq!(dlq_depth(&stack).await?, 0);
    check(&stack, &manifest, key, &new).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_about_an_older_version_gives_the_current_one() -> Result<()> {
    let stack = stack(30).await?;
    let key = "uploads/stale.mp4";
    let (mp4, mov) = (Clip::new("mp4").make()?, Clip::new("mov").make()?);
    let old = upload_file(&stack, key, &mp4).await?;
    let new = upload_file(&stack, key, &mov).await?;
    purge(&stack).await?;
    send(&stack, &event_of(&stack, key, mp4.metadata()?.len(), &old)).await?;

    let worker = Worker::start(&stack, WorkerOptions::default()).await?;
    let manifest = manifest(&stack, "thumbnails/stale.json").await?;
    check(&stack, &manifest, key, &new).await?;
    queue_is_empty(&stack).await?;
    assert_eq!(worker.log("thumbnails published").len(), 1);
    // The extraction itself opens afresh: the worker does not start over.
    let restarts = worker.log("overwritten while it was processed; starting afresh");
    assert_eq!(restarts.len(), 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_held_for_as_long_as_its_video_takes() -> Result<()> {
    let stack = stack(4).await?;
    let key = "uploads/slow.mp4";
    let clip = Clip::new("mp4").make()?;
    let etag = upload_file(&stack, key, &clip).await?;
    purge(&stack).await?;
    let proxy = Proxy::holding(&stack, key, 0).await?;
    let options = WorkerOptions {
        endpoint: Some(proxy.endpoint()),
        env: vec![("WORKER_CONCURRENCY", "1".to_owned())],
        ..WorkerOptions::default()
    };
    let worker = Worker::start(&stack, options).await?;
    send(&stack, key).await?;
    proxy.held().await?;
    // Another worker's poll over three visibility timeouts gets nothing.
    let other = stack
        .sqs()
        .receive_message()
        .queue_url(stack.queue_url())
        .wait_time_seconds(12)
        .send()
        .await?;
    assert!(other.messages.unwrap_or_default().is_empty());
    proxy.release();
    let manifest = manifest(&stack, "thumbnails/slow.json").await?;
    check(&stack, &manifest, key, &etag).await?;
    queue_is_empty(&stack).await?;
    assert_eq!(worker.log("thumbnails published").len(), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn work_stops_when_the_message_is_lost() -> Result<()> {
    let stack = stack(2).await?;
    let key = "uploads/lost.mp4";
    let proxy = Proxy::holding(&stack, key, 0).await?;
    let options = WorkerOptions {
        endpoint: Some(proxy.endpoint()),
        ..WorkerOptions::default()
    };
    let worker = Worker::start(&stack, options).await?;
    upload_file(&stack, key, &Clip::new("mp4").make()?).await?;
    proxy.held().await?;
    purge(&stack).await?;
    worker
        .logged("another worker may have the message; work on it stops")
        .await?;
    assert!(
        worker
            .metric("thumbnail_worker_messages_lost_total")
            .await?
            >= 1
    );
    assert_eq!(
        worker.metric("thumbnail_worker_messages_in_flight").await?,
        0
    );
    assert!(keys(&stack, "thumbnails/").await?.is_empty());
    Ok(())
}
