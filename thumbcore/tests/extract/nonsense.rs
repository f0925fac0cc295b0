//! Numbers in headers and indexes that make no sense: what the rest of the file tells is believed.

use std::path::{Path, PathBuf};

use devstack::media::{Clip, Shape, looped};

use crate::support::{assert_frames, assert_near, extract_bytes};

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

/// The pictures of `bytes` are those that the film at `path` has at their times, near the targets.
async fn assert_film(path: &Path, bytes: Vec<u8>) {
    let seconds = devstack::oracle::probe(path).unwrap().duration.unwrap();
    let extraction = extract_bytes(bytes).await.unwrap();
    let told = extraction.media.duration.unwrap().as_secs_f64();
    assert!((told - seconds).abs() < 1.0, "{told} for {seconds}");
    assert_near(&extraction, 1.1);
    assert_frames(path, &extraction);
}

/// The same where each of `wrong` lies at `at` of the film's bytes.
async fn assert_film_with<const N: usize>(
    (path, whole): &(PathBuf, Vec<u8>),
    at: usize,
    wrong: impl IntoIterator<Item = [u8; N]>,
) {
    for wrong in wrong {
        let mut bytes = whole.clone();
        bytes[at..at + N].copy_from_slice(&wrong);
        assert_film(path, bytes).await;
    }
}

#[tokio::test]
async fn a_preroll_longer_than_the_film_does_not_move_its_times() {
    const FILE_PROPERTIES: [u8; 8] = [0xa1, 0xdc, 0xab, 0x8c, 0x47, 0xa9, 0xcf, 0x11];
    let film = film(Shape::Wmv);
    let preroll = find(&film.1, &FILE_PROPERTIES) + 24 + 56;
    let wrong = [100_000_u64, 10_000, 3_000_000_000];
    assert_film_with(&film, preroll, wrong.map(u64::to_le_bytes)).await;
}

#[tokio::test]
async fn pictures_of_an_avi_that_last_no_time_last_as_long_as_the_main_header_says() {
    let film = film(Shape::Avi);
    let rate = find(&film.1, b"strh") + 8 + 24;
    let wrong = [u32::MAX, 500_000_000];
    assert_film_with(&film, rate, wrong.map(u32::to_le_bytes)).await;
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
        let film = film(shape);
        let scale = find(&film.1, b"mdhd") + 4 + 12;
        let wrong = [0, 1, u32::MAX];
        assert_film_with(&film, scale, wrong.map(u32::to_be_bytes)).await;
    }
}
