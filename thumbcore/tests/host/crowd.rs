//! Many videos at once on one CPU, in less time each than all take together: each gives byte for
//! byte what it gives alone, and together they stay within the memory and the threads that the
//! builder says.

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use devstack::{
    corpus,
    media::{Clip, samples},
};
use futures::future::join_all;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use thumbcore::{Error, Extraction, Extractor, FileSource, Limits, MemoryBudget};
use tokio::{runtime, time};

use crate::support::{pictures, threads};

/// Bytes that the library may hold for all calls together.
const MEMORY: u64 = 256 << 20;

/// Bytes that no budget counts: stacks, libav's own tables, encoders, and the pictures that the
/// test keeps.
const UNCOUNTED: u64 = 96 << 20;

/// What an extraction gave, in words that can be compared.
type Outcome = Result<Vec<(u128, bytes::Bytes)>, String>;

fn outcome(extraction: &Result<Extraction, Error>) -> Outcome {
    match extraction {
        Ok(extraction) => Ok(pictures(extraction)),
        Err(error) => Err(error.to_string()),
    }
}

/// What the kernel says of this process in kB, by its name for it.
fn kilobytes(field: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap();
    let figure = line.split_whitespace().nth(1).unwrap();
    figure.parse().unwrap()
}

async fn extract(extractor: &Extractor, path: &PathBuf) -> Result<Extraction, Error> {
    let source = FileSource::open(path).await?;
    extractor.extract(Arc::new(source)).await
}

/// The most threads of the library that run at any time until `work` is done.
async fn most_threads(work: impl Future<Output = ()>) -> usize {
    let mut most = 0;
    let watch = async {
        loop {
            most = threads().max(most);
            time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::select! {
        () = work => {}
        () = watch => {}
    }
    most
}

/// Checks that many calls on `paths`, beside each other and in an order without any pattern, each of
/// which may take so many seconds: a part of what all together take.
async fn check_crowd(paths: &[PathBuf], calls: usize, seconds: u64) {
    let limits = Limits {
        max_time: Duration::from_secs(seconds),
        ..Limits::default()
    };
    let builder = Extractor::builder().limits(limits);
    let builder = builder.memory(MemoryBudget::new(MEMORY));
    let extractor = builder.build().unwrap();
    let mut alone = Vec::new();
    for path in paths {
        alone.push(outcome(&extract(&extractor, path).await));
    }
    // Steps of a prime larger than the number of files meet all of them.
    let order: Vec<_> = (0..calls).map(|call| call * 7919 % paths.len()).collect();
    // The high-water mark is that of the crowd from here on.
    fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = kilobytes("VmRSS");
    let crowd = order.iter().map(|file| extract(&extractor, &paths[*file]));
    let most = most_threads(async {
        for (file, beside) in order.iter().zip(join_all(crowd).await) {
            let name = paths[*file].display();
            assert!(outcome(&beside) == alone[*file], "{name}: {beside:?}");
        }
    });
    let most = most.await;
    let peak = (kilobytes("VmHWM") - before) << 10;
    // glibc keeps about as much again of what was freed, in an arena for each thread.
    assert!(peak < 2 * MEMORY + UNCOUNTED, "{} MiB more", peak >> 20);
    // A call begins with 32 MiB of the memory, so eight are in flight; there is one CPU. As many
    // again are about to end.
    assert!(most > 1 && most <= 2 * (8 + 1), "{most} threads");
}

/// Does `work` with one CPU, which the library takes as its quota. All threads that this one starts
/// inherit it.
fn on_one_cpu(work: impl Future<Output = ()>) {
    let all = sched_getaffinity(None).unwrap();
    let first = (0..CpuSet::MAX_CPU).find(|cpu| all.is_set(*cpu)).unwrap();
    let mut one = CpuSet::new();
    one.set(first);
    sched_setaffinity(None, &one).unwrap();
    let runtime = runtime::Builder::new_multi_thread().enable_all().build();
    runtime.unwrap().block_on(work);
}

#[test]
fn one_file_250_times_at_once() {
    on_one_cpu(async {
        check_crowd(&[Clip::new("mp4").make().unwrap()], 250, 4).await;
    });
}

#[test]
fn real_videos_at_once_in_any_order() {
    on_one_cpu(async {
        let real = corpus::videos()
            .unwrap()
            .into_iter()
            .map(|video| video.path);
        let mut paths: Vec<_> = real.collect();
        if paths.is_empty() {
            let made = samples().unwrap().into_iter();
            paths = made.map(|(_, path)| path).collect();
        }
        check_crowd(&paths, paths.len().max(40), 15).await;
    });
}
