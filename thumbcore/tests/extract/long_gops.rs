//! Videos of few keyframes: screen recordings, and streams that refresh the picture in steps.

use std::time::Duration;

use thumbcore::{Extractor, Limits, Origin, Position, Request};

use crate::support::{assert_frames, assert_near, extract, extract_with, made};

const SCENE: &str = "testsrc2=size=160x96:rate=10:duration=240";

/// Four minutes behind one keyframe.
fn one_keyframe(name: &str) -> std::path::PathBuf {
    let codec = [
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-g",
        "100000",
        "-sc_threshold",
        "0",
    ];
    made(name, SCENE, &codec)
}

#[tokio::test]
async fn minutes_behind_one_keyframe_give_the_pictures_that_were_asked_for() {
    for name in ["one-keyframe.mp4", "one-keyframe.mkv", "one-keyframe.ts"] {
        let path = one_keyframe(name);
        let extraction = extract(&path).await.unwrap();
        assert_near(&extraction, 12.1);
        assert_frames(&path, &extraction);
    }
}

#[tokio::test]
async fn the_exact_picture_minutes_behind_a_keyframe_is_given() {
    let path = one_keyframe("one-keyframe.mp4");
    let request = Request::new()
        .positions([Position::Time(Duration::from_secs(211))])
        .exact(true);
    let extractor = Extractor::builder().request(request).build().unwrap();
    let extraction = extract_with(&extractor, &path).await.unwrap();
    assert_near(&extraction, 0.11);
    assert_frames(&path, &extraction);
}

#[tokio::test]
async fn what_may_be_spent_is_shared_out_among_the_targets() {
    let path = one_keyframe("one-keyframe.mp4");
    let limits = Limits {
        max_packets: 500,
        ..Limits::default()
    };
    let extractor = Extractor::builder().limits(limits).build().unwrap();
    let extraction = extract_with(&extractor, &path).await.unwrap();
    assert_frames(&path, &extraction);
    assert!(extraction.thumbnails[2].actual > Duration::from_secs(90));
}

/// Four minutes that are refreshed in steps of three seconds, behind one keyframe.
fn refreshed(name: &str) -> std::path::PathBuf {
    let codec = [
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-g",
        "30",
        "-bf",
        "0",
        "-x264-params",
        "intra-refresh=1",
    ];
    made(name, SCENE, &codec)
}

#[tokio::test]
async fn a_stream_that_refreshes_in_steps_is_entered_at_recovery_points() {
    for name in ["refresh.mp4", "refresh.ts"] {
        let path = refreshed(name);
        let extraction = extract(&path).await.unwrap();
        assert_near(&extraction, 12.1);
        assert_frames(&path, &extraction);
        let forward = |it: &thumbcore::Thumbnail| it.origin == Origin::Decoded;
        assert!(extraction.thumbnails[1..].iter().all(forward));
    }
}

#[tokio::test]
async fn the_exact_picture_of_a_stream_that_refreshes_in_steps_is_given() {
    let times = [100.0, 104.5, 171.2].map(|s| Position::Time(Duration::from_secs_f64(s)));
    let request = Request::new().positions(times).exact(true);
    let extractor = Extractor::builder().request(request).build().unwrap();
    for name in ["refresh.mp4", "refresh.mkv", "refresh.ts"] {
        let path = refreshed(name);
        let extraction = extract_with(&extractor, &path).await.unwrap();
        assert_near(&extraction, 0.11);
        assert_frames(&path, &extraction);
    }
}

#[tokio::test]
async fn hevc_that_refreshes_in_steps_is_entered_at_recovery_points() {
    let params = "log-level=error:intra-refresh=1:keyint=30:min-keyint=30:bframes=0:pools=1";
    let codec = [
        "-c:v",
        "libx265",
        "-preset",
        "ultrafast",
        "-x265-params",
        params,
    ];
    let path = made("refresh-hevc.mp4", SCENE, &codec);
    let extraction = extract(&path).await.unwrap();
    assert_near(&extraction, 12.1);
    assert_frames(&path, &extraction);
}
