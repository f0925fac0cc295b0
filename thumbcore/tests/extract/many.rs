//! Many positions in one video: more than the cache holds, and more than a store should be asked
//! at once.

use devstack::media::Clip;
use thumbcore::{Extraction, Extractor, Origin, Position, ReadConfig, Reason};

use crate::support::{extract_with, unlike_ffmpeg};

fn positions(count: u32) -> impl Iterator<Item = Position> {
    (0..count).map(move |nth| Position::Fraction((f64::from(nth) + 0.2) / f64::from(count)))
}

/// Fails if any byte was fetched a second time, or by libav on its own.
fn assert_fetched_once(extraction: &Extraction) {
    let mut reads = extraction.stats.reads.clone();
    reads.sort_by_key(|read| read.start);
    for pair in reads.windows(2) {
        assert!(pair[0].end <= pair[1].start, "twice: {pair:?}");
    }
    assert!(
        reads.iter().all(|read| read.reason != Reason::Demux),
        "{reads:?}"
    );
}

#[tokio::test]
async fn keyframes_beyond_the_cache_are_fetched_once() {
    let path = Clip {
        seconds: 30,
        noise: true,
        ..Clip::new("mp4")
    }
    .make()
    .unwrap();
    let read = ReadConfig {
        cache: 512 << 10,
        ..ReadConfig::default()
    };
    for exact in [false, true] {
        let extractor = Extractor::builder()
            .positions(positions(30))
            .exact(exact)
            .read(read.clone())
            .build()
            .unwrap();
        let extraction = extract_with(&extractor, &path).await.unwrap();
        assert_fetched_once(&extraction);
        let expected = if exact {
            Origin::Decoded
        } else {
            Origin::Keyframe
        };
        for thumbnail in &extraction.thumbnails {
            assert_eq!(thumbnail.origin, expected);
        }
        assert_eq!(unlike_ffmpeg(&path, &extraction.thumbnails[17]), None);
    }
}
