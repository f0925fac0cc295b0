//! Storyboards of the bucket, as players get them.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use devstack::{Stack, media::Clip};
use serde_json::{Value, json};
use thumbcore::{
    Extractor, FileSource,
    storyboard::{Index, StoryboardRequest, json as index_json},
};

use crate::support::{Api, manifest, put, stack};

/// Puts what a worker would: the storyboard of `path`, four tiles a sheet, and a manifest that
/// names it.
async fn publish(stack: &Stack, name: &str, path: &Path) -> Result<Vec<Vec<u8>>> {
    let extractor = Extractor::builder().build()?;
    let video = extractor
        .open(Arc::new(FileSource::open(path).await?))
        .await?;
    let request = StoryboardRequest::new()
        .interval(Duration::from_secs(1))
        .tile_width(64)
        .grid(2, 2);
    let mut storyboard = video.storyboard(&request)?;
    let mut index = Index::new(storyboard.layout().clone());
    let (mut keys, mut sheets) = (Vec::new(), Vec::new());
    let folder = format!("thumbnails/{name}.storyboard");
    while let Some(sheet) = storyboard.next_sheet().await? {
        let key = format!("{folder}/{}", index.layout().file_name(sheet.number));
        put(stack, &key, sheet.image.to_vec()).await?;
        keys.push(key);
        sheets.push(sheet.image.to_vec());
        index.push(&sheet);
    }
    let text = index_json::write(&index, |sheet| index.layout().file_name(sheet));
    let index = format!("{folder}/index.json");
    put(stack, &index, text).await?;
    let mut manifest = manifest(name);
    manifest["storyboard"] = json!({
        "settings": "b", "sheets": keys, "files": [index], "bytes": 1,
        "cost": {"bytesFetched": 1, "requests": 1, "cpuMs": 1},
    });
    put(
        stack,
        &format!("thumbnails/{name}.json"),
        manifest.to_string(),
    )
    .await?;
    Ok(sheets)
}

/// What a URL gives, to someone without credentials.
async fn fetched(url: &str) -> Result<Vec<u8>> {
    let answer = reqwest::get(url).await?.error_for_status()?;
    Ok(answer.bytes().await?.to_vec())
}

#[tokio::test(flavor = "multi_thread")]
async fn players_get_their_file_and_the_sheets() -> Result<()> {
    let stack = stack().await?;
    let sheets = publish(&stack, "a b", &Clip::new("mp4").make()?).await?;
    let api = Api::start(&stack, &[]).await?;
    for (file, media_type, urls) in [
        ("vtt", "text/vtt", 10),
        ("m3u8", "application/vnd.apple.mpegurl", 3),
        ("mpd", "application/dash+xml", 3),
        ("json", "application/json", 3),
    ] {
        let path = format!("/api/videos/uploads/a%20b.mp4/storyboard.{file}");
        let answer = api.get(&path).await?;
        assert_eq!(answer.status, 200, "{file}: {}", answer.text);
        assert!(
            answer.header("content-type").starts_with(media_type),
            "{file}"
        );
        assert_eq!(
            answer.text.matches("X-Amz-Signature").count(),
            urls,
            "{file}"
        );
    }

    let vtt = api
        .get("/api/videos/thumbnails/a%20b/storyboard.vtt")
        .await?
        .text;
    let cues: Vec<_> = vtt.lines().filter(|line| line.contains("#xywh=")).collect();
    for (cue, sheet) in [(0, 0), (4, 1), (9, 2)] {
        let (url, _) = cues[cue].split_once('#').context("no fragment")?;
        assert!(fetched(url).await? == sheets[sheet], "{cue}");
    }
    let json = api
        .json("/api/videos/uploads/a%20b.mp4/storyboard.json")
        .await?;
    let url = json["sheets"][1]["file"].as_str().context("no sheet")?;
    assert!(fetched(url).await? == sheets[1]);
    assert_eq!(json["tiles"].as_array().context("no tiles")?.len(), 10);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_video_without_one_says_why() -> Result<()> {
    let stack = stack().await?;
    let named = |name: &str, storyboard: Value| {
        let mut manifest = manifest(name);
        manifest["storyboard"] = storyboard;
        (format!("thumbnails/{name}.json"), manifest.to_string())
    };
    let made = |sheets: &[&str], files: &[&str]| {
        json!({"settings": "b", "sheets": sheets, "files": files, "bytes": 1,
               "cost": {"bytesFetched": 1, "requests": 1, "cpuMs": 1}})
    };
    let mut failed = made(&[], &[]);
    failed["failure"] = json!({"kind": "invalid", "message": "sheets too wide"});
    put(&stack, "thumbnails/text", "no index").await?;
    for (key, body) in [
        named("failed", failed),
        named(
            "foreign",
            made(&["uploads/secret.mp4"], &["thumbnails/text"]),
        ),
        named("damaged", made(&[], &["thumbnails/text"])),
        named("gone", made(&[], &["thumbnails/gone"])),
    ] {
        put(&stack, &key, body).await?;
    }
    let api = Api::start(&stack, &[]).await?;
    for (name, status, word) in [
        ("failed", 404, "sheets too wide"),
        ("absent", 404, "no video"),
        ("foreign", 502, "outside the thumbnail prefix"),
        ("damaged", 502, "not the index"),
        ("gone", 502, "it is gone"),
    ] {
        let path = format!("/api/videos/uploads/{name}.mp4/storyboard.vtt");
        let detail = api.get(&path).await?.problem(status)?;
        assert!(detail.contains(word), "{name}: {detail}");
    }
    // A name may end as the path of a storyboard does.
    let video = manifest("x/storyboard").to_string();
    put(&stack, "thumbnails/x/storyboard.json", video).await?;
    let video = api.json("/api/videos/thumbnails/x/storyboard.json").await?;
    assert_eq!(video["sourceKey"], "uploads/x/storyboard.mp4");
    Ok(())
}
