//! Parts of an mp4 that its index names and that are not there: what is there is shown.

use std::path::PathBuf;

use devstack::media::{Clip, Shape, looped};
use thumbcore::Error;

use crate::support::{assert_frames, assert_near, extract_bytes};

/// A film, and its bytes.
fn film(shape: Shape) -> (PathBuf, Vec<u8>) {
    let clip = Clip {
        seconds: 10,
        width: 320,
        height: 180,
        ..Clip::new("mp4")
    };
    let path = looped(&clip, shape, 6 << 20).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    (path, bytes)
}

#[tokio::test]
async fn a_film_whose_end_is_missing_is_shown_up_to_there() {
    let (path, mut bytes) = film(Shape::Mp4MoovFirst);
    bytes.truncate(bytes.len() * 6 / 10);
    let extraction = extract_bytes(bytes).await.unwrap();
    assert_frames(&path, &extraction);
    let seconds = extraction.media.duration.unwrap().as_secs_f64();
    let last = extraction.thumbnails.last().unwrap().actual.as_secs_f64();
    assert!(last > seconds * 0.55, "{last} of {seconds}");
}

#[tokio::test]
async fn bytes_missing_in_the_middle_cost_no_target_behind_them() {
    let (path, mut bytes) = film(Shape::Mp4FragmentedSidx);
    let tenth = bytes.len() / 10;
    bytes.drain(tenth * 3..tenth * 4 + 7);
    let extraction = extract_bytes(bytes).await.unwrap();
    assert_frames(&path, &extraction);
    assert_near(&extraction, 2.0);
}

#[tokio::test]
async fn fragments_of_a_film_without_a_number_are_not_looked_for() {
    let (_, mut bytes) = film(Shape::Mp4Fragmented);
    let header = bytes.windows(4).position(|kind| kind == b"tkhd").unwrap();
    bytes[header..header + 4].copy_from_slice(b"free");
    let error = extract_bytes(bytes).await.unwrap_err();
    let Error::Corrupt { reason } = &error else {
        panic!("{error}");
    };
    assert!(reason.contains("number"), "{reason}");
}
