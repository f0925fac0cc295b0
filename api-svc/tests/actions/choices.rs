//! A person's choice of a picture: kept, undone, raced for, and completed after a crash.

use std::{path::Path, sync::Arc};

use anyhow::{Context as _, Result, ensure};
use contract::{
    Manifest, ManifestRendition, ManifestThumbnail, MediaFacts, Origin, PictureName, Timings,
    metadata,
};
use devstack::{Stack, media::Clip, proxy::Proxy};
use futures::future::try_join_all;
use reqwest::Method;
use serde_json::{Value, json};
use thumbcore::{Extraction, Extractor, FileSource, Position, Thumbnail};

use crate::support::{Answer, Api, TOKEN, json as with_body, put, stack, until};

const VIDEO: &str = "uploads/a/clip.mp4";
const MANIFEST: &str = "thumbnails/a/clip.json";

/// Publishes a video's pictures in two widths, and a cover, as a worker does.
async fn publish(stack: &Stack, file: &Path) -> Result<Manifest> {
    let etag = put(stack, VIDEO, tokio::fs::read(file).await?).await?;
    let etag = metadata::bare_etag(&etag);
    let positions = [0.1, 0.5, 0.95].map(Position::Fraction);
    let extractor = Extractor::builder()
        .positions(positions.into_iter().chain([Position::Best]))
        .widths([320, 160])
        .build()?;
    let source = Arc::new(FileSource::open(file).await?);
    let extraction = extractor.extract(source).await?;
    let mut manifest = manifest(etag, &extraction);
    let names = ["1", "2", "3", "cover"];
    for (name, thumbnail) in names.iter().zip(&extraction.thumbnails) {
        let entry = entry(name, thumbnail);
        let metadata = metadata::of_picture((VIDEO, etag, "settings"), &entry);
        let keys = keys(&entry);
        for (key, rendition) in keys.iter().zip(&thumbnail.renditions) {
            let put = stack.s3().put_object().bucket(stack.bucket()).key(*key);
            let put = put.set_metadata(Some(metadata.clone()));
            put.body(rendition.image.clone().into()).send().await?;
        }
        match name.parse()? {
            PictureName::Number(_) => manifest.thumbnails.push(entry),
            PictureName::Cover => manifest.cover = Some(entry),
        }
    }
    write(stack, &manifest).await?;
    Ok(manifest)
}

async fn write(stack: &Stack, manifest: &Manifest) -> Result<()> {
    let put = stack.s3().put_object().bucket(stack.bucket()).key(MANIFEST);
    let put = put.set_metadata(Some(metadata::of_manifest(manifest)));
    put.body(serde_json::to_vec(manifest)?.into())
        .send()
        .await?;
    Ok(())
}

fn manifest(etag: &str, extraction: &Extraction) -> Manifest {
    let (media, stats) = (&extraction.media, &extraction.stats);
    Manifest {
        schema_version: contract::manifest::SCHEMA_VERSION,
        source_key: VIDEO.to_owned(),
        source_etag: etag.to_owned(),
        source_bytes: stats.source_bytes,
        settings: "settings".to_owned(),
        created_at: "2026-01-02T03:04:05Z".to_owned(),
        media: MediaFacts {
            container: media.container.as_str().to_owned(),
            codec: media.codec.as_str().to_owned(),
            width: media.width,
            height: media.height,
            duration_s: media.duration.map(|duration| duration.as_secs_f64()),
        },
        thumbnails: Vec::new(),
        cover: None,
        bytes_fetched: stats.bytes_fetched,
        requests: stats.requests,
        round_trips: stats.round_trips,
        reads: Vec::new(),
        timings: Timings {
            extract_ms: 1,
            cpu_ms: 1,
            upload_ms: 1,
        },
        storyboard: None,
        preview: None,
    }
}

fn entry(name: &str, thumbnail: &Thumbnail) -> ManifestThumbnail {
    let renditions = thumbnail.renditions.iter().map(|made| ManifestRendition {
        key: match made.width {
            320 => format!("thumbnails/a/clip_{name}.jpg"),
            width => format!("thumbnails/a/clip_{name}_{width}.jpg"),
        },
        width: made.width,
        height: made.height,
        bytes: made.image.len() as u64,
    });
    let renditions: Vec<_> = renditions.collect();
    ManifestThumbnail {
        key: renditions[0].key.clone(),
        target_s: thumbnail.target.as_secs_f64(),
        actual_s: thumbnail.actual.as_secs_f64(),
        width: renditions[0].width,
        height: renditions[0].height,
        bytes: renditions[0].bytes,
        origin: match thumbnail.origin {
            thumbcore::Origin::Keyframe => Origin::Keyframe,
            _ => Origin::Decoded,
        },
        score: Some(0.5),
        candidates: Vec::new(),
        renditions: renditions[1..].to_vec(),
        choice: None,
        pending: false,
    }
}

fn keys(picture: &ManifestThumbnail) -> [&str; 2] {
    [&picture.key, &picture.renditions[0].key]
}

/// An object's bytes, metadata and `ETag`.
async fn object(stack: &Stack, key: &str) -> Result<(Vec<u8>, Value, String)> {
    let get = stack.s3().get_object().bucket(stack.bucket()).key(key);
    let object = get.send().await.with_context(|| key.to_owned())?;
    let metadata = json!(object.metadata);
    let etag = object.e_tag.context("no ETag")?;
    Ok((object.body.collect().await?.to_vec(), metadata, etag))
}

async fn objects(stack: &Stack, picture: &ManifestThumbnail) -> Result<Vec<Vec<u8>>> {
    let all = keys(picture).map(|key| object(stack, key));
    let all = try_join_all(all).await?;
    Ok(all.into_iter().map(|(body, ..)| body).collect())
}

/// The manifest in the bucket, and its object's metadata.
async fn stored(stack: &Stack) -> Result<(Manifest, Value)> {
    let (body, metadata, _) = object(stack, MANIFEST).await?;
    Ok((serde_json::from_slice(&body)?, metadata))
}

async fn choose(api: &Api, picture: &str, time: impl Into<Value>) -> Result<Answer> {
    let path = format!("/api/videos/{VIDEO}/thumbnails/{picture}");
    let body = json!({"timeS": time.into()});
    Answer::of(with_body(api.request(Method::PUT, &path), &body)).await
}

async fn undo(api: &Api, picture: &str) -> Result<Answer> {
    api.delete(&format!("/api/videos/{VIDEO}/thumbnails/{picture}"))
        .await
}

/// The exact frame, as a person sees it before choosing.
async fn frame(api: &Api, time: f64, width: u32) -> Result<Vec<u8>> {
    let path = format!("/api/frame?key={VIDEO}&t={time}&w={width}");
    let answer = api.get(&path).await?;
    ensure!(answer.status == 200, "{answer:?}");
    Ok(answer.body)
}

/// The bodies of messages about the video, delayed ones too, once they are due.
async fn delayed(stack: &Stack) -> Result<u32> {
    let name = aws_sdk_sqs::types::QueueAttributeName::ApproximateNumberOfMessagesDelayed;
    let request = stack.sqs().get_queue_attributes();
    let request = request.queue_url(stack.queue_url());
    let answer = request.attribute_names(name.clone()).send().await?;
    let count = answer.attributes.unwrap_or_default();
    Ok(count.get(&name).context("no count")?.parse()?)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_sees_is_what_becomes_the_picture_and_undo_takes_it_back() -> Result<()> {
    let stack = stack().await?;
    let before = publish(&stack, &Clip::new("mp4").make()?).await?;
    let api = Api::start(&stack).await?;
    for (name, time) in [("2", 7.3), ("cover", 1.2), ("2", 3.1)] {
        let own = before.picture(name.parse()?).context("no picture")?;
        let answer = choose(&api, name, time).await?.json()?;
        let (after, about) = stored(&stack).await?;
        assert_eq!(about["settings"], "settings", "a whole manifest");
        let picture = after.picture(name.parse()?).context("no picture")?;
        let choice = picture.choice.as_ref().context("no choice")?;
        assert_eq!((choice.time_s, choice.by.as_str()), (time, "token"));
        assert_eq!(choice.instead_of, own.workers_pick());
        assert!((picture.actual_s - time).abs() < 0.1 && !picture.pending);
        assert!((picture.target_s - own.target_s).abs() < 1e-9);
        let now = objects(&stack, picture).await?;
        for (body, width) in now.iter().zip([320, 160]) {
            assert!(*body == frame(&api, time, width).await?, "another frame");
        }
        assert_eq!(picture.bytes, now[0].len() as u64);
        let (_, about, _) = object(&stack, &picture.key).await?;
        assert_eq!(about["source-etag"], before.source_etag);
        assert_eq!(about["settings"], "settings");
        assert_eq!(about["actual"], format!("{:.3}", picture.actual_s));

        // The answer tells the same, with URLs that no cache knows.
        let url = match name {
            "cover" => &answer["coverUrl"],
            _ => &answer["urls"][1],
        };
        let url = url.as_str().context("no URL")?;
        let revision = picture.revision().context("no revision")?;
        assert!(url.contains(&format!("x-revision={revision}")), "{url}");
        assert!(reqwest::get(url).await?.bytes().await? == now[0]);
    }
    // The others are as they were.
    let (after, _) = stored(&stack).await?;
    assert_eq!(after.thumbnails[0], before.thumbnails[0]);
    assert_eq!(after.thumbnails[2], before.thumbnails[2]);
    assert_eq!(delayed(&stack).await?, 3, "a message for each choice");

    let first = object(&stack, &before.thumbnails[0].key).await?.0;
    choose(&api, "1", 9.0).await?.json()?;
    let undone = undo(&api, "1").await?.json()?;
    let url = undone["urls"][0].as_str().context("no URL")?;
    assert!(!url.contains("x-revision"), "{url}");
    let (after, _) = stored(&stack).await?;
    assert_eq!(after.thumbnails[0], before.thumbnails[0]);
    assert!(object(&stack, &before.thumbnails[0].key).await?.0 == first);
    // Once is enough.
    let etag = object(&stack, MANIFEST).await?.2;
    undo(&api, "1").await?.json()?;
    assert_eq!(object(&stack, MANIFEST).await?.2, etag);
    let audit = api.audit("/api/videos/{*key}");
    let about = |line: &Value| line["about"].as_str().map(str::to_owned);
    let expected = format!("picture 2 of {VIDEO} at 7.3 s");
    assert_eq!(about(&audit[0]).context("no subject")?, expected);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_instance_shows_the_new_picture() -> Result<()> {
    let stack = stack().await?;
    publish(&stack, &Clip::new("mp4").make()?).await?;
    let env = [("API_TOKEN", TOKEN), ("SAMPLE_INTERVAL_MS", "200")];
    let (one, other) =
        tokio::try_join!(Api::start_with(&stack, &env), Api::start_with(&stack, &env))?;
    let pictures = async |api: &Api| {
        let list = api.get("/api/thumbnails").await?.json()?;
        let list = list.as_array().context("no list")?.clone();
        let facts = list.into_iter().map(|it| {
            (
                it["key"].to_string(),
                it["url"].to_string(),
                it["lastModified"].to_string(),
            )
        });
        anyhow::Ok(facts.collect::<Vec<_>>())
    };
    let before = until("both know the video", async || {
        let (one, other) = (pictures(&one).await?, pictures(&other).await?);
        Ok((one.len() == 3 && one == other).then_some(one))
    })
    .await?;
    // In the cache of the other one.
    other.get(&format!("/api/videos/{VIDEO}")).await?.json()?;
    choose(&one, "3", 2.2).await?.json()?;
    let changed = |list: &[(String, String, String)]| {
        list.iter().filter(|it| it.1.contains("x-revision")).count() == 1
    };
    let after = until("both show it", async || {
        let (one, other) = (pictures(&one).await?, pictures(&other).await?);
        let urls = |list: &[(String, String, String)]| -> Vec<_> {
            list.iter().map(|it| it.1.clone()).collect()
        };
        let agree = changed(&one) && urls(&one) == urls(&other);
        Ok(agree.then_some(one))
    })
    .await?;
    // What was not replaced keeps its URL and its time.
    for picture in &before {
        let same = after.iter().find(|it| it.0 == picture.0);
        let is_replaced = picture.0.contains("clip_3");
        assert_eq!(same != Some(picture), is_replaced, "{picture:?} {same:?}");
    }
    let seen = other.get(&format!("/api/videos/{VIDEO}")).await?.json()?;
    assert_eq!(seen["thumbnails"][2]["choice"]["timeS"], 2.2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn people_who_choose_at_once_leave_what_the_manifest_says() -> Result<()> {
    let stack = stack().await?;
    publish(&stack, &Clip::new("mp4").make()?).await?;
    let (one, other) = tokio::try_join!(Api::start(&stack), Api::start(&stack))?;
    let choices = (0..8).map(|n| {
        let api = if n % 2 == 0 { &one } else { &other };
        let picture = ["1", "2", "3", "cover"][n / 2];
        choose(api, picture, 1.0 + n as f64)
    });
    let mut done = 0;
    for answer in try_join_all(choices).await? {
        // Somebody came later, or all the time.
        if ![409, 503].contains(&answer.status.as_u16()) {
            answer.json()?;
            done += 1;
        }
    }
    assert!(done >= 4, "{done} of 8");
    let (after, about) = stored(&stack).await?;
    assert!(after.is_whole(), "{after:?}");
    assert_eq!(about["settings"], "settings");
    for (name, picture) in after.pictures() {
        let choice = picture
            .choice
            .as_ref()
            .with_context(|| format!("{name}: no choice"))?;
        let bodies = objects(&stack, picture).await?;
        for (body, width) in bodies.iter().zip([320, 160]) {
            let chosen = frame(&one, choice.time_s, width).await?;
            assert!(
                *body == chosen,
                "{name}: not the frame of {} s",
                choice.time_s
            );
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_half_way_is_told_and_the_next_one_completes_it() -> Result<()> {
    let stack = stack().await?;
    let before = publish(&stack, &Clip::new("mp4").make()?).await?;
    let proxy = Proxy::counting(&stack).await?;
    // The second width never gets there.
    let put = format!("PUT /{}/{}", stack.bucket(), keys(&before.thumbnails[1])[1]);
    proxy.ignore(&[&put]);
    let endpoint = proxy.endpoint();
    let env = [
        ("API_TOKEN", TOKEN),
        ("AWS_ENDPOINT_URL", endpoint.as_str()),
    ];
    let dying = Api::start_with(&stack, &env).await?;
    let waiting = choose(&dying, "2", 7.3);
    let replaced = until("the first width is replaced", async || {
        let now = objects(&stack, &before.thumbnails[1]).await?;
        Ok((now[0].len() as u64 != before.thumbnails[1].bytes).then_some(now))
    });
    let replaced = tokio::select! {
        answer = waiting => anyhow::bail!("{answer:?}"),
        replaced = replaced => replaced?,
    };
    drop(dying);
    assert_eq!(
        replaced[1].len() as u64,
        before.thumbnails[1].renditions[0].bytes
    );
    let (marked, about) = stored(&stack).await?;
    assert!(marked.thumbnails[1].pending && !marked.is_whole());
    assert_eq!(
        about["settings"],
        Value::Null,
        "workers take it for unfinished"
    );
    assert_eq!(delayed(&stack).await?, 1, "and will be told of it");

    let api = Api::start(&stack).await?;
    choose(&api, "2", 7.3).await?.json()?;
    let (after, about) = stored(&stack).await?;
    assert!(after.is_whole());
    assert_eq!(about["settings"], "settings");
    let choice = after.thumbnails[1].choice.as_ref().context("no choice")?;
    assert_eq!(choice.instead_of, before.thumbnails[1].workers_pick());
    let now = objects(&stack, &after.thumbnails[1]).await?;
    assert!(now[1] == frame(&api, 7.3, 160).await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_chosen_is_refused_and_changes_nothing() -> Result<()> {
    let stack = stack().await?;
    let mut manifest = publish(&stack, &Clip::new("mp4").make()?).await?;
    let api = Api::start(&stack).await?;
    let etag = object(&stack, MANIFEST).await?.2;
    let body = json!({"timeS": 1.0});
    let path = format!("/api/videos/{VIDEO}/thumbnails/1");
    let bare = with_body(api.bare(Method::PUT, &path), &body);
    Answer::of(bare).await?.problem(401)?;
    let bare = api.bare(Method::DELETE, &path);
    Answer::of(bare).await?.problem(401)?;
    for (picture, time, status) in [
        ("9", json!(1.0), 404),
        ("0", json!(1.0), 405),
        ("1", json!(-1.0), 422),
        ("1", json!(1e300), 422),
        ("1", json!("soon"), 422),
        ("1", json!(null), 422),
        ("1", json!(11.5), 422),
    ] {
        choose(&api, picture, time).await?.problem(status)?;
    }
    undo(&api, "9").await?.problem(404)?;
    let other = "/api/videos/uploads/b.mp4/thumbnails/1";
    let unknown = Answer::of(with_body(api.request(Method::PUT, other), &body)).await?;
    unknown.problem(404)?;
    assert_eq!(object(&stack, MANIFEST).await?.2, etag);

    // Another version of the video, whose pictures no worker has made yet.
    let newer = Clip {
        width: 320,
        height: 240,
        ..Clip::new("mp4")
    };
    put(&stack, VIDEO, tokio::fs::read(newer.make()?).await?).await?;
    choose(&api, "1", 1.0).await?.problem(409)?;
    assert_eq!(object(&stack, MANIFEST).await?.2, etag);

    // A manifest that names what is none of its own.
    manifest.thumbnails[0].key = VIDEO.to_owned();
    write(&stack, &manifest).await?;
    choose(&api, "1", 1.0).await?.problem(502)?;
    Ok(())
}
