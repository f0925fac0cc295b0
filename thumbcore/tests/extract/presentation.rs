//! Pictures that are shown later than they are decoded: each at its own time, to the frame.

use std::{path::Path, sync::Arc};

use devstack::oracle;
use thumbcore::{Extraction, Extractor, Position, Request};

use crate::support::{assert_frames, assert_like_ffmpeg, assert_near, extract, made, memory};

/// A picture that moves by a fiftieth of its width from one frame to the next.
const SCROLLING: &str = "testsrc2=size=320x180:rate=25:duration=40,scroll=h=0.02";
/// As [`SCROLLING`], so small that a packet of a program stream holds several pictures.
const SMALL: &str = "testsrc2=size=96x64:rate=25:duration=40,scroll=h=0.02";

/// The pictures of exactly these seconds.
async fn exactly(path: &Path, seconds: &[f64]) -> Extraction {
    let extractor = Extractor::builder().build().unwrap();
    let video = extractor.open(Arc::new(memory(path))).await.unwrap();
    let at = seconds
        .iter()
        .map(|at| Position::Time(std::time::Duration::from_secs_f64(*at)));
    let request = Request::new().positions(at).exact(true);
    video.extract(&request).await.unwrap()
}

#[tokio::test]
async fn a_picture_that_begins_in_the_middle_of_a_packet_is_shown_at_its_own_time() {
    for (name, codec) in [("small-2.mpg", "mpeg2video"), ("small-1.mpg", "mpeg1video")] {
        let codec = [
            "-c:v", codec, "-g", "12", "-bf", "2", "-b:v", "150k", "-f", "vob",
        ];
        let path = made(name, SMALL, &codec);
        let extraction = extract(&path).await.unwrap();
        assert_near(&extraction, 2.0);
        assert_frames(&path, &extraction);
    }
}

#[tokio::test]
async fn exact_pictures_that_lead_a_keyframe_are_made_from_the_group_before() {
    let codec = ["-c:v", "mpeg2video", "-g", "15", "-bf", "2", "-q:v", "4"];
    for name in ["lead.mov", "lead.vob", "lead.ts", "lead.avi"] {
        let path = made(name, SCROLLING, &codec);
        let keyframes = oracle::keyframes(&path).unwrap();
        let before = |nth: usize, frames: f64| keyframes[nth].seconds - frames * 0.04;
        let seconds = [before(12, 2.0), before(30, 1.0), before(50, 3.0)];
        let extraction = exactly(&path, &seconds).await;
        assert_near(&extraction, 0.021);
        assert_like_ffmpeg(&path, &extraction.thumbnails);
    }
}

#[tokio::test]
async fn keyframes_of_avi_are_shown_behind_the_pictures_that_lead_them() {
    for (name, bframes, x264) in [
        ("led-3.avi", "3", "open-gop=1:scenecut=0"),
        ("led-1.avi", "1", "open-gop=1:scenecut=0:b-pyramid=none"),
        ("not-led.avi", "3", "scenecut=0"),
    ] {
        let codec = ["-c:v", "libx264", "-g", "25", "-bf", bframes];
        let path = made(
            name,
            SCROLLING,
            &[&codec[..], &["-x264-params", x264]].concat(),
        );
        let extraction = extract(&path).await.unwrap();
        assert_near(&extraction, 2.1);
        assert_frames(&path, &extraction);
    }
}
