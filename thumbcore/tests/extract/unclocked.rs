//! Fragments of an mp4 that do not tell when they are decoded: they follow each other.

use std::sync::Arc;

use devstack::{
    media::{Clip, Shape, looped},
    oracle,
};
use thumbcore::{Extraction, Extractor, MemorySource, Position, Request};

use crate::support::{assert_frames, assert_like_ffmpeg, assert_near};

fn clip() -> Clip {
    Clip {
        width: 320,
        height: 180,
        gop: 50,
        ..Clip::new("mp4")
    }
}

/// Makes a time of nothing out of the `tfdt` box whose name is at the start of the bytes.
type Spoil = fn(&mut [u8]);

/// All fragments are decoded at once.
fn stand_still(time: &mut [u8]) {
    let long = time[4] == 1;
    time[8..if long { 16 } else { 12 }].fill(0);
}

fn leave_out(time: &mut [u8]) {
    time[..4].copy_from_slice(b"free");
}

/// `bytes` whose every `tfdt` box is changed.
fn with_times(bytes: &[u8], spoil: Spoil) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let at: Vec<_> = memchr::memmem::find_iter(&bytes, b"tfdt").collect();
    assert!(at.len() > 10, "{}", at.len());
    for at in at {
        spoil(&mut bytes[at..]);
    }
    bytes
}

async fn extract(bytes: Vec<u8>, request: &Request) -> Extraction {
    let extractor = Extractor::builder().build().unwrap();
    let source = Arc::new(MemorySource::new("m.mp4", bytes));
    let video = extractor.open(source).await.unwrap();
    video.extract(request).await.unwrap()
}

const SHAPES: [Shape; 3] = [
    Shape::Mp4Fragmented,
    Shape::Mp4FragmentedMfra,
    Shape::Mp4FragmentedSidx,
];

#[tokio::test]
async fn fragments_without_times_of_their_own_follow_each_other() {
    for shape in SHAPES {
        let path = looped(&clip(), shape, 12 << 20).unwrap();
        let seconds = oracle::probe(&path).unwrap().duration.unwrap();
        let whole = std::fs::read(&path).unwrap();
        for spoil in [stand_still as Spoil, leave_out] {
            let extraction = extract(with_times(&whole, spoil), &Request::new()).await;
            let told = extraction.media.duration.unwrap().as_secs_f64();
            assert!(
                (told - seconds).abs() < 0.5,
                "{shape:?}: {told} for {seconds}"
            );
            assert_near(&extraction, 1.1);
            assert_frames(&path, &extraction);
            let trips = extraction.stats.round_trips;
            assert!(trips < 40, "{shape:?}: {trips} round trips");
        }
    }
}

#[tokio::test]
async fn exact_times_between_keyframes_of_such_fragments_are_met() {
    for shape in SHAPES {
        let path = looped(&clip(), shape, 12 << 20).unwrap();
        let whole = std::fs::read(&path).unwrap();
        let seconds = [1.24, 21.48, 40.88, 41.0];
        let at = seconds.map(|at| Position::Time(std::time::Duration::from_secs_f64(at)));
        let request = Request::new().positions(at).exact(true);
        for spoil in [stand_still as Spoil, leave_out] {
            let extraction = extract(with_times(&whole, spoil), &request).await;
            assert_near(&extraction, 0.041);
            assert_like_ffmpeg(&path, &extraction.thumbnails);
        }
    }
}

#[tokio::test]
async fn too_many_fragments_to_be_looked_at_are_told_apart_by_their_numbers() {
    let clip = Clip {
        width: 128,
        height: 72,
        gop: 25,
        audio: false,
        ..Clip::new("mp4")
    };
    let path = looped(&clip, Shape::Mp4Fragmented, 12 << 20).unwrap();
    let whole = std::fs::read(&path).unwrap();
    assert!(memchr::memmem::find_iter(&whole, b"tfdt").count() > 300);
    for spoil in [stand_still as Spoil, leave_out] {
        let extraction = extract(with_times(&whole, spoil), &Request::new()).await;
        assert_near(&extraction, 1.1);
        assert_frames(&path, &extraction);
    }
}
