//! What `best` costs on large films, beside `nearest`.

use std::{fmt::Write as _, path::PathBuf, sync::Arc};

use benches::{
    cpu,
    media::{FILMS, Film, Index},
    text::{megabytes, section},
};
use thumbcore::{Extraction, Extractor, FileSource, Pick, Request};

/// Turns of each, of which the median counts.
const TURNS: usize = 5;

#[derive(clap::Args)]
#[group(id = "costs")]
pub(crate) struct Options {
    /// Films by name; all that have an index unless given
    films: Vec<String>,

    /// Size of each film
    #[arg(long, default_value_t = 1000)]
    megabytes: u64,

    /// Delete each film once it is measured
    #[arg(long)]
    delete: bool,

    /// Folder of `benchmarks.md`, into which the table is written; printed unless given
    #[arg(long)]
    docs: Option<PathBuf>,
}

pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    let films: Vec<&Film> = if options.films.is_empty() {
        let is_indexed = |film: &&Film| matches!(film.index, Index::Whole | Index::Fragments);
        FILMS.iter().filter(is_indexed).collect()
    } else {
        let found: anyhow::Result<_> = options.films.iter().map(|name| Film::find(name)).collect();
        found?
    };
    let mut text = String::from(
        "| film | bytes: nearest | best | more | round trips: nearest | best | CPU: nearest | best | |\n\
         | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
    );
    for film in films {
        let path = film.make(options.megabytes * 1_000_000)?;
        let (nearest, nearest_s) = measured(&path, Pick::Nearest).await?;
        let (best, best_s) = measured(&path, Pick::BEST).await?;
        let (a, b) = (&nearest.stats, &best.stats);
        writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {:.0} ms | {:.0} ms | {:.1} x |",
            film.title,
            megabytes(a.bytes_fetched as f64),
            megabytes(b.bytes_fetched as f64),
            megabytes(b.bytes_fetched as f64 - a.bytes_fetched as f64),
            a.round_trips,
            b.round_trips,
            nearest_s * 1e3,
            best_s * 1e3,
            best_s / nearest_s,
        )?;
        if options.delete {
            std::fs::remove_file(path)?;
        }
    }
    if let Some(docs) = &options.docs {
        return section(&docs.join("benchmarks.md"), "pick-costs", &text);
    }
    println!("{text}");
    Ok(())
}

/// The last of some extractions, and the median of their CPU times in seconds.
async fn measured(path: &std::path::Path, pick: Pick) -> anyhow::Result<(Extraction, f64)> {
    let extractor = Extractor::builder()
        .request(Request::new().pick(pick))
        .build()?;
    let extract = async || {
        let source = Arc::new(FileSource::open(path).await?);
        anyhow::Ok(extractor.extract(source).await?)
    };
    // The first one loads what the others share.
    let mut last = extract().await?;
    let mut times = Vec::new();
    for _ in 0..TURNS {
        last = extract().await?;
        times.push(last.stats.cpu.as_secs_f64());
    }
    Ok((last, cpu::median(&times)))
}
