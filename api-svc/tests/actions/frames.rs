//! Frames on demand: right, few requests, and none the second time.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use devstack::media::{Clip, Shape, looped};
use futures::future::try_join_all;

use crate::support::{Api, Counter, TOKEN, put, stack, until};

const MEBIBYTE: u64 = 1 << 20;

/// How long the store takes to answer.
const LATENCY: Duration = Duration::from_millis(30);

/// Bytes of a large video. docs/benchmarks.md has the figures of a larger one.
fn size() -> Result<u64> {
    let mebibytes = std::env::var("FRAME_MEBIBYTES").map_or(Ok(100), |size| size.parse::<u64>())?;
    Ok(mebibytes * MEBIBYTE)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_video_costs_few_requests_and_the_second_call_none() -> Result<()> {
    let stack = stack().await?;
    let clip = Clip {
        noise: true,
        ..Clip::default()
    };
    let file = looped(&clip, Shape::Mp4MoovLast, size()?)?;
    put(&stack, "uploads/large.mp4", tokio::fs::read(&file).await?).await?;
    let counter = Counter::start(&stack, LATENCY).await?;
    let env = [
        ("API_TOKEN", TOKEN),
        ("AWS_ENDPOINT_URL", counter.endpoint.as_str()),
    ];
    let api = Api::start_with(&stack, &env).await?;

    let path = "/api/frame?key=uploads/large.mp4&t=50%25&w=320";
    let (began, spent) = (Instant::now(), api.cpu()?);
    let first = api.get(path).await?;
    let (took, spent) = (began.elapsed(), api.cpu()?.saturating_sub(spent));
    assert_eq!(
        first.status,
        200,
        "{}",
        String::from_utf8_lossy(&first.body)
    );
    let requests = counter.take();
    println!("first call: {requests} requests, {took:?} at {LATENCY:?}, {spent:?} of CPU");
    // The version, head and tail, the index, the keyframe and what leads from it to the time.
    assert!((3..=8).contains(&requests), "{requests} requests");

    assert_eq!(first.header("content-type"), "image/jpeg");
    assert!(first.header("cache-control").starts_with("private"));
    let time: f64 = first.header("x-frame-time").parse()?;
    let duration = devstack::oracle::probe(&file)?
        .duration
        .context("no duration")?;
    assert!((time - duration / 2.0).abs() < 0.1, "{time} of {duration}");
    let jpeg = tempfile::Builder::new().suffix(".jpg").tempfile()?;
    std::fs::write(jpeg.path(), &first.body)?;
    let facts = devstack::oracle::probe(jpeg.path())?;
    assert_eq!(
        (facts.codec.as_str(), facts.width, facts.height),
        ("mjpeg", 320, 180)
    );

    let began = Instant::now();
    let second = api.get(path).await?;
    println!("second call: {:?}", began.elapsed());
    assert_eq!(counter.take(), 0, "the second call asked S3");
    assert_eq!(second.body, first.body);
    let etag = first.header("etag").to_owned();
    let request = api
        .request(reqwest::Method::GET, path)
        .header("if-none-match", &etag);
    let third = crate::support::Answer::of(request).await?;
    assert_eq!((third.status.as_u16(), third.body.len()), (304, 0));
    assert_eq!(third.header("etag"), etag);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scrub_costs_one_round_trip_a_picture() -> Result<()> {
    let stack = stack().await?;
    let clip = Clip {
        noise: true,
        ..Clip::default()
    };
    let file = looped(&clip, Shape::Mp4MoovLast, size()?)?;
    put(&stack, "uploads/large.mp4", tokio::fs::read(&file).await?).await?;
    let counter = Counter::start(&stack, LATENCY).await?;
    let env = [
        ("API_TOKEN", TOKEN),
        ("RUST_LOG", "info,api_svc=debug"),
        ("AWS_ENDPOINT_URL", counter.endpoint.as_str()),
    ];
    let api = Api::start_with(&stack, &env).await?;
    let take = async |percent: u32, mode: &str| {
        let path = format!("/api/frame?key=uploads/large.mp4&t={percent}%25&w=320&mode={mode}");
        let began = Instant::now();
        let answer = api.get(&path).await?;
        let took = began.elapsed();
        anyhow::ensure!(answer.status == 200, "{answer:?}");
        anyhow::Ok((counter.take(), took))
    };
    take(1, "keyframe").await?;
    let mut times = Vec::new();
    for n in 1..=20 {
        let (requests, took) = take(4 * n, "keyframe").await?;
        assert_eq!(requests, 1, "at {} %", 4 * n);
        times.push(took);
    }
    println!("keyframes: median {:?} at {LATENCY:?}", median(&mut times));
    // The exact pictures of places that the keyframes have not read.
    times.clear();
    for n in 1..=20 {
        times.push(take(4 * n + 2, "exact").await?.1);
    }
    println!(
        "exact frames: median {:?} at {LATENCY:?}",
        median(&mut times)
    );
    // A line may come later than the answer that it is about.
    let taken = until("all frames are logged", async || {
        let mut taken = api.log();
        taken.retain(|line| line["message"] == "picture made");
        Ok((taken.len() >= 41).then_some(taken))
    })
    .await?;
    let trips: Vec<_> = taken
        .iter()
        .map(|line| line["round_trips"].as_u64())
        .collect();
    assert_eq!(trips.len(), 41);
    assert!(
        trips[1..].iter().all(|trips| *trips == Some(1)),
        "{trips:?}"
    );
    Ok(())
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_come_together_are_one() -> Result<()> {
    let stack = stack().await?;
    put(
        &stack,
        "uploads/a.mp4",
        tokio::fs::read(Clip::new("mp4").make()?).await?,
    )
    .await?;
    let counter = Counter::start(&stack, Duration::from_millis(100)).await?;
    let env = [
        ("API_TOKEN", TOKEN),
        ("AWS_ENDPOINT_URL", counter.endpoint.as_str()),
    ];
    let api = Api::start_with(&stack, &env).await?;
    let path = "/api/frame?key=uploads/a.mp4&t=2.5";
    api.get("/api/frame?key=uploads/a.mp4&t=1").await?;
    let alone = counter.take();
    let answers = try_join_all((0..20).map(|_| api.get(path))).await?;
    assert!(
        answers
            .iter()
            .all(|answer| answer.status == 200 && answer.body == answers[0].body)
    );
    let together = counter.take();
    assert!(
        together <= alone,
        "{together} requests for 20 calls, {alone} for one"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keyframe_is_the_nearest_and_another_picture_than_the_exact_one() -> Result<()> {
    let stack = stack().await?;
    let file = Clip::new("mp4").make()?;
    put(&stack, "uploads/a.mp4", tokio::fs::read(&file).await?).await?;
    let api = Api::start(&stack).await?;
    let keyframes = devstack::oracle::keyframes(&file)?;
    let keyframes: Vec<f64> = keyframes.iter().map(|packet| packet.seconds).collect();
    // Not in the middle between two.
    let target = keyframes[1] + 0.3 * (keyframes[2] - keyframes[1]);
    let get = async |mode: &str| {
        let path = format!("/api/frame?key=uploads/a.mp4&t={target:.3}&w=320{mode}");
        let answer = api.get(&path).await?;
        anyhow::ensure!(answer.status == 200, "{answer:?}");
        let time: f64 = answer.header("x-frame-time").parse()?;
        anyhow::Ok((time, answer.header("etag").to_owned(), answer.body))
    };
    let keyframe = get("&mode=keyframe").await?;
    assert!((keyframe.0 - keyframes[1]).abs() < 0.001, "{}", keyframe.0);
    let exact = get("&mode=exact").await?;
    assert!((exact.0 - target).abs() < 0.1, "{}", exact.0);
    assert_ne!(exact.1, keyframe.1);
    assert_ne!(exact.2, keyframe.2);
    assert_eq!(get("").await?, exact, "exact is the default");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_overwritten_video_shows_its_new_self() -> Result<()> {
    let stack = stack().await?;
    let api = Api::start(&stack).await?;
    let clip = |width| Clip {
        width,
        height: width / 2,
        ..Clip::default()
    };
    put(
        &stack,
        "uploads/a.mp4",
        tokio::fs::read(clip(320).make()?).await?,
    )
    .await?;
    let path = "/api/frame?key=uploads/a.mp4&t=1.0s";
    let old = api.get(path).await?;
    assert_eq!(old.status, 200);
    put(
        &stack,
        "uploads/a.mp4",
        tokio::fs::read(clip(480).make()?).await?,
    )
    .await?;
    until("the new picture", async || {
        let new = api.get(path).await?;
        Ok((new.header("etag") != old.header("etag") && new.body != old.body).then_some(()))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_shows_no_picture_says_why() -> Result<()> {
    let stack = stack().await?;
    let api = Api::start(&stack).await?;
    let frame = async |key: &str| api.get(&format!("/api/frame?key={key}&t=1")).await;
    frame("uploads/missing.mp4").await?.problem(404)?;
    put(&stack, "uploads/text.mp4", "no video at all, just text").await?;
    frame("uploads/text.mp4").await?.problem(422)?;
    put(&stack, "uploads/empty.mp4", "").await?;
    frame("uploads/empty.mp4").await?.problem(422)?;
    let whole = tokio::fs::read(Clip::new("mp4").make()?).await?;
    put(&stack, "uploads/cut.mp4", &whole[..whole.len() / 3]).await?;
    let cut = frame("uploads/cut.mp4").await?;
    assert!([200, 422].contains(&cut.status.as_u16()), "{cut:?}");
    Ok(())
}
