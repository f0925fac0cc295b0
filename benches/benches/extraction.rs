//! `cargo bench -p benches`: thumbcore's parts, container by container and codec by codec, on files
//! held in memory.
//!
//! `container` is finding and opening: sniffing, the index or the search for keyframes, planning
//! ranges. `picture` is what a keyframe costs in libav and `TurboJPEG` whoever calls them.
//! `extraction` is all of it.

#![allow(
    clippy::unwrap_used,
    reason = "a bench that cannot be set up has nothing to measure"
)]

use std::{hint::black_box, sync::Arc, time::Duration};

use benches::{
    floor::{self, Floor},
    media::Film,
};
use criterion::{Criterion, criterion_group, criterion_main};
use thumbcore::{Extractor, MemorySource, Position, RangeSource};
use tokio::runtime::{Builder, Runtime};

const BYTES: u64 = 100_000_000;

/// A film for each way to find keyframes.
const CONTAINERS: [&str; 12] = [
    "mp4-first",
    "frag-mfra",
    "frag-sidx",
    "frag-none",
    "mkv",
    "mkv-nocues",
    "webm",
    "avi",
    "flv-indexed",
    "flv",
    "ts",
    "wmv",
];

/// A film for each codec.
const CODECS: [&str; 7] = ["mp4-first", "hevc-4k", "webm", "av1", "mpeg2", "avi", "wmv"];

struct Bench {
    runtime: Runtime,
    name: &'static str,
    source: Arc<dyn RangeSource>,
    floor: Floor,
}

impl Bench {
    fn new(name: &'static str) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let path = Film::find(name).unwrap().make(BYTES).unwrap();
        let source = MemorySource::new(name, std::fs::read(&path).unwrap());
        let source: Arc<dyn RangeSource> = Arc::new(source);
        let extractor = Extractor::builder().build().unwrap();
        let extraction = runtime
            .block_on(extractor.extract(Arc::clone(&source)))
            .unwrap();
        let times: Vec<Duration> = extraction
            .thumbnails
            .iter()
            .map(|thumbnail| thumbnail.actual)
            .collect();
        Self {
            runtime,
            name,
            source,
            floor: Floor::load(&path, &times).unwrap(),
        }
    }

    fn extract(&self, extractor: &Extractor) {
        let extraction = extractor.extract(Arc::clone(&self.source));
        black_box(self.runtime.block_on(extraction).unwrap());
    }
}

fn container(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("container");
    // The smallest picture there is: what is left is mostly the way to it, and decoding it.
    let first = Extractor::builder()
        .positions([Position::Fraction(0.5)])
        .max_width(16)
        .build()
        .unwrap();
    for name in CONTAINERS {
        let bench = Bench::new(name);
        group.bench_function(format!("{name}/open"), |bencher| {
            bencher.iter(|| {
                let probe = first.probe(Arc::clone(&bench.source));
                black_box(bench.runtime.block_on(probe).unwrap())
            });
        });
        group.bench_function(format!("{name}/first-keyframe"), |bencher| {
            bencher.iter(|| bench.extract(&first));
        });
    }
}

fn picture(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("picture");
    for name in CODECS {
        let bench = Bench::new(name);
        group.bench_function(format!("{}/decode-3", bench.name), |bencher| {
            bencher.iter(|| black_box(bench.floor.frames().unwrap()));
        });
        let frame = bench.floor.frames().unwrap().swap_remove(0);
        group.bench_function(format!("{}/scale", bench.name), |bencher| {
            bencher.iter(|| black_box(floor::scale(&frame).unwrap()));
        });
        let scaled = floor::scale(&frame).unwrap();
        group.bench_function(format!("{}/encode", bench.name), |bencher| {
            bencher.iter(|| black_box(floor::encode(&scaled).unwrap()));
        });
    }
}

fn extraction(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("extraction");
    let extractor = Extractor::builder().build().unwrap();
    let mut names: Vec<_> = CONTAINERS.iter().chain(&CODECS).copied().collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let bench = Bench::new(name);
        group.bench_function(name, |bencher| bencher.iter(|| bench.extract(&extractor)));
    }
}

criterion_group! {
    name = parts;
    // A tenth of a second each: the machine is noisier than that is long.
    config = Criterion::default().sample_size(10).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(2));
    targets = container, picture, extraction
}
criterion_main!(parts);
