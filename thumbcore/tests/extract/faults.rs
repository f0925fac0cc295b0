//! A source that fails in the middle: the same pictures, or a typed error that says whether to try
//! again, never pictures of two versions. And budgets: what is cheaper before an error.

use std::{sync::Arc, time::Duration};

use devstack::media::Clip;
use thumbcore::{
    Error, Extraction, Extractor, LimitError, Limits, Origin, RangeSource,
    source::testing::{Fault, Faults, Trace},
};

use crate::support::{assert_like_ffmpeg, extract_with, memory, noisy, remuxed};

fn patient(limits: Limits) -> Extractor {
    let read = thumbcore::ReadConfig {
        retry_wait: Duration::ZERO,
        ..Default::default()
    };
    Extractor::builder()
        .read(read)
        .limits(limits)
        .build()
        .unwrap()
}

fn exactly(positions: [&str; 3], max_bytes: u64) -> Extractor {
    let limits = Limits {
        max_bytes,
        ..Limits::default()
    };
    Extractor::builder()
        .positions(positions.map(|at| at.parse().unwrap()))
        .exact(true)
        .limits(limits)
        .build()
        .unwrap()
}

async fn extract(source: Faults) -> (Result<Extraction, Error>, u64) {
    let source = Arc::new(source);
    let as_source: Arc<dyn RangeSource> = source.clone();
    let result = patient(Limits::default()).extract(as_source).await;
    (result, source.calls())
}

fn images(extraction: &Extraction) -> Vec<&[u8]> {
    let thumbnails = extraction.thumbnails.iter();
    thumbnails.map(|thumbnail| &thumbnail.image()[..]).collect()
}

#[tokio::test]
async fn every_fault_at_every_call_ends_well() {
    for extension in ["mp4", "mkv", "ts", "flv", "avi"] {
        let clip = Clip {
            seconds: 30,
            ..Clip::new(extension)
        };
        let path = clip.make().unwrap();
        let source = || Faults::new(Arc::new(memory(&path)));
        let (sound, calls) = extract(source()).await;
        let sound = sound.unwrap();
        assert!(calls >= 2, "{extension}: nothing to disturb");
        for call in 0..calls {
            for fault in [Fault::ShortRead, Fault::Unavailable, Fault::Reset] {
                let (disturbed, made) = extract(source().at(call, fault)).await;
                let disturbed = disturbed.unwrap();
                let story = format!("{extension}: {fault:?} at call {call}");
                assert_eq!(images(&disturbed), images(&sound), "{story}");
                assert!(made > calls, "{story}: nothing was tried again");
            }
            let (result, _) = extract(source().at(call, Fault::Changed)).await;
            let error = result.unwrap_err();
            assert_eq!(error.kind(), "changed", "{extension} at call {call}");
            assert!(error.is_transient());
        }
    }
}

#[tokio::test]
async fn a_source_that_stays_broken_is_a_transient_error() {
    let path = Clip::new("mkv").make().unwrap();
    for fault in [Fault::ShortRead, Fault::Unavailable, Fault::Reset] {
        let source = Faults::new(Arc::new(memory(&path))).by_chance(1.0, 1, [fault]);
        let (result, _) = extract(source).await;
        let error = result.unwrap_err();
        assert!(matches!(error, Error::Source(_)), "{fault:?}: {error:?}");
        assert!(error.is_transient(), "{fault:?}: {error:?}");
    }
}

#[tokio::test]
async fn bytes_of_answers_that_break_off_are_counted() {
    let clip = Clip {
        seconds: 30,
        ..Clip::new("mkv")
    };
    let path = clip.make().unwrap();
    let trace = Arc::new(Trace::new(Arc::new(memory(&path))));
    let as_source: Arc<dyn RangeSource> = trace.clone();
    let source = Faults::new(as_source)
        .at(0, Fault::ShortRead)
        .at(2, Fault::ShortRead)
        .at(3, Fault::Unavailable);
    let (extraction, _) = extract(source).await;
    assert_eq!(extraction.unwrap().stats.bytes_fetched, trace.bytes());
}

#[tokio::test]
async fn answers_that_break_off_end_at_the_budget() {
    let path = noisy().make().unwrap();
    let trace = Arc::new(Trace::new(Arc::new(memory(&path))));
    let as_source: Arc<dyn RangeSource> = trace.clone();
    // Head and tail arrive, and the index; then nothing does.
    let source = (2..64).fold(Faults::new(as_source), |source, call| {
        source.at(call, Fault::ShortRead)
    });
    let limits = Limits {
        max_bytes: 600_000,
        ..Limits::default()
    };
    let error = patient(limits).extract(Arc::new(source)).await.unwrap_err();
    assert!(
        matches!(error, Error::Limit(LimitError::Bytes { .. })),
        "{error:?}"
    );
    assert!(trace.bytes() <= 600_000, "{}", trace.bytes());
}

#[tokio::test]
async fn a_stalled_source_ends_at_the_time_limit() {
    let path = Clip::new("mp4").make().unwrap();
    let source = Faults::new(Arc::new(memory(&path)));
    let source = (3..64).fold(source, |source, call| source.at(call, Fault::Stall));
    let limits = Limits {
        max_time: Duration::from_millis(300),
        ..Limits::default()
    };
    let extractor = Extractor::builder().limits(limits).build().unwrap();
    let error = extractor.extract(Arc::new(source)).await.unwrap_err();
    assert!(
        matches!(error, Error::Limit(LimitError::Time { .. })),
        "{error:?}"
    );
    assert!(error.is_transient());
}

#[tokio::test]
async fn over_budget_a_keyframe_does_instead_of_the_exact_picture() {
    // Half a second of noise to decode to each target: megabytes.
    let path = noisy().make().unwrap();
    let exactly = |max_bytes| exactly(["10.5s", "15.5s", "20.5s"], max_bytes);
    let rich = extract_with(&exactly(1 << 30), &path).await.unwrap();
    assert!(
        rich.thumbnails
            .iter()
            .all(|it| it.origin == Origin::Decoded)
    );
    let budget = rich.stats.bytes_fetched / 2;
    let poor = extract_with(&exactly(budget), &path).await.unwrap();
    assert!(poor.stats.bytes_fetched <= budget, "{:?}", poor.stats);
    for thumbnail in &poor.thumbnails {
        assert!(thumbnail.target.abs_diff(thumbnail.actual) <= Duration::from_millis(600));
    }
    assert_like_ffmpeg(&path, &poor.thumbnails);
    // One target's pass fits the budget; the two others fall back.
    let origins: Vec<_> = poor.thumbnails.iter().map(|it| it.origin).collect();
    assert_eq!(
        origins,
        [Origin::Fallback, Origin::Fallback, Origin::Decoded]
    );
    let limits: Vec<_> = poor.thumbnails.iter().map(|it| it.limit.clone()).collect();
    assert!(
        matches!(
            limits[..],
            [
                Some(LimitError::Bytes { .. }),
                Some(LimitError::Bytes { .. }),
                None
            ]
        ),
        "{limits:?}"
    );
    assert!(rich.thumbnails.iter().all(|it| it.limit.is_none()));
    let least = rich.stats.reads[0].end + rich.stats.reads[1].end - rich.stats.reads[1].start;
    let error = extract_with(&exactly(least + 1), &path).await.unwrap_err();
    assert!(
        matches!(error, Error::Limit(LimitError::Bytes { .. })),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_target_over_budget_takes_no_other_with_it() {
    // Ten seconds of noise from keyframe to keyframe.
    let path = Clip {
        gop: 250,
        ..noisy()
    }
    .make()
    .unwrap();
    let exactly = |max_bytes| exactly(["19s", "0.2s", "20.2s"], max_bytes);
    let rich = extract_with(&exactly(1 << 30), &path).await.unwrap();
    let poor = exactly(rich.stats.bytes_fetched * 3 / 4);
    let poor = extract_with(&poor, &path).await.unwrap();
    let origins: Vec<_> = poor.thumbnails.iter().map(|it| it.origin).collect();
    assert_eq!(
        origins,
        [Origin::Fallback, Origin::Decoded, Origin::Decoded],
        "{:?}",
        poor.stats.reads
    );
    assert_like_ffmpeg(&path, &poor.thumbnails);
}

#[tokio::test]
async fn a_file_that_must_be_read_front_to_back_gives_what_the_budget_reaches() {
    // MXF, which no index or search of ours covers.
    let folder = tempfile::tempdir().unwrap();
    let codec = ["-an", "-c:v", "mpeg2video", "-q:v", "4", "-g", "25"];
    let path = remuxed(&noisy(), folder.path(), "noise.mxf", &codec);
    let limits = Limits {
        max_bytes: path.metadata().unwrap().len() / 4,
        ..Limits::default()
    };
    let extractor = Extractor::builder().limits(limits).build().unwrap();
    let extraction = extract_with(&extractor, &path).await.unwrap();
    assert_eq!(extraction.media.container.as_str(), "mxf");
    assert!(extraction.stats.bytes_fetched <= path.metadata().unwrap().len() / 4);
    assert_like_ffmpeg(&path, &extraction.thumbnails);
}
