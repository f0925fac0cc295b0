//! Sources that panic, lie or stop answering, at each of their calls: an error that says what
//! happened and may be tried again, or the same pictures as ever.

use std::{
    collections::BTreeSet,
    ops::Range,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use devstack::corpus;
use futures::future::join_all;
use thumbcore::{
    Ends, Error, Extraction, Extractor, LimitError, Limits, Opening, RangeSource, ReadConfig,
    SourceError, Stat,
};

use crate::support::{memory, one_picture, pictures, tiny};

/// What a source does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Misdeed {
    Nothing,
    Panic,
    /// Three bytes fewer than asked for.
    Short,
    /// Three bytes more.
    Long,
    /// Another length of the file.
    Length(i64),
    /// No bytes at all, as if the file were empty.
    Empty,
    /// No answer.
    Stop,
}

const MISDEEDS: [Misdeed; 7] = [
    Misdeed::Panic,
    Misdeed::Short,
    Misdeed::Long,
    Misdeed::Length(-1000),
    Misdeed::Length(1000),
    Misdeed::Empty,
    Misdeed::Stop,
];

/// A source of which one call goes wrong.
#[derive(Debug)]
struct Foreign {
    inner: Arc<dyn RangeSource>,
    misdeed: Misdeed,
    at: u64,
    calls: AtomicU64,
}

impl Foreign {
    fn new(inner: Arc<dyn RangeSource>, misdeed: Misdeed, at: u64) -> Self {
        Self {
            inner,
            misdeed,
            at,
            calls: AtomicU64::new(0),
        }
    }

    /// What this call does wrong.
    async fn draw(&self) -> Misdeed {
        let call = self.calls.fetch_add(1, SeqCst);
        if call != self.at {
            return Misdeed::Nothing;
        }
        match self.misdeed {
            Misdeed::Panic => panic!("of call {call}"),
            Misdeed::Stop => std::future::pending().await,
            misdeed => misdeed,
        }
    }
}

fn wrong_bytes(bytes: Bytes, misdeed: Misdeed) -> Bytes {
    match misdeed {
        Misdeed::Short => bytes.slice(..bytes.len().saturating_sub(3)),
        Misdeed::Long => {
            let mut longer = BytesMut::from(&bytes[..]);
            longer.extend_from_slice(b"abc");
            longer.freeze()
        }
        Misdeed::Empty => Bytes::new(),
        _ => bytes,
    }
}

fn wrong_stat(stat: Stat, misdeed: Misdeed) -> Stat {
    let len = match misdeed {
        Misdeed::Length(by) => stat.len.saturating_add_signed(by),
        Misdeed::Empty => 0,
        _ => stat.len,
    };
    Stat::new(len, stat.validator)
}

#[async_trait]
impl RangeSource for Foreign {
    fn name(&self) -> &'static str {
        "foreign"
    }

    async fn stat(&self) -> Result<Stat, SourceError> {
        let misdeed = self.draw().await;
        Ok(wrong_stat(self.inner.stat().await?, misdeed))
    }

    async fn read(&self, range: Range<u64>) -> Result<Bytes, SourceError> {
        let misdeed = self.draw().await;
        Ok(wrong_bytes(self.inner.read(range).await?, misdeed))
    }

    async fn ends(&self, head: u64, tail: u64) -> Result<Ends, SourceError> {
        let misdeed = self.draw().await;
        let mut ends = self.inner.ends(head, tail).await?;
        ends.stat = wrong_stat(ends.stat, misdeed);
        ends.head = wrong_bytes(ends.head, misdeed);
        if misdeed == Misdeed::Empty {
            ends.tail = Bytes::new();
        }
        Ok(ends)
    }
}

/// Reads little at once, so that there are many calls.
fn extractor(retries: u32) -> Extractor {
    let read = ReadConfig {
        head: 2048,
        tail: 2048,
        whole: 0,
        window: 2048,
        gap: 0,
        retries,
        retry_wait: Duration::ZERO,
        ..ReadConfig::default()
    };
    let limits = Limits {
        max_time: Duration::from_secs(2),
        ..Limits::default()
    };
    let builder = one_picture().read(read).limits(limits);
    // All that stop, stop at the same time.
    builder.max_in_flight(1024).build().unwrap()
}

async fn extract(
    extractor: &Extractor,
    inner: Arc<dyn RangeSource>,
    (misdeed, at): (Misdeed, u64),
    is_known: bool,
) -> (Result<Extraction, Error>, u64) {
    let stat = inner.stat().await.unwrap();
    let source = Arc::new(Foreign::new(inner, misdeed, at));
    let mut opening = Opening::from(Arc::clone(&source));
    if is_known {
        opening = opening.stat(stat);
    }
    let result = extractor.extract(opening).await;
    (result, source.calls.load(SeqCst))
}

/// Calls of an extraction that go wrong at most, from the first one on.
const CALLS: u64 = 200;

/// Walks through the calls of an extraction of `path`. The words of all errors.
async fn walk(path: &Path, retries: u32) -> BTreeSet<String> {
    let extractor = extractor(retries);
    let source = memory(path);
    let mut said = BTreeSet::new();
    for is_known in [false, true] {
        let nothing = (Misdeed::Nothing, 0);
        let (sound, calls) = extract(&extractor, Arc::clone(&source), nothing, is_known).await;
        let sound = pictures(&sound.unwrap());
        let calls = 0..calls.min(CALLS);
        let cases = calls.flat_map(|at| MISDEEDS.map(|misdeed| (misdeed, at)));
        let runs = cases.map(async |case| {
            let (result, _) = extract(&extractor, Arc::clone(&source), case, is_known).await;
            (case, result)
        });
        for (case, result) in join_all(runs).await {
            let story = format!("{}, known {is_known}: {case:?}", path.display());
            match result {
                Ok(extraction) => {
                    let mut thumbnails = extraction.thumbnails.iter();
                    // Time that ran out while the source was silent, or while other programs had
                    // the CPUs, may cost the better picture.
                    let is_poorer =
                        thumbnails.any(|it| matches!(it.limit, Some(LimitError::Time { .. })));
                    let is_sound = pictures(&extraction) == sound;
                    assert!(is_sound || is_poorer, "{story}: another picture");
                }
                Err(error) => {
                    assert!(error.is_transient(), "{story}: {error:?}");
                    assert!(
                        matches!(error, Error::Source(_) | Error::Limit(_)),
                        "{story}: {error:?}"
                    );
                    said.insert(error.to_string());
                }
            }
        }
    }
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn no_misdeed_of_a_source_becomes_a_fault_of_the_video() {
    for extension in [
        "mp4", "mkv", "ts", "flv", "avi", "webm", "wmv", "mpg", "ogv", "rm",
    ] {
        let said = walk(&tiny(extension), 0).await;
        for words in [
            "3 bytes more",
            "3 bytes fewer",
            "panicked: of call",
            "length",
        ] {
            let is_said = said.iter().any(|error| error.contains(words));
            assert!(is_said, "{extension}: nothing says {words:?}: {said:#?}");
        }
        for words in ["empty", "corrupt"] {
            let is_said = said.iter().any(|error| error.contains(words));
            assert!(!is_said, "{extension}: {said:#?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_misdeed_is_made_good_by_a_retry() {
    for extension in ["mp4", "ts"] {
        let said = walk(&tiny(extension), 3).await;
        let others: Vec<_> = said
            .iter()
            // Nobody answers; or the version looked like another one.
            .filter(|error| !error.contains("spent of") && !error.contains("changed"))
            .collect();
        assert!(others.is_empty(), "{extension}: {others:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sample_of_the_corpus_suffers_no_misdeed() {
    let Some(corpus) = corpus::folder().unwrap() else {
        return;
    };
    for name in [
        "androidx__sample_fragmented.mp4",
        "filetype__fixture.asf",
        "moz__no-cues.webm",
        "rails__rotated_video.mp4",
    ] {
        walk(&corpus.join(name), 0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes long: each call of each video"]
async fn the_whole_corpus_suffers_no_misdeed() {
    let mut wrong = Vec::new();
    for video in corpus::videos().unwrap() {
        eprintln!("{}", video.name);
        if let Err(error) = extractor(0).extract(memory(&video.path)).await {
            eprintln!("no picture: {error}");
            continue;
        }
        let walked = tokio::spawn(async move { walk(&video.path, 0).await });
        if walked.await.is_err() {
            wrong.push(video.name);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
