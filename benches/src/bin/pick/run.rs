//! Many films, every contender, one report.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use devstack::oracle;

use crate::{
    clips::{self, Half},
    contenders::{CONTENDERS, Contender, POSITIONS, REACH},
    film::{FPS, Film, SECONDS, Truth},
    judge::Frames,
    report,
    sizes::{self, Ranks},
};

#[derive(clap::Args)]
#[group(id = "run")]
pub(crate) struct Options {
    /// How many films
    #[arg(long, default_value_t = 200)]
    films: u64,

    /// The first film's seed; the others' follow. Thresholds were tuned on seed 1, with the clips
    /// for tuning
    #[arg(long, default_value_t = 1_000_000)]
    seed: u64,

    /// Which clips films are cut from
    #[arg(long, value_enum, default_value_t = Half::Judging)]
    clips: Half,

    /// Who chooses; all unless given
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Contender>,

    /// Folder of real videos
    #[arg(long, env = "THUMBCORE_CORPUS", default_value = "../shared/corpus")]
    corpus: PathBuf,

    /// Folder for the films whose best picture is bad, with that picture; none are kept otherwise
    #[arg(long)]
    keep: Option<PathBuf>,

    /// Folder of `benchmarks.md`, into which the report is written; printed unless given
    #[arg(long)]
    docs: Option<PathBuf>,
}

/// What films were made from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source {
    /// The first film's seed.
    pub(crate) seed: u64,
    /// How many clips they are cut from.
    pub(crate) clips: usize,
}

/// What one contender's pictures of one film are.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) contender: Contender,
    /// What each picture shows.
    pub(crate) shown: Vec<Truth>,
    /// As in [`Choice`](crate::contenders::Choice).
    pub(crate) cpu_s: f64,
    pub(crate) extraction_s: Option<f64>,
    pub(crate) bytes: Option<f64>,
    pub(crate) round_trips: Option<f64>,
}

/// What can be good at a position.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Possible {
    /// Whether frames within reach are good.
    pub(crate) frame: bool,
    /// Whether a keyframe within reach is.
    pub(crate) keyframe: bool,
}

/// What came of one film.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// For each position.
    pub(crate) possible: Vec<Possible>,
    pub(crate) verdicts: Vec<Verdict>,
    pub(crate) ranks: Option<Ranks>,
}

pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    let clips = clips::clips(options.clips, &options.corpus)?;
    let mut outcomes = Vec::new();
    for nth in 0..options.films {
        let seed = options.seed + nth;
        let outcome = outcome(options, seed, &clips).await;
        outcomes.push(outcome.with_context(|| format!("film {seed}"))?);
        if (nth + 1) % 10 == 0 {
            eprintln!("{} of {} films", nth + 1, options.films);
        }
    }
    let source = Source {
        seed: options.seed,
        clips: clips.len(),
    };
    report::write(&outcomes, source, options.docs.as_deref())
}

async fn outcome(options: &Options, seed: u64, clips: &[PathBuf]) -> anyhow::Result<Outcome> {
    let folder = tempfile::tempdir()?;
    let film = Film::new(seed, clips);
    let path = film.file(options.clips.name(), seed)?;
    let frames = Frames::of(&path)?;
    let contenders = match options.only.as_slice() {
        [] => &CONTENDERS,
        only => only,
    };
    let mut verdicts = Vec::new();
    for contender in contenders {
        let choice = contender
            .choose(&path, folder.path())
            .with_context(|| contender.title().to_owned())?;
        let mut shown = Vec::new();
        for picture in &choice.pictures {
            let truth = film.truth(frames.time_of(picture)?);
            let is_ours = matches!(contender, Contender::Nearest | Contender::Best);
            if let (true, Truth::Bad(_), Some(keep)) = (is_ours, truth, &options.keep) {
                keep_bad(keep, (seed, *contender), (&path, picture), truth)?;
            }
            shown.push(truth);
        }
        verdicts.push(Verdict {
            contender: *contender,
            shown,
            cpu_s: choice.cpu_s,
            extraction_s: choice.extraction_s,
            bytes: choice.bytes,
            round_trips: choice.round_trips,
        });
    }
    Ok(Outcome {
        possible: possible(&film, &path)?,
        verdicts,
        ranks: sizes::ranks(&film, &path).await?,
    })
}

/// What can be good at each position; where the keyframes lie is believed of ffprobe alone.
fn possible(film: &Film, path: &Path) -> anyhow::Result<Vec<Possible>> {
    let keyframes = oracle::keyframes(path)?;
    let half_frame = 0.5 / f64::from(FPS);
    let at = |position: &f64| {
        let target = position * SECONDS;
        let mut near = keyframes
            .iter()
            .map(|keyframe| keyframe.seconds)
            .filter(|seconds| (seconds - target).abs() <= REACH);
        Possible {
            frame: film.has_good_near(target, REACH),
            keyframe: near.any(|seconds| film.truth(seconds + half_frame) == Truth::Good),
        }
    };
    Ok(POSITIONS.iter().map(at).collect())
}

fn keep_bad(
    folder: &Path,
    (seed, contender): (u64, Contender),
    (film, picture): (&Path, &Path),
    truth: Truth,
) -> anyhow::Result<()> {
    fs::create_dir_all(folder)?;
    fs::copy(film, folder.join(format!("{seed}.mp4")))?;
    let name = picture.file_name().context("no name")?.display();
    let kept = folder.join(format!("{seed}-{contender:?}-{name}"));
    eprintln!("{} shows {truth:?}", kept.display());
    fs::copy(picture, kept)?;
    Ok(())
}
