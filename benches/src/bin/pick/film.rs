//! Films whose every moment is known to be good or bad.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context as _;
use devstack::media;

use crate::{clips, plant::Plant, random::Random};

pub(crate) const WIDTH: u32 = 320;
pub(crate) const HEIGHT: u32 = 180;
pub(crate) const FPS: u32 = 10;

/// Length of a film, in seconds.
pub(crate) const SECONDS: f64 = 30.0;

/// Shortest good stretch, in seconds, that a contender is blamed for missing.
const WORTH_FINDING: f64 = 0.5;

/// Raised when films are made in another way, so that no stale file is used.
const RECIPES: u32 = 2;

/// Where encoders put keyframes: at regular distances, as for streaming, or at cuts and seldom
/// elsewhere, as in most files.
const KEYFRAMES: [Keyframes; 6] = [
    Keyframes::every(0.5),
    Keyframes::every(1.0),
    Keyframes::every(1.0),
    Keyframes::every(2.0),
    Keyframes::at_cuts_and_every(8.0),
    Keyframes::at_cuts_and_every(8.0),
];

/// How a film's keyframes are spread.
#[derive(Debug, Clone, Copy)]
struct Keyframes {
    /// Largest distance, in seconds.
    every: f64,
    are_at_cuts: bool,
}

impl Keyframes {
    const fn every(every: f64) -> Self {
        Self {
            every,
            are_at_cuts: false,
        }
    }

    const fn at_cuts_and_every(every: f64) -> Self {
        Self {
            every,
            are_at_cuts: true,
        }
    }
}

/// What is wrong with a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// Black, white or one other colour.
    Blank,
    /// More than half faded to or from black or white.
    Faded,
    /// Hardly lit.
    Dark,
    /// A few words on one colour.
    Title,
    /// Lines of names on black.
    Credits,
    Blurred,
    Noise,
    /// Two scenes at once.
    Blend,
}

impl Fault {
    pub(crate) const ALL: [Self; 8] = [
        Self::Blank,
        Self::Faded,
        Self::Dark,
        Self::Title,
        Self::Credits,
        Self::Blurred,
        Self::Noise,
        Self::Blend,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Blank => "blank",
            Self::Faded => "faded",
            Self::Dark => "dark",
            Self::Title => "title",
            Self::Credits => "credits",
            Self::Blurred => "blurred",
            Self::Noise => "noise",
            Self::Blend => "blended",
        }
    }
}

/// What a moment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Truth {
    Good,
    /// On the way from the one to the other: counts as neither.
    Between,
    Bad(Fault),
}

/// A stretch of a film.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    /// In seconds.
    pub(crate) from: f64,
    pub(crate) to: f64,
    pub(crate) truth: Truth,
}

/// A film, and what it is made of.
#[derive(Debug)]
pub(crate) struct Film {
    pub(crate) spans: Vec<Span>,
    segments: Vec<Segment>,
    keyframes: Keyframes,
}

/// A part of a film as ffmpeg makes it.
#[derive(Debug)]
struct Segment {
    seconds: f64,
    clip: PathBuf,
    /// What the clip is blended into.
    other: Option<PathBuf>,
    /// Filters on the clip.
    filters: String,
}

impl Film {
    /// The film of `seed`, cut from `clips`: a leader, good stretches and faults in turn, credits.
    pub(crate) fn new(seed: u64, clips: &[PathBuf]) -> Self {
        let mut random = Random::new(seed);
        let mut film = Self {
            spans: Vec::new(),
            segments: Vec::new(),
            keyframes: *random.one_of(&KEYFRAMES),
        };
        let leader = *random.one_of(&[Plant::Flat, Plant::Title, Plant::FadeIn]);
        let seconds = random.between(1.0, 4.0);
        film.plant(leader, seconds, &mut random, clips);
        let end = SECONDS - random.between(0.5, 2.0);
        loop {
            let left = end - film.seconds();
            if left <= 0.5 {
                break;
            }
            let seconds = random.between(1.5, 4.0).min(left);
            let clip = random.one_of(clips).clone();
            film.add(seconds, clip, None, "null".to_owned());
            film.parts(&[(1.0, Truth::Good)]);
            let left = end - film.seconds();
            if left > 1.0 {
                let plant = *random.one_of(&Plant::ALL);
                let seconds = random.between(0.8, 2.5).min(left);
                film.plant(plant, seconds, &mut random, clips);
            }
        }
        let last = *random.one_of(&[Plant::Credits, Plant::FadeOut, Plant::Flat]);
        let seconds = SECONDS - film.seconds();
        film.plant(last, seconds, &mut random, clips);
        film
    }

    fn seconds(&self) -> f64 {
        self.segments.iter().map(|segment| segment.seconds).sum()
    }

    fn add(&mut self, seconds: f64, clip: PathBuf, other: Option<PathBuf>, filters: String) {
        // Whole frames, so that times of spans and pictures agree.
        let seconds = (seconds * f64::from(FPS)).round().max(1.0) / f64::from(FPS);
        self.segments.push(Segment {
            seconds,
            clip,
            other,
            filters,
        });
    }

    /// The truth of the segment that was added last, by parts that end at these shares of it.
    fn parts(&mut self, parts: &[(f64, Truth)]) {
        let length = self.segments.last().map_or(0.0, |segment| segment.seconds);
        let start = self.seconds() - length;
        let mut from = 0.0;
        for (to, truth) in parts {
            self.spans.push(Span {
                from: start + from * length,
                to: start + to * length,
                truth: *truth,
            });
            from = *to;
        }
    }

    fn plant(&mut self, plant: Plant, seconds: f64, random: &mut Random, clips: &[PathBuf]) {
        let clip = random.one_of(clips).clone();
        let other = (plant == Plant::CrossFade).then(|| random.one_of(clips).clone());
        let other = other.filter(|other| *other != clip);
        // A clip that fades into itself is as good as before.
        let plant = match (plant, &other) {
            (Plant::CrossFade, None) => Plant::Freeze,
            (plant, _) => plant,
        };
        let recipe = plant.recipe(seconds, random);
        self.add(seconds, clip, other, recipe.filters);
        self.parts(&recipe.parts);
    }

    /// What the moment `seconds` is.
    pub(crate) fn truth(&self, seconds: f64) -> Truth {
        let is_it = |span: &&Span| (span.from..span.to).contains(&seconds);
        let span = self.spans.iter().find(is_it).or(self.spans.last());
        span.map_or(Truth::Between, |span| span.truth)
    }

    /// Whether a stretch that is worth finding is good within `reach` seconds of `target`.
    pub(crate) fn has_good_near(&self, target: f64, reach: f64) -> bool {
        self.spans.iter().any(|span| {
            let from = span.from.max(target - reach);
            let to = span.to.min(target + reach);
            span.truth == Truth::Good && to - from >= WORTH_FINDING
        })
    }

    /// The film as a file, under a name that `clips` are told apart by; made once.
    pub(crate) fn file(&self, clips: &str, seed: u64) -> anyhow::Result<PathBuf> {
        media::cached(&format!("pick{RECIPES}-{clips}-{seed}.mp4"), |path| {
            self.make(path)
        })
    }

    /// Writes the film to `path`.
    fn make(&self, path: &Path) -> anyhow::Result<()> {
        let mut command = Command::new("ffmpeg");
        command.args(["-nostdin", "-loglevel", "error", "-y"]);
        let mut inputs = 0;
        let mut graph = String::new();
        for (nth, segment) in self.segments.iter().enumerate() {
            let seconds = format!("{:.1}", segment.seconds);
            // A clip that is looped loses frames where its rounds meet.
            let more = format!("{:.1}", segment.seconds + 1.0);
            for clip in std::iter::once(&segment.clip).chain(&segment.other) {
                command
                    .args(["-threads", "1", "-stream_loop", "-1", "-t", &more, "-i"])
                    .arg(clip);
            }
            let clip = format!(
                "[{inputs}:v]fps={FPS},settb=1/{FPS},setpts=N,{}",
                segment.filters
            );
            inputs += 1;
            let end = format!("trim=duration={seconds},setpts=N/({FPS}*TB),setsar=1[s{nth}];");
            if segment.other.is_some() {
                write!(
                    graph,
                    "{clip}[a{nth}];[{inputs}:v]fps={FPS},settb=1/{FPS},setpts=N[b{nth}];\
                     [a{nth}][b{nth}]xfade=transition=fade:duration={seconds}:offset=0,{end}"
                )?;
                inputs += 1;
            } else {
                write!(graph, "{clip},{end}")?;
            }
        }
        for nth in 0..self.segments.len() {
            write!(graph, "[s{nth}]")?;
        }
        write!(
            graph,
            "concat=n={}:v=1,format=yuv420p[film]",
            self.segments.len()
        )?;
        // The graph would fill a command line.
        let script = path.with_extension("graph");
        fs::write(&script, &graph).with_context(|| format!("cannot write {}", script.display()))?;
        let every = (self.keyframes.every * f64::from(FPS)).to_string();
        let cuts = if self.keyframes.are_at_cuts {
            "40"
        } else {
            "0"
        };
        command
            .arg("-filter_complex_script")
            .arg(&script)
            .args(["-map", "[film]", "-r", &FPS.to_string(), "-an"])
            .args([
                "-c:v", "libx264", "-preset", "veryfast", "-threads", "1", "-crf", "24",
            ])
            .args(["-g", &every, "-keyint_min", "1", "-sc_threshold", cuts])
            .args(["-movflags", "+faststart"])
            .arg(path);
        clips::run(&mut command)?;
        Ok(fs::remove_file(script)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_follow_one_another_to_the_end() {
        let clips = ["a", "b", "c"].map(PathBuf::from);
        for seed in 0..200 {
            let film = Film::new(seed, &clips);
            let mut at = 0.0;
            for span in &film.spans {
                assert!((span.from - at).abs() < 1e-6, "{seed}: {span:?}");
                assert!(span.to > span.from, "{seed}: {span:?}");
                at = span.to;
            }
            assert!((at - SECONDS).abs() < 1e-6, "{seed}: ends at {at}");
            assert_eq!(film.segments.len(), Film::new(seed, &clips).segments.len());
        }
    }
}
