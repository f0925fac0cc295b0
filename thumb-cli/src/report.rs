//! The result of an input, for people and for programs.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    io::{self, Write},
    iter,
    path::PathBuf,
    time::Duration,
};

use indicatif::DecimalBytes;
use serde::{Serialize, Serializer};
use thumbcore::{Candidate, Media, RangeRead, Rendition, Stats, Thumbnail};

use crate::{args::InputArgs, preview::Animation, sandbox::Place, storyboard::Board};

/// Why an input failed.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Failure {
    /// A stable name: those of [`thumbcore::Error::kind`], `collision` and `output`.
    pub(crate) kind: &'static str,
    pub(crate) message: String,
}

impl From<thumbcore::Error> for Failure {
    fn from(error: thumbcore::Error) -> Self {
        Self {
            kind: error.kind(),
            // With its causes.
            message: format!("{:#}", anyhow::Error::from(error)),
        }
    }
}

impl From<&walkdir::Error> for Failure {
    fn from(error: &walkdir::Error) -> Self {
        let cause = error.io_error();
        Self {
            kind: match cause.map(io::Error::kind) {
                Some(io::ErrorKind::NotFound) => "not_found",
                Some(io::ErrorKind::PermissionDenied) => "denied",
                _ => "io",
            },
            message: cause.map_or_else(|| error.to_string(), ToString::to_string),
        }
    }
}

/// The result of one input.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) name: String,
    pub(crate) result: Result<Success, Failure>,
}

#[derive(Debug)]
pub(crate) enum Success {
    Done(Box<Outcome>),
    /// Its pictures were there already.
    Skipped,
}

impl Success {
    fn outcome(&self) -> Option<&Outcome> {
        match self {
            Self::Done(outcome) => Some(outcome),
            Self::Skipped => None,
        }
    }
}

/// What was read of an input, and made of it.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) media: Media,
    pub(crate) stats: Stats,
    pub(crate) product: Product,
}

/// What was made of an input, as the JSON line has it.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Product {
    Pictures {
        thumbnails: Vec<Picture>,
    },
    Storyboard(Board),
    Preview {
        preview: Animation,
    },
    /// Its facts were read.
    Nothing {},
}

/// A thumbnail that was written.
#[derive(Debug, Serialize)]
pub(crate) struct Picture {
    #[serde(serialize_with = "lossy")]
    path: PathBuf,
    target_s: f64,
    actual_s: f64,
    width: u32,
    height: u32,
    bytes: usize,
    origin: &'static str,
    /// How good it is as a thumbnail, 0 to 1.
    score: f64,
    /// The keyframes that competed for it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    candidates: Vec<Judged>,
    /// The same picture in further widths.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    renditions: Vec<File>,
}

/// A keyframe that competed for a picture.
#[derive(Debug, Serialize)]
struct Judged {
    time_s: f64,
    /// Of the coded keyframe; left out where no index told.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    score: f64,
}

impl From<&Candidate> for Judged {
    fn from(candidate: &Candidate) -> Self {
        Self {
            time_s: seconds(candidate.time),
            bytes: candidate.size,
            score: thousandths(candidate.score.value),
        }
    }
}

/// A picture in one width.
#[derive(Debug, Serialize)]
struct File {
    #[serde(serialize_with = "lossy")]
    path: PathBuf,
    width: u32,
    height: u32,
    bytes: usize,
}

impl Picture {
    /// A thumbnail whose renditions were written to `paths`; `None` if it has none.
    pub(crate) fn new(paths: Vec<PathBuf>, thumbnail: &Thumbnail) -> Option<Self> {
        let file = |(path, rendition): (PathBuf, &Rendition)| File {
            path,
            width: rendition.width,
            height: rendition.height,
            bytes: rendition.image.len(),
        };
        let mut files = paths.into_iter().zip(&thumbnail.renditions).map(file);
        let first = files.next()?;
        Some(Self {
            path: first.path,
            target_s: seconds(thumbnail.target),
            actual_s: seconds(thumbnail.actual),
            width: first.width,
            height: first.height,
            bytes: first.bytes,
            origin: thumbnail.origin.as_str(),
            score: thousandths(thumbnail.score.value),
            candidates: thumbnail.candidates.iter().map(Judged::from).collect(),
            renditions: files.collect(),
        })
    }

    /// The paths of its files.
    fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        iter::once(&self.path).chain(self.renditions.iter().map(|file| &file.path))
    }
}

/// The fields of the JSON line, in the order that docs and other programs know.
#[derive(Serialize)]
struct Line<'a> {
    input: &'a str,
    ok: bool,
    sandbox: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    skipped: bool,
    #[serde(flatten)]
    facts: Option<Facts<'a>>,
    #[serde(flatten)]
    product: Option<&'a Product>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reads: Option<Vec<Read>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a Failure>,
}

#[derive(Serialize)]
struct Facts<'a> {
    container: &'a str,
    codec: &'a str,
    width: u32,
    height: u32,
    duration_s: Option<f64>,
    source_bytes: u64,
    bytes_fetched: u64,
    requests: u64,
    round_trips: u64,
    wall_ms: f64,
    cpu_ms: f64,
    wait_ms: f64,
    cache_hits: u64,
}

/// A range that was fetched.
#[derive(Serialize)]
struct Read {
    start: u64,
    end: u64,
    reason: &'static str,
    round_trip: u64,
    wait_ms: f64,
}

impl From<&RangeRead> for Read {
    fn from(read: &RangeRead) -> Self {
        Self {
            start: read.start,
            end: read.end,
            reason: read.reason.as_str(),
            round_trip: read.round_trip,
            wait_ms: milliseconds(read.waited),
        }
    }
}

impl Report {
    fn json(&self, trace: bool, place: Place) -> serde_json::Result<String> {
        let outcome = self.result.as_ref().ok().and_then(Success::outcome);
        serde_json::to_string(&Line {
            input: &self.name,
            ok: self.result.is_ok(),
            sandbox: place == Place::Sandbox,
            skipped: matches!(self.result, Ok(Success::Skipped)),
            facts: outcome.map(|Outcome { media, stats, .. }| Facts {
                container: media.container.as_str(),
                codec: media.codec.as_str(),
                width: media.width,
                height: media.height,
                duration_s: media.duration.map(seconds),
                source_bytes: stats.source_bytes,
                bytes_fetched: stats.bytes_fetched,
                requests: stats.requests,
                round_trips: stats.round_trips,
                wall_ms: milliseconds(stats.wall),
                cpu_ms: milliseconds(stats.cpu),
                wait_ms: milliseconds(stats.waiting),
                cache_hits: stats.cache_hits,
            }),
            product: outcome.map(|outcome| &outcome.product),
            reads: outcome
                .filter(|_| trace)
                .map(|outcome| outcome.stats.reads.iter().map(Read::from).collect()),
            error: self.result.as_ref().err(),
        })
    }
}

impl Product {
    /// Adds to `text`, for people, a line for each file.
    fn describe(&self, text: &mut String) {
        match self {
            Self::Pictures { thumbnails } => {
                for picture in thumbnails {
                    for path in picture.paths() {
                        let at = picture.actual_s;
                        let _ = write!(text, "\n  {} at {at:.1} s", path.display());
                    }
                }
            }
            Self::Storyboard(board) => {
                let _ = write!(text, "\n  {}", board.summary());
                for path in &board.files {
                    let _ = write!(text, "\n  {path}");
                }
            }
            Self::Preview { preview } => {
                let _ = write!(text, "\n  {}", preview.summary());
            }
            Self::Nothing {} => {}
        }
    }

    /// How many picture files there are.
    fn pictures(&self) -> usize {
        match self {
            Self::Pictures { thumbnails } => thumbnails.iter().map(|it| it.paths().count()).sum(),
            _ => 0,
        }
    }
}

impl Outcome {
    fn human(&self, name: &str, trace: bool) -> String {
        let Self { media, stats, .. } = self;
        let mut text = format!(
            "{name}: {} {} {}x{}",
            media.container, media.codec, media.width, media.height
        );
        if let Some(duration) = media.duration {
            let _ = write!(text, " {:.1} s", duration.as_secs_f64());
        }
        let _ = write!(
            text,
            "; read {} of {} in {} {}, {:.0} ms",
            DecimalBytes(stats.bytes_fetched),
            DecimalBytes(stats.source_bytes),
            stats.requests,
            if stats.requests == 1 {
                "request"
            } else {
                "requests"
            },
            milliseconds(stats.wall),
        );
        self.product.describe(&mut text);
        if trace {
            text.push_str("\n  round trip   why              from         to      bytes    ms");
            for read in stats.reads.iter().map(Read::from) {
                let _ = write!(
                    text,
                    "\n  {:>10}   {:8} {:>12} {:>10} {:>10} {:>5.0}",
                    read.round_trip,
                    read.reason,
                    read.start,
                    read.end,
                    read.end - read.start,
                    read.wait_ms
                );
            }
        }
        text
    }
}

/// Prints reports: results on stdout, errors on stderr. For people errors come last, where nothing
/// scrolls them away.
#[derive(Debug)]
pub(crate) struct Printer {
    json: bool,
    /// With every range that was read.
    trace: bool,
    quiet: bool,
    /// Where videos are decoded.
    place: Place,
    /// `None` where nobody asks for the sum.
    tally: Option<Tally>,
    /// What is to be said of failures.
    failures: Vec<String>,
}

impl Printer {
    /// Prints what `args` ask for of so many inputs.
    pub(crate) fn new(args: &InputArgs, quiet: bool, place: Place, inputs: usize) -> Self {
        Self {
            json: args.json,
            trace: args.trace,
            quiet,
            place,
            tally: (inputs > 1 && !quiet && !args.json).then(Tally::default),
            failures: Vec::new(),
        }
    }

    /// Prints a report.
    ///
    /// # Errors
    /// Stdout cannot be written.
    pub(crate) fn print(&mut self, report: &Report) -> io::Result<()> {
        if let Some(tally) = &mut self.tally {
            tally.add(&report.result);
        }
        let text = match &report.result {
            _ if self.json => report.json(self.trace, self.place)?,
            Err(failure) => {
                // The errors of sources begin with the input's name already.
                let prefix = format!("{}: ", report.name);
                let reason = failure.message.strip_prefix(&prefix);
                let reason = reason.unwrap_or(&failure.message);
                self.failures.push(plain(&format!("{prefix}{reason}")));
                return Ok(());
            }
            Ok(_) if self.quiet => return Ok(()),
            Ok(Success::Done(outcome)) => plain(&outcome.human(&report.name, self.trace)),
            Ok(Success::Skipped) => plain(&format!("{}: skipped, its pictures exist", report.name)),
        };
        writeln!(io::stdout(), "{text}")
    }

    /// Prints the failures, and, where there were several inputs, the sum of all.
    ///
    /// # Errors
    /// Stdout cannot be written.
    pub(crate) fn finish(&self, took: Duration) -> io::Result<()> {
        for failure in &self.failures {
            // A closed stderr must not hide the sum.
            let _ = writeln!(io::stderr(), "thumb: {failure}");
        }
        if let Some(tally) = &self.tally {
            writeln!(io::stdout(), "{}", tally.words(took))?;
        }
        Ok(())
    }
}

/// Sums over the inputs of a run.
#[derive(Debug, Default)]
struct Tally {
    videos: u64,
    skipped: u64,
    pictures: u64,
    /// How many failed, by the kind of their failure.
    failed: BTreeMap<&'static str, u64>,
    bytes_fetched: u64,
    source_bytes: u64,
}

impl Tally {
    fn add(&mut self, result: &Result<Success, Failure>) {
        match result {
            Ok(Success::Done(outcome)) => {
                self.videos += 1;
                self.pictures += outcome.product.pictures() as u64;
                self.bytes_fetched += outcome.stats.bytes_fetched;
                self.source_bytes += outcome.stats.source_bytes;
            }
            Ok(Success::Skipped) => self.skipped += 1,
            Err(failure) => *self.failed.entry(failure.kind).or_default() += 1,
        }
    }

    fn words(&self, took: Duration) -> String {
        let mut text = plural(self.videos, "video");
        if self.pictures > 0 {
            let _ = write!(text, ", {}", plural(self.pictures, "picture"));
        }
        if self.skipped > 0 {
            let _ = write!(text, ", {} skipped", self.skipped);
        }
        let failed: u64 = self.failed.values().sum();
        if failed > 0 {
            let kinds = self
                .failed
                .iter()
                .map(|(kind, count)| format!("{count} {kind}"));
            let kinds = kinds.collect::<Vec<_>>().join(", ");
            let _ = write!(text, ", {failed} failed ({kinds})");
        }
        let _ = write!(
            text,
            "; read {} of {} in {:.1} s",
            DecimalBytes(self.bytes_fetched),
            DecimalBytes(self.source_bytes),
            took.as_secs_f64()
        );
        text
    }
}

fn plural(count: u64, word: &str) -> String {
    let end = if count == 1 { "" } else { "s" };
    format!("{count} {word}{end}")
}

/// Replaces control characters: file names and messages of servers may hold terminal control
/// sequences.
fn plain(text: &str) -> String {
    let harmful = |c: char| c.is_control() && c != '\n';
    text.replace(harmful, "\u{fffd}")
}

/// Seconds to the microsecond: timestamps are no finer, and more digits are floating-point noise.
pub(crate) fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e6
}

/// A score to three digits: it is no finer.
fn thousandths(score: f64) -> f64 {
    (score * 1e3).round() / 1e3
}

fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

fn lossy<S: Serializer>(path: &std::path::Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use thumbcore::{Codec, Container, SourceError};

    use super::*;

    #[test]
    fn a_failure_has_exactly_the_contracts_fields() {
        let error = thumbcore::Error::from(SourceError::not_found("a.mp4"));
        let report = Report {
            name: "a.mp4".into(),
            result: Err(error.into()),
        };
        assert_eq!(
            report.json(false, Place::Sandbox).unwrap(),
            r#"{"input":"a.mp4","ok":false,"sandbox":true,"error":{"kind":"not_found","message":"a.mp4: not found"}}"#
        );
    }

    #[test]
    fn a_probe_has_the_facts_in_the_contracts_order() {
        let mut stats = Stats::default();
        stats.wall = Duration::from_nanos(12_345_678);
        let media = Media::new(Container::Mp4, Codec::H264, (640, 360), None);
        let report = Report {
            name: "a.mp4".into(),
            result: Ok(Success::Done(Box::new(Outcome {
                media,
                stats,
                product: Product::Nothing {},
            }))),
        };
        assert_eq!(
            report.json(false, Place::Sandbox).unwrap(),
            concat!(
                r#"{"input":"a.mp4","ok":true,"sandbox":true,"container":"mp4","codec":"h264","width":640,"#,
                r#""height":360,"duration_s":null,"source_bytes":0,"bytes_fetched":0,"#,
                r#""requests":0,"round_trips":0,"wall_ms":12.346,"cpu_ms":0.0,"#,
                r#""wait_ms":0.0,"cache_hits":0}"#
            )
        );
    }

    #[test]
    fn a_skipped_input_is_fine_and_says_so() {
        let report = Report {
            name: "a.mp4".into(),
            result: Ok(Success::Skipped),
        };
        assert_eq!(
            report.json(false, Place::Sandbox).unwrap(),
            r#"{"input":"a.mp4","ok":true,"sandbox":true,"skipped":true}"#
        );
    }

    #[test]
    fn the_sum_tells_what_failed_by_kind() {
        let mut tally = Tally::default();
        let failure = |kind| Failure {
            kind,
            message: String::new(),
        };
        for kind in ["corrupt", "limit", "corrupt"] {
            tally.add(&Err(failure(kind)));
        }
        tally.add(&Ok(Success::Skipped));
        assert_eq!(
            tally.words(Duration::from_millis(1234)),
            "0 videos, 1 skipped, 3 failed (2 corrupt, 1 limit); read 0 B of 0 B in 1.2 s"
        );
    }

    #[test]
    fn control_sequences_do_not_reach_the_terminal() {
        assert_eq!(plain("a\u{1b}[2J\r\n"), "a\u{fffd}[2J\u{fffd}\n");
    }
}
