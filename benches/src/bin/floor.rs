//! `floor`: the CPU time of thumbcore's pictures as a ratio to the least that they can cost.
//!
//! Both sides take turns in one process and on one CPU, so that other work of the machine disturbs
//! both alike.

use std::{path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context, ensure};
use benches::{
    cpu::{self, median},
    floor::Floor,
    media::Film,
};
use clap::Parser;
use thumbcore::{Extractor, FileSource, MemorySource, Origin, RangeSource};
use tokio::runtime::{Builder, Runtime};

/// CPU time of thumbcore, in process, beside that of decoding, scaling and encoding the same
/// packets
#[derive(Parser)]
struct Options {
    /// Films of the catalogue, or paths of files
    #[arg(default_values = [
        "mp4-first", "hevc-4k", "webm", "mpeg2", "av1", "avi", "wmv", "mkv", "mkv-nocues", "frag-mfra", "frag-none",
        "flv-indexed", "flv", "ts",
    ])]
    films: Vec<String>,

    /// Size of the films, in MB
    #[arg(long, default_value_t = 200)]
    megabytes: u64,

    /// Turns of each side
    #[arg(long, default_value_t = 15)]
    rounds: usize,

    /// Extractions a turn
    #[arg(long, default_value_t = 3)]
    each: usize,

    /// Read the file instead of its copy in memory
    #[arg(long)]
    file: bool,

    /// Run only one side, for a profiler
    #[arg(long)]
    only: Option<Side>,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Side {
    Floor,
    Ours,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    cpu::pin().context("cannot stay on one CPU")?;
    println!("| film | codec | floor, ms | thumbcore, ms | ratio | worst half |");
    println!("| --- | --- | ---: | ---: | ---: | ---: |");
    for film in &options.films {
        let path = if film.contains('/') {
            PathBuf::from(film)
        } else {
            Film::find(film)?.make(options.megabytes * 1_000_000)?
        };
        let line = compare(film, &path, &options);
        println!("{}", line.with_context(|| format!("film {film}"))?);
    }
    Ok(())
}

fn compare(name: &str, path: &PathBuf, options: &Options) -> anyhow::Result<String> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let source: Arc<dyn RangeSource> = if options.file {
        Arc::new(runtime.block_on(FileSource::open(path))?)
    } else {
        Arc::new(MemorySource::new(name, std::fs::read(path)?))
    };
    let extractor = Extractor::builder().build()?;
    let ours = || extract(&runtime, &extractor, &source);

    let extraction = runtime.block_on(extractor.extract(Arc::clone(&source)))?;
    ensure!(
        extraction
            .thumbnails
            .iter()
            .all(|thumbnail| thumbnail.origin == Origin::Keyframe),
        "not only keyframes: the floor does not apply"
    );
    let times: Vec<_> = extraction
        .thumbnails
        .iter()
        .map(|thumbnail| thumbnail.actual)
        .collect();
    let floor = Floor::load(path, &times)?;
    // Warm-up: pages in the code and allocates memory once.
    floor.pictures()?;

    let mut floors = Vec::new();
    let mut costs = Vec::new();
    for _ in 0..options.rounds {
        if options.only != Some(Side::Ours) {
            floors.push(cost(options.each, || floor.pictures().map(drop))?);
        }
        if options.only != Some(Side::Floor) {
            costs.push(cost(options.each, ours)?);
        }
    }
    let ratios: Vec<_> = costs.iter().zip(&floors).map(|(a, b)| a / b).collect();
    let mut sorted = ratios.clone();
    sorted.sort_by(f64::total_cmp);
    let worst = sorted.split_off(sorted.len() / 2);
    Ok(format!(
        "| {name} | {} | {:.1} | {:.1} | {:.2} | {:.2} |",
        extraction.media.codec,
        median(&floors),
        median(&costs),
        median(&ratios),
        median(&worst),
    ))
}

fn extract(
    runtime: &Runtime,
    extractor: &Extractor,
    source: &Arc<dyn RangeSource>,
) -> anyhow::Result<()> {
    runtime.block_on(extractor.extract(Arc::clone(source)))?;
    Ok(())
}

/// CPU time of one call of `work`, in milliseconds, out of `times`.
fn cost(times: usize, work: impl Fn() -> anyhow::Result<()>) -> anyhow::Result<f64> {
    let (spent, result): (Duration, anyhow::Result<()>) =
        cpu::of(|| (0..times).try_for_each(|_| work()));
    result?;
    Ok(spent.as_secs_f64() * 1e3 / times as f64)
}
