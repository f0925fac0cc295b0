//! What works: videos become pictures and a manifest.

use anyhow::{Context as _, Result};
use contract::{ManifestCandidate, ReadReason};
use devstack::media::Clip;

use crate::support::{
    Proxy, Worker, WorkerOptions, check, dlq_depth, event, get, keys, manifest, purge,
    queue_is_empty, send, stack, until, upload, upload_file,
};

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_becomes_three_thumbnails_and_a_manifest() -> Result<()> {
    let stack = stack(30).await?;
    let clip = Clip::new("mp4").make()?;
    let worker = Worker::start(&stack, WorkerOptions::default()).await?;
    let etag = upload_file(&stack, "uploads/a/clip.mp4", &clip).await?;

    let manifest = manifest(&stack, "thumbnails/a/clip.json").await?;
    check(&stack, &manifest, "uploads/a/clip.mp4", &etag).await?;
    let made: Vec<_> = manifest.thumbnails.iter().map(|t| t.key.as_str()).collect();
    assert_eq!(
        made,
        [
            "thumbnails/a/clip_1.jpg",
            "thumbnails/a/clip_2.jpg",
            "thumbnails/a/clip_3.jpg"
        ]
    );
    assert_eq!(manifest.media.container, "mp4");
    assert_eq!((manifest.media.width, manifest.media.height), (640, 360));
    assert_eq!(manifest.source_bytes, std::fs::metadata(&clip)?.len());
    // The event tells size and version, so a small video is one request.
    assert_eq!((manifest.requests, manifest.round_trips), (1, 1));
    let [read] = manifest.reads.as_slice() else {
        anyhow::bail!("{:?}", manifest.reads);
    };
    assert_eq!(
        (read.reason, read.round_trip),
        (Some(ReadReason::Ends), Some(1))
    );
    let waited = read.waited_ms.context("no time")?;
    assert!(waited <= manifest.timings.extract_ms, "{read:?}");
    let targets: Vec<_> = manifest.thumbnails.iter().map(|t| t.target_s).collect();
    let duration = manifest.media.duration_s.unwrap_or_default();
    for (target, fraction) in targets.iter().zip([0.10, 0.50, 0.95]) {
        assert!(
            (target - duration * fraction).abs() < 0.01,
            "{targets:?} of {duration}"
        );
    }

    queue_is_empty(&stack).await?;
    assert_eq!(dlq_depth(&stack).await?, 0);
    let line = worker.logged("thumbnails published").await?;
    assert_eq!(line["key"], "uploads/a/clip.mp4");
    assert_eq!(line["bytes_fetched"], manifest.bytes_fetched);
    for (metric, value) in [
        ("thumbnail_worker_videos_processed_total", 1),
        ("thumbnail_worker_thumbnails_total", 3),
        (
            "thumbnail_worker_fetched_bytes_total",
            manifest.bytes_fetched,
        ),
        ("thumbnail_worker_source_bytes_total", manifest.source_bytes),
        ("thumbnail_worker_requests_total", manifest.requests),
        ("thumbnail_worker_video_seconds_count", 1),
        ("thumbnail_worker_messages_in_flight", 0),
    ] {
        assert_eq!(worker.metric(metric).await?, value, "{metric}");
    }
    worker.http("/health").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_video_is_read_by_one_request() -> Result<()> {
    let stack = stack(30).await?;
    let clip = Clip {
        seconds: 3,
        width: 320,
        height: 180,
        ..Clip::default()
    };
    let clip = clip.make()?;
    assert!(clip.metadata()?.len() < 256 << 10, "a small video");
    let proxy = Proxy::counting(&stack).await?;
    let options = WorkerOptions {
        endpoint: Some(proxy.endpoint()),
        ..WorkerOptions::default()
    };
    let worker = Worker::start(&stack, options).await?;
    let key = "uploads/small.mp4";
    upload_file(&stack, key, &clip).await?;
    worker.logged("thumbnails published").await?;
    // The HEAD after publishing finds out whether the video was overwritten meanwhile.
    assert_eq!(proxy.methods(&stack, key), ["GET", "HEAD"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_with_spaces_and_letters_of_any_script() -> Result<()> {
    let stack = stack(30).await?;
    let clip = Clip::new("mkv").make()?;
    let _worker = Worker::start(&stack, WorkerOptions::default()).await?;
    let key = "uploads/Ünï cödé/mein Video +1 & 100% (日本).mkv";
    let etag = upload_file(&stack, key, &clip).await?;
    let name = "thumbnails/Ünï cödé/mein Video +1 & 100% (日本)";
    let manifest = manifest(&stack, &format!("{name}.json")).await?;
    check(&stack, &manifest, key, &etag).await?;
    assert_eq!(manifest.thumbnails[2].key, format!("{name}_3.jpg"));
    queue_is_empty(&stack).await
}

#[tokio::test(flavor = "multi_thread")]
async fn all_records_of_a_message_and_a_bare_key() -> Result<()> {
    let stack = stack(30).await?;
    let (mp4, webm) = (Clip::new("mp4").make()?, Clip::new("webm").make()?);
    let one = upload_file(&stack, "uploads/one.mp4", &mp4).await?;
    let two = upload_file(&stack, "uploads/two.WEBM", &webm).await?;
    let three = upload_file(&stack, "uploads/a b+c.mp4", &mp4).await?;
    purge(&stack).await?;
    // One record twice: that is no reason to work twice.
    let body = event(
        &stack,
        &["uploads/one.mp4", "uploads/two.WEBM", "uploads/one.mp4"],
    );
    send(&stack, &body).await?;
    send(&stack, "uploads/a b+c.mp4").await?;

    let worker = Worker::start(&stack, WorkerOptions::default()).await?;
    for (name, key, etag) in [
        ("one", "uploads/one.mp4", one),
        ("two", "uploads/two.WEBM", two),
        ("a b+c", "uploads/a b+c.mp4", three),
    ] {
        let manifest = manifest(&stack, &format!("thumbnails/{name}.json")).await?;
        check(&stack, &manifest, key, &etag).await?;
    }
    queue_is_empty(&stack).await?;
    assert_eq!(worker.log("thumbnails published").len(), 3);
    assert_eq!(worker.log("already done").len(), 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_video_is_deleted_and_logged() -> Result<()> {
    let stack = stack(30).await?;
    purge(&stack).await?;
    let test_event = r#"{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"videos"}"#;
    send(&stack, test_event).await?;
    upload(&stack, "uploads/notes.txt", b"no video".to_vec()).await?;
    send(&stack, &event(&stack, &["uploads/notes.txt"])).await?;
    send(&stack, &event(&stack, &["thumbnails/clip.mp4"])).await?;
    let removed =
        event(&stack, &["uploads/gone.mp4"]).replace("ObjectCreated:Put", "ObjectRemoved:Delete");
    send(&stack, &removed).await?;

    let worker = Worker::start(&stack, WorkerOptions::default()).await?;
    for what in [
        "s3:TestEvent",
        "uploads/notes.txt",
        "thumbnails/clip.mp4",
        "ObjectRemoved:Delete",
    ] {
        worker
            .logged_if("ignored", |line| line["what"] == what)
            .await?;
    }
    queue_is_empty(&stack).await?;
    assert_eq!(dlq_depth(&stack).await?, 0);
    assert!(keys(&stack, "thumbnails/").await?.is_empty());
    assert!(
        worker
            .metric("thumbnail_worker_records_ignored_total")
            .await?
            >= 4
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_width_is_published_and_found_done() -> Result<()> {
    let stack = stack(30).await?;
    let with = |widths: &str| WorkerOptions {
        env: vec![("THUMBNAIL_WIDTHS", widths.to_owned())],
        ..WorkerOptions::default()
    };
    let worker = Worker::start(&stack, with("320,160,1000")).await?;
    let key = "uploads/a/clip.mp4";
    let etag = upload_file(&stack, key, &Clip::new("mp4").make()?).await?;
    let made = manifest(&stack, "thumbnails/a/clip.json").await?;
    check(&stack, &made, key, &etag).await?;
    queue_is_empty(&stack).await?;
    let mut listed = vec!["thumbnails/a/clip.json".to_owned()];
    for (thumbnail, number) in made.thumbnails.iter().zip(1..) {
        assert_eq!(thumbnail.key, format!("thumbnails/a/clip_{number}.jpg"));
        assert_eq!((thumbnail.width, thumbnail.height), (320, 180));
        listed.push(thumbnail.key.clone());
        // The video is 640 pixels wide, and no picture is enlarged.
        for (rendition, (width, shown)) in
            thumbnail.renditions.iter().zip([(160, 160), (1000, 640)])
        {
            let key = format!("thumbnails/a/clip_{number}_{width}.jpg");
            assert_eq!((&rendition.key, rendition.width), (&key, shown));
            listed.push(key);
        }
        assert_eq!(thumbnail.renditions.len(), 2);
    }
    let mut there = keys(&stack, "thumbnails/").await?;
    there.sort();
    listed.sort();
    assert_eq!(there, listed);

    // The same again is no work; without one of the further pictures it is.
    send(&stack, key).await?;
    worker.logged("already done").await?;
    queue_is_empty(&stack).await?;
    let lost = "thumbnails/a/clip_2_160.jpg";
    let delete = stack.s3().delete_object().bucket(stack.bucket());
    delete.key(lost).send().await?;
    send(&stack, key).await?;
    until("the lost picture", || get(&stack, lost)).await?;
    queue_is_empty(&stack).await?;
    drop(worker);

    // And so are other widths.
    let _worker = Worker::start(&stack, with("320")).await?;
    send(&stack, key).await?;
    until("a manifest of one width", async || {
        let newest = manifest(&stack, "thumbnails/a/clip.json").await?;
        Ok(newest.thumbnails[0].renditions.is_empty().then_some(()))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_reach_the_pictures() -> Result<()> {
    let stack = stack(30).await?;
    let clip = Clip::new("mp4").make()?;
    let options = WorkerOptions {
        env: vec![
            ("THUMBNAIL_POSITIONS", "1s,50%".to_owned()),
            ("THUMBNAIL_MAX_WIDTH", "160".to_owned()),
            ("THUMBNAIL_FORMAT", "webp".to_owned()),
            ("S3_THUMBNAIL_PREFIX", "pictures".to_owned()),
            ("LOG_FORMAT", "text".to_owned()),
        ],
        ..WorkerOptions::default()
    };
    let worker = Worker::spawn(&stack, options)?;
    upload_file(&stack, "uploads/small.mp4", &clip).await?;
    let manifest = manifest(&stack, "pictures/small.json").await?;
    let thumbnails = &manifest.thumbnails;
    assert_eq!(thumbnails.len(), 2);
    assert_eq!((thumbnails[0].width, thumbnails[0].height), (160, 90));
    assert!((thumbnails[0].target_s - 1.0).abs() < 0.001);
    let picture = get(&stack, "pictures/small_2.webp")
        .await?
        .expect("a picture");
    assert_eq!(picture.content_type, "image/webp");
    assert_eq!(&picture.body[8..12], b"WEBP");
    assert!(worker.raw_log().contains("INFO"), "text lines");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_best_frames_and_a_cover_are_made_and_judged() -> Result<()> {
    let stack = stack(30).await?;
    let options = WorkerOptions {
        env: vec![
            ("THUMBNAIL_PICK", "best".to_owned()),
            ("THUMBNAIL_COVER", "on".to_owned()),
            ("THUMBNAIL_WIDTHS", "320,160".to_owned()),
        ],
        ..WorkerOptions::default()
    };
    let worker = Worker::start(&stack, options).await?;
    let etag = upload_file(&stack, "uploads/film.mp4", &Clip::new("mp4").make()?).await?;
    let made = manifest(&stack, "thumbnails/film.json").await?;
    check(&stack, &made, "uploads/film.mp4", &etag).await?;
    assert_eq!(made.thumbnails.len(), 3);
    let cover = made.cover.as_ref().context("a cover")?;
    assert_eq!(cover.key, "thumbnails/film_cover.jpg");
    assert_eq!(cover.renditions[0].key, "thumbnails/film_cover_160.jpg");
    assert!(cover.candidates.len() > 1, "{cover:?}");
    for thumbnail in made.thumbnails.iter().chain([cover]) {
        let score = thumbnail.score.context("a score")?;
        let at = |it: &&ManifestCandidate| (it.time_s - thumbnail.actual_s).abs() < 1e-6;
        if let Some(winner) = thumbnail.candidates.iter().find(at) {
            // The best one of all may show what another picture shows.
            let best = thumbnail.candidates.iter().map(|it| it.score);
            assert!(
                best.fold(0.0, f64::max) <= winner.score * 2.0,
                "{thumbnail:?}"
            );
        }
        assert!((0.0..=1.0).contains(&score), "{score}");
    }
    queue_is_empty(&stack).await?;

    // A cover that is lost is made again, and one that is there is not.
    let lost = &cover.key;
    let delete = stack.s3().delete_object().bucket(stack.bucket()).key(lost);
    delete.send().await?;
    send(&stack, "uploads/film.mp4").await?;
    until("the lost cover", || get(&stack, lost)).await?;
    queue_is_empty(&stack).await?;
    send(&stack, "uploads/film.mp4").await?;
    worker.logged("already done").await?;
    Ok(())
}
