//! With the sandbox and without it: the same pictures, bytes, requests and errors.

use std::{path::PathBuf, sync::Arc, time::Duration};

use devstack::{
    corpus::{self, Real},
    media::{Clip, music},
};
use thumbcore::{
    Error, Extraction, Extractor, FileSource, LimitError, Limits, MemoryBudget, MemorySource,
    Opening, Position, RangeSource as _, Request, SourceError, preview::PreviewRequest,
    storyboard::StoryboardRequest,
};

use crate::support::{clip, in_sandbox, sandboxed};

/// What two extractions must agree in.
fn essence(extraction: &Extraction) -> impl PartialEq + std::fmt::Debug + use<> {
    let pictures: Vec<_> = extraction
        .thumbnails
        .iter()
        .map(|thumbnail| {
            let renditions = thumbnail.renditions.clone();
            (
                renditions,
                thumbnail.actual,
                thumbnail.target,
                thumbnail.origin,
            )
        })
        .collect();
    let stats = &extraction.stats;
    let reads: Vec<_> = stats
        .reads
        .iter()
        .map(|read| (read.start, read.end, read.reason, read.round_trip))
        .collect();
    let costs = (
        stats.source_bytes,
        stats.bytes_fetched,
        stats.requests,
        stats.round_trips,
    );
    let mut sorted = reads;
    sorted.sort_by_key(|read| (read.0, read.1));
    (
        pictures,
        extraction.media.clone(),
        extraction.stat.clone(),
        costs,
        sorted,
    )
}

fn clips() -> Vec<PathBuf> {
    ["mp4", "mkv", "webm", "avi", "ts", "flv"]
        .into_iter()
        .map(|extension| Clip::new(extension).make().unwrap())
        .collect()
}

pub(crate) async fn pictures_bytes_and_requests_are_the_same() {
    let with = sandboxed();
    let without = Extractor::builder().build().unwrap();
    for path in clips() {
        let [one, other] = [&with, &without].map(async |extractor| {
            let source = FileSource::open(&path).await.unwrap();
            // As a worker opens it, and as a person does.
            let told = Opening::from(Arc::new(source))
                .stat(FileSource::open(&path).await.unwrap().stat().await.unwrap());
            let told = extractor.extract(told).await.unwrap();
            let source = FileSource::open(&path).await.unwrap();
            let untold = extractor.extract(Arc::new(source)).await.unwrap();
            (essence(&told), essence(&untold))
        });
        let (one, other) = (one.await, other.await);
        assert!(one == other, "{}: {one:#?} {other:#?}", path.display());
    }
}

pub(crate) async fn the_cover_of_music_is_the_same() {
    let builder = || Extractor::builder().attached_picture(true);
    let (with, without) = (in_sandbox(builder()), builder().build().unwrap());
    for extension in ["m4a", "mka"] {
        let path = music(extension).unwrap();
        let [one, other] = [&with, &without].map(async |extractor| {
            let source = FileSource::open(&path).await.unwrap();
            essence(&extractor.extract(Arc::new(source)).await.unwrap())
        });
        let (one, other) = (one.await, other.await);
        assert!(one == other, "{extension}: {one:#?} {other:#?}");
    }
}

/// One of so many files of the corpus, where it is at hand.
const SHARE: usize = 16;

pub(crate) async fn real_videos_are_the_same() {
    let (with, without) = (sandboxed(), Extractor::builder().build().unwrap());
    let mut faults = Vec::new();
    for Real { name, path, .. } in corpus::videos().unwrap().into_iter().step_by(SHARE) {
        let [one, other] = [&with, &without].map(async |extractor| {
            let source = FileSource::open(&path).await?;
            extractor.extract(Arc::new(source)).await
        });
        let (one, other) = (one.await, other.await);
        let is_same = match (&one, &other) {
            (Ok(one), Ok(other)) => essence(one) == essence(other),
            (Err(one), Err(other)) => one.to_string() == other.to_string(),
            _ => false,
        };
        if !is_same {
            let kinds = (
                one.err().map(|e| e.to_string()),
                other.err().map(|e| e.to_string()),
            );
            faults.push(format!("{name}: {kinds:?}"));
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

pub(crate) async fn an_open_video_is_the_same() {
    let path = Clip::new("mkv").make().unwrap();
    let memory = || MemorySource::new("clip.mkv", std::fs::read(&path).unwrap());
    let without = Extractor::builder().build().unwrap();
    let (with, without) = (sandboxed(), without);
    let (with, without) = (
        with.open(Arc::new(memory())).await.unwrap(),
        without.open(Arc::new(memory())).await.unwrap(),
    );
    assert_eq!(with.facts(), without.facts());
    assert_eq!(with.stat(), without.stat());
    assert_eq!(with.keyframes(), without.keyframes());
    assert_eq!(with.held_bytes(), without.held_bytes());
    assert_eq!(with.opened().requests, without.opened().requests);
    for percent in [0.0, 0.3, 0.9] {
        let request = Request::new()
            .positions([Position::Fraction(percent)])
            .exact(true)
            .widths([320, 160]);
        let (one, other) = (
            with.extract(&request).await,
            without.extract(&request).await,
        );
        assert_eq!(
            format!("{:?}", essence(&one.unwrap())),
            format!("{:?}", essence(&other.unwrap()))
        );
    }
}

pub(crate) async fn a_storyboard_is_the_same() {
    let path = Clip::new("mp4").make().unwrap();
    let request = StoryboardRequest::new()
        .interval(Duration::from_secs(1))
        .tile_width(64)
        .grid(3, 2);
    let mut boards = Vec::new();
    for extractor in [sandboxed(), Extractor::builder().build().unwrap()] {
        let source = MemorySource::new("clip.mp4", std::fs::read(&path).unwrap());
        let video = extractor.open(Arc::new(source)).await.unwrap();
        let mut storyboard = video.storyboard(&request).unwrap();
        let mut sheets = Vec::new();
        while let Some(sheet) = storyboard.next_sheet().await.unwrap() {
            sheets.push((sheet.image, sheet.tiles, sheet.stats.bytes_fetched));
        }
        boards.push((storyboard.layout().clone(), sheets));
    }
    assert_eq!(boards[0].1.len(), 2);
    assert!(boards[0] == boards[1]);
}

pub(crate) async fn a_preview_is_the_same() {
    let path = Clip::new("mp4").make().unwrap();
    let request = PreviewRequest::new().frames(4).width(64);
    let mut previews = Vec::new();
    for extractor in [sandboxed(), Extractor::builder().build().unwrap()] {
        let source = MemorySource::new("clip.mp4", std::fs::read(&path).unwrap());
        let video = extractor.open(Arc::new(source)).await.unwrap();
        let preview = video.preview(&request).await.unwrap();
        previews.push((preview.image, preview.frames, preview.stats.bytes_fetched));
    }
    assert_eq!(previews[0].1.len(), 4);
    assert!(previews[0] == previews[1]);
}

pub(crate) async fn errors_are_the_same_and_keep_their_causes() {
    let with = sandboxed();
    let without = Extractor::builder().build().unwrap();
    let mut damaged = clip();
    damaged.truncate(2000);
    for (name, bytes) in [
        ("text", b"not a video at all".to_vec()),
        ("empty", Vec::new()),
        ("cut", damaged),
        ("playlist", b"#EXTM3U\nhttp://localhost/x.ts".to_vec()),
    ] {
        let source = || Arc::new(MemorySource::new(name, bytes.clone()));
        let one = with.extract(source()).await.unwrap_err();
        let other = without.extract(source()).await.unwrap_err();
        assert_eq!(
            (one.kind(), one.to_string()),
            (other.kind(), other.to_string())
        );
        assert_eq!(one.is_transient(), other.is_transient());
    }
    let error = with.extract(Arc::new(Denying)).await.unwrap_err();
    assert!(
        matches!(error, Error::Source(SourceError::Denied { .. })),
        "{error}"
    );
    let cause = std::error::Error::source(&error).map(ToString::to_string);
    assert_eq!(cause.as_deref(), Some("the policy"));
}

/// A source that denies everything, and says why.
#[derive(Debug)]
struct Denying;

#[async_trait::async_trait]
impl thumbcore::RangeSource for Denying {
    fn name(&self) -> &'static str {
        "denied.mp4"
    }

    async fn stat(&self) -> Result<thumbcore::Stat, SourceError> {
        let cause = std::io::Error::other("the policy");
        Err(SourceError::denied("denied.mp4", "403").caused_by(cause))
    }

    async fn read(&self, _: std::ops::Range<u64>) -> Result<bytes::Bytes, SourceError> {
        Err(SourceError::denied("denied.mp4", "403"))
    }
}

pub(crate) async fn limits_and_memory_hold() {
    let limits = Limits {
        max_bytes: 1000,
        ..Limits::default()
    };
    let source = || Arc::new(MemorySource::new("clip.mp4", clip()));
    let extractor = in_sandbox(Extractor::builder().limits(limits));
    let error = extractor.extract(source()).await.unwrap_err();
    assert!(
        matches!(error, Error::Limit(LimitError::Bytes { .. })),
        "{error}"
    );

    // Eight videos that need more together than there is take turns.
    let memory = MemoryBudget::new(64 << 20);
    let extractor = in_sandbox(Extractor::builder().memory(memory.clone()).decoding(1));
    let calls = (0..8).map(|_| extractor.extract(source()));
    for extraction in futures::future::join_all(calls).await {
        assert_eq!(extraction.unwrap().thumbnails.len(), 3);
    }
    assert_eq!(memory.reserved(), 0);
}
