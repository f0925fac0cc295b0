//! From packets to pictures.
//!
//! Nothing here reads: packets are handed in and pictures taken out, so that whoever decodes can
//! hold a CPU for just that long.

mod last;

use std::sync::Arc;

pub(crate) use self::last::Last;
use crate::{
    Error, Limits,
    codec::{RandomAccess, cinepak, sei::Sei},
    demux::Track,
    libav::{AvError, Frame, Marks, Packet, PictureKind, Received, VideoDecoder},
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
    anchor: Anchor,
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

/// As [`BYTES_A_PIXEL`], of pictures larger than [`HUGE`]: two, which a keyframe alone needs, and
/// what libav keeps of a picture beside its pixels.
const BYTES_A_HUGE_PIXEL: u64 = 4;

/// Pixels of a picture of more than twice 8K UHD.
const HUGE: u64 = 80 << 20;

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
        let bytes_a_pixel = if pixels > HUGE {
            BYTES_A_HUGE_PIXEL
        } else {
            BYTES_A_PIXEL
        };
        let charge = reader.charge(pixels * bytes_a_pixel)?;
        Ok(Self {
            inner: open_libav(track, limits)?,
            anchor: Anchor::new(track),
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

    /// Trusts the next picture whatever its kind: the start of a file has nothing before it that
    /// could be missing.
    pub(crate) fn trust_any_start(&mut self) {
        self.anchor.hold();
    }

    /// Forgets what was decoded, before packets from elsewhere.
    pub(crate) fn restart(&mut self) -> Result<(), Error> {
        if self.anchor.access == RandomAccess::Filled {
            // Flushing such a decoder leaves it the last picture, which would fill what a picture
            // leaves out.
            self.inner = open_libav(&self.track, &self.limits)?;
        } else {
            self.inner.flush();
        }
        self.inner.skip_deblocking(false);
        self.anchor = Anchor::new(&self.track);
        self.fed_us = None;
        Ok(())
    }

    /// Decodes `packet` alone. `None` where it gives no whole picture by itself.
    pub(crate) fn keyframe(&mut self, packet: &Packet) -> Result<Option<Picture>, Error> {
        self.restart()?;
        self.inner.skip_deblocking(self.is_coarse);
        if packet.is_corrupt() || self.inner.send(packet).is_err() || self.inner.finish().is_err() {
            return Ok(None);
        }
        self.anchor.fed(packet);
        self.fed_us = self.track.micros(packet.timestamp());
        self.next()
    }

    /// The time of the last packet, in microseconds.
    pub(crate) fn fed_us(&self) -> Option<i64> {
        self.fed_us
    }

    /// How many packets later than its own a picture comes out, so that a packet's own time is not
    /// its picture's where the container has no presentation times.
    pub(crate) fn reordering(&self) -> usize {
        self.inner.reordering()
    }

    /// How many damaged pictures have come out since the decoder was restarted.
    pub(crate) fn damaged(&self) -> usize {
        self.anchor.damaged
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
            self.anchor.lose();
            return Fed::Taken;
        }
        match self.inner.send(packet) {
            Err(AvError::AGAIN) => return Fed::Full,
            Err(error) => {
                tracing::debug!(%error, "the decoder refused a packet");
                self.anchor.missed();
            }
            Ok(()) => {
                self.fed_us = time_us;
                self.anchor.fed(packet);
            }
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
                Ok(Received::Hidden(frame)) => {
                    self.anchor.trusts(&frame);
                    continue;
                }
                Ok(Received::Hungry | Received::Drained) => return Ok(None),
                Err(error) => {
                    tracing::debug!(%error, "no picture came out");
                    self.anchor.missed();
                    errors += 1;
                    if error == AvError::EOF || errors > MAX_ERRORS {
                        return Ok(None);
                    }
                    continue;
                }
            };
            self.limits.check(frame.width(), frame.height())?;
            if frame.has_pixels() && self.anchor.trusts(&frame) {
                let time_us = self.track.micros(frame.timestamp()).or(self.fed_us);
                return Ok(Some(Picture { frame, time_us }));
            }
        }
    }
}

fn open_libav(track: &Track, limits: &Limits) -> Result<VideoDecoder, Error> {
    let marks = match track.codec.random_access() {
        RandomAccess::Filled => Marks::Dense,
        _ => Marks::Sparse,
    };
    VideoDecoder::open(&track.parameters, limits.max_pixels, marks).map_err(|error| {
        Error::Unsupported {
            what: "codec",
            name: format!("{} ({error})", track.codec),
        }
    })
}

/// Which of a decoder's pictures can be trusted: those that need no other, and what follows them as
/// long as nothing is lost.
#[derive(Debug)]
struct Anchor {
    sei: Option<Sei>,
    access: RandomAccess,
    /// Everything that the next picture may be made from was seen whole.
    holds: bool,
    /// Packets since the start.
    packets: usize,
    /// Pictures since the start that were damaged.
    damaged: usize,
    /// The stream was entered at a recovery point.
    recovering: Option<Recovery>,
}

/// A stream that was entered at a recovery point.
#[derive(Debug, Clone, Copy)]
struct Recovery {
    /// When the recovery point is shown, in ticks. Pictures shown before refer to what came before
    /// the entry, though they follow in the stream (open GOP).
    from: Option<i64>,
    /// Pictures, from the recovery point on, that come out before everything is refreshed.
    pictures: u32,
}

impl Recovery {
    /// Whether `frame`, the next picture, is made from refreshed pictures alone.
    fn has_ended(&mut self, frame: &Frame) -> bool {
        let times = frame.timestamp().zip(self.from);
        let is_before = times.is_some_and(|(time, from)| time < from);
        // Times may be those of decoding, which tell nothing of the order of presentation.
        let may_lead = self.pictures == 0 && frame.kind() == PictureKind::Bidirectional;
        if is_before || may_lead {
            return false;
        }
        let has_ended = self.pictures == 0;
        self.pictures = self.pictures.saturating_sub(1);
        has_ended
    }
}

impl Anchor {
    fn new(track: &Track) -> Self {
        let access = track.codec.random_access();
        Self {
            sei: track.sei,
            access,
            // libav says of some pictures that it cannot vouch for them, and of those that it holds
            // back to the end nothing.
            holds: false,
            packets: 0,
            damaged: 0,
            recovering: None,
        }
    }

    /// Nothing is missing before the next picture.
    fn hold(&mut self) {
        self.holds = true;
    }

    /// A packet was decoded.
    fn fed(&mut self, packet: &Packet) {
        if self.access == RandomAccess::Strips {
            self.holds |= cinepak::stands_alone(packet.data());
        }
        // Its picture is decoded and not given out: an edit list begins behind it.
        self.holds |= packet.is_keyframe() && packet.is_discarded() && !self.access.is_unmarked();
        if let Some(sei) = self.sei.filter(|_| self.recovering.is_none()) {
            let pictures = match sei.recovery_pictures(packet.data()) {
                // A whole picture.
                Some(0) => Some(0),
                // The first packet of all has nothing to refer to and may be lost, and with it the
                // part of the picture that it refreshes.
                Some(count) if self.packets > 0 => Some(count.saturating_add(margin(count))),
                _ => None,
            };
            let from = packet.timestamp();
            self.recovering = pictures.map(|pictures| Recovery { from, pictures });
        }
        self.packets += 1;
    }

    /// A packet was not decoded, so that the pictures made from its own are wrong. libav itself
    /// finds that out where it tells of recovery.
    fn missed(&mut self) {
        if self.access != RandomAccess::Recovery {
            self.lose();
        }
    }

    fn lose(&mut self) {
        self.holds = false;
        self.recovering = None;
    }

    /// Whether `frame`, the next picture, is whole.
    fn trusts(&mut self, frame: &Frame) -> bool {
        if let Some(recovery) = &mut self.recovering {
            self.holds |= recovery.has_ended(frame);
        }
        let kind = frame.kind();
        if self.access != RandomAccess::Filled && frame.is_damaged() {
            self.damaged += 1;
            // Of H.264 and HEVC, others may be made from pictures of every type; what is corrupt
            // only because the stream was entered there says nothing of later ones.
            let is_used = kind != PictureKind::Bidirectional || self.sei.is_some();
            let is_entry = self.access == RandomAccess::Recovery && frame.is_corrupt();
            if is_entry {
                self.holds = false;
                self.recovering = self.recovering.filter(|recovery| recovery.pictures > 0);
            } else if is_used {
                self.lose();
            }
            return false;
        }
        self.holds |= match self.access {
            RandomAccess::Every => true,
            RandomAccess::Type => match kind {
                PictureKind::Intra => true,
                PictureKind::Untold => frame.is_key(),
                PictureKind::Predicted | PictureKind::Bidirectional => false,
            },
            // A picture of two fields has the type of the second.
            RandomAccess::Recovery => kind == PictureKind::Intra || frame.is_key(),
            RandomAccess::Flag => frame.is_key(),
            RandomAccess::Filled => frame.is_filled(),
            RandomAccess::Strips | RandomAccess::Start => false,
        };
        self.holds
    }
}

/// Pictures that are not trusted after so many that recovering took: encoders count too few.
fn margin(pictures: u32) -> u32 {
    pictures / 4 + 2
}
