//! Pictures of codecs and files whose keyframe flags mean nothing, and of damaged keyframes: what
//! is given was written whole.

use std::path::{Path, PathBuf};

use devstack::media::Clip;
use thumbcore::{Extractor, Position, Request};

use crate::support::{assert_frames, assert_like_ffmpeg, assert_near, extract, extract_with, made};

/// Half a minute in which most of the picture stands still, so that a codec leaves it out.
const SCENE: &str = "testsrc2=size=160x96:rate=10:duration=30";

/// The AVI or MOV whose index calls every frame a keyframe.
fn all_key(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap().to_string_lossy();
    let made = devstack::media::cached(&format!("all-key-{name}"), |to| {
        let mut bytes = std::fs::read(path)?;
        if let Some(index) = bytes.windows(4).rposition(|kind| kind == b"idx1") {
            for entry in bytes[index + 8..].chunks_exact_mut(16) {
                entry[4] |= 0x10;
            }
        }
        // Without a table of sync samples all are.
        if let Some(table) = bytes.windows(4).rposition(|kind| kind == b"stss") {
            bytes[table..table + 4].copy_from_slice(b"free");
        }
        Ok(std::fs::write(to, bytes)?)
    });
    made.unwrap()
}

#[tokio::test]
async fn codecs_without_marked_keyframes_give_whole_pictures() {
    for (name, codec) in [
        (
            "flags-msvideo1.avi",
            &["-c:v", "msvideo1", "-keyint_min", "40"][..],
        ),
        ("flags-cinepak.avi", &["-c:v", "cinepak", "-g", "40"]),
        ("flags-qtrle.mov", &["-c:v", "qtrle", "-g", "40"]),
        ("flags-svq1.mov", &["-c:v", "svq1", "-g", "40"]),
        ("flags-ffv1.avi", &["-c:v", "ffv1", "-g", "40"]),
        (
            "flags-mpeg4.avi",
            &["-c:v", "mpeg4", "-g", "40", "-q:v", "3"],
        ),
    ] {
        let path = all_key(&made(name, SCENE, codec));
        let extraction = extract(&path).await.unwrap();
        assert_near(&extraction, 1.6);
        assert_frames(&path, &extraction);
    }
}

#[tokio::test]
async fn the_exact_picture_of_such_a_codec_is_whole() {
    let path = all_key(&made(
        "flags-msvideo1.avi",
        SCENE,
        &["-c:v", "msvideo1", "-keyint_min", "40"],
    ));
    let request = Request::new()
        .positions([Position::Time(std::time::Duration::from_secs(17))])
        .exact(true);
    let extractor = Extractor::builder().request(request).build().unwrap();
    let extraction = extract_with(&extractor, &path).await.unwrap();
    assert_near(&extraction, 0.11);
    assert_frames(&path, &extraction);
}

/// The NAL units of an Annex B stream, each with its start code.
fn units(stream: &[u8]) -> Vec<&[u8]> {
    let codes = stream.windows(3).enumerate();
    let mut starts: Vec<_> = codes
        .filter(|(_, code)| *code == [0, 0, 1])
        .map(|(at, _)| at)
        .collect();
    starts.push(stream.len());
    starts
        .windows(2)
        .map(|pair| &stream[pair[0]..pair[1]])
        .collect()
}

/// The stream without all but the first slice of its keyframe number `damaged`.
fn without_slices(stream: &[u8], damaged: usize) -> Vec<u8> {
    let mut keyframes = 0;
    let mut kept = Vec::new();
    for unit in units(stream) {
        // `first_mb_in_slice` is 0 where the slice's first bit is set.
        let (is_keyframe, is_first) = (unit[3] & 31 == 5, unit[4] & 0x80 != 0);
        keyframes += usize::from(is_keyframe && is_first);
        if !(is_keyframe && keyframes == damaged && !is_first) {
            kept.extend_from_slice(unit);
        }
    }
    kept
}

#[tokio::test]
async fn a_keyframe_that_lost_slices_gives_way_to_another() {
    let stream = made(
        "slices.264",
        "testsrc2=size=320x192:rate=10:duration=40",
        &[
            "-c:v",
            "libx264",
            "-g",
            "20",
            "-sc_threshold",
            "0",
            "-bf",
            "0",
            "-x264-params",
            "slices=4",
        ],
    );
    // The keyframe at 4 s, where the first picture is wanted.
    let damaged = devstack::media::cached("slices-lost.264", |to| {
        Ok(std::fs::write(
            to,
            without_slices(&std::fs::read(&stream)?, 3),
        )?)
    });
    let damaged = damaged.unwrap();
    let path = devstack::media::cached("slices-lost.mp4", |to| {
        let status = std::process::Command::new("ffmpeg")
            .args(["-nostdin", "-v", "error", "-y", "-r", "10", "-i"])
            .arg(&damaged)
            .args(["-c", "copy"])
            .arg(to)
            .status()?;
        assert!(status.success());
        Ok(())
    });
    let path = path.unwrap();
    let extraction = extract(&path).await.unwrap();
    assert_near(&extraction, 2.1);
    let first = extraction.thumbnails[0].actual.as_secs_f64();
    assert!(!(4.0..6.0).contains(&first), "{first} s is damaged");
    assert_frames(&path, &extraction);
}

#[tokio::test]
async fn a_picture_that_only_the_container_calls_a_keyframe_is_not_shown_alone() {
    for extension in ["mp4", "mov"] {
        let path = Clip::new(extension).make().unwrap();
        let extraction = extract(&all_key(&path)).await.unwrap();
        assert_like_ffmpeg(&path, &extraction.thumbnails);
        assert_near(&extraction, 1.1);
    }
}
