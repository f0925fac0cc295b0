//! Bytes of something else in front of a stream, more than demuxers pass over by themselves.

use devstack::media::{Clip, Shape, looped};
use thumbcore::Container;

use crate::support::{assert_frames, assert_near, extract_bytes};

/// Bytes without order, in which neither sync bytes nor start codes lie by chance.
fn garbage(len: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 25) as u8 | 0x80
    };
    (0..len).map(|_| next()).collect()
}

#[tokio::test]
async fn garbage_before_a_stream_is_passed_over() {
    let clip = Clip {
        width: 320,
        height: 180,
        ..Clip::default()
    };
    for (shape, container) in [
        (Shape::Ts, Container::MpegTs),
        (Shape::Mpg, Container::MpegPs),
    ] {
        for least in [200 << 10, 4 << 20] {
            let path = looped(&clip, shape, least).unwrap();
            let stream = std::fs::read(&path).unwrap();
            for len in [70_000, 600_000, 1_000_000] {
                let bytes = [&garbage(len)[..], &stream].concat();
                let extraction = extract_bytes(bytes).await.unwrap();
                assert_eq!(extraction.media.container, container);
                assert_near(&extraction, 1.6);
                assert_frames(&path, &extraction);
                let bytes = extraction.stats.bytes_fetched;
                let most = (len + stream.len()) as u64;
                assert!(bytes <= most, "{bytes} of {most}");
            }
        }
    }
}
