//! From results to the tables and pictures of `docs/benchmarks.md`.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context;
use benches::{
    media::FILMS,
    text::{megabytes, section},
};

use crate::{goals, peers::Contender, plots, results::Sheet, subject::BATCH};

#[derive(clap::Args)]
#[group(id = "report")]
pub(crate) struct Options {
    /// Where measurements are kept
    #[arg(long, default_value = "target/bench")]
    pub(crate) results: PathBuf,

    /// Folder of `benchmarks.md`, into which the report is written, and of `pictures/`; printed
    /// unless given
    #[arg(long)]
    pub(crate) docs: Option<PathBuf>,
}

/// Writes the report of everything that was measured so far.
pub(crate) fn write(options: &Options) -> anyhow::Result<()> {
    let sheets = load(&options.results)?;
    let text = markdown(&sheets)?;
    let Some(docs) = &options.docs else {
        println!("{text}");
        return Ok(());
    };
    section(&docs.join("benchmarks.md"), "compare", &text)?;
    let json = serde_json::to_vec_pretty(&sheets)?;
    fs::write(docs.join("benchmarks.json"), json)?;
    plots::draw(&sheets, &docs.join("pictures"))
}

fn load(results: &Path) -> anyhow::Result<Vec<Sheet>> {
    let names = FILMS.iter().map(|film| film.name).chain([BATCH]);
    let mut sheets = Vec::new();
    for name in names {
        sheets.extend(Sheet::load(results, name)?);
    }
    Ok(sheets)
}

fn markdown(sheets: &[Sheet]) -> anyhow::Result<String> {
    let mut text = conditions(sheets)?;
    text.push_str(&against_original(sheets)?);
    text.push_str(&goals::markdown(sheets)?);
    text.push_str(&everything(sheets)?);
    Ok(text)
}

/// Where and with what it was measured.
fn conditions(sheets: &[Sheet]) -> anyhow::Result<String> {
    let mut text = String::new();
    let cpus = std::thread::available_parallelism()?;
    writeln!(
        text,
        "Measured on {cpus} cores ({}), {}.",
        model(),
        system()
    )?;
    for (program, arguments) in [
        ("ffmpeg", ["-version"]),
        ("ffmpegthumbnailer", ["-v"]),
        ("rustc", ["--version"]),
    ] {
        let said = Command::new(program).args(arguments).output();
        let said = said.with_context(|| format!("cannot run {program}"))?;
        let said = String::from_utf8_lossy(&said.stdout).into_owned();
        let line = said.lines().next().unwrap_or_default();
        let line = line.split(" Copyright").next().unwrap_or_default();
        writeln!(text, "{line};")?;
    }
    writeln!(text, "{}.", crate::python::PACKAGES.join(", "))?;
    if let Some(sheet) = sheets.first() {
        writeln!(
            text,
            "Each answer of the local S3 waited {} ms for its first byte and came at {} MB/s a connection.\n",
            sheet.network.latency, sheet.network.bandwidth
        )?;
    }
    Ok(text)
}

fn model() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = info
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    line.map_or_else(
        || std::env::consts::ARCH.to_owned(),
        |line| line.trim_start_matches(['\t', ' ', ':']).to_owned(),
    )
}

fn system() -> String {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = release
        .lines()
        .find_map(|line| line.strip_prefix("PRETTY_NAME="));
    name.unwrap_or("Linux").trim_matches('"').to_owned()
}

/// The short table: ours, and how many times as much the original's way takes.
fn against_original(sheets: &[Sheet]) -> anyhow::Result<String> {
    let mut text = String::from(
        "| film | size | bytes read | requests | round trips | CPU | wall | original: bytes | CPU | wall |\n\
         | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
    );
    for sheet in sheets {
        let Some(ours) = sheet.of(Contender::Library) else {
            continue;
        };
        let times = |of: fn(&crate::results::Run) -> f64| {
            sheet
                .of(Contender::Original)
                .map_or("–".to_owned(), |original| {
                    format!("{:.0} x", ours.ratio(original, of))
                })
        };
        writeln!(
            text,
            "| {} | {} | {} | {:.0} | {:.0} | {:.0} ms | {:.0} ms | {} | {} | {} |",
            sheet.title,
            megabytes(sheet.bytes as f64),
            megabytes(ours.bytes()),
            ours.median(|run| run.traffic.requests as f64),
            ours.round_trips(),
            ours.cpu() * 1e3,
            ours.median(|run| run.bill.wall_s) * 1e3,
            times(|run| run.traffic.bytes as f64),
            times(|run| run.bill.cpu_s),
            times(|run| run.bill.wall_s),
        )?;
    }
    text.push('\n');
    Ok(text)
}

/// Every contender on every film.
fn everything(sheets: &[Sheet]) -> anyhow::Result<String> {
    let mut text = String::from(
        "| film | by | bytes | requests | round trips | wall, s | CPU, s | peak, MB | pictures right | SSIM | off, s |\n\
         | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
    );
    for sheet in sheets {
        for outcome in &sheet.outcomes {
            let said = match &outcome.error {
                Some(error) => format!("{} of {}: {error}", outcome.right, outcome.pictures),
                None => format!("{} of {}", outcome.right, outcome.pictures),
            };
            writeln!(
                text,
                "| {} | {} | {} | {:.0} | {:.0} | {:.2} | {:.3} | {:.0} | {said} | {:.2} | {:.1} |",
                sheet.title,
                outcome.contender.title(),
                megabytes(outcome.bytes()),
                outcome.median(|run| run.traffic.requests as f64),
                outcome.round_trips(),
                outcome.median(|run| run.bill.wall_s),
                outcome.cpu(),
                outcome.median(|run| run.bill.peak_kib as f64) / 1024.0,
                outcome.ssim,
                outcome.off_s,
            )?;
        }
    }
    Ok(text)
}
