//! Finding keyframes where libav's own way costs too much.

use std::{fmt, ops::Range};

use async_trait::async_trait;

use super::{Around, Keyframe, ListedKeyframe, film_within};
use crate::{
    Error,
    reader::{Piece, Reader},
};

/// Finds keyframes of one file by its bytes, reading as few as it can.
///
/// A locator believes nothing: the file may be hostile, so sizes are bounded before they are
/// trusted, loops end, and arithmetic cannot overflow. What it cannot make sense of it leaves to
/// libav, by returning no keyframe.
#[async_trait]
pub(crate) trait Locator: Send + Sync + fmt::Debug {
    /// The container's timeline.
    fn timeline(&self) -> Timeline;

    /// The keyframes around `time_us` (of the container's timeline; the first frame is at
    /// [`Timeline::start_us`]). Called for several times at once. Each keyframe's place is
    /// [`Place::Spliced`](super::Place::Spliced). One side may be missing where finding it would
    /// cost more reading.
    async fn around(&self, reader: &Reader, time_us: i64) -> Result<Around, Error>;

    /// Every keyframe around `times_us`, where reading all that lies between the times takes fewer
    /// bytes than searching for each.
    async fn sweep(&self, _reader: &Reader, _times_us: &[i64]) -> Result<Swept, Error> {
        Ok(Swept::default())
    }

    /// Which of libav's streams can be searched; where several can, one is
    /// [followed](Self::follow).
    fn searched(&self) -> Searched {
        Searched::Chosen
    }

    /// From now on the track is searched that libav numbers `id`, one of those that can
    /// be [searched](Self::searched). Called before anything is searched for.
    fn follow(&mut self, _id: i32) {}

    /// Pieces of the file, read one after the other as if they were all of it, that tell libav the
    /// streams. `None` lets it read the file from the start until it knows them.
    fn headers(&self) -> Option<Vec<Piece>> {
        None
    }

    /// Bits of the track's timestamps where they wrap around: a demuxer that starts in the middle
    /// cannot tell how often they have.
    fn wrap_bits(&self) -> Option<u32> {
        None
    }

    /// One past the bytes of the video that is decoded up to `time_us`, where what was read so far
    /// tells.
    fn end_of(&self, _reader: &Reader, _time_us: i64) -> Option<u64> {
        None
    }

    /// Every keyframe that the index names, by time, told without reading more of the file; `None`
    /// where the file has no index.
    fn keyframes(&self) -> Option<Vec<ListedKeyframe>> {
        None
    }

    /// About as many bytes as looking for a keyframe that the index names reads, with what is read
    /// of its neighbours; 0 where that is little.
    fn looking(&self) -> u64 {
        0
    }

    /// One past the bytes of the `count` packets that are stored behind the keyframe at `time_us`,
    /// where an index tells.
    fn end_behind(&self, _time_us: i64, _count: usize) -> Option<u64> {
        None
    }

    /// When the last of the `count` packets that are stored behind the keyframe at `time_us` is
    /// decoded, in microseconds, where an index tells.
    fn time_behind(&self, _time_us: i64, _count: usize) -> Option<i64> {
        None
    }
}

/// The keyframes of a stretch of the file.
#[derive(Debug, Default)]
pub(crate) struct Swept {
    /// By time.
    pub(crate) keyframes: Vec<Keyframe>,
    /// The times, in microseconds, around which no other keyframe is nearer; none where nothing
    /// was swept.
    pub(crate) times_us: Range<i64>,
}

/// Which of libav's streams a locator searches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Searched {
    /// The one that is chosen among them.
    Chosen,
    /// The one that is chosen among those of these numbers in the container.
    Ids(Vec<i32>),
    /// The video stream that so many come before.
    NthVideo(usize),
}

impl Searched {
    /// libav's numbers for the tracks, where the container numbers them.
    pub(crate) fn ids(&self) -> Option<&[i32]> {
        match self {
            Self::Ids(ids) => Some(ids),
            Self::Chosen | Self::NthVideo(_) => None,
        }
    }
}

/// Start and length of a container's timeline, as libav would report them after reading packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::struct_field_names, reason = "the ending is the unit")]
pub(crate) struct Timeline {
    /// The earliest presentation time of any audio or video stream, in microseconds.
    pub(crate) start_us: i64,
    /// In microseconds; `None` where the container does not tell.
    pub(crate) duration_us: Option<i64>,
    /// How long the pictures last, in microseconds, where sound is known to go on longer.
    pub(crate) film_us: Option<i64>,
}

impl Timeline {
    pub(crate) fn new(start_us: i64, duration_us: Option<i64>) -> Self {
        Self {
            start_us,
            duration_us,
            film_us: None,
        }
    }

    /// Takes in when the last picture is shown, in microseconds, where that is known.
    pub(crate) fn with_last_picture(mut self, last_us: Option<i64>) -> Self {
        let since_start = |us: i64| us.saturating_sub(self.start_us);
        self.film_us = film_within(self.duration_us, last_us.map(since_start));
        self
    }
}
