//! Parts of an mp4 that were reserved and never written.

use std::sync::Arc;

use devstack::media::{Clip, Shape, looped};
use thumbcore::{Extractor, MemorySource};

use crate::support::{assert_like_ffmpeg, noisy};

#[tokio::test]
async fn a_film_whose_end_was_never_written_is_shown_up_to_there() {
    for (clip, bytes) in [(Clip::new("mp4"), 12 << 20), (noisy(), 40 << 20)] {
        let path = looped(&clip, Shape::Mp4MoovFirst, bytes).unwrap();
        let whole = std::fs::read(&path).unwrap();
        for share in [60, 30] {
            let mut bytes = whole.clone();
            let written = bytes.len() * share / 100;
            bytes[written..].fill(0);
            let extractor = Extractor::builder().build().unwrap();
            let source = Arc::new(MemorySource::new("m.mp4", bytes));
            let extraction = extractor.extract(source).await.unwrap();
            assert_like_ffmpeg(&path, &extraction.thumbnails);
            let seconds = extraction.media.duration.unwrap().as_secs_f64();
            let last = extraction.thumbnails.last().unwrap().actual.as_secs_f64();
            let share = share as f64 / 100.0;
            assert!((last / seconds - share).abs() < 0.05, "{last} of {seconds}");
            assert!(
                extraction.stats.round_trips <= 12,
                "{:#?}",
                extraction.stats
            );
        }
    }
}
