//! What comes out of an extraction.

use std::{fmt, ops::AddAssign, time::Duration};

use bytes::Bytes;

use crate::{
    LimitError,
    codec::Codec,
    container::{Container, IFrame},
    encode::ImageFormat,
    reader::{Costs, RangeRead},
    score::Score,
    source::Stat,
};

/// What [`Extractor::extract`](super::Extractor::extract) and
/// [`Video::extract`](super::Video::extract) return.
#[derive(Debug, Clone)]
#[cfg_attr(sandbox, derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Extraction {
    /// Facts about the video.
    pub media: Media,
    /// One thumbnail a position, in the order of the positions.
    pub thumbnails: Vec<Thumbnail>,
    /// What this call cost.
    pub stats: Stats,
    /// The version of the source that was read, and its length.
    pub stat: Stat,
}

/// What [`Extractor::probe`](super::Extractor::probe) returns.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Probe {
    /// Facts about the video.
    pub media: Media,
    /// What it cost.
    pub stats: Stats,
}

/// Facts about a video.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(sandbox, derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Media {
    /// The container family.
    pub container: Container,
    /// The video codec.
    pub codec: Codec,
    /// Width in pixels as shown: after rotation and with square pixels.
    pub width: u32,
    /// Height in pixels as shown.
    pub height: u32,
    /// Duration; `None` where the container does not tell.
    pub duration: Option<Duration>,
}

impl Media {
    /// Facts, for tests of what is made of them.
    #[must_use]
    pub fn new(
        container: Container,
        codec: Codec,
        (width, height): (u32, u32),
        duration: Option<Duration>,
    ) -> Self {
        Self {
            container,
            codec,
            width,
            height,
            duration,
        }
    }
}

/// One picture, in each width that was asked for.
#[derive(Debug, Clone)]
#[cfg_attr(sandbox, derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Thumbnail {
    /// The picture in each width, in the order of the widths; at least one.
    pub renditions: Vec<Rendition>,
    /// How they are encoded.
    pub format: ImageFormat,
    /// The time that was asked for, from the start of the video.
    pub target: Duration,
    /// The time of the picture, from the start of the video.
    pub actual: Duration,
    /// How the picture was made.
    pub origin: Origin,
    /// The budget of [`Limits`](crate::Limits) whose end kept the target from another, better
    /// picture; `None` where the video itself allows no better one. After
    /// [`LimitError::Time`](crate::LimitError::Time) the same call may give the better one at
    /// another time; what is kept for long is better made then.
    pub limit: Option<LimitError>,
    /// The bytes by which a player shows the picture's keyframe, where there is no other picture
    /// in them: in fragmented mp4 whose fragments begin with keyframes, and in transport streams
    /// that were searched. Else, and for pictures that are no keyframes, `None`.
    pub iframe: Option<IFrame>,
    /// How good the picture is.
    pub score: Score,
    /// The pictures that competed for this one, by time: of keyframes, and of what lies between
    /// them where these were poor; empty where the nearest was good enough.
    pub candidates: Vec<Candidate>,
}

/// A picture that competed for a target.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(sandbox, derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Candidate {
    /// Its time from the start of the video.
    pub time: Duration,
    /// Bytes of the coded keyframe, where an index told them before it was read.
    pub size: Option<u64>,
    /// How good its picture is.
    pub score: Score,
}

impl Thumbnail {
    /// The encoded picture in the first width.
    #[must_use]
    pub fn image(&self) -> &Bytes {
        static NONE: Bytes = Bytes::new();
        self.renditions.first().map_or(&NONE, |first| &first.image)
    }

    /// Width in pixels of the first rendition.
    #[must_use]
    pub fn width(&self) -> u32 {
        self.renditions.first().map_or(0, |first| first.width)
    }

    /// Height in pixels of the first rendition.
    #[must_use]
    pub fn height(&self) -> u32 {
        self.renditions.first().map_or(0, |first| first.height)
    }
}

/// One picture in one width.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(sandbox, derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Rendition {
    /// The encoded picture.
    #[cfg_attr(sandbox, serde(with = "super::sandboxed::picture"))]
    pub image: Bytes,
    /// Width in pixels: that which was asked for, or less where the video is narrower.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

impl fmt::Debug for Rendition {
    /// The picture's bytes would fill pages: their number does.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rendition")
            .field("image_bytes", &self.image.len())
            .field("width", &self.width)
            .field("height", &self.height)
            .finish()
    }
}

/// How a picture was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(sandbox, derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Origin {
    /// A keyframe near the target.
    Keyframe,
    /// Decoded forward from a keyframe to the target.
    Decoded,
    /// The nearest picture that could be decoded at all.
    Fallback,
    /// A picture that is attached to a file without a film: see
    /// [`ExtractorBuilder::attached_picture`](super::ExtractorBuilder::attached_picture).
    Attached,
}

impl Origin {
    /// `"keyframe"`, `"decoded"`, `"fallback"` or `"attached"`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Keyframe => "keyframe",
            Self::Decoded => "decoded",
            Self::Fallback => "fallback",
            Self::Attached => "attached",
        }
    }
}

/// A keyframe that the index of a video names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(sandbox, derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct KeyframeEntry {
    /// Its time from the start of the video. In mp4 a decoding time, a few frames before the
    /// picture's own where pictures are reordered.
    pub time: Duration,
    /// Where in the source a demuxer must begin to read it, in bytes.
    pub position: u64,
    /// Bytes of the coded picture; `None` where the index does not say.
    pub size: Option<u64>,
}

/// What a call cost.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[cfg_attr(sandbox, derive(serde::Serialize, serde::Deserialize))]
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
    /// Wall-clock time, waits included.
    pub wall: Duration,
    /// The part of it in which the call waited for what others used: its place among the calls in
    /// flight, memory, CPUs. No part of [`Limits::max_time`](crate::Limits::max_time).
    pub queued: Duration,
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
            queued: costs.queued,
            cache_hits: costs.cache_hits,
            waiting: costs.waiting,
            cpu,
            reads: costs.reads,
        }
    }
}

impl AddAssign for Stats {
    /// Adds what a later call cost, which began when the one before had ended.
    fn add_assign(&mut self, later: Self) {
        self.source_bytes = later.source_bytes;
        self.bytes_fetched += later.bytes_fetched;
        self.requests += later.requests;
        self.round_trips += later.round_trips;
        self.wall += later.wall;
        self.queued += later.queued;
        self.cache_hits += later.cache_hits;
        self.waiting += later.waiting;
        self.cpu += later.cpu;
        self.reads.extend(later.reads);
    }
}
