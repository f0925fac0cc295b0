//! Storyboards and previews: made after the pictures, and only what of them is missing.

use anyhow::{Context, Result};
use aws_sdk_s3::primitives::ByteStream;
use contract::Manifest;
use devstack::{Stack, media::Clip, oracle};
use serde_json::Value;

use crate::support::{
    Output, Worker, WorkerOptions, check, dlq_depth, get, keys, manifest, queue_is_empty, send,
    stack, until, upload_file,
};

/// A tile a second, four a sheet, and a preview.
fn options(more: &[(&'static str, &str)]) -> WorkerOptions {
    let settings = [
        ("STORYBOARD", "vtt,hls,dash"),
        ("STORYBOARD_INTERVAL", "1s"),
        ("STORYBOARD_TILE_WIDTH", "64"),
        ("STORYBOARD_GRID", "2x2"),
        ("PREVIEW", "webp"),
    ];
    let env = settings.iter().chain(more);
    WorkerOptions {
        dlq: true,
        env: env
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect(),
        ..WorkerOptions::default()
    }
}

/// The manifest of `clip.mp4`, once it tells of everything.
async fn complete(stack: &Stack) -> Result<Manifest> {
    until("storyboard and preview", async || {
        let manifest = manifest(stack, "thumbnails/clip.json").await?;
        let is_complete = manifest.storyboard.is_some() && manifest.preview.is_some();
        Ok(is_complete.then_some(manifest))
    })
    .await
}

async fn output(stack: &Stack, key: &str) -> Result<Output> {
    get(stack, key).await?.context(key.to_owned())
}

/// Replaces what an object holds, and nothing else of it.
async fn replace(stack: &Stack, key: &str, body: Vec<u8>) -> Result<()> {
    let metadata = output(stack, key).await?.metadata;
    let put = stack.s3().put_object().bucket(stack.bucket()).key(key);
    let put = put.set_metadata(Some(metadata));
    put.body(ByteStream::from(body)).send().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_playlist_of_keyframes_names_the_video_s_own_bytes() -> Result<()> {
    let stack = stack(30).await?;
    let _worker = Worker::start(&stack, options(&[])).await?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("clip.mp4");
    let clip = Clip::new("mp4").make()?;
    let mut command = std::process::Command::new("ffmpeg");
    command.args(["-nostdin", "-v", "error", "-i"]).arg(clip);
    command.args(["-c", "copy", "-movflags", "frag_keyframe+empty_moov"]);
    anyhow::ensure!(command.arg(&file).status()?.success(), "ffmpeg");
    let key = "uploads/clip.mp4";
    upload_file(&stack, key, &file).await?;
    let storyboard = complete(&stack).await?.storyboard.context("a storyboard")?;
    let named = |name: &str| format!("thumbnails/clip.storyboard/{name}");
    for name in ["master.m3u8", "iframes.m3u8"] {
        assert!(storyboard.files.contains(&named(name)), "{storyboard:?}");
    }
    let master = output(&stack, &named("master.m3u8")).await?;
    assert_eq!(master.content_type, "application/vnd.apple.mpegurl");
    let master = String::from_utf8(master.body)?;
    assert!(master.contains(r#"URI="iframes.m3u8""#), "{master}");
    let iframes = String::from_utf8(output(&stack, &named("iframes.m3u8")).await?.body)?;
    let mut lines = iframes.lines();
    let range = lines
        .by_ref()
        .find_map(|line| line.strip_prefix("#EXT-X-BYTERANGE:"));
    assert_eq!(lines.next(), Some("../../uploads/clip.mp4"));
    // The range is a fragment of the video, whose box is named behind its length.
    let (_, start) = range.and_then(|it| it.split_once('@')).context("a range")?;
    let start: usize = start.parse()?;
    assert_eq!(&std::fs::read(&file)?[start + 4..start + 8], b"moof");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn storyboard_and_preview_follow_the_pictures() -> Result<()> {
    let stack = stack(30).await?;
    let worker = Worker::start(&stack, options(&[])).await?;
    let key = "uploads/clip.mp4";
    let etag = upload_file(&stack, key, &Clip::new("mp4").make()?).await?;
    let made = complete(&stack).await?;
    queue_is_empty(&stack).await?;
    check(&stack, &made, key, &etag).await?;
    let log = (*worker).log();
    let messages = log.iter().filter_map(|line| line["message"].as_str());
    let published: Vec<_> = messages.filter(|it| it.ends_with("published")).collect();
    assert_eq!(
        published,
        ["thumbnails published", "published", "published"]
    );

    let storyboard = made.storyboard.context("a storyboard")?;
    assert_eq!(storyboard.failure, None);
    let preview = made.preview.context("a preview")?;
    let picture = preview.picture.context("a picture")?;
    let mut named = storyboard.sheets.clone();
    named.extend(storyboard.files.clone());
    named.push(picture.key.clone());
    named.extend(made.thumbnails.iter().map(|it| it.key.clone()));
    named.push("thumbnails/clip.json".to_owned());
    named.sort();
    let mut stored = keys(&stack, "thumbnails/").await?;
    stored.sort();
    assert_eq!(stored, named);

    let mut bytes = 0;
    for sheet in &storyboard.sheets {
        let sheet = output(&stack, sheet).await?;
        assert_eq!(sheet.content_type, "image/jpeg");
        assert_eq!(sheet.metadata["source-etag"], etag);
        let file = tempfile::Builder::new().suffix(".jpg").tempfile()?;
        std::fs::write(file.path(), &sheet.body)?;
        let facts = oracle::probe(file.path())?;
        assert_eq!((facts.width, facts.height), (128, 72));
        bytes += sheet.body.len() as u64;
    }
    assert_eq!((storyboard.sheets.len(), storyboard.bytes), (3, bytes));
    let vtt = output(&stack, "thumbnails/clip.storyboard/index.vtt").await?;
    assert_eq!(vtt.content_type, "text/vtt");
    let text = String::from_utf8(vtt.body)?;
    assert_eq!(text.matches("#xywh=").count(), 10);
    assert!(text.contains("\n2.jpg#xywh=64,0,64,36\n"), "{text}");
    let animation = output(&stack, &picture.key).await?;
    assert_eq!(animation.content_type, "image/webp");
    assert_eq!(animation.body.len() as u64, picture.bytes);
    assert_eq!(&animation.body[8..16], b"WEBPVP8X");

    // A repeated message changes nothing.
    let before = output(&stack, "thumbnails/clip.json").await?.etag;
    send(&stack, key).await?;
    worker.logged("already done").await?;
    queue_is_empty(&stack).await?;
    assert_eq!(output(&stack, "thumbnails/clip.json").await?.etag, before);
    assert_eq!(
        worker.metric("thumbnail_worker_storyboards_total").await?,
        1
    );
    assert_eq!(worker.metric("thumbnail_worker_previews_total").await?, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redelivery_makes_only_what_is_missing() -> Result<()> {
    let stack = stack(30).await?;
    let worker = Worker::start(&stack, options(&[])).await?;
    let key = "uploads/clip.mp4";
    upload_file(&stack, key, &Clip::new("mp4").make()?).await?;
    let made = complete(&stack).await?;
    queue_is_empty(&stack).await?;

    // As if the worker had been stopped after the second sheet.
    let index = "thumbnails/clip.storyboard/index.json";
    let mut partial: Value = serde_json::from_slice(&output(&stack, index).await?.body)?;
    partial["sheets"]
        .as_array_mut()
        .context("sheets")?
        .truncate(2);
    partial["tiles"]
        .as_array_mut()
        .context("tiles")?
        .truncate(8);
    replace(&stack, index, partial.to_string().into_bytes()).await?;
    let mut stopped = made.clone();
    stopped.storyboard = None;
    replace(
        &stack,
        "thumbnails/clip.json",
        serde_json::to_vec(&stopped)?,
    )
    .await?;
    let sheets = [0, 1, 2].map(|nth| format!("thumbnails/clip.storyboard/{nth}.jpg"));
    let preview = made.preview.clone().and_then(|preview| preview.picture);
    let preview = preview.context("a preview")?.key;
    for key in sheets.iter().chain([&preview]) {
        replace(&stack, key, b"as it was".to_vec()).await?;
    }

    send(&stack, key).await?;
    let again = complete(&stack).await?;
    queue_is_empty(&stack).await?;
    let left = |body: &[u8]| body == b"as it was";
    let mut were_left = Vec::new();
    for key in sheets.iter().chain([&preview]) {
        were_left.push(left(&output(&stack, key).await?.body));
    }
    assert_eq!(were_left, [true, true, false, true]);
    let (before, after) = (
        made.storyboard.context("made")?,
        again.storyboard.context("again")?,
    );
    assert_eq!((after.sheets, after.bytes), (before.sheets, before.bytes));
    assert_eq!(worker.metric("thumbnail_worker_thumbnails_total").await?, 3);
    assert_eq!(worker.metric("thumbnail_worker_previews_total").await?, 1);

    // Another version of the video is another storyboard.
    let shorter = Clip {
        seconds: 5,
        ..Clip::new("mp4")
    };
    let etag = upload_file(&stack, key, &shorter.make()?).await?;
    let newer = until("the new version", async || {
        let newer = complete(&stack).await?;
        Ok((newer.source_etag == etag).then_some(newer))
    })
    .await?;
    assert_eq!(newer.storyboard.context("a newer one")?.sheets.len(), 2);
    let sheet = output(&stack, &sheets[0]).await?;
    assert!(!left(&sheet.body) && sheet.metadata["source-etag"] == etag);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storyboard_that_cannot_be_fails_alone() -> Result<()> {
    let stack = stack(30).await?;
    // Sheets wider than any format holds, which shows once the video's width is known.
    let wide = options(&[
        ("STORYBOARD_GRID", "100x1"),
        ("STORYBOARD_TILE_WIDTH", "640"),
    ]);
    let worker = Worker::start(&stack, wide).await?;
    let key = "uploads/clip.mp4";
    let etag = upload_file(&stack, key, &Clip::new("mp4").make()?).await?;
    let made = complete(&stack).await?;
    queue_is_empty(&stack).await?;
    check(&stack, &made, key, &etag).await?;
    let storyboard = made.storyboard.context("an entry")?;
    assert_eq!((storyboard.sheets.len(), storyboard.files.len()), (0, 0));
    let failure = storyboard.failure.context("a failure")?;
    assert_eq!(failure.kind, "invalid");
    assert!(failure.message.contains("grid"), "{}", failure.message);
    assert!(made.preview.context("a preview")?.picture.is_some());
    assert_eq!(dlq_depth(&stack).await?, 0);

    send(&stack, key).await?;
    worker.logged("already done").await?;
    queue_is_empty(&stack).await?;
    assert_eq!(
        worker
            .metric("thumbnail_worker_extras_failed_total")
            .await?,
        1
    );
    Ok(())
}
