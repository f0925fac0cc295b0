//! Matroska and `WebM`: the right keyframes for few bytes, with Cues and without.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use devstack::{
    media::{Clip, Shape, looped},
    oracle::{self, Packet},
};
use thumbcore::{Extraction, Origin, Reason};

use crate::support::{self, assert_like_ffmpeg, largest_group, remuxed};

const POSITIONS: [f64; 3] = [0.1, 0.5, 0.95];

async fn extract(path: &Path) -> Extraction {
    support::extract(path).await.unwrap()
}

/// A clip whose keyframes are larger than what is read of them at first.
fn large(extension: &'static str) -> Clip {
    Clip {
        extension,
        width: 1920,
        height: 1080,
        fps: 10,
        gop: 20,
        ..Clip::default()
    }
}

/// Every picture is the one that ffmpeg decodes at its time.
fn assert_pictures(path: &Path, extraction: &Extraction) {
    assert_eq!(extraction.thumbnails.len(), 3);
    assert_like_ffmpeg(path, &extraction.thumbnails);
}

/// The keyframes that lie nearest to the positions.
fn nearest(keyframes: &[Packet], duration: f64) -> Vec<Packet> {
    let distance = |packet: &Packet, at: f64| (packet.seconds - at).abs();
    POSITIONS
        .iter()
        .map(|position| {
            let at = position * duration;
            let nearest = keyframes
                .iter()
                .min_by(|a, b| distance(a, at).total_cmp(&distance(b, at)));
            *nearest.unwrap()
        })
        .collect()
}

fn assert_nearest(extraction: &Extraction, nearest: &[Packet]) {
    for (thumbnail, keyframe) in extraction.thumbnails.iter().zip(nearest) {
        assert_eq!(thumbnail.origin, Origin::Keyframe);
        let off = (thumbnail.actual.as_secs_f64() - keyframe.seconds).abs();
        assert!(off < 0.002, "{:?} is not {keyframe:?}", thumbnail.actual);
    }
}

fn assert_planned(extraction: &Extraction) {
    let reads = &extraction.stats.reads;
    let unplanned = reads.iter().any(|read| read.reason == Reason::Demux);
    assert!(!unplanned, "{reads:#?}");
}

async fn with_cues(path: &Path, round_trips: u64) {
    let extraction = extract(path).await;
    assert_pictures(path, &extraction);
    let duration = oracle::probe(path).unwrap().duration.unwrap();
    let keyframes = oracle::keyframes(path).unwrap();
    let chosen = nearest(&keyframes, duration);
    assert_nearest(&extraction, &chosen);
    assert_planned(&extraction);
    // A cue takes some 20 bytes.
    let index = keyframes.len() as u64 * 20;
    let needed = index + chosen.iter().map(|packet| packet.size).sum::<u64>();
    let stats = &extraction.stats;
    assert!(
        stats.bytes_fetched <= needed * 115 / 100 + (256 << 10),
        "{} bytes for {needed}: {:#?}",
        stats.bytes_fetched,
        stats.reads
    );
    assert!(stats.round_trips <= round_trips, "{:#?}", stats.reads);
}

#[tokio::test]
async fn cues_lead_to_keyframes() {
    let path = looped(&large("mkv"), Shape::Mkv, 30 << 20).unwrap();
    let keyframes = oracle::keyframes(&path).unwrap();
    assert!(keyframes.iter().all(|packet| packet.size > 33 << 10));
    with_cues(&path, 3).await;
}

#[tokio::test]
async fn cues_lead_to_small_keyframes() {
    with_cues(&looped(&Clip::new("mkv"), Shape::Mkv, 20 << 20).unwrap(), 3).await;
}

#[tokio::test]
async fn cues_of_webm_lead_to_keyframes() {
    with_cues(
        &looped(&Clip::new("webm"), Shape::Webm, 20 << 20).unwrap(),
        3,
    )
    .await;
}

/// `clip` looped to some 20 MB by `ffmpeg` with further arguments.
fn muxed(clip: &Clip, name: &str, arguments: &[&str]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    let output = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-stream_loop", "9", "-i"])
        .arg(clip.make().unwrap())
        .args(["-map", "0", "-c", "copy"])
        .args(arguments)
        .arg(&path)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    (folder, path)
}

#[tokio::test]
async fn keyframes_deep_in_a_cluster_are_reached_directly() {
    // Clusters begin where a limit is reached, not at keyframes, when sound comes in between.
    let arguments = [
        "-cluster_size_limit",
        "4000000",
        "-cluster_time_limit",
        "20000",
    ];
    let (_folder, path) = muxed(&large("mkv"), "deep.mkv", &arguments);
    with_cues(&path, 3).await;
}

#[tokio::test]
async fn cues_may_come_first() {
    let (_folder, path) = muxed(
        &large("mkv"),
        "first.mkv",
        &["-reserve_index_space", "20000"],
    );
    with_cues(&path, 3).await;
}

#[tokio::test]
async fn attachments_are_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let font = folder.path().join("large.ttf");
    std::fs::write(&font, vec![7; 4 << 20]).unwrap();
    let font = font.to_str().unwrap();
    let arguments = ["-attach", font, "-metadata:s:t", "mimetype=font/ttf"];
    let silent = Clip {
        audio: false,
        ..large("mkv")
    };
    let (_folder, path) = muxed(&silent, "silent.mkv", &arguments);
    with_cues(&path, 3).await;
    // The sound's start, a few milliseconds before the first keyframe, is hidden behind them.
    let (_folder, path) = muxed(&large("mkv"), "attached.mkv", &arguments);
    let extraction = extract(&path).await;
    assert_pictures(&path, &extraction);
    assert_planned(&extraction);
    assert!(extraction.stats.bytes_fetched < 1 << 20);
}

async fn without_cues(path: &Path) -> Extraction {
    let extraction = extract(path).await;
    assert_pictures(path, &extraction);
    assert_planned(&extraction);
    let group = largest_group(&oracle::keyframes(path).unwrap());
    let stats = &extraction.stats;
    assert!(
        stats.bytes_fetched <= 3 * group + (2 << 20),
        "{} bytes, groups of {group}: {:#?}",
        stats.bytes_fetched,
        stats.reads
    );
    assert!(stats.round_trips <= 14, "{:#?}", stats.reads);
    for thumbnail in &extraction.thumbnails {
        assert_eq!(thumbnail.origin, Origin::Keyframe);
    }
    extraction
}

#[tokio::test]
async fn without_cues_clusters_are_searched_for() {
    without_cues(&looped(&large("mkv"), Shape::MkvNoCues, 30 << 20).unwrap()).await;
}

#[tokio::test]
async fn a_file_cut_short_is_searched() {
    let whole = looped(&large("mkv"), Shape::Mkv, 30 << 20).unwrap();
    let bytes = std::fs::read(&whole).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.mkv");
    std::fs::write(&path, &bytes[..bytes.len() * 98 / 100]).unwrap();
    let extraction = without_cues(&path).await;
    for thumbnail in &extraction.thumbnails {
        let off = thumbnail.actual.abs_diff(thumbnail.target);
        assert!(off.as_secs_f64() <= 2.0, "{thumbnail:?}");
    }
}

#[tokio::test]
async fn live_clusters_of_unknown_length_are_searched_for() {
    let (_folder, path) = muxed(&large("mkv"), "live.mkv", &["-live", "1", "-f", "matroska"]);
    let extraction = without_cues(&path).await;
    // The file does not state its duration: it is measured.
    let last = oracle::keyframes(&path).unwrap().last().unwrap().seconds;
    let duration = extraction.media.duration.unwrap().as_secs_f64();
    assert!((last..last + 2.5).contains(&duration), "{duration}");
}

#[tokio::test]
async fn every_codec_gives_its_keyframe_first() {
    let codecs: [(&str, &[&str]); 7] = [
        (
            "hevc.mkv",
            &[
                "-c:v",
                "libx265",
                "-preset",
                "ultrafast",
                "-x265-params",
                "log-level=none",
            ],
        ),
        (
            "vp8.webm",
            &["-c:v", "libvpx", "-deadline", "realtime", "-b:v", "2M"],
        ),
        ("av1.mkv", &["-c:v", "libsvtav1", "-preset", "12"]),
        ("mpeg4.mkv", &["-c:v", "mpeg4", "-bf", "2", "-q:v", "3"]),
        ("msmpeg4.mkv", &["-c:v", "msmpeg4", "-q:v", "3"]),
        (
            "h264-without-crc.mkv",
            &[
                "-c:v",
                "libx264",
                "-preset",
                "ultrafast",
                "-write_crc32",
                "0",
            ],
        ),
        (
            "mpeg2.mkv",
            &["-c:v", "mpeg2video", "-bf", "2", "-q:v", "3"],
        ),
    ];
    let folder = tempfile::tempdir().unwrap();
    for (name, arguments) in codecs {
        let arguments = [&["-g", "10", "-c:a", "libopus"], arguments].concat();
        let path = remuxed(&Clip::new("mp4"), folder.path(), name, &arguments);
        let extraction = extract(&path).await;
        assert_pictures(&path, &extraction);
        assert_planned(&extraction);
        let keyframes = oracle::keyframes(&path).unwrap();
        let duration = oracle::probe(&path).unwrap().duration.unwrap();
        assert_nearest(&extraction, &nearest(&keyframes, duration));
    }
}

#[tokio::test]
async fn a_film_that_ends_soon_after_its_last_keyframe_is_as_long_as_it_says() {
    for extension in ["mkv", "webm"] {
        let clip = Clip {
            seconds: 12,
            width: 320,
            height: 180,
            gop: 250,
            audio: false,
            ..Clip::new(extension)
        };
        let extraction = extract(&clip.make().unwrap()).await;
        let duration = extraction.media.duration.unwrap().as_secs_f64();
        assert!((duration - 12.0).abs() < 0.1, "{extension}: {duration}");
        let target = extraction.thumbnails[2].target.as_secs_f64();
        assert!((target - 11.4).abs() < 0.1, "{extension}: {target}");
    }
}
