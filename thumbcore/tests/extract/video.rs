//! A video that stays open: what a second call costs, and what calls on one video do to each other.

use std::{path::Path, sync::Arc, time::Duration};

use devstack::media::{Clip, Shape, looped};
use thumbcore::{
    Error, Extractor, FileSource, Opening, Origin, Position, RangeSource, ReadConfig, Reason,
    Request, Validator, Video,
    source::testing::{Fault, Faults, Latency, Trace},
};

use crate::support::{assert_like_ffmpeg, extract_with, memory, noisy};

fn at(positions: impl IntoIterator<Item = f64>) -> Request {
    Request::new().positions(positions.into_iter().map(Position::Fraction))
}

async fn open(path: &Path) -> Video {
    let extractor = Extractor::builder().build().unwrap();
    extractor.open(Arc::new(memory(path))).await.unwrap()
}

#[tokio::test]
async fn a_second_call_costs_one_round_trip_and_a_request_a_keyframe() {
    for (clip, shape) in [
        (Clip::default(), Shape::Mp4MoovFirst),
        (noisy(), Shape::Mp4MoovLast),
        (noisy(), Shape::Mp4FragmentedMfra),
        (Clip::default(), Shape::Mp4FragmentedSidx),
        (Clip::new("avi"), Shape::Avi),
        (Clip::new("mkv"), Shape::Mkv),
    ] {
        let path = looped(&clip, shape, 20 << 20).unwrap();
        let video = open(&path).await;
        assert!(video.opened().requests > 0);
        video.extract(&at([0.1, 0.5, 0.95])).await.unwrap();
        let positions = [0.22, 0.41, 0.63, 0.78];
        let second = video.extract(&at(positions)).await.unwrap();
        let stats = &second.stats;
        assert_eq!(stats.round_trips, 1, "{shape:?}: {:?}", stats.reads);
        // A cluster on the target's other side, or the fragments there, are glanced at, at the same
        // time.
        let requests = match shape {
            Shape::Mkv => 8,
            Shape::Mp4FragmentedMfra | Shape::Mp4FragmentedSidx => 12,
            _ => 4,
        };
        assert!(stats.requests <= requests, "{shape:?}: {:?}", stats.reads);
        assert!(stats.reads.iter().all(|read| read.reason != Reason::Demux));
        for thumbnail in &second.thumbnails {
            assert_eq!(thumbnail.origin, Origin::Keyframe);
        }
        assert_like_ffmpeg(&path, &second.thumbnails);
        let fresh = Extractor::builder().request(at(positions)).build().unwrap();
        let fresh = extract_with(&fresh, &path).await.unwrap();
        assert_eq!(fresh.media, second.media);
        for (fresh, second) in fresh.thumbnails.iter().zip(&second.thumbnails) {
            assert_eq!(fresh.renditions, second.renditions, "{shape:?}");
        }
    }
}

#[tokio::test]
async fn what_is_held_costs_nothing() {
    let path = looped(&Clip::default(), Shape::Mp4MoovFirst, 20 << 20).unwrap();
    let video = open(&path).await;
    let first = video.extract(&at([0.5])).await.unwrap();
    let again = video.extract(&at([0.5]).widths([100])).await.unwrap();
    assert_eq!((first.stats.requests, again.stats.requests), (1, 0));
    assert_eq!(again.stats.bytes_fetched, 0);
    assert_eq!(again.thumbnails[0].width(), 100);
}

#[tokio::test]
async fn the_nearest_keyframe_is_taken_whatever_its_distance() {
    let clip = Clip {
        gop: 1000,
        seconds: 20,
        ..Clip::new("mp4")
    };
    let path = clip.make().unwrap();
    let video = open(&path).await;
    let scrub = at([0.5]).tolerance(1.0);
    let near = video.extract(&scrub).await.unwrap();
    assert_eq!(near.thumbnails[0].origin, Origin::Keyframe);
    assert_eq!(near.thumbnails[0].actual, Duration::ZERO);
    let exact = video.extract(&at([0.5]).exact(true)).await.unwrap();
    let exact = &exact.thumbnails[0];
    assert_eq!(exact.origin, Origin::Decoded);
    assert!(exact.actual.abs_diff(exact.target) < Duration::from_millis(40));
}

#[tokio::test]
async fn one_decode_serves_all_widths() {
    let path = noisy().make().unwrap();
    let video = open(&path).await;
    let narrow = |width| at([0.3, 0.7]).widths([width]);
    let widths = [320, 64, 5000];
    let all = video.extract(&at([0.3, 0.7]).widths(widths)).await.unwrap();
    assert_eq!(all.stats.requests, 2);
    for (nth, width) in widths.into_iter().enumerate() {
        let one = video.extract(&narrow(width)).await.unwrap();
        for (one, all) in one.thumbnails.iter().zip(&all.thumbnails) {
            let rendition = &all.renditions[nth];
            assert_eq!(rendition.width, width.min(one.width()));
            // The finest detail is left out only where no width shows it.
            if width == 5000 {
                assert_eq!(one.image(), &rendition.image);
            }
        }
    }
    let refused = video.extract(&at([0.5]).widths([])).await.unwrap_err();
    assert!(matches!(
        refused,
        Error::Invalid {
            option: "widths",
            ..
        }
    ));
}

#[tokio::test]
async fn a_known_version_saves_requests_and_a_stale_one_nothing() {
    let clip = Clip {
        width: 160,
        height: 120,
        seconds: 2,
        ..Clip::new("mp4")
    };
    let path = clip.make().unwrap();
    let source = Arc::new(FileSource::open(&path).await.unwrap());
    let stat = source.stat().await.unwrap();
    let extractor = Extractor::builder().build().unwrap();
    let known = Opening::from(Arc::clone(&source)).stat(stat.clone());
    let known = extractor.extract(known).await.unwrap();
    assert_eq!((known.stats.requests, known.stats.round_trips), (1, 1));
    assert_eq!(known.stat, stat);
    let mut stale = stat.clone();
    stale.validator = Some(Validator("another".to_owned()));
    let stale = extractor.extract(Opening::new(source).stat(stale)).await;
    assert_eq!(stale.unwrap().stat, stat);
}

#[tokio::test]
async fn a_call_that_is_dropped_leaves_the_video_usable() {
    for shape in [Shape::Mp4MoovFirst, Shape::Mkv] {
        let path = looped(&Clip::default(), shape, 20 << 20).unwrap();
        let slow = Latency::new(Arc::new(memory(&path)), Duration::from_millis(50));
        let extractor = Extractor::builder().build().unwrap();
        let video = extractor.open(Arc::new(slow)).await.unwrap();
        for exact in [false, true] {
            let request = at([0.3, 0.6]).exact(exact);
            let dropped = tokio::time::timeout(Duration::from_millis(10), video.extract(&request));
            assert!(dropped.await.is_err(), "ended within a first-byte time");
        }
        let after = video.extract(&at([0.3, 0.6])).await.unwrap();
        assert_like_ffmpeg(&path, &after.thumbnails);
    }
}

#[tokio::test]
async fn a_call_that_fails_leaves_the_video_usable() {
    let path = looped(&Clip::default(), Shape::Mp4MoovFirst, 20 << 20).unwrap();
    let opened = open(&path).await.opened().requests;
    let read = ReadConfig {
        retries: 0,
        ..ReadConfig::default()
    };
    let extractor = Extractor::builder().read(read).build().unwrap();
    let faults = (opened..opened + 3).fold(Faults::new(Arc::new(memory(&path))), |faults, call| {
        faults.at(call, Fault::Reset)
    });
    let video = extractor.open(Arc::new(faults)).await.unwrap();
    let request = at([0.2, 0.4, 0.6]);
    let error = video.extract(&request).await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
    let thumbnails = loop {
        match video.extract(&request).await {
            Ok(extraction) => break extraction.thumbnails,
            Err(error) => assert!(error.is_transient(), "{error:?}"),
        }
    };
    assert_like_ffmpeg(&path, &thumbnails[1..2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_on_one_video_take_turns() {
    let path = looped(&Clip::default(), Shape::Mp4MoovFirst, 20 << 20).unwrap();
    let slow = Latency::new(Arc::new(memory(&path)), Duration::from_millis(5));
    let trace = Arc::new(Trace::new(Arc::new(slow)));
    let source: Arc<dyn RangeSource> = trace.clone();
    let extractor = Extractor::builder().build().unwrap();
    let video = extractor.open(source).await.unwrap();
    let calls = (0..6).map(|nth| {
        let video = video.clone();
        let position = f64::from(nth) / 7.0 + 0.05;
        tokio::spawn(async move { video.extract(&at([position])).await })
    });
    for call in calls.collect::<Vec<_>>() {
        let extraction = call.await.unwrap().unwrap();
        assert_eq!(extraction.stats.round_trips, 1);
        assert_like_ffmpeg(&path, &extraction.thumbnails[..1]);
    }
    let opened = trace.records().len() - 6;
    let concurrency = trace
        .records()
        .iter()
        .skip(opened)
        .map(|record| record.concurrency)
        .max();
    assert_eq!(concurrency, Some(1));
}

#[tokio::test]
async fn what_a_video_holds_is_bounded() {
    let path = noisy().make().unwrap();
    let read = ReadConfig {
        cache: 1 << 20,
        ..ReadConfig::default()
    };
    let extractor = Extractor::builder().read(read).build().unwrap();
    let video = extractor.open(Arc::new(memory(&path))).await.unwrap();
    let index = 1 << 18;
    let mut fetched = 0;
    for nth in 0..20 {
        let extraction = video.extract(&at([f64::from(nth) / 20.0])).await.unwrap();
        fetched += extraction.stats.bytes_fetched;
        assert!(
            video.held_bytes() <= (1 << 20) + index,
            "{}",
            video.held_bytes()
        );
    }
    assert!(
        fetched > (1 << 20) + index as u64,
        "{fetched} bytes would have fitted"
    );
}

#[tokio::test]
async fn an_index_names_its_keyframes() {
    for extension in ["mp4", "mov"] {
        let path = Clip::new(extension).make().unwrap();
        let theirs = devstack::oracle::keyframes(&path).unwrap();
        let ours = open(&path).await.keyframes().unwrap();
        assert_eq!(ours.len(), theirs.len(), "{extension}");
        for (ours, theirs) in ours.iter().zip(&theirs) {
            let off = ours.time.as_secs_f64() - theirs.seconds;
            assert!(off.abs() < 0.1, "{extension}: {ours:?} for {theirs:?}");
            assert_eq!(ours.size, Some(theirs.size), "{extension}");
        }
    }
    let path = looped(&Clip::default(), Shape::Ts, 20 << 20).unwrap();
    assert_eq!(open(&path).await.keyframes(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_video_that_waits_for_bytes_keeps_no_cpu_from_others() {
    // Decoding forward through a transport stream reads as it goes.
    let path = looped(&noisy(), Shape::Ts, 20 << 20).unwrap();
    let extractor = Extractor::builder()
        .exact(true)
        .decoding(1)
        .build()
        .unwrap();
    let counted = Arc::new(Faults::new(Arc::new(memory(&path))));
    let source: Arc<dyn RangeSource> = counted.clone();
    extractor.extract(source).await.unwrap();
    let calls = counted.calls();

    let stalled = Faults::new(Arc::new(memory(&path))).at(calls - 1, Fault::Stall);
    let stalled = Arc::new(stalled);
    let source: Arc<dyn RangeSource> = stalled.clone();
    let slow = extractor.clone();
    let slow = tokio::spawn(async move { slow.extract(source).await });
    while stalled.calls() < calls {
        assert!(!slow.is_finished(), "nothing stalled");
        tokio::task::yield_now().await;
    }
    let other = extractor.extract(Arc::new(memory(&path)));
    let other = tokio::time::timeout(Duration::from_secs(30), other).await;
    assert!(other.expect("the stalled video holds the only CPU").is_ok());
    slow.abort();
}
