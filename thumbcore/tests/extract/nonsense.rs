//! Numbers in headers and indexes that make no sense: what the rest of the file tells is believed.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use devstack::media::{Clip, Shape, looped};
use thumbcore::{Extraction, Extractor, MemorySource};

use crate::support::{assert_frames, assert_near};

fn film(shape: Shape) -> (PathBuf, Vec<u8>) {
    let clip = Clip {
        width: 320,
        height: 180,
        ..Clip::default()
    };
    let path = looped(&clip, shape, 3 << 20).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    (path, bytes)
}

fn find(bytes: &[u8], wanted: &[u8]) -> usize {
    let mut windows = bytes.windows(wanted.len());
    windows.position(|window| window == wanted).unwrap()
}

async fn extract(bytes: Vec<u8>) -> Extraction {
    let extractor = Extractor::builder().build().unwrap();
    let source = Arc::new(MemorySource::new("m", bytes));
    extractor.extract(source).await.unwrap()
}

/// The pictures of `bytes` are those that the film at `path` has at their times, near the targets.
async fn assert_film(path: &Path, bytes: Vec<u8>) {
    let seconds = devstack::oracle::probe(path).unwrap().duration.unwrap();
    let extraction = extract(bytes).await;
    let told = extraction.media.duration.unwrap().as_secs_f64();
    assert!((told - seconds).abs() < 1.0, "{told} for {seconds}");
    assert_near(&extraction, 1.1);
    assert_frames(path, &extraction);
}

#[tokio::test]
async fn a_preroll_longer_than_the_film_does_not_move_its_times() {
    const FILE_PROPERTIES: [u8; 8] = [0xa1, 0xdc, 0xab, 0x8c, 0x47, 0xa9, 0xcf, 0x11];
    let (path, whole) = film(Shape::Wmv);
    let preroll = find(&whole, &FILE_PROPERTIES) + 24 + 56;
    for wrong in [100_000_u64, 10_000, 3_000_000_000] {
        let mut bytes = whole.clone();
        bytes[preroll..preroll + 8].copy_from_slice(&wrong.to_le_bytes());
        assert_film(&path, bytes).await;
    }
}

#[tokio::test]
async fn pictures_of_an_avi_that_last_no_time_last_as_long_as_the_main_header_says() {
    let (path, whole) = film(Shape::Avi);
    let rate = find(&whole, b"strh") + 8 + 24;
    for wrong in [u32::MAX, 500_000_000] {
        let mut bytes = whole.clone();
        bytes[rate..rate + 4].copy_from_slice(&wrong.to_le_bytes());
        assert_film(&path, bytes).await;
    }
}

#[tokio::test]
async fn an_index_of_which_the_end_was_never_written_does_not_shorten_the_film() {
    let (path, whole) = film(Shape::Avi);
    let index = whole.windows(4).rposition(|kind| kind == b"idx1").unwrap() + 8;
    for percent in [20, 50, 80] {
        let mut bytes = whole.clone();
        let len = bytes.len() - index;
        bytes[index + len * percent / 100 / 16 * 16..].fill(0);
        assert_film(&path, bytes).await;
    }
}

#[tokio::test]
async fn a_time_scale_that_makes_no_sense_is_told_by_the_tracks_length() {
    for shape in [Shape::Mp4MoovLast, Shape::Mp4MoovFirst] {
        let (path, whole) = film(shape);
        let scale = find(&whole, b"mdhd") + 4 + 12;
        for wrong in [0, 1, u32::MAX] {
            let mut bytes = whole.clone();
            bytes[scale..scale + 4].copy_from_slice(&wrong.to_be_bytes());
            assert_film(&path, bytes).await;
        }
    }
}
