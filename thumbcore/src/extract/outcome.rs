//! What comes out of an extraction.

use std::time::Duration;

use bytes::Bytes;

use crate::{
    encode::ImageFormat,
    reader::{Costs, RangeRead},
};

/// What [`Extractor::extract`](super::Extractor::extract) returns.
#[derive(Debug, Clone)]
pub struct Extraction {
    /// Facts about the video.
    pub media: Media,
    /// One thumbnail a position, in the order of the positions.
    pub thumbnails: Vec<Thumbnail>,
    /// What it cost.
    pub stats: Stats,
}

/// What [`Extractor::probe`](super::Extractor::probe) returns.
#[derive(Debug, Clone)]
pub struct Probe {
    /// Facts about the video.
    pub media: Media,
    /// What it cost.
    pub stats: Stats,
}

/// Facts about a video.
#[derive(Debug, Clone, PartialEq)]
pub struct Media {
    /// The container family: `mp4`, `matroska`, `mpegts`, `flv`, `avi`, ….
    pub container: &'static str,
    /// libav's name of the video codec: `h264`, `vp9`, ….
    pub codec: String,
    /// Width in pixels as shown: after rotation and with square pixels.
    pub width: u32,
    /// Height in pixels as shown.
    pub height: u32,
    /// Duration; `None` where the container does not tell.
    pub duration: Option<Duration>,
}

/// One picture.
#[derive(Debug, Clone)]
pub struct Thumbnail {
    /// The encoded picture.
    pub image: Bytes,
    /// How it is encoded.
    pub format: ImageFormat,
    /// The time that was asked for, from the start of the video.
    pub target: Duration,
    /// The time of the picture, from the start of the video.
    pub actual: Duration,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Which rung of the ladder the picture came from.
    pub origin: Origin,
}

/// Which rung of the ladder a picture came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// A keyframe near the target.
    Keyframe,
    /// Decoded forward from a keyframe to the target.
    Decoded,
    /// The nearest picture that could be decoded at all.
    Fallback,
}

impl Origin {
    /// `"keyframe"`, `"decoded"` or `"fallback"`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Keyframe => "keyframe",
            Self::Decoded => "decoded",
            Self::Fallback => "fallback",
        }
    }
}

/// What an extraction cost.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Size of the source in bytes.
    pub source_bytes: u64,
    /// Bytes fetched from the source. An answer that broke off counts whole, since how much of it
    /// arrived is not known.
    pub bytes_fetched: u64,
    /// Range requests sent.
    pub requests: u64,
    /// Longest chain of requests of which each had to wait for the one before.
    pub round_trips: u64,
    /// Wall-clock time.
    pub wall: Duration,
    /// Reads, by us or by libav, that were answered from what was held already.
    pub cache_hits: u64,
    /// Time during which at least one request was under way.
    pub waiting: Duration,
    /// CPU time of the threads that demuxed, decoded and encoded.
    pub cpu: Duration,
    /// Every range that was read, in the order of arrival.
    pub reads: Vec<RangeRead>,
}

impl Stats {
    /// What was read and waited for, and `cpu` time.
    pub(super) fn new(costs: Costs, cpu: Duration) -> Self {
        Self {
            source_bytes: costs.source_bytes,
            bytes_fetched: costs.bytes_fetched,
            requests: costs.requests,
            round_trips: costs.round_trips,
            wall: costs.wall,
            cache_hits: costs.cache_hits,
            waiting: costs.waiting,
            cpu,
            reads: costs.reads,
        }
    }
}
