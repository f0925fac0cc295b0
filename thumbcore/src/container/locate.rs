//! Finding keyframes where libav's own way costs too much.

use std::fmt;

use async_trait::async_trait;

use super::{Around, Container, asf::Asf, avi::Avi, fragmented::Fragmented};
use crate::{Error, reader::Reader, select::Position};

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

    /// One past the bytes of the video that is decoded up to `time_us`, where what was read so far
    /// tells.
    fn end_of(&self, _reader: &Reader, _time_us: i64) -> Option<u64> {
        None
    }
}

/// Start and length of a container's timeline, as libav would report them after reading packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Timeline {
    /// The earliest presentation time of any audio or video stream, in microseconds.
    pub(crate) start_us: i64,
    /// In microseconds; `None` where the container does not tell.
    pub(crate) duration_us: Option<i64>,
}

/// The locator for `reader`'s file, whose head and tail are already held; `None` leaves it to
/// libav. `positions` will probably be asked for, so that what they need can be read along.
pub(crate) async fn locator(
    container: Container,
    reader: &Reader,
    positions: &[Position],
) -> Result<Option<Box<dyn Locator>>, Error> {
    Ok(match container {
        Container::Mp4 => boxed(Fragmented::open(reader, positions).await?),
        Container::Asf => boxed(Asf::open(reader).await?),
        Container::Avi => boxed(Avi::open(reader).await?),
        Container::Matroska
        | Container::MpegTs
        | Container::MpegPs
        | Container::Flv
        | Container::Ogg
        | Container::Other => None,
    })
}

fn boxed<L: Locator + 'static>(locator: Option<L>) -> Option<Box<dyn Locator>> {
    locator.map(|locator| Box::new(locator) as Box<dyn Locator>)
}
