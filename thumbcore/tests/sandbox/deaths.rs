//! What the death of a process costs: one video one retry, and no other anything.

use std::{
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use rustix::process::{Pid, Signal, kill_process};
use thumbcore::{
    Error, Extractor, LimitError, Limits, MemoryBudget, MemorySource, RangeSource, Request,
    SandboxError, SourceError, Stat,
};
use tokio::sync::Notify;

use crate::support::{clip, in_sandbox, misdeed, processes, sandboxed, wait_for};

/// A source whose reads wait until they are let go.
#[derive(Debug)]
struct Gated {
    inner: MemorySource,
    is_open: AtomicBool,
    opened: Notify,
    reads: AtomicU64,
}

impl Gated {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            inner: MemorySource::new("gated.mp4", clip()),
            is_open: AtomicBool::new(false),
            opened: Notify::new(),
            reads: AtomicU64::new(0),
        })
    }

    fn open(&self) {
        self.is_open.store(true, SeqCst);
        self.opened.notify_waiters();
    }
}

#[async_trait]
impl RangeSource for Gated {
    fn name(&self) -> &str {
        self.inner.name()
    }

    async fn stat(&self) -> Result<Stat, SourceError> {
        self.inner.stat().await
    }

    async fn read(&self, range: Range<u64>) -> Result<Bytes, SourceError> {
        self.reads.fetch_add(1, SeqCst);
        let opened = self.opened.notified();
        if !self.is_open.load(SeqCst) {
            opened.await;
        }
        self.inner.read(range).await
    }
}

fn kill(pid: u32) {
    let pid = Pid::from_raw(pid.cast_signed()).unwrap();
    kill_process(pid, Signal::KILL).unwrap();
}

async fn ended(extractor: &Extractor, name: &str) -> Error {
    extractor.extract(misdeed(name)).await.unwrap_err()
}

pub(crate) async fn a_crash_is_the_video_s_own_and_has_its_signal() {
    let extractor = sandboxed();
    let good = extractor.extract(Arc::new(MemorySource::new("good.mp4", clip())));
    let bad = async {
        for (name, wanted) in [("abort", 6), ("segv", 11), ("connect", 31)] {
            let error = ended(&extractor, name).await;
            assert!(
                matches!(error, Error::Crashed { signal } if signal == wanted),
                "{name}: {error}"
            );
            assert!(!error.is_transient());
            assert_eq!(error.kind(), "crashed");
        }
    };
    let (good, ()) = tokio::join!(good, bad);
    assert_eq!(good.unwrap().thumbnails.len(), 3);
}

pub(crate) async fn memory_that_is_not_the_video_s_is_refused() {
    let limits = Limits {
        max_memory: 64 << 20,
        ..Limits::default()
    };
    let extractor = in_sandbox(Extractor::builder().limits(limits));
    // Rust ends a process that gets no memory by SIGABRT.
    let error = ended(&extractor, "eat").await;
    assert!(matches!(error, Error::Crashed { signal: 6 }), "{error}");
}

pub(crate) async fn a_hang_ends_at_the_time_limit() {
    let limits = Limits {
        max_time: Duration::from_millis(100),
        ..Limits::default()
    };
    let extractor = in_sandbox(Extractor::builder().limits(limits));
    for name in ["hang", "spin"] {
        let error = ended(&extractor, name).await;
        let is_time = matches!(error, Error::Limit(LimitError::Time { .. }));
        assert!(is_time, "{name}: {error}");
        assert!(error.is_transient());
    }
    wait_for("the end of both", || processes().1.is_empty().then_some(())).await;
}

pub(crate) async fn nonsense_is_an_error_and_no_more() {
    let extractor = sandboxed();
    for name in ["claim", "babble", "body", "exit"] {
        let error = ended(&extractor, name).await;
        let is_protocol = matches!(error, Error::Sandbox(SandboxError::Protocol { .. }));
        assert!(is_protocol, "{name}: {error}");
        assert!(!error.is_transient(), "{name}");
    }
}

pub(crate) async fn killed_by_a_person_a_video_is_tried_again_and_others_go_on() {
    let extractor = sandboxed();
    let (one, other) = (Gated::new(), Gated::new());
    let calls = async {
        let source: Arc<dyn RangeSource> = Arc::<Gated>::clone(&one);
        let first = extractor.extract(source);
        let source: Arc<dyn RangeSource> = Arc::<Gated>::clone(&other);
        let second = extractor.extract(source);
        tokio::join!(first, second)
    };
    let kills = async {
        let both = || one.reads.load(SeqCst) > 0 && other.reads.load(SeqCst) > 0;
        wait_for("both videos", || both().then_some(())).await;
        let (_, children) = processes();
        assert_eq!(children.len(), 2);
        let reads = || one.reads.load(SeqCst) + other.reads.load(SeqCst);
        // Counted before the kill: a retry may be quick.
        let before = reads();
        kill(children[0]);
        wait_for("the retry", || (reads() > before).then_some(())).await;
        one.open();
        other.open();
    };
    let ((first, second), ()) = tokio::join!(calls, kills);
    let (first, second) = (first.unwrap(), second.unwrap());
    assert_eq!(first.thumbnails.len(), 3);
    for (one, other) in first.thumbnails.iter().zip(&second.thumbnails) {
        assert_eq!(one.image(), other.image());
    }
    // Each counts what its last try has cost.
    assert_eq!(first.stats.bytes_fetched, second.stats.bytes_fetched);
}

pub(crate) async fn a_zygote_that_is_killed_is_replaced() {
    let extractor = sandboxed();
    let gated = Gated::new();
    let source: Arc<dyn RangeSource> = Arc::<Gated>::clone(&gated);
    let kills = async {
        wait_for("the video", || (gated.reads.load(SeqCst) > 0).then_some(())).await;
        let (zygote, _) = processes();
        let before = gated.reads.load(SeqCst);
        kill(zygote);
        wait_for("the retry", || {
            (gated.reads.load(SeqCst) > before).then_some(())
        })
        .await;
        gated.open();
    };
    let (extraction, ()) = tokio::join!(extractor.extract(source), kills);
    assert_eq!(extraction.unwrap().thumbnails.len(), 3);
}

pub(crate) async fn an_open_video_outlives_its_process() {
    let extractor = sandboxed();
    let source = Arc::new(MemorySource::new("clip.mp4", clip()));
    let video = extractor.open(source).await.unwrap();
    let request = Request::new();
    let before = video.extract(&request).await.unwrap();
    let (_, children) = processes();
    kill(children[0]);
    let after = video.extract(&request).await.unwrap();
    for (one, other) in before.thumbnails.iter().zip(&after.thumbnails) {
        assert_eq!(one.image(), other.image());
    }
    // The file was opened once more.
    assert!(after.stats.bytes_fetched > before.stats.bytes_fetched);
}

pub(crate) async fn a_dropped_call_leaves_the_video_usable() {
    let memory = MemoryBudget::new(256 << 20);
    let extractor = in_sandbox(Extractor::builder().memory(memory.clone()));
    let gated = Gated::new();
    let source: Arc<dyn RangeSource> = Arc::<Gated>::clone(&gated);
    // An opening that is dropped gives everything back.
    {
        let opening = extractor.open(source);
        tokio::select! {
            opened = opening => panic!("{opened:?}"),
            () = wait_for("a read", || (gated.reads.load(SeqCst) > 0).then_some(())) => {}
        }
    }
    wait_for("its memory", || (memory.reserved() == 0).then_some(())).await;
    let source = Arc::new(MemorySource::new("clip.mp4", clip()));
    let video = extractor.open(source).await.unwrap();
    let request = Request::new();
    {
        let call = video.extract(&request);
        tokio::select! {
            biased;
            () = tokio::time::sleep(Duration::from_millis(5)) => {}
            _ = call => {}
        }
    }
    assert_eq!(video.extract(&request).await.unwrap().thumbnails.len(), 3);
    drop(video);
    wait_for("all memory", || (memory.reserved() == 0).then_some(())).await;
    wait_for("the end of its process", || {
        processes().1.is_empty().then_some(())
    })
    .await;
}

pub(crate) async fn nothing_outlives_the_sandbox() {
    let extractor = sandboxed();
    let source = Arc::new(MemorySource::new("clip.mp4", clip()));
    let video = extractor.open(source).await.unwrap();
    let (zygote, children) = processes();
    assert_eq!(children.len(), 1);
    drop((video, extractor));
    let gone = |pid: u32| !std::fs::exists(format!("/proc/{pid}")).unwrap();
    wait_for("the end", || {
        (gone(zygote) && gone(children[0])).then_some(())
    })
    .await;
}
