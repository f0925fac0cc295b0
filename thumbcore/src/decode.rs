//! From keyframe packets to one picture.

use std::sync::Arc;

use crate::{
    Error, LimitError, Limits,
    demux::{Packets, Track},
    libav::{AvError, Frame, Packet, Received, VideoDecoder},
    reader::Reader,
};

/// How long before a target every picture is decoded, not only those that others need: more than
/// any reordering of pictures.
const NEARLY_THERE_US: i64 = 1_000_000;

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
    track: Arc<Track>,
    limits: Limits,
}

impl Decoder {
    pub(crate) fn open(track: &Arc<Track>, limits: &Limits) -> Result<Self, Error> {
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
            track: Arc::clone(track),
            limits: limits.clone(),
        })
    }

    /// Saves what only full size shows, a tenth to a fifth of the work, where a keyframe is decoded
    /// alone.
    pub(crate) fn coarse(mut self, is_coarse: bool) -> Self {
        self.is_coarse = is_coarse;
        self
    }

    /// Decodes `packet` alone. `None` where it gives no whole picture by itself.
    pub(crate) fn keyframe(&mut self, packet: &Packet) -> Result<Option<Picture>, Error> {
        self.restart();
        self.inner.skip_deblocking(self.is_coarse);
        if packet.is_corrupt() || self.inner.send(packet).is_err() || self.inner.finish().is_err() {
            return Ok(None);
        }
        let fallback = self.track.micros(packet.timestamp());
        self.whole_frame(fallback)
    }

    /// Whether pictures come out later than their packets go in, so that a packet's own time is
    /// not its picture's where the container has no presentation times.
    pub(crate) fn reorders(&self) -> bool {
        self.inner.reorders()
    }

    /// The first whole picture of `packets`, which start at a keyframe: of the first packet alone
    /// where that gives one, since every further packet may have to be fetched.
    pub(crate) fn first(
        &mut self,
        packets: &mut Packets<'_>,
        reader: &Reader,
    ) -> Result<Option<Picture>, Error> {
        let Some(packet) = packets.next()? else {
            return Ok(None);
        };
        if let Some(picture) = self.keyframe(&packet)? {
            return Ok(Some(picture));
        }
        packets.put_back(packet);
        self.restart();
        self.forward(packets, None, reader)
    }

    /// Takes the first picture for sound whatever it is: the start of a file has nothing before
    /// it that could be missing.
    pub(crate) fn trust_any_start(&mut self) {
        self.anchored = true;
    }

    /// Forgets what was decoded, before packets from elsewhere.
    pub(crate) fn restart(&mut self) {
        self.inner.flush();
        self.anchored = false;
    }

    /// Decodes `packets`, which start at a keyframe, until a picture at or after `target_us` is
    /// whole; the last whole picture where the stream ends before. `target_us` of `None` takes the
    /// first.
    pub(crate) fn forward(
        &mut self,
        packets: &mut Packets<'_>,
        target_us: Option<i64>,
        reader: &Reader,
    ) -> Result<Option<Picture>, Error> {
        self.inner.skip_deblocking(false);
        let mut last = None;
        let mut read = 0;
        let mut ended = false;
        while !ended {
            reader.check_time()?;
            if read >= self.limits.max_packets {
                return if last.is_some() {
                    Ok(last)
                } else {
                    Err(LimitError::Packets { limit: read }.into())
                };
            }
            let fallback = if let Some(packet) = packets.next()? {
                read += 1;
                let time_us = self.track.micros(packet.timestamp());
                let to_go = target_us
                    .zip(time_us)
                    .map_or(0, |(target, time)| target.saturating_sub(time));
                self.inner.skip_disposable(to_go > NEARLY_THERE_US);
                // A damaged packet costs its picture, not the search.
                if packet.is_corrupt() || self.inner.send(&packet).is_err() {
                    continue;
                }
                time_us
            } else {
                ended = true;
                if self.inner.finish().is_err() {
                    break;
                }
                None
            };
            while let Some(picture) = self.whole_frame(fallback)? {
                let reached = match (target_us, picture.time_us) {
                    (Some(target), Some(time)) => time >= target,
                    (None, _) => true,
                    (Some(_), None) => false,
                };
                if reached {
                    return Ok(Some(picture));
                }
                last = Some(picture);
            }
        }
        Ok(last)
    }

    /// The next picture that is whole and within the limits.
    fn whole_frame(&mut self, fallback_us: Option<i64>) -> Result<Option<Picture>, Error> {
        loop {
            let frame = match self.inner.receive() {
                Ok(Received::Frame(frame)) => frame,
                Ok(Received::Hungry | Received::Drained) => return Ok(None),
                Err(error) => {
                    tracing::debug!(%error, "the decoder refused a packet");
                    if error == AvError::EOF {
                        return Ok(None);
                    }
                    continue;
                }
            };
            self.limits.check(frame.width(), frame.height())?;
            self.anchored |= frame.stands_alone();
            if !frame.has_pixels() || frame.is_damaged() || !self.anchored {
                continue;
            }
            let time_us = self.track.micros(frame.timestamp()).or(fallback_us);
            return Ok(Some(Picture { frame, time_us }));
        }
    }
}
