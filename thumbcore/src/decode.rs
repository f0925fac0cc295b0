//! From packets to pictures.
//!
//! Nothing here reads: packets are handed in and pictures taken out, so that whoever decodes can
//! hold a CPU for just that long.

use std::sync::Arc;

use crate::{
    Error, Limits,
    demux::Track,
    libav::{AvError, Frame, Packet, Received, VideoDecoder},
    memory::Charge,
    reader::Reader,
};

/// How long before a target every picture is decoded, not only those that others need: more than
/// any reordering of pictures.
const NEARLY_THERE_US: i64 = 1_000_000;

/// Errors in a row after which a decoder counts as having nothing to give.
const MAX_ERRORS: usize = 16;

/// A decoded picture and its time in the container's timeline.
pub(crate) struct Picture {
    pub(crate) frame: Frame,
    /// Microseconds; `None` where neither packet nor codec says.
    pub(crate) time_us: Option<i64>,
}

/// Decodes pictures of one track.
pub(crate) struct Decoder {
    inner: VideoDecoder,
    /// A picture that needs no other was seen since the last restart: what follows can be trusted.
    anchored: bool,
    /// Pictures of keyframes alone are made so much smaller that their finest detail is lost.
    is_coarse: bool,
    /// The time of the last packet, for pictures that carry none.
    fed_us: Option<i64>,
    track: Arc<Track>,
    limits: Limits,
    _charge: Charge,
}

/// What a decoder's pictures take: four of 4:2:0 at 8 bits, which a keyframe or a short group of
/// pictures needs.
const BYTES_A_PIXEL: u64 = 6;

/// Pixels of a picture whose size the container does not tell: 1080p.
const USUAL_PIXELS: u64 = 1920 * 1088;

/// What a decoder did with a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fed {
    /// The packet was decoded. A damaged packet costs its picture, not the search.
    Taken,
    /// Pictures must be taken out before the packet is handed in again.
    Full,
}

impl Decoder {
    /// Opens a decoder, whose pictures are charged to the memory of what `reader` reads.
    pub(crate) fn open(track: &Arc<Track>, reader: &Reader) -> Result<Self, Error> {
        let limits = reader.limits();
        let pixels = match u64::from(track.width) * u64::from(track.height) {
            0 => USUAL_PIXELS,
            pixels => pixels,
        };
        let charge = reader.charge(pixels * BYTES_A_PIXEL)?;
        let inner = VideoDecoder::open(&track.parameters, limits.max_pixels).map_err(|error| {
            Error::Unsupported {
                what: "codec",
                name: format!("{} ({error})", track.codec),
            }
        })?;
        Ok(Self {
            inner,
            anchored: false,
            is_coarse: false,
            fed_us: None,
            track: Arc::clone(track),
            limits: limits.clone(),
            _charge: charge,
        })
    }

    /// Leaves out what only full size shows, a tenth to a fifth of the work, where a keyframe is
    /// decoded alone.
    pub(crate) fn coarse(mut self, is_coarse: bool) -> Self {
        self.is_coarse = is_coarse;
        self
    }

    /// Trusts the first picture whatever its kind: the start of a file has nothing before it that
    /// could be missing.
    pub(crate) fn trusting_any_start(mut self) -> Self {
        self.anchored = true;
        self
    }

    /// Forgets what was decoded, before packets from elsewhere.
    pub(crate) fn restart(&mut self) {
        self.inner.flush();
        self.inner.skip_deblocking(false);
        self.anchored = false;
        self.fed_us = None;
    }

    /// Decodes `packet` alone. `None` where it gives no whole picture by itself.
    pub(crate) fn keyframe(&mut self, packet: &Packet) -> Result<Option<Picture>, Error> {
        self.restart();
        self.inner.skip_deblocking(self.is_coarse);
        if packet.is_corrupt() || self.inner.send(packet).is_err() || self.inner.finish().is_err() {
            return Ok(None);
        }
        self.fed_us = self.track.micros(packet.timestamp());
        self.next()
    }

    /// How many packets later than its own a picture comes out, so that a packet's own time is not
    /// its picture's where the container has no presentation times.
    pub(crate) fn reordering(&self) -> usize {
        self.inner.reordering()
    }

    /// Decodes the next packet, or learns that none follows, on the way to `target_us`; pictures
    /// come out of [`next`](Self::next).
    pub(crate) fn feed(&mut self, packet: Option<&Packet>, target_us: Option<i64>) -> Fed {
        let Some(packet) = packet else {
            self.fed_us = None;
            if let Err(error) = self.inner.finish() {
                tracing::debug!(%error, "the decoder had ended before");
            }
            return Fed::Taken;
        };
        let time_us = self.track.micros(packet.timestamp());
        let to_go = target_us
            .zip(time_us)
            .map_or(0, |(target, time)| target.saturating_sub(time));
        self.inner.skip_disposable(to_go > NEARLY_THERE_US);
        if packet.is_corrupt() {
            return Fed::Taken;
        }
        match self.inner.send(packet) {
            Err(AvError::AGAIN) => return Fed::Full,
            Err(error) => tracing::debug!(%error, "the decoder refused a packet"),
            Ok(()) => self.fed_us = time_us,
        }
        Fed::Taken
    }

    /// The next picture that is whole and within the limits; `None` where the decoder needs more
    /// packets or has given everything.
    pub(crate) fn next(&mut self) -> Result<Option<Picture>, Error> {
        let mut errors = 0;
        loop {
            let frame = match self.inner.receive() {
                Ok(Received::Frame(frame)) => frame,
                Ok(Received::Hungry | Received::Drained) => return Ok(None),
                Err(error) => {
                    tracing::debug!(%error, "no picture came out");
                    errors += 1;
                    if error == AvError::EOF || errors > MAX_ERRORS {
                        return Ok(None);
                    }
                    continue;
                }
            };
            self.limits.check(frame.width(), frame.height())?;
            self.anchored |= frame.stands_alone();
            if frame.has_pixels() && !frame.is_damaged() && self.anchored {
                let time_us = self.track.micros(frame.timestamp()).or(self.fed_us);
                return Ok(Some(Picture { frame, time_us }));
            }
        }
    }
}
