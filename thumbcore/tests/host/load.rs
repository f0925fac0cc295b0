//! Many calls at once: each gives what it gives alone, and together they cost no more than was
//! agreed on.

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use futures::future::join_all;
use thumbcore::{
    Cpus, Error, Extractor, Limits, MemoryBudget, RangeSource,
    source::testing::{Fault, Faults, Trace},
};
use tokio::sync::RwLock;

use crate::support::{memory, one_picture, pictures, threads, tiny};

/// Held by a test that counts the process's threads, so that no other test makes some.
static THREADS: LazyLock<RwLock<()>> = LazyLock::new(RwLock::default);

/// A source that never answers, and the call that waits for it.
async fn stalled(extractor: &Extractor) -> tokio::task::JoinHandle<()> {
    let stalled = Arc::new(Faults::new(memory(&tiny("mp4"))).at(0, Fault::Stall));
    let (source, extractor): (Arc<dyn RangeSource>, _) = (stalled.clone(), extractor.clone());
    let call = tokio::spawn(async move {
        let _ = extractor.extract(source).await;
    });
    while stalled.calls() == 0 {
        tokio::task::yield_now().await;
    }
    call
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_for_a_cpu_changes_no_picture() {
    let _others = THREADS.read().await;
    let path = tiny("mkv");
    let cpus = Cpus::new(1);
    let limits = Limits {
        max_time: Duration::from_secs(2),
        ..Limits::default()
    };
    let builder = Extractor::builder().cpus(cpus.clone()).limits(limits);
    let extractor = builder.build().unwrap();
    let alone = extractor.extract(memory(&path)).await.unwrap();
    let busy = cpus.acquire().await;
    let calls = (0..6).map(|_| {
        let (extractor, source) = (extractor.clone(), memory(&path));
        tokio::spawn(async move { extractor.extract(source).await })
    });
    let calls: Vec<_> = calls.collect();
    // Longer than all that a call may take for itself.
    tokio::time::sleep(Duration::from_millis(2200)).await;
    drop(busy);
    for call in join_all(calls).await {
        let beside = call.unwrap().unwrap();
        assert_eq!(pictures(&beside), pictures(&alone));
        assert!(beside.thumbnails.iter().all(|it| it.limit.is_none()));
        assert!(beside.stats.queued > Duration::from_secs(1));
        assert!(beside.stats.queued <= beside.stats.wall);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_give_what_each_gives_alone() {
    let _others = THREADS.read().await;
    let extractor = Extractor::builder().cpus(Cpus::new(1)).build().unwrap();
    for extension in ["mp4", "ts"] {
        let path = tiny(extension);
        let alone = extractor.extract(memory(&path)).await.unwrap();
        let calls = (0..40).map(|_| extractor.extract(memory(&path)));
        for beside in join_all(calls).await {
            assert_eq!(pictures(&beside.unwrap()), pictures(&alone), "{extension}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_calls_cost_the_threads_that_were_agreed_on() {
    let _alone = THREADS.write().await;
    let builder = one_picture().cpus(Cpus::new(2)).max_in_flight(6);
    let extractor = builder.build().unwrap();
    let path = tiny("mp4");
    let watch = tokio::spawn(async {
        let mut most = 0;
        loop {
            most = threads().max(most);
            // Each call in flight and each CPU, and as many again that are about to end.
            assert!(most <= 2 * (6 + 2), "{most} threads");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    let source = memory(&path);
    let calls = (0..2000).map(|_| extractor.probe(Arc::clone(&source)));
    for probe in join_all(calls).await {
        assert_eq!(probe.unwrap().media.width, 96);
    }
    assert!(!watch.is_finished(), "too many threads");
    watch.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_not_let_in_reads_no_byte() {
    let _others = THREADS.read().await;
    let extractor = one_picture().max_in_flight(1).build().unwrap();
    let first = stalled(&extractor).await;
    let trace = Arc::new(Trace::new(memory(&tiny("mp4"))));
    let (source, waiting): (Arc<dyn RangeSource>, _) = (trace.clone(), extractor.clone());
    let second = tokio::spawn(async move { waiting.extract(source).await });
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!((trace.calls(), second.is_finished()), (0, false));
    // The place is free once the first call's thread has noticed that nobody waits for it.
    first.abort();
    second.await.unwrap().unwrap();
    assert!(trace.calls() > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_are_dropped_while_they_wait_cost_nothing() {
    let _others = THREADS.read().await;
    let extractor = one_picture().max_in_flight(1).build().unwrap();
    let path = tiny("mp4");
    let first = stalled(&extractor).await;
    for _ in 0..50 {
        let waiting = extractor.extract(memory(&path));
        let dropped = tokio::time::timeout(Duration::from_millis(1), waiting).await;
        assert!(dropped.is_err(), "two calls at once");
    }
    first.abort();
    extractor.extract(memory(&path)).await.unwrap();
}

/// What a call with little patience says.
async fn impatient(extractor: &Extractor) -> Error {
    let error = extractor.extract(memory(&tiny("mp4"))).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    assert_eq!(error.kind(), "busy", "{error}");
    error
}

#[tokio::test(flavor = "multi_thread")]
async fn patience_ends_in_busy_and_never_in_a_poorer_picture() {
    let _others = THREADS.read().await;
    let builder = one_picture().max_wait(Duration::from_millis(50));

    let extractor = builder.clone().max_in_flight(1).build().unwrap();
    let first = stalled(&extractor).await;
    let error = impatient(&extractor).await;
    assert!(error.to_string().contains("place"), "{error}");
    first.abort();

    // Two extractors that share one CPU.
    let cpus = Cpus::new(1);
    let extractor = builder.clone().cpus(cpus.clone()).build().unwrap();
    let busy = cpus.acquire().await;
    let error = impatient(&extractor).await;
    assert!(error.to_string().contains("CPU"), "{error}");
    drop(busy);
    extractor.extract(memory(&tiny("mp4"))).await.unwrap();

    let memory = MemoryBudget::new(40 << 20);
    let extractor = builder.memory(memory).max_in_flight(2).build().unwrap();
    let first = stalled(&extractor).await;
    let error = impatient(&extractor).await;
    assert!(error.to_string().contains("memory"), "{error}");
    first.abort();
}
