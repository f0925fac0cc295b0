//! Fragmented mp4, AVI and ASF: the right pictures, from the nearest keyframes, for little more
//! than the keyframes' bytes.

use std::{path::Path, sync::Arc};

use devstack::{
    media::{Clip, Shape, looped},
    oracle::{self, Packet},
};
use thumbcore::{Extraction, Extractor, MemorySource, Origin, Reason, Thumbnail};

use crate::support::{self, assert_like_ffmpeg, remuxed};

const MIB: u64 = 1 << 20;
const KIB: u64 = 1 << 10;

async fn extract_bytes(name: &Path, bytes: Vec<u8>) -> Extraction {
    let source = MemorySource::new(name.display().to_string(), bytes);
    let extractor = Extractor::builder().build().unwrap();
    extractor.extract(Arc::new(source)).await.unwrap()
}

async fn extract(path: &Path) -> Extraction {
    support::extract(path).await.unwrap()
}

/// The keyframe nearest to a thumbnail's target.
fn nearest<'a>(keyframes: &'a [Packet], thumbnail: &Thumbnail) -> &'a Packet {
    let target = thumbnail.target.as_secs_f64();
    let distance = |keyframe: &Packet| (keyframe.seconds - target).abs();
    keyframes
        .iter()
        .min_by(|a, b| distance(a).total_cmp(&distance(b)))
        .unwrap()
}

fn assert_duration(path: &Path, extraction: &Extraction) {
    let theirs = oracle::probe(path).unwrap().duration.unwrap();
    let ours = extraction.media.duration.unwrap().as_secs_f64();
    assert!((ours - theirs).abs() < 0.002, "{ours} {theirs}");
}

/// Pictures of the nearest keyframes; their bytes, and those of a group of pictures.
fn assert_nearest(path: &Path, extraction: &Extraction) -> (u64, u64) {
    let keyframes = oracle::keyframes(path).unwrap();
    assert_duration(path, extraction);
    assert_like_ffmpeg(path, &extraction.thumbnails);
    let mut bytes = 0;
    for thumbnail in &extraction.thumbnails {
        assert_eq!(thumbnail.origin, Origin::Keyframe);
        let nearest = nearest(&keyframes, thumbnail);
        let actual = thumbnail.actual.as_secs_f64();
        assert!(
            (actual - nearest.seconds).abs() < 0.002,
            "{actual} is not {nearest:?}, nearest to {:?}",
            thumbnail.target
        );
        bytes += nearest.size;
    }
    let unplanned = |reason| reason == Reason::Demux;
    let reads = &extraction.stats.reads;
    assert!(
        !reads.iter().any(|read| unplanned(read.reason)),
        "{reads:?}"
    );
    let group = extraction.stats.source_bytes / keyframes.len() as u64;
    (bytes, group)
}

fn assert_cost(extraction: &Extraction, bytes: u64, round_trips: u64) {
    let stats = &extraction.stats;
    assert!(
        stats.bytes_fetched <= bytes,
        "{} > {bytes}: {:?}",
        stats.bytes_fetched,
        stats.reads
    );
    assert!(stats.round_trips <= round_trips, "{:?}", stats.reads);
}

async fn assert_indexed(path: &Path, index: u64) {
    let extraction = extract(path).await;
    let (keyframes, _) = assert_nearest(path, &extraction);
    assert_cost(&extraction, (index + keyframes) * 115 / 100 + 256 * KIB, 3);
}

#[tokio::test]
async fn fragments_with_an_index_cost_their_keyframes() {
    for shape in [Shape::Mp4FragmentedMfra, Shape::Mp4FragmentedSidx] {
        assert_indexed(&looped(&Clip::default(), shape, 20 * MIB).unwrap(), 0).await;
    }
}

#[tokio::test]
async fn fragments_without_an_index_cost_three_groups_of_pictures() {
    let large = Clip {
        gop: 50,
        noise: true,
        ..Clip::default()
    };
    for clip in [Clip::default(), large] {
        let path = looped(&clip, Shape::Mp4Fragmented, 60 * MIB).unwrap();
        let extraction = extract(&path).await;
        let (_, group) = assert_nearest(&path, &extraction);
        assert_cost(&extraction, 3 * group + 2 * MIB, 14);
    }
}

#[tokio::test]
async fn fragments_of_every_kind_give_the_right_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let kinds: &[&[&str]] = &[
        // Offsets from the start of the file; times behind an edit list; a fragment a track.
        &["-movflags", "frag_keyframe+empty_moov"],
        &["-movflags", "frag_keyframe+delay_moov+default_base_moof"],
        &[
            "-movflags",
            "frag_keyframe+empty_moov+default_base_moof+separate_moof",
        ],
        &[
            "-movflags",
            "frag_keyframe+empty_moov+default_base_moof+negative_cts_offsets",
        ],
        // A segment index before each fragment; keyframes within fragments; one large fragment.
        &[
            "-movflags",
            "dash+delay_moov+skip_trailer",
            "-frag_duration",
            "2500000",
        ],
        &[
            "-movflags",
            "empty_moov+default_base_moof",
            "-frag_duration",
            "3300000",
        ],
        &[
            "-movflags",
            "empty_moov+default_base_moof",
            "-frag_duration",
            "99000000",
        ],
    ];
    for (nth, kind) in kinds.iter().enumerate() {
        let arguments = [&["-map", "0", "-c", "copy"], *kind].concat();
        let name = format!("{nth}.mp4");
        let path = remuxed(&Clip::default(), folder.path(), &name, &arguments);
        let extraction = extract(&path).await;
        assert_like_ffmpeg(&path, &extraction.thumbnails);
        assert_duration(&path, &extraction);
    }
}

#[tokio::test]
async fn avi_costs_its_index_and_keyframes() {
    let path = looped(&Clip::new("avi"), Shape::Avi, 20 * MIB).unwrap();
    assert_indexed(&path, support::avi_index_len(&path)).await;
}

#[tokio::test]
async fn avi_tells_the_time_of_reordered_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let kinds: &[&[&str]] = &[
        &["-c", "copy", "-an"],
        &[
            "-c:v",
            "mpeg4",
            "-bf",
            "2",
            "-g",
            "25",
            "-q:v",
            "4",
            "-c:a",
            "libmp3lame",
        ],
    ];
    for (nth, kind) in kinds.iter().enumerate() {
        let path = remuxed(&Clip::default(), folder.path(), &format!("{nth}.avi"), kind);
        let extraction = extract(&path).await;
        assert_like_ffmpeg(&path, &extraction.thumbnails);
        assert_duration(&path, &extraction);
    }
}

#[tokio::test]
async fn avi_tells_the_time_of_a_reordered_keyframe_without_reading_on() {
    let folder = tempfile::tempdir().unwrap();
    let codec = [
        "-an",
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-bf",
        "3",
        "-g",
        "50",
    ];
    let path = remuxed(&support::noisy(), folder.path(), "reordered.avi", &codec);
    let extraction = extract(&path).await;
    assert_like_ffmpeg(&path, &extraction.thumbnails);
    let stats = &extraction.stats;
    let unplanned = stats.reads.iter().any(|read| read.reason == Reason::Demux);
    assert!(!unplanned, "{:?}", stats.reads);
    // Ends, index, keyframes.
    assert!(stats.round_trips <= 3, "{:?}", stats.reads);
}

#[tokio::test]
async fn avi_is_decoded_forward_on_the_right_clock() {
    // One keyframe serves all three targets.
    let clip = Clip {
        gop: 250,
        ..Clip::new("avi")
    };
    let path = clip.make().unwrap();
    let extraction = extract(&path).await;
    let pictures = &extraction.thumbnails;
    assert!(
        pictures[1..]
            .iter()
            .all(|picture| picture.origin == Origin::Decoded)
    );
    assert_like_ffmpeg(&path, &extraction.thumbnails);
    assert!(
        extraction.stats.round_trips <= 3,
        "{:?}",
        extraction.stats.reads
    );
}

#[tokio::test]
async fn asf_costs_its_keyframes_with_and_without_an_index() {
    let path = looped(&Clip::new("wmv"), Shape::Wmv, 20 * MIB).unwrap();
    assert_indexed(&path, 0).await;
    let mut bytes = std::fs::read(&path).unwrap();
    let index = b"\x90\x08\x00\x33\xb1\xe5\xcf\x11\x89\xf4\x00\xa0\xc9\x03\x49\xcb";
    let at = bytes.windows(16).rposition(|guid| guid == index).unwrap();
    bytes.truncate(at);
    let extraction = extract_bytes(&path, bytes).await;
    assert_like_ffmpeg(&path, &extraction.thumbnails);
    let group = extraction.stats.source_bytes / oracle::keyframes(&path).unwrap().len() as u64;
    assert_cost(&extraction, 3 * group + 2 * MIB, 14);
    for thumbnail in &extraction.thumbnails {
        let off = thumbnail.target.abs_diff(thumbnail.actual);
        assert!(off <= extraction.media.duration.unwrap() / 20, "{off:?}");
    }
}

#[tokio::test]
async fn every_kind_of_index_lists_its_keyframes() {
    let extractor = Extractor::builder().build().unwrap();
    for (clip, shape, has_sizes) in [
        (Clip::new("avi"), Shape::Avi, true),
        (Clip::new("mkv"), Shape::Mkv, false),
        (Clip::default(), Shape::FlvIndexed, false),
        (Clip::default(), Shape::Mp4FragmentedMfra, false),
        (Clip::default(), Shape::Mp4FragmentedSidx, false),
    ] {
        let path = looped(&clip, shape, 10 * MIB).unwrap();
        let source = Arc::new(support::memory(&path));
        let video = extractor.open(source).await.unwrap();
        let listed = video.keyframes().unwrap();
        let theirs = oracle::keyframes(&path).unwrap();
        let file = path.display();
        assert!(
            listed.len().abs_diff(theirs.len()) <= 1,
            "{file}: {}",
            listed.len()
        );
        assert!(listed.is_sorted_by_key(|entry| entry.time), "{file}");
        for entry in &listed {
            let seconds = entry.time.as_secs_f64();
            let near = |packet: &&Packet| (packet.seconds - seconds).abs() < 0.15;
            let theirs = theirs.iter().find(near);
            let theirs = theirs.unwrap_or_else(|| panic!("{file}: {entry:?}"));
            // A fragment or a cluster begins before its keyframe.
            assert!(entry.position <= theirs.pos, "{file}: {entry:?} {theirs:?}");
            assert_eq!(entry.size, has_sizes.then_some(theirs.size), "{file}");
        }
    }
}
