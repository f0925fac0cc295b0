//! Keyframes of which a part is lost or overwritten: another one is shown in their place, as no
//! decoder says that these are damaged.

use std::{path::Path, sync::Arc};

use devstack::oracle;
use thumbcore::{Error, Extraction, Extractor, MemorySource};

use crate::support::{assert_like_ffmpeg, extract, made};

/// Half a minute of moving pictures and noise, with a keyframe every two seconds.
fn film(name: &str, codec: &[&str]) -> std::path::PathBuf {
    let picture = "testsrc2=s=320x192:r=15:d=30,noise=alls=20:allf=t";
    made(name, picture, &[codec, &["-g", "30"]].concat())
}

/// The pictures of `path` after `harm` was done to each keyframe that is shown otherwise.
async fn harmed(path: &Path, harm: impl Fn(&mut Vec<u8>)) -> Result<Extraction, Error> {
    let mut bytes = std::fs::read(path).unwrap();
    let keyframes = oracle::keyframes(path).unwrap();
    let shown = extract(path).await.unwrap().thumbnails;
    for thumbnail in shown.iter().rev() {
        let seconds = thumbnail.actual.as_secs_f64();
        let is_shown = |it: &&oracle::Packet| (it.seconds - seconds).abs() < 0.05;
        let keyframe = keyframes.iter().find(is_shown).unwrap();
        let start = keyframe.pos as usize;
        // Headers of transport packets and pages are in between.
        let end = start + keyframe.size as usize * 42 / 41;
        let mut part = bytes[start..end].to_vec();
        harm(&mut part);
        bytes.splice(start..end, part);
    }
    let extractor = Extractor::builder().build()?;
    extractor
        .extract(Arc::new(MemorySource::new("m", bytes)))
        .await
}

/// Every picture is the film's at its time, and none is far from its target.
fn assert_right(path: &Path, extraction: &Extraction) {
    assert_like_ffmpeg(path, &extraction.thumbnails);
    for thumbnail in &extraction.thumbnails {
        let off = thumbnail.actual.abs_diff(thumbnail.target).as_secs_f64();
        assert!(off < 4.1, "{}: {thumbnail:?}", path.display());
    }
}

/// Bytes in the middle of a keyframe.
fn middle(keyframe: &mut [u8], len: usize) -> &mut [u8] {
    let start = keyframe.len() / 2;
    &mut keyframe[start..start + len]
}

const HEVC: &[&str] = &[
    "-c:v",
    "libx265",
    "-preset",
    "ultrafast",
    "-x265-params",
    "log-level=error",
];
const H264: &[&str] = &[
    "-c:v",
    "libx264",
    "-preset",
    "ultrafast",
    "-sc_threshold",
    "0",
];

#[tokio::test]
async fn a_keyframe_that_lost_transport_packets_gives_way() {
    let bdav = [H264, &["-mpegts_m2ts_mode", "1", "-f", "mpegts"]].concat();
    for (name, codec, unit) in [
        ("damage-hevc.ts", HEVC, 188),
        ("damage-h264.ts", H264, 188),
        ("damage-h264.m2ts", &bdav[..], 192),
    ] {
        let path = film(name, codec);
        for lost in [1, 3, 17] {
            let extraction = harmed(&path, |keyframe| {
                keyframe.drain(4 * unit..(4 + lost) * unit);
            });
            assert_right(&path, &extraction.await.unwrap());
        }
    }
}

#[tokio::test]
async fn a_keyframe_of_which_ogg_lost_a_page_gives_way() {
    let path = film(
        "damage-theora.ogv",
        &["-c:v", "libtheora", "-q:v", "10", "-pagesize", "5000"],
    );
    let extraction = harmed(&path, |keyframe| middle(keyframe, 1)[0] ^= 4);
    assert_right(&path, &extraction.await.unwrap());
}

#[tokio::test]
async fn a_keyframe_whose_slice_has_a_wrong_checksum_gives_way() {
    let path = film(
        "damage-ffv1.mkv",
        &["-c:v", "ffv1", "-level", "3", "-slices", "4"],
    );
    let extraction = harmed(&path, |keyframe| middle(keyframe, 1)[0] ^= 4);
    assert_right(&path, &extraction.await.unwrap());
}
