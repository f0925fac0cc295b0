//! Memory that videos share: hostile claims stay within it, and good videos beside them finish.

use std::sync::Arc;

use devstack::media::Clip;
use futures::future::join_all;
use thumbcore::{Error, Extractor, LimitError, MemoryBudget, MemorySource, Request};

use crate::{
    hostile::{boxed, movie, track_of},
    support::memory,
};

const MIB: u64 = 1 << 20;

/// A movie box of `len` bytes that begins as a movie box does and is padding beyond.
fn padded(len: usize) -> Vec<u8> {
    let padding = boxed(b"free", &[vec![0; len]]);
    movie(&[track_of(1), padding])
}

fn source(name: &str, bytes: Vec<u8>) -> Arc<MemorySource> {
    Arc::new(MemorySource::new(name, bytes))
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_claims_take_turns_and_good_videos_finish() {
    let budget = MemoryBudget::new(128 * MIB);
    let builder = Extractor::builder().memory(budget.clone());
    let extractor = builder.build().unwrap();
    // Two at once would not fit.
    let samples = || source("samples", movie(&[track_of(3_000_000)]));
    let large = || source("large", padded(60 << 20));
    let hostile = (0..4).flat_map(|_| [samples(), large()]);
    let clips = ["mp4", "mkv", "ts", "avi"].map(|extension| Clip::new(extension).make().unwrap());
    let videos: Vec<_> = hostile
        .chain(clips.iter().map(|path| Arc::new(memory(path))))
        .collect();
    let highest = tokio::spawn({
        let budget = budget.clone();
        async move {
            let mut highest = 0;
            loop {
                highest = budget.reserved().max(highest);
                assert!(highest <= budget.limit());
                tokio::task::yield_now().await;
            }
        }
    });
    let work = videos.into_iter().map(|video| extractor.extract(video));
    let done = join_all(work).await;
    assert!(!highest.is_finished());
    highest.abort();
    let (hostile, good) = done.split_at(8);
    for result in hostile {
        let error = result.as_ref().unwrap_err();
        assert!(
            !matches!(error, Error::Limit(LimitError::Time { .. })),
            "{error:?}"
        );
        assert!(!error.is_transient(), "{error:?}");
    }
    for result in good {
        assert_eq!(result.as_ref().unwrap().thumbnails.len(), 3);
    }
    assert_eq!(budget.reserved(), 0);
}

#[tokio::test]
async fn what_could_never_fit_is_refused_at_once() {
    let budget = MemoryBudget::new(40 * MIB);
    let builder = Extractor::builder().memory(budget.clone());
    let extractor = builder.build().unwrap();
    let video = source("samples", movie(&[track_of(3_000_000)]));
    let error = extractor.extract(video).await.unwrap_err();
    assert!(
        matches!(error, Error::Limit(LimitError::Memory { limit, .. }) if limit == 40 * MIB),
        "{error:?}"
    );
    assert!(!error.is_transient());
    assert_eq!(budget.reserved(), 0);
}

#[tokio::test]
async fn an_open_video_keeps_what_it_holds_and_no_more() {
    let budget = MemoryBudget::new(128 * MIB);
    let builder = Extractor::builder().memory(budget.clone());
    let extractor = builder.build().unwrap();
    let path = Clip::new("mp4").make().unwrap();
    let video = extractor.open(Arc::new(memory(&path))).await.unwrap();
    let kept = budget.reserved();
    assert!(kept > 0 && kept < MIB, "{kept}");
    video.extract(&Request::new()).await.unwrap();
    assert!(budget.reserved() < 4 * MIB, "{}", budget.reserved());
    drop(video);
    assert_eq!(budget.reserved(), 0);
}
