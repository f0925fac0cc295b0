//! What reading costs, container by container: bytes and round trips are counted, so they are the
//! same on every machine and guarded here.
//!
//! The files are of 200 MB and more, where a container's strategy shows, and one of 50 GB.

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    sync::Arc,
};

use devstack::{
    media::{Clip, Shape, looped, vast},
    oracle::{self, Packet},
};
use thumbcore::{Extraction, Extractor, FileSource, Opening, Origin, Stat, Stats};

use crate::support::{self, assert_like_ffmpeg, avi_index_len, decoded, largest_group};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
/// What is made, at least.
const LARGE: u64 = 200 * MIB;

fn clip() -> Clip {
    Clip {
        width: 1280,
        height: 720,
        gop: 125,
        ..Clip::default()
    }
}

async fn extract(path: &Path) -> Extraction {
    // From memory, where reads that run side by side end in the same order every time.
    support::extract(path).await.unwrap()
}

/// Every picture is the keyframe's that it claims to be, as ffmpeg decodes it. The bytes of the
/// keyframes.
fn assert_keyframes(path: &Path, keyframes: &[Packet], extraction: &Extraction) -> u64 {
    let mut bytes = 0;
    assert_like_ffmpeg(path, &extraction.thumbnails);
    for thumbnail in &extraction.thumbnails {
        assert_eq!(thumbnail.origin, Origin::Keyframe, "{}", path.display());
        let at = thumbnail.actual.as_secs_f64();
        let off = |keyframe: &&Packet| (keyframe.seconds - at).abs();
        let nearest = keyframes.iter().min_by(|a, b| off(a).total_cmp(&off(b)));
        let nearest = nearest.unwrap();
        assert!(off(&nearest) < 0.1, "{at} is not {nearest:?}");
        bytes += nearest.size;
    }
    bytes
}

fn assert_within(path: &Path, stats: &Stats, bytes: u64, round_trips: u64) {
    let name = path.display();
    assert_eq!(stats.source_bytes, path.metadata().unwrap().len());
    assert!(
        stats.bytes_fetched <= bytes && stats.round_trips <= round_trips,
        "{name}: at most {bytes} bytes and {round_trips} round trips: {stats:#?}"
    );
}

/// Bytes of the index, where there are many.
fn index_size(path: &Path, shape: Shape) -> u64 {
    match shape {
        Shape::Mp4MoovFirst | Shape::Mp4MoovLast => movie_box_size(path),
        Shape::Avi => avi_index_len(path),
        // A few kilobytes, which need no allowance.
        _ => 0,
    }
}

fn movie_box_size(path: &Path) -> u64 {
    let mut file = File::open(path).unwrap();
    loop {
        let mut header = [0; 16];
        file.read_exact(&mut header).unwrap();
        let short = u32::from_be_bytes(header[..4].try_into().unwrap());
        let size = match short {
            1 => u64::from_be_bytes(header[8..].try_into().unwrap()),
            short => u64::from(short),
        };
        if &header[4..8] == b"moov" {
            return size;
        }
        file.seek(SeekFrom::Current(size as i64 - 16)).unwrap();
    }
}

fn made(shape: Shape) -> PathBuf {
    looped(&clip(), shape, LARGE).unwrap()
}

#[tokio::test]
async fn with_an_index_its_bytes_and_three_keyframes() {
    for shape in [
        Shape::Mp4MoovFirst,
        Shape::Mp4MoovLast,
        Shape::Mp4FragmentedMfra,
        Shape::Mp4FragmentedSidx,
        Shape::Mkv,
        Shape::Webm,
        Shape::Avi,
        Shape::FlvIndexed,
        Shape::Wmv,
    ] {
        let path = made(shape);
        let extraction = extract(&path).await;
        let keyframes = oracle::keyframes(&path).unwrap();
        let ideal = assert_keyframes(&path, &keyframes, &extraction) + index_size(&path, shape);
        assert_within(&path, &extraction.stats, ideal * 115 / 100 + 256 * KIB, 3);
    }
}

#[tokio::test]
async fn without_an_index_three_groups_of_pictures() {
    for (shape, round_trips) in [
        (Shape::Mp4Fragmented, 14),
        (Shape::MkvNoCues, 14),
        (Shape::Flv, 14),
        (Shape::Ts, 6),
        (Shape::Mpg, 14),
        (Shape::Ogv, 14),
    ] {
        let path = made(shape);
        let extraction = extract(&path).await;
        let keyframes = oracle::keyframes(&path).unwrap();
        assert_keyframes(&path, &keyframes, &extraction);
        let limit = 3 * largest_group(&keyframes) + 2 * MIB;
        assert_within(&path, &extraction.stats, limit, round_trips);
    }
}

/// As much as a network of 100 ms to the first byte and 100 MB/s a connection would make us wait.
fn modelled_seconds(stats: &Stats) -> f64 {
    (1..=stats.round_trips)
        .map(|round_trip| {
            let reads = stats.reads.iter();
            let largest = reads
                .filter(|read| read.round_trip == round_trip)
                .map(|read| read.end - read.start)
                .max();
            0.1 + largest.unwrap_or(0) as f64 / 100e6
        })
        .sum()
}

#[tokio::test]
async fn fifty_gigabytes_cost_no_more_than_their_index() {
    let clip = Clip {
        seconds: 20,
        gop: 50,
        noise: true,
        ..clip()
    };
    let path = vast(&clip, 50_000_000_000, &[0.1, 0.5, 0.95]).unwrap();
    let source = FileSource::open(&path).await.unwrap();
    let extractor = Extractor::builder().build().unwrap();
    let extraction = extractor.extract(Arc::new(source)).await.unwrap();
    let stats = &extraction.stats;
    let silent = Clip {
        audio: false,
        ..clip
    };
    let once = silent.make().unwrap();
    let keyframes = oracle::keyframes(&once).unwrap();
    let largest = keyframes.iter().map(|keyframe| keyframe.size).max();
    for thumbnail in &extraction.thumbnails {
        let at = thumbnail.actual.as_secs_f64() % 20.0;
        let (width, height) = (thumbnail.width(), thumbnail.height());
        let theirs = oracle::frame_at(&once, at, width, height).unwrap();
        let ssim = oracle::ssim(&decoded(thumbnail), &theirs);
        assert!(ssim >= 0.85, "{ssim} at {:?}", thumbnail.actual);
        assert_eq!(thumbnail.origin, Origin::Keyframe);
    }
    let index = movie_box_size(&path);
    let ideal = index + 3 * largest.unwrap();
    assert_within(&path, stats, ideal * 115 / 100 + 256 * KIB, 3);
    let transfer = index as f64 / 100e6;
    let waited = modelled_seconds(stats);
    assert!(waited < 3.5 * 0.1 + transfer, "{waited} s: {stats:#?}");
}

#[tokio::test]
async fn an_index_is_waited_for_three_times_at_most() {
    for shape in [
        Shape::Mp4MoovFirst,
        Shape::Mp4MoovLast,
        Shape::Mkv,
        Shape::Avi,
    ] {
        let extraction = extract(&made(shape)).await;
        let waited = modelled_seconds(&extraction.stats);
        assert!(
            waited < 0.35,
            "{shape:?}: {waited} s: {:#?}",
            extraction.stats
        );
    }
}

/// As [`extract`], by a caller who knows the length.
async fn extract_known(path: &Path) -> Extraction {
    let len = path.metadata().unwrap().len();
    let source = FileSource::open(path).await.unwrap();
    let opening = Opening::new(Arc::new(source)).stat(Stat::new(len, None));
    let extractor = Extractor::builder().build().unwrap();
    extractor.extract(opening).await.unwrap()
}

#[tokio::test]
async fn an_index_that_lies_in_head_or_tail_is_not_waited_for() {
    let clip = Clip {
        noise: true,
        gop: 25,
        ..clip()
    };
    for shape in [Shape::Mp4MoovFirst, Shape::Mp4MoovLast] {
        let path = looped(&clip, shape, LARGE).unwrap();
        let extraction = extract_known(&path).await;
        let keyframes = oracle::keyframes(&path).unwrap();
        let ends = 2 * path.metadata().unwrap().len() / 1000;
        let largest = keyframes.iter().map(|keyframe| keyframe.size).max();
        let bytes = ends + 3 * largest.unwrap() + 64 * KIB;
        assert_within(&path, &extraction.stats, bytes, 2);
    }
    let clip = Clip {
        seconds: 20,
        gop: 50,
        ..clip
    };
    let path = vast(&clip, 1_000_000_000, &[0.1, 0.5, 0.95]).unwrap();
    // 3.2 MB of a gigabyte, of which the file has a little more.
    let bytes = path.metadata().unwrap().len() / 1000 * 32 / 10;
    assert_within(&path, &extract_known(&path).await.stats, bytes, 2);
}

#[tokio::test]
async fn small_files_of_known_length_take_a_round_trip_and_no_byte_twice() {
    // All that the services take.
    let extensions = devstack::EXTENSIONS;
    let mut round_trips = Vec::new();
    for extension in extensions {
        let path = Clip::new(extension).make().unwrap();
        let stats = extract_known(&path).await.stats;
        assert!(
            stats.bytes_fetched <= stats.source_bytes,
            "{extension}: {stats:#?}"
        );
        round_trips.push(stats.round_trips);
        let tiny = Clip {
            width: 96,
            height: 64,
            seconds: 2,
            ..Clip::new(extension)
        };
        let path = tiny.make().unwrap();
        let stats = extract_known(&path).await.stats;
        assert!(stats.source_bytes <= 256 * KIB, "{extension}: {stats:#?}");
        assert_eq!(
            (stats.requests, stats.round_trips),
            (1, 1),
            "{extension}: {stats:#?}"
        );
    }
    let most = extensions.len() as u64 * 12 / 10;
    let all: u64 = round_trips.iter().sum();
    assert!(all <= most, "{round_trips:?}");
}

#[tokio::test]
async fn no_more_bytes_are_read_than_there_are() {
    for (extension, shape) in [
        ("mp4", Shape::Mp4MoovLast),
        ("mkv", Shape::Mkv),
        ("ts", Shape::Ts),
        ("flv", Shape::Flv),
        ("avi", Shape::Avi),
        ("mpg", Shape::Mpg),
        ("ogv", Shape::Ogv),
        ("webm", Shape::Webm),
        ("wmv", Shape::Wmv),
    ] {
        let clip = Clip {
            noise: true,
            ..Clip::new(extension)
        };
        let once = clip.make().unwrap();
        let thrice = 3 * once.metadata().unwrap().len();
        for path in [once, looped(&clip, shape, thrice).unwrap()] {
            let stats = extract_known(&path).await.stats;
            assert!(
                stats.bytes_fetched <= stats.source_bytes,
                "{}: {stats:#?}",
                path.display()
            );
        }
    }
}
