//! An mp4 whose box of media tells a wrong length: the movie box behind it is found nevertheless.

use devstack::media::{Clip, Shape, looped};
use thumbcore::Error;

use crate::support::{assert_frames, assert_near, extract_bytes};

#[tokio::test]
async fn a_movie_box_is_found_behind_media_of_a_wrong_length() {
    let clip = Clip {
        width: 320,
        height: 180,
        ..Clip::default()
    };
    let path = looped(&clip, Shape::Mp4MoovLast, 3 << 20).unwrap();
    let whole = std::fs::read(&path).unwrap();
    let media = whole.windows(4).position(|kind| kind == b"mdat").unwrap() - 4;
    let right = u32::from_be_bytes(whole[media..media + 4].try_into().unwrap());
    for wrong in [0, 8, right / 2, right + 1000, u32::MAX] {
        let mut bytes = whole.clone();
        bytes[media..media + 4].copy_from_slice(&wrong.to_be_bytes());
        let extraction = extract_bytes(bytes).await;
        let extraction = extraction.unwrap_or_else(|error| panic!("{wrong}: {error}"));
        assert_near(&extraction, 1.0);
        assert_frames(&path, &extraction);
    }
    // A length of 64 bits, in place of the empty box before.
    for wrong in [0, 16, u64::MAX] {
        let mut bytes = whole.clone();
        bytes[media - 8..media].copy_from_slice(b"\0\0\0\x01mdat");
        bytes[media..media + 8].copy_from_slice(&wrong.to_be_bytes());
        let extraction = extract_bytes(bytes).await;
        let extraction = extraction.unwrap_or_else(|error| panic!("{wrong}: {error}"));
        assert_frames(&path, &extraction);
    }
    // Without a movie box there is none to find.
    let mut bytes = whole.clone();
    bytes.truncate(media + right as usize);
    bytes[media..media + 4].fill(0);
    let error = extract_bytes(bytes).await.unwrap_err();
    assert!(matches!(error, Error::Corrupt { .. }), "{error}");
}
