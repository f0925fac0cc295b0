//! What people have chosen survives deliveries that repeat, settings that change, and races.

use std::sync::Arc;

use anyhow::{Context, Result};
use contract::{Manifest, ManifestChoice, PictureName, metadata};
use devstack::{Stack, media::Clip};
use thumbcore::{Extractor, FileSource, Position};

use crate::support::{
    Output, Proxy, Worker, WorkerOptions, check, get, manifest, queue_is_empty, send, stack, until,
    upload_file,
};

const VIDEO: &str = "uploads/clip.mp4";
const MANIFEST: &str = "thumbnails/clip.json";

fn options(widths: &str) -> WorkerOptions {
    let env = [("THUMBNAIL_WIDTHS", widths), ("THUMBNAIL_COVER", "on")];
    WorkerOptions {
        env: env.map(|(name, value)| (name, value.to_owned())).into(),
        ..WorkerOptions::default()
    }
}

async fn output(stack: &Stack, key: &str) -> Result<Output> {
    get(stack, key).await?.context(key.to_owned())
}

/// Writes a choice into the manifest, as the API does before it replaces the pictures.
async fn choose(stack: &Stack, name: PictureName, time_s: f64) -> Result<Manifest> {
    let mut manifest = manifest(stack, MANIFEST).await?;
    let picture = manifest.picture_mut(name).context("no picture")?;
    picture.choice = Some(ManifestChoice {
        time_s,
        by: "token".to_owned(),
        at: "2026-01-02T03:04:05.678Z".to_owned(),
        instead_of: picture.workers_pick(),
    });
    picture.pending = true;
    let put = stack.s3().put_object().bucket(stack.bucket()).key(MANIFEST);
    let put = put.set_metadata(Some(metadata::of_manifest(&manifest)));
    put.body(serde_json::to_vec(&manifest)?.into())
        .send()
        .await?;
    Ok(manifest)
}

/// What the clip shows at a time, in one width.
async fn frame(time_s: f64, width: u32) -> Result<Vec<u8>> {
    let extractor = Extractor::builder()
        .positions([Position::Time(std::time::Duration::from_secs_f64(time_s))])
        .widths([width])
        .exact(true)
        .build()?;
    let source = FileSource::open(Clip::new("mp4").make()?).await?;
    let extraction = extractor.extract(Arc::new(source)).await?;
    Ok(extraction.thumbnails[0].image().to_vec())
}

/// The manifest once nothing is pending.
async fn whole(stack: &Stack) -> Result<Manifest> {
    until("the choice is complete", async || {
        let manifest = manifest(stack, MANIFEST).await?;
        Ok(manifest.is_whole().then_some(manifest))
    })
    .await
}

/// Checks that a picture is the frame that was chosen, and all of the manifest's.
async fn check_choice(
    stack: &Stack,
    now: &Manifest,
    (name, time_s): (PictureName, f64),
) -> Result<()> {
    check(stack, now, VIDEO, &now.source_etag).await?;
    let picture = now.picture(name).context("no picture")?;
    let choice = picture.choice.as_ref().context("no choice")?;
    assert_eq!((choice.time_s, choice.by.as_str()), (time_s, "token"));
    assert!((picture.actual_s - time_s).abs() < 0.1, "{picture:?}");
    let first = (&picture.key, picture.width);
    let further = picture.renditions.iter().map(|it| (&it.key, it.width));
    for (key, width) in [first].into_iter().chain(further) {
        let body = output(stack, key).await?.body;
        assert!(
            body == frame(time_s, width).await?,
            "{key} is another frame"
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_choice_that_ended_half_way_is_completed_and_repeats_keep_it() -> Result<()> {
    let stack = stack(30).await?;
    let worker = Worker::start(&stack, options("320,160")).await?;
    upload_file(&stack, VIDEO, &Clip::new("mp4").make()?).await?;
    let before = manifest(&stack, MANIFEST).await?;
    queue_is_empty(&stack).await?;
    let second = PictureName::Number(2);
    choose(&stack, second, 7.3).await?;
    choose(&stack, PictureName::Cover, 1.2).await?;
    send(&stack, VIDEO).await?;
    let after = whole(&stack).await?;
    check_choice(&stack, &after, (second, 7.3)).await?;
    check_choice(&stack, &after, (PictureName::Cover, 1.2)).await?;
    let choice = after.thumbnails[1].choice.as_ref().context("no choice")?;
    assert_eq!(choice.instead_of, before.thumbnails[1].workers_pick());
    assert_eq!(after.thumbnails[0], before.thumbnails[0]);
    queue_is_empty(&stack).await?;

    // A message that repeats finds it done.
    let written = output(&stack, MANIFEST).await?.last_modified;
    send(&stack, VIDEO).await?;
    worker.logged("already done").await?;
    queue_is_empty(&stack).await?;
    assert_eq!(output(&stack, MANIFEST).await?.last_modified, written);

    // So does one after a picture was lost, once it is there again.
    let lost = &after.thumbnails[0].key;
    let delete = stack.s3().delete_object().bucket(stack.bucket());
    delete.key(lost).send().await?;
    send(&stack, VIDEO).await?;
    until("the lost picture", || get(&stack, lost)).await?;
    queue_is_empty(&stack).await?;
    check_choice(&stack, &whole(&stack).await?, (second, 7.3)).await?;
    drop(worker);

    // Other settings make other pictures, of the same frames.
    let _worker = Worker::start(&stack, options("200,100")).await?;
    send(&stack, VIDEO).await?;
    let narrow = until("narrower pictures", async || {
        let now = manifest(&stack, MANIFEST).await?;
        Ok((now.thumbnails[0].width == 200).then_some(now))
    })
    .await?;
    check_choice(&stack, &narrow, (second, 7.3)).await?;
    check_choice(&stack, &narrow, (PictureName::Cover, 1.2)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_choice_while_a_worker_publishes_is_not_lost() -> Result<()> {
    let stack = stack(30).await?;
    let key = "thumbnails/clip_3.jpg";
    let first = Worker::start(&stack, options("320")).await?;
    upload_file(&stack, VIDEO, &Clip::new("mp4").make()?).await?;
    manifest(&stack, MANIFEST).await?;
    queue_is_empty(&stack).await?;
    drop(first);
    let delete = stack.s3().delete_object().bucket(stack.bucket());
    delete.key(key).send().await?;

    // The worker has read a manifest without a choice when its pictures go up.
    let proxy = Proxy::holding_writes(&stack, key, 0).await?;
    let worker = WorkerOptions {
        endpoint: Some(proxy.endpoint()),
        ..options("320")
    };
    let worker = Worker::start(&stack, worker).await?;
    send(&stack, VIDEO).await?;
    proxy.held().await?;
    let second = PictureName::Number(2);
    choose(&stack, second, 7.3).await?;
    proxy.release();
    let after = whole(&stack).await?;
    check_choice(&stack, &after, (second, 7.3)).await?;
    let again = "the manifest was written meanwhile; the pictures go up again";
    worker.logged(again).await?;
    queue_is_empty(&stack).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_choice_holds_for_its_version_of_the_video() -> Result<()> {
    let stack = stack(30).await?;
    let worker = Worker::start(&stack, options("320")).await?;
    upload_file(&stack, VIDEO, &Clip::new("mp4").make()?).await?;
    manifest(&stack, MANIFEST).await?;
    queue_is_empty(&stack).await?;
    let second = PictureName::Number(2);
    choose(&stack, second, 7.3).await?;
    send(&stack, VIDEO).await?;
    check_choice(&stack, &whole(&stack).await?, (second, 7.3)).await?;

    // The same bytes are the same version.
    upload_file(&stack, VIDEO, &Clip::new("mp4").make()?).await?;
    worker.logged("already done").await?;
    queue_is_empty(&stack).await?;
    check_choice(&stack, &whole(&stack).await?, (second, 7.3)).await?;

    let other = Clip {
        width: 320,
        height: 240,
        ..Clip::new("mp4")
    };
    let etag = upload_file(&stack, VIDEO, &other.make()?).await?;
    let newer = until("the new version", async || {
        let now = manifest(&stack, MANIFEST).await?;
        Ok((now.source_etag == etag).then_some(now))
    })
    .await?;
    check(&stack, &newer, VIDEO, &etag).await?;
    assert!(
        newer
            .pictures()
            .all(|(_, picture)| picture.choice.is_none())
    );
    Ok(())
}
