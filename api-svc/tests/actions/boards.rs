//! Storyboards on demand, of videos that have none in the bucket.

use std::time::Duration;

use anyhow::{Context as _, Result};
use devstack::{media::Clip, oracle};
use reqwest::Method;

use crate::support::{Answer, Api, Counter, TOKEN, put, stack};

const BOARD: &str = "/api/videos/uploads/a%20b.mp4/storyboard.";

#[tokio::test(flavor = "multi_thread")]
async fn a_video_without_a_storyboard_gets_one_of_one_sheet() -> Result<()> {
    let stack = stack().await?;
    let file = Clip::new("mp4").make()?;
    put(&stack, "uploads/a b.mp4", tokio::fs::read(&file).await?).await?;
    let counter = Counter::start(&stack, Duration::ZERO).await?;
    let env = [
        ("API_TOKEN", TOKEN),
        ("AWS_ENDPOINT_URL", counter.endpoint.as_str()),
    ];
    let api = Api::start_with(&stack, &env).await?;

    let index = api.get(&format!("{BOARD}json")).await?.json()?;
    let sheets = index["sheets"].as_array().context("no sheets")?;
    assert_eq!(sheets.len(), 1);
    assert_eq!(sheets[0]["file"], "storyboard.jpg");
    let tiles = index["tiles"].as_array().context("no tiles")?;
    assert_eq!(tiles.len(), 10, "one a second");

    counter.take();
    for (file, media_type, names) in [
        ("vtt", "text/vtt", 10),
        ("m3u8", "application/vnd.apple.mpegurl", 1),
        ("mpd", "application/dash+xml", 1),
    ] {
        let answer = api.get(&format!("{BOARD}{file}")).await?;
        assert_eq!(answer.status, 200, "{file}: {answer:?}");
        assert!(answer.header("content-type").starts_with(media_type));
        let text = String::from_utf8(answer.body)?;
        assert_eq!(text.matches("storyboard.jpg").count(), names, "{text}");
    }
    let sheet = api.get(&format!("{BOARD}jpg")).await?;
    assert_eq!(sheet.header("content-type"), "image/jpeg");
    assert_eq!(counter.take(), 0, "what is in the cache was read again");

    let sheet = image::load_from_memory(&sheet.body)?.to_rgb8();
    let number = |value: &serde_json::Value| value.as_u64().context("no number");
    let width = number(&index["tile"]["width"])? as u32;
    let height = number(&index["tile"]["height"])? as u32;
    for tile in tiles {
        let (x, y) = (number(&tile["x"])? as u32, number(&tile["y"])? as u32);
        let ours = image::imageops::crop_imm(&sheet, x, y, width, height).to_image();
        let at = tile["actual_s"].as_f64().context("no time")?;
        let theirs = oracle::frame_at(&file, at, width, height)?;
        let ssim = oracle::ssim(&ours, &theirs);
        assert!(ssim > 0.85, "{ssim} at {at} s");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_not_act_has_no_storyboard_made() -> Result<()> {
    let stack = stack().await?;
    let api = Api::start(&stack).await?;
    for (key, file) in [("a.mp4", "vtt"), ("a.mp4", "jpg"), ("absent.mp4", "json")] {
        let path = format!("/api/videos/uploads/{key}/storyboard.{file}");
        Answer::of(api.bare(Method::GET, &path))
            .await?
            .problem(401)?;
    }
    let audit = api.audit("/api/videos/{*key}");
    assert_eq!(audit.len(), 3, "{audit:?}");
    assert!(audit.iter().all(|line| line["status"] == 401), "{audit:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_no_storyboard_says_why() -> Result<()> {
    let stack = stack().await?;
    let api = Api::start(&stack).await?;
    put(&stack, "uploads/text.mp4", "no video at all, just text").await?;
    put(&stack, "thumbnails/a.mp4", "another prefix").await?;
    for (key, status) in [
        ("uploads/text.mp4", 422),
        ("uploads/absent.mp4", 404),
        ("thumbnails/a.mp4", 400),
    ] {
        let path = format!("/api/videos/{key}/storyboard.vtt");
        api.get(&path).await?.problem(status)?;
    }
    let audit = api.audit("/api/videos/{*key}");
    assert_eq!(audit[0]["about"], "uploads/text.mp4", "{audit:?}");
    Ok(())
}
