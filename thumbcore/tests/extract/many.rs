//! Many positions in one video: more than the cache holds, and more than a store should be asked
//! at once.

use std::{sync::Arc, time::Duration};

use devstack::media::{Clip, Shape, looped};
use thumbcore::{
    Extraction, Extractor, Origin, Position, RangeSource, ReadConfig, Reason,
    source::testing::{Latency, Trace},
};

use crate::support::{assert_like_ffmpeg, extract_with, memory, noisy};

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
    let path = noisy().make().unwrap();
    // A fifth of the keyframes, and an eighth of what is decoded forward.
    for (exact, cache) in [(false, 512 << 10), (true, 4 << 20)] {
        let read = ReadConfig {
            cache,
            ..ReadConfig::default()
        };
        let extractor = Extractor::builder()
            .positions(positions(30))
            .exact(exact)
            .read(read)
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
        assert_like_ffmpeg(&path, &extraction.thumbnails[17..18]);
    }
}

#[tokio::test]
async fn searches_side_by_side_share_the_connections() {
    // Too much lies between the positions for all of it to be read.
    let path = looped(&Clip::default(), Shape::Ts, 80 << 20).unwrap();
    let slow = Latency::new(Arc::new(memory(&path)), Duration::from_millis(1));
    let trace = Arc::new(Trace::new(Arc::new(slow)));
    let read = ReadConfig {
        concurrency: 4,
        ..ReadConfig::default()
    };
    let extractor = Extractor::builder()
        .positions(positions(40))
        .read(read)
        .build()
        .unwrap();
    let source: Arc<dyn RangeSource> = trace.clone();
    let extraction = extractor.extract(source).await.unwrap();
    assert_eq!(extraction.thumbnails.len(), 40);
    assert_eq!(trace.max_concurrency(), 4);
}
