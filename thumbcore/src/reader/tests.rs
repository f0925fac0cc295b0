//! What is asked of a source, and what a source may answer.

use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{
    FileSource, LimitError, MemorySource, RangeSource, SourceError, Stat, Validator,
    source::{
        Ends,
        testing::{Call as Asked, Trace},
    },
};

fn call() -> Call {
    Call::new(Limits::default(), CancellationToken::new())
}

fn noise(len: usize) -> Vec<u8> {
    (0..len).map(|nth| (nth % 251) as u8).collect()
}

fn traced(len: usize) -> Arc<Trace> {
    Arc::new(Trace::new(Arc::new(MemorySource::new("m", noise(len)))))
}

fn asked(trace: &Trace) -> Vec<Asked> {
    let records = trace.records().into_iter();
    records.map(|record| record.call).collect()
}

fn version(len: u64) -> Stat {
    Stat::new(len, Some(Validator("\"1\"".to_owned())))
}

#[tokio::test]
async fn a_small_file_of_known_length_is_one_request() {
    for len in [1, 57_000, 256 << 10, 8 << 20] {
        let trace = traced(len);
        let known = Some(version(len as u64));
        let config = ReadConfig::default();
        let reader = Reader::open(trace.clone(), known, config, call());
        let reader = reader.await.unwrap();
        let whole = 0..len as u64;
        assert_eq!(
            reader.read(whole.clone(), Reason::Index).await.unwrap(),
            noise(len)
        );
        assert_eq!(asked(&trace), [Asked::ReadIf(whole)]);
        let costs = reader.costs();
        assert_eq!((costs.requests, costs.round_trips), (1, 1));
        assert_eq!(costs.bytes_fetched, len as u64);
    }
}

#[test]
fn ends_grow_with_a_known_length_and_never_overlap() {
    let config = ReadConfig::default();
    let sizes = |len| config.ends_of(len).map(|range| range.end - range.start);
    assert_eq!(sizes(9 << 20), [64 << 10; 2]);
    assert_eq!(sizes(1_000_000_000), [1_000_000; 2]);
    assert_eq!(sizes(50_000_000_000), [2 << 20; 2]);
    let narrow = ReadConfig { whole: 0, ..config };
    for len in [1, 64 << 10, 100_000, 128 << 10, 10_000_000] {
        let [head, tail] = narrow.ends_of(len);
        assert!(head.start == 0 && head.end <= tail.start && tail.end == len);
    }
}

#[tokio::test]
async fn a_version_that_is_gone_is_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clip");
    std::fs::write(&path, noise(9 << 20)).unwrap();
    let file: Arc<dyn RangeSource> = Arc::new(FileSource::open(&path).await.unwrap());
    let truth = file.stat().await.unwrap();
    for stale in [
        version(9 << 20),
        Stat::new(4 << 20, None),
        Stat::new(0, None),
    ] {
        let trace = Arc::new(Trace::new(Arc::clone(&file)));
        let config = ReadConfig::default();
        let reader = Reader::open(trace.clone(), Some(stale), config, call());
        let reader = reader.await.unwrap();
        assert_eq!(*reader.store().stat(), truth);
        assert_eq!(reader.cached(0).unwrap()[..], noise(64 << 10)[..]);
        let asked = asked(&trace);
        let (head, tail) = (64 << 10, 64 << 10);
        // The length is compared with what the source says afterwards, which costs nothing.
        assert!(asked.ends_with(&[Asked::Ends { head, tail }, Asked::Stat]));
    }
}

#[tokio::test]
async fn a_known_length_alone_still_tells_the_version_that_was_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clip");
    std::fs::write(&path, noise(100)).unwrap();
    let file: Arc<dyn RangeSource> = Arc::new(FileSource::open(&path).await.unwrap());
    let known = Some(Stat::new(100, None));
    let config = ReadConfig::default();
    let reader = Reader::open(Arc::clone(&file), known, config, call());
    let truth = file.stat().await.unwrap();
    assert!(truth.validator.is_some());
    assert_eq!(*reader.await.unwrap().store().stat(), truth);
}

#[tokio::test]
async fn budgets_hold_from_the_first_request_on() {
    const LEN: usize = 9 << 20;
    let one = ReadConfig {
        concurrency: 1,
        ..ReadConfig::default()
    };
    for known in [None, Some(version(LEN as u64))] {
        let trace = traced(LEN);
        let reader = Reader::open(trace.clone(), known, one.clone(), call());
        let reader = reader.await.unwrap();
        assert!(reader.cached(LEN as u64 - 1).is_some());
        let calls = asked(&trace);
        let requests = calls.iter().filter(|call| **call != Asked::Stat).count();
        assert_eq!((requests, trace.max_concurrency()), (2, 1));
        assert_eq!(reader.costs().requests, 2);
    }
    let limited = |max_bytes, max_requests| {
        let limits = Limits {
            max_bytes,
            max_requests,
            ..Limits::default()
        };
        Call::new(limits, CancellationToken::new())
    };
    for known in [None, Some(version(LEN as u64))] {
        for (max_bytes, max_requests) in [(0, 512), (1 << 20, 0)] {
            let trace = traced(LEN);
            let call = limited(max_bytes, max_requests);
            let config = ReadConfig::default();
            let opened = Reader::open(trace.clone(), known.clone(), config, call).await;
            let error = opened.unwrap_err();
            assert!(error.is_budget(), "{error}");
            assert_eq!(trace.calls(), 0);
        }
    }
    let trace = traced(LEN);
    let config = ReadConfig::default();
    let reader = Reader::open(trace.clone(), None, config, limited(100_000, 512));
    assert_eq!(reader.await.unwrap().bytes_fetched(), 100_000);
    assert_eq!(trace.bytes(), 100_000);
}

#[tokio::test]
async fn what_lies_between_is_not_read_where_it_is_held() {
    let trace = traced(4 << 20);
    let config = ReadConfig::default();
    let reader = Reader::open(trace.clone(), None, config, call());
    let reader = reader.await.unwrap();
    reader
        .prefetch([1_000_000..1_001_000], Reason::Index)
        .await
        .unwrap();
    let around = [999_000..1_000_000, 1_001_000..1_002_000];
    reader
        .prefetch(around.clone(), Reason::Index)
        .await
        .unwrap();
    assert_eq!(trace.reads()[1..], around);
    let apart = [2_000_000..2_000_010, 2_000_020..2_000_030];
    reader.prefetch(apart, Reason::Index).await.unwrap();
    assert_eq!(trace.reads()[3..], [2_000_000..2_000_030]);
}

#[tokio::test]
async fn what_is_under_way_is_waited_for() {
    let trace = traced(4 << 20);
    let config = ReadConfig::default();
    let reader = Reader::open(trace.clone(), None, config, call());
    let reader = reader.await.unwrap();
    let (one, other) = tokio::join!(
        reader.read(1_000_000..1_100_000, Reason::Index),
        reader.read(1_050_000..1_150_000, Reason::Index)
    );
    let file = noise(4 << 20);
    assert_eq!(one.unwrap(), file[1_000_000..1_100_000]);
    assert_eq!(other.unwrap(), file[1_050_000..1_150_000]);
    let mut reads = trace.reads();
    reads.sort_by_key(|range| range.start);
    assert_eq!(reads, [1_000_000..1_100_000, 1_100_000..1_150_000]);
    assert_eq!(reader.costs().round_trips, 2);
}

#[tokio::test]
async fn what_is_fetched_is_charged_before_it_is_asked_for() {
    const LEN: usize = 4 << 20;
    let trace = traced(LEN);
    let limits = Limits {
        max_memory: 1 << 20,
        ..Limits::default()
    };
    let config = ReadConfig {
        cache: 512 << 10,
        ..ReadConfig::default()
    };
    let call = Call::new(limits, CancellationToken::new());
    let reader = Reader::open(trace.clone(), None, config, call);
    let reader = reader.await.unwrap();
    let used = || reader.store.account().used();
    assert_eq!(used(), 128 << 10);
    let too_much = reader.read(1 << 20..3 << 20, Reason::Index).await;
    let error = too_much.unwrap_err();
    let needed = (128 << 10) + (2 << 20);
    let refused = LimitError::Memory {
        needed,
        limit: 1 << 20,
    };
    assert!(
        matches!(&error, Error::Limit(limit) if *limit == refused),
        "{error}"
    );
    assert!(!error.is_transient());
    assert_eq!((trace.reads().len(), used()), (0, 128 << 10));
    for nth in 1..8 {
        let at = nth * (400 << 10);
        reader
            .read(at..at + (300 << 10), Reason::Index)
            .await
            .unwrap();
        // What the cache holds, and no more.
        assert_eq!(used(), reader.store.held_bytes() as u64);
        assert!(used() <= 512 << 10, "{}", used());
    }
    let charge = reader.charge(300 << 10).unwrap();
    reader.charge_while_open(100 << 10).unwrap();
    let held = reader.store.held_bytes() as u64;
    assert_eq!(used(), held + (400 << 10));
    drop(charge);
    assert_eq!(used(), held + (100 << 10));
}

/// Answers with so many bytes more than asked for, or fewer.
#[derive(Debug)]
struct Wrong {
    head: isize,
    tail: isize,
    read: isize,
}

const WRONG_LEN: u64 = 1 << 20;

impl Wrong {
    fn bytes(asked: u64, off: isize) -> Bytes {
        noise(asked.checked_add_signed(off as i64).unwrap() as usize).into()
    }
}

#[async_trait]
impl RangeSource for Wrong {
    fn name(&self) -> &'static str {
        "wrong"
    }

    async fn stat(&self) -> Result<Stat, SourceError> {
        Ok(version(WRONG_LEN))
    }

    async fn read(&self, range: Range<u64>) -> Result<Bytes, SourceError> {
        Ok(Self::bytes(range.end - range.start, self.read))
    }

    async fn ends(&self, head: u64, tail: u64) -> Result<Ends, SourceError> {
        Ok(Ends {
            stat: self.stat().await?,
            head: Self::bytes(head, self.head),
            tail: Self::bytes(tail, self.tail),
            requests: 2,
            bytes_fetched: head + tail,
        })
    }
}

#[tokio::test]
async fn answers_of_the_wrong_length_are_named_as_what_they_are() {
    let right = || Wrong {
        head: 0,
        tail: 0,
        read: 0,
    };
    let all = -(64 << 10);
    let cases = [
        (
            Wrong { head: 3, ..right() },
            None,
            "3 bytes more than asked for",
        ),
        (
            Wrong {
                head: all,
                ..right()
            },
            None,
            "65536 bytes fewer than asked for",
        ),
        (
            Wrong {
                tail: -1,
                ..right()
            },
            None,
            "1 byte fewer than asked for",
        ),
        (
            Wrong { tail: 7, ..right() },
            None,
            "7 bytes more than asked for",
        ),
        (
            Wrong { read: 3, ..right() },
            None,
            "3 bytes more than asked for",
        ),
        (
            Wrong {
                read: -2,
                ..right()
            },
            Some(WRONG_LEN),
            "2 bytes fewer than asked for",
        ),
        (
            Wrong { read: 2, ..right() },
            Some(WRONG_LEN),
            "2 bytes more than asked for",
        ),
    ];
    for (source, known, words) in cases {
        let config = ReadConfig {
            retries: 1,
            retry_wait: std::time::Duration::ZERO,
            ..ReadConfig::default()
        };
        let story = format!("{source:?}");
        let opened = Reader::open(Arc::new(source), known.map(version), config, call()).await;
        let error = match opened {
            Ok(reader) => reader
                .read(500_000..500_100, Reason::Index)
                .await
                .unwrap_err(),
            Err(error) => error,
        };
        assert!(error.to_string().contains(words), "{story}: {error}");
        assert_eq!(
            (error.kind(), error.is_transient()),
            ("io", true),
            "{story}"
        );
    }
}

#[tokio::test]
async fn each_call_has_budgets_of_its_own_and_shares_what_is_held() {
    let trace = traced(4 << 20);
    let config = ReadConfig::default();
    let first = Reader::open(trace.clone(), None, config, call());
    let first = first.await.unwrap();
    let limits = Limits {
        max_bytes: 1000,
        ..Limits::default()
    };
    let second = first
        .store()
        .reader(Call::new(limits, CancellationToken::new()));
    second.read(0..60_000, Reason::Index).await.unwrap();
    assert_eq!((second.bytes_fetched(), second.costs().round_trips), (0, 0));
    second
        .read(1_000_000..1_000_400, Reason::Index)
        .await
        .unwrap();
    assert_eq!(
        (second.bytes_fetched(), second.costs().round_trips),
        (400, 1)
    );
    let half = second.within(Reserve::Half);
    let error = half.read(2_000_000..2_000_200, Reason::Index).await;
    let spent = LimitError::Bytes {
        spent: 400,
        limit: 1000,
    };
    assert!(matches!(error, Err(Error::Limit(limit)) if limit == spent));
    second
        .read(2_000_000..2_000_200, Reason::Index)
        .await
        .unwrap();
    assert_eq!(first.bytes_fetched(), 128 << 10);
}
