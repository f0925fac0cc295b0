//! Who chooses: thumbcore both ways, and programs that claim to avoid bad frames.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, ensure};
use nix::sys::resource::{UsageWho, getrusage};
use serde_json::Value;

use crate::film::{FPS, SECONDS};

/// Where pictures are wanted, as parts of the film.
pub(crate) const POSITIONS: [f64; 3] = [0.10, 0.50, 0.95];

/// How far from a position a picture may lie, in seconds: thumbcore's 5 % of the film.
pub(crate) const REACH: f64 = SECONDS * 0.05;

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Contender {
    /// `thumb extract`.
    Nearest,
    /// `thumb extract --pick best`.
    Best,
    /// ffmpeg's `thumbnail` filter on all frames within reach.
    Filter,
    /// `ffmpegthumbnailer`, whose default is to look for a good frame.
    Thumbnailer,
}

pub(crate) const CONTENDERS: [Contender; 4] = [
    Contender::Nearest,
    Contender::Best,
    Contender::Filter,
    Contender::Thumbnailer,
];

/// What a contender made of a film.
#[derive(Debug, Default)]
pub(crate) struct Choice {
    /// A picture for each of [`POSITIONS`].
    pub(crate) pictures: Vec<PathBuf>,
    /// CPU time of all processes, in seconds.
    pub(crate) cpu_s: f64,
    /// CPU time of the extraction, the process's start apart, in seconds.
    pub(crate) extraction_s: Option<f64>,
    pub(crate) bytes: Option<f64>,
    pub(crate) round_trips: Option<f64>,
}

impl Contender {
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Nearest => "`thumb --pick nearest`",
            Self::Best => "`thumb --pick best`",
            Self::Filter => "ffmpeg, `thumbnail` filter",
            Self::Thumbnailer => "ffmpegthumbnailer",
        }
    }

    /// Lets it choose pictures of `film` into `folder`.
    pub(crate) fn choose(self, film: &Path, folder: &Path) -> anyhow::Result<Choice> {
        match self {
            Self::Filter => ffmpeg(film, folder, "filter", |at| {
                let (start, length) = (format!("{:.3}", at - REACH), format!("{:.3}", 2.0 * REACH));
                let frames = (2.0 * REACH * f64::from(FPS)) as u32;
                let before = ["-ss", &start, "-t", &length].map(ToOwned::to_owned);
                (before.into(), format!("thumbnail=n={frames}"))
            }),
            Self::Nearest => thumb(film, folder, "nearest"),
            Self::Best => thumb(film, folder, "best"),
            Self::Thumbnailer => thumbnailer(film, folder),
        }
    }
}

fn thumb(film: &Path, folder: &Path, pick: &str) -> anyhow::Result<Choice> {
    let out = folder.join(pick);
    let mut command = Command::new(std::env::current_exe()?.with_file_name("thumb"));
    command
        .args([
            "extract",
            "-q",
            "--json",
            "--sandbox",
            "off",
            "--pick",
            pick,
            "--out",
        ])
        .arg(&out)
        .arg(film);
    let mut choice = Choice::default();
    let said = metered(&mut command, &mut choice)?;
    let said: Value = serde_json::from_slice(&said)?;
    for thumbnail in said["thumbnails"].as_array().context("no thumbnails")? {
        let path = thumbnail["path"].as_str().context("no path")?;
        choice.pictures.push(path.into());
    }
    choice.extraction_s = said["cpu_ms"].as_f64().map(|ms| ms / 1e3);
    choice.bytes = said["bytes_fetched"].as_f64();
    choice.round_trips = said["round_trips"].as_f64();
    Ok(choice)
}

/// One run of ffmpeg a picture, with the options before the input and the filter that `how` gives
/// for its time.
fn ffmpeg(
    film: &Path,
    folder: &Path,
    name: &str,
    how: impl Fn(f64) -> (Vec<String>, String),
) -> anyhow::Result<Choice> {
    let mut choice = Choice::default();
    for (nth, position) in POSITIONS.iter().enumerate() {
        let path = folder.join(format!("{name}_{nth}.jpg"));
        let (before, filter) = how(position * SECONDS);
        let mut command = Command::new("ffmpeg");
        command
            .args(["-nostdin", "-loglevel", "error", "-y"])
            .args(before)
            .arg("-i")
            .arg(film)
            .args(["-vf", &filter, "-frames:v", "1", "-q:v", "2"])
            .arg(&path);
        metered(&mut command, &mut choice)?;
        choice.pictures.push(path);
    }
    Ok(choice)
}

fn thumbnailer(film: &Path, folder: &Path) -> anyhow::Result<Choice> {
    let mut choice = Choice::default();
    for (nth, position) in POSITIONS.iter().enumerate() {
        let path = folder.join(format!("thumbnailer_{nth}.jpg"));
        let at = format!("{}%", position * 100.0);
        let mut command = Command::new("ffmpegthumbnailer");
        command.arg("-i").arg(film).arg("-o").arg(&path);
        command.args(["-s", "320", "-t", &at, "-q", "8"]);
        metered(&mut command, &mut choice)?;
        choice.pictures.push(path);
    }
    Ok(choice)
}

/// Runs a program, adds its CPU time, and returns what it says.
fn metered(command: &mut Command, choice: &mut Choice) -> anyhow::Result<Vec<u8>> {
    let name = command.get_program().to_owned();
    let before = children_s()?;
    let ended = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot run {}; is it installed?", name.display()))?;
    ensure!(ended.status.success(), "{command:?}: {}", ended.status);
    choice.cpu_s += children_s()? - before;
    Ok(ended.stdout)
}

/// CPU time of all processes that this one has started and waited for, in seconds.
fn children_s() -> anyhow::Result<f64> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let times = [usage.user_time(), usage.system_time()];
    let seconds = times.map(|time| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6);
    Ok(seconds.iter().sum())
}
