//! Containers without an index (FLV, MPEG-TS, MPEG-PS, Ogg): the right pictures, at the cost of
//! about a group of pictures each, judged by ffprobe and ffmpeg.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use devstack::{
    media::{Clip, Shape, looped},
    oracle,
};
use thumbcore::{Extraction, Extractor, Origin, Reason};

use crate::support::{assert_like_ffmpeg, extract_with, largest_group};

const MIB: u64 = 1 << 20;

fn extract(path: &Path) -> Extraction {
    let extractor = Extractor::builder().max_width(320).build().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(extract_with(&extractor, path)).unwrap()
}

/// Each picture is the one that ffmpeg decodes at the time it claims, and near its target.
fn assert_pictures(path: &Path, extraction: &Extraction) {
    let facts = oracle::probe(path).unwrap();
    let keyframes = oracle::keyframes(path).unwrap();
    let group = keyframes
        .windows(2)
        .map(|pair| pair[1].seconds - pair[0].seconds)
        .fold(0.0, f64::max);
    let duration = facts.duration.unwrap();
    let found = extraction.media.duration.unwrap().as_secs_f64();
    assert!((found - duration).abs() < 0.1, "{found} for {duration} s");
    assert_eq!(extraction.media.codec.as_str(), facts.codec);
    assert_eq!(extraction.thumbnails.len(), 3);
    for thumbnail in &extraction.thumbnails {
        let target = thumbnail.target.as_secs_f64();
        let actual = thumbnail.actual.as_secs_f64();
        let near = group.max(duration * 0.05);
        assert!((target - actual).abs() <= near, "{actual} for {target}");
    }
    assert_like_ffmpeg(path, &extraction.thumbnails);
}

/// Every picture is a keyframe's, and libav read nothing beyond what was planned.
fn assert_planned(extraction: &Extraction) {
    for thumbnail in &extraction.thumbnails {
        assert_eq!(thumbnail.origin, Origin::Keyframe);
    }
    let reads = &extraction.stats.reads;
    assert!(
        reads.iter().all(|read| read.reason != Reason::Demux),
        "{reads:?}"
    );
}

/// Keyframes were found by search: three groups of pictures and 2 MiB at most.
fn assert_searched(path: &Path, extraction: &Extraction, round_trips: u64) {
    assert_planned(extraction);
    let keyframes = oracle::keyframes(path).unwrap();
    let group = largest_group(&keyframes);
    let stats = &extraction.stats;
    let limit = 3 * group + 2 * MIB;
    assert!(
        stats.bytes_fetched <= limit,
        "{} of {limit} bytes",
        stats.bytes_fetched
    );
    assert!(stats.round_trips <= round_trips, "{}", stats.round_trips);
    for thumbnail in &extraction.thumbnails {
        let actual = thumbnail.actual.as_secs_f64();
        let is_it = |seconds: f64| (seconds - actual).abs() < 0.003;
        assert!(keyframes.iter().any(|k| is_it(k.seconds)), "{actual}");
    }
}

fn clip(gop: u32) -> Clip {
    Clip {
        gop,
        width: 1280,
        height: 720,
        ..Clip::new("mp4")
    }
}

/// What ffmpeg makes of `input` with `arguments`, made once.
fn made(name: &str, input: &Path, arguments: &[&str]) -> PathBuf {
    let path = input.with_file_name(name);
    if !path.exists() {
        let partial = input.with_file_name(format!("{}-{name}", std::process::id()));
        let status = Command::new("ffmpeg")
            .args(["-nostdin", "-loglevel", "error", "-y", "-i"])
            .arg(input)
            .args(arguments)
            .arg(&partial)
            .status()
            .unwrap();
        assert!(status.success());
        std::fs::rename(&partial, &path).unwrap();
    }
    path
}

/// `bytes` as a file that only this test has.
fn file_of(bytes: &[u8], extension: &str) -> tempfile::TempPath {
    let file = tempfile::Builder::new()
        .suffix(extension)
        .tempfile()
        .unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    file.into_temp_path()
}

#[test]
fn flash_video_without_an_index_is_searched() {
    for gop in [25, 125] {
        let path = looped(&clip(gop), Shape::Flv, 40 * MIB).unwrap();
        let extraction = extract(&path);
        assert_pictures(&path, &extraction);
        assert_searched(&path, &extraction, 14);
    }
}

#[test]
fn flash_video_of_a_codec_without_parameters_is_searched() {
    let picture = "testsrc2=s=320x192:r=15:d=40,noise=alls=20:allf=t";
    let codec = [
        "-c:v",
        "flv",
        "-q:v",
        "4",
        "-g",
        "30",
        "-sc_threshold",
        "1000000000",
    ];
    let path = crate::support::made("sorenson.flv", picture, &codec);
    let extraction = extract(&path);
    assert_pictures(&path, &extraction);
    assert_searched(&path, &extraction, 14);
}

#[test]
fn an_index_in_flash_video_is_used() {
    let path = looped(&clip(50), Shape::FlvIndexed, 40 * MIB).unwrap();
    let extraction = extract(&path);
    assert_pictures(&path, &extraction);
    assert_planned(&extraction);
    let stats = &extraction.stats;
    let mut sizes: Vec<_> = oracle::keyframes(&path)
        .unwrap()
        .iter()
        .map(|keyframe| keyframe.size)
        .collect();
    sizes.sort_unstable();
    let largest: u64 = sizes.iter().rev().take(3).sum();
    let limit = largest * 115 / 100 + 256 * 1024;
    assert!(
        stats.bytes_fetched <= limit,
        "{} of {limit} bytes",
        stats.bytes_fetched
    );
    assert!(stats.round_trips <= 3, "{}", stats.round_trips);
}

/// A change of an array of numbers.
type Change = fn(&[f64]) -> Vec<f64>;

/// `bytes` of a Flash video whose array `name` in the metadata is changed.
fn with_numbers(bytes: &[u8], name: &str, change: Change) -> Vec<u8> {
    let name = [&(name.len() as u16).to_be_bytes(), name.as_bytes()].concat();
    let found = bytes.windows(name.len()).position(|part| part == name);
    // A type byte and a count; each number is a type byte and eight more.
    let array = found.unwrap() + name.len();
    let count = u32::from_be_bytes(bytes[array + 1..array + 5].try_into().unwrap());
    assert!(count > 8);
    let place = |nth: usize| array + 6 + nth * 9..array + 14 + nth * 9;
    let number = |nth| f64::from_be_bytes(bytes[place(nth)].try_into().unwrap());
    let numbers: Vec<_> = (0..count as usize).map(number).collect();
    let mut bytes = bytes.to_vec();
    for (nth, number) in change(&numbers).into_iter().enumerate() {
        bytes[place(nth)].copy_from_slice(&number.to_be_bytes());
    }
    bytes
}

fn reversed(numbers: &[f64]) -> Vec<f64> {
    numbers.iter().rev().copied().collect()
}

/// Each number is that of the third one behind.
fn late(numbers: &[f64]) -> Vec<f64> {
    [&numbers[3..], &numbers[numbers.len() - 3..]].concat()
}

fn without_first_half(numbers: &[f64]) -> Vec<f64> {
    let half = numbers.len() / 2;
    [&vec![0.0; half][..], &numbers[half..]].concat()
}

#[test]
fn an_index_that_lies_is_not_believed() {
    let indexed = looped(&clip(50), Shape::FlvIndexed, 40 * MIB).unwrap();
    let bytes = std::fs::read(&indexed).unwrap();
    let lies: [(&str, Change); 7] = [
        ("filepositions", |all| {
            all.iter().map(|at| at + 7.0).collect()
        }),
        ("filepositions", reversed),
        ("filepositions", late),
        ("filepositions", without_first_half),
        ("filepositions", |all| vec![0.0; all.len()]),
        ("times", reversed),
        ("times", |all| all.iter().map(|s| s / 1000.0).collect()),
    ];
    for (name, change) in lies {
        let path = file_of(&with_numbers(&bytes, name, change), ".flv");
        let extraction = extract(&path);
        // By the file whose index is true: ffmpeg believes the other.
        assert_pictures(&indexed, &extraction);
        assert_planned(&extraction);
        assert!(extraction.stats.round_trips <= 15, "{extraction:?}");
    }
}

#[test]
fn transport_streams_are_searched() {
    for gop in [25, 125] {
        let path = looped(&clip(gop), Shape::Ts, 40 * MIB).unwrap();
        let extraction = extract(&path);
        assert_pictures(&path, &extraction);
        assert_searched(&path, &extraction, 6);
    }
}

#[test]
fn transport_streams_are_read_in_all_their_forms() {
    let plain = looped(&clip(50), Shape::Ts, 20 * MIB).unwrap();
    let forms: [(&str, &[&str]); 5] = [
        ("form.m2ts", &["-mpegts_m2ts_mode", "1"]),
        // The clock wraps within the file, once less than a minute after its start.
        ("form-wrap.ts", &["-output_ts_offset", "95438"]),
        ("form-late-wrap.ts", &["-output_ts_offset", "95377"]),
        ("form-offset.ts", &["-output_ts_offset", "5000"]),
        ("form-null.ts", &["-muxrate", "24M"]),
    ];
    for (name, arguments) in forms {
        let copy = ["-map", "0", "-c", "copy", "-f", "mpegts"];
        let path = made(name, &plain, &[&copy, arguments].concat());
        let extraction = extract(&path);
        assert_pictures(&path, &extraction);
        assert_planned(&extraction);
    }
    let garbage = [&b"G\x47x!?"[..], &std::fs::read(&plain).unwrap()].concat();
    let path = file_of(&garbage, ".ts");
    let extraction = extract(&path);
    assert_pictures(&path, &extraction);
    assert_planned(&extraction);
}

#[test]
fn transport_streams_of_other_codecs_are_searched() {
    let source = clip(50).make().unwrap();
    let ultrafast = ["-preset", "ultrafast", "-b:v", "6M", "-g", "10"];
    let codecs: [(&str, &[&str]); 4] = [
        (
            "codec-hevc.ts",
            &["-c:v", "libx265", "-x265-params", "log-level=0"],
        ),
        (
            "codec-open-gop.ts",
            &[
                "-c:v",
                "libx264",
                "-bf",
                "3",
                "-x264-params",
                "open-gop=1:scenecut=0",
            ],
        ),
        (
            "codec-interlaced.ts",
            &["-c:v", "libx264", "-flags", "+ilme+ildct"],
        ),
        ("codec-mpeg2.ts", &["-c:v", "mpeg2video", "-bf", "2"]),
    ];
    for (name, arguments) in codecs {
        let sound = ["-c:a", "mp2"];
        let path = made(name, &source, &[arguments, &ultrafast, &sound].concat());
        let extraction = extract(&path);
        assert_pictures(&path, &extraction);
        let stats = &extraction.stats;
        assert!(stats.bytes_fetched < stats.source_bytes, "{name}");
        assert!(
            extraction
                .thumbnails
                .iter()
                .all(|t| t.origin == Origin::Keyframe)
        );
    }
}

#[test]
fn program_streams_are_searched() {
    let clip = Clip {
        gop: 12,
        ..clip(12)
    };
    let path = looped(&clip, Shape::Mpg, 30 * MIB).unwrap();
    let extraction = extract(&path);
    assert_pictures(&path, &extraction);
    assert_planned(&extraction);
    let stats = &extraction.stats;
    assert!(stats.bytes_fetched <= 4 * MIB, "{}", stats.bytes_fetched);
    assert!(stats.round_trips <= 14, "{}", stats.round_trips);
}

#[test]
fn ogg_cut_short_is_searched() {
    let path = looped(&clip(25), Shape::Ogv, 20 * MIB).unwrap();
    let whole = std::fs::read(&path).unwrap();
    let cut = &whole[..whole.len() * 2 / 3];
    let path = file_of(cut, ".ogv");
    let extraction = extract(&path);
    assert_pictures(&path, &extraction);
    assert_planned(&extraction);
}
