//! The result of an input, for people and for programs.

mod line;
mod printer;
mod words;

use std::{io, iter, path::PathBuf, time::Duration};

use serde::{Serialize, Serializer};
use thumbcore::{Candidate, Media, Rendition, Stats, Thumbnail};

pub(crate) use self::printer::Printer;
use crate::{preview::Animation, storyboard::Board};

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

impl Product {
    /// How many picture files there are.
    fn pictures(&self) -> usize {
        match self {
            Self::Pictures { thumbnails } => thumbnails.iter().map(|it| it.paths().count()).sum(),
            _ => 0,
        }
    }
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
