//! Keyframes of MPEG program streams, by search.
//!
//! Packs and packets start with codes that no elementary stream holds, so that any stretch of the
//! file can be made sense of. Only MPEG-1 and MPEG-2 video that repeats its sequence header is
//! searched; the rest is left to libav.

mod scan;

use std::collections::BTreeMap;

use async_trait::async_trait;

use self::scan::{PackScanner, packets};
use super::{
    Around, Entry, Locator, Place, Timeline,
    pes::{CLOCK_BITS, Clock, Times},
    search::{Anchor, Effort, GroupSize, Scanner, Sighting, keyframes_around},
};
use crate::{
    Error,
    reader::{Piece, Reader, Reason},
};

/// Finds keyframes of one program stream.
#[derive(Debug)]
pub(crate) struct ProgramStream {
    len: u64,
    timeline: Timeline,
    scanner: PackScanner,
    low: Anchor,
    high: Anchor,
    group: GroupSize,
}

/// Bytes of the head that a demuxer is opened on, and first times are looked for in: enough that
/// libav, which probes the codec by its pictures, is sure.
const HEAD: u64 = 1 << 20;
/// Bytes from the end in which the last times are looked for, one after the other.
const TAILS: [u64; 2] = [64 << 10, 1 << 20];

impl ProgramStream {
    /// `None` where the file is too odd.
    pub(crate) async fn open(reader: &Reader) -> Result<Option<Self>, Error> {
        let head = reader.read(0..HEAD, Reason::Index).await?;
        let mut video = None;
        let mut first_times = BTreeMap::new();
        let mut first_time = None;
        for packet in packets(&head) {
            if packet.is_video() {
                video.get_or_insert(packet.pes.stream);
            }
            if let Some(pts) = packet.pes.pts
                && (packet.is_video() || packet.is_audio())
            {
                first_time.get_or_insert(pts);
                first_times.entry(packet.pes.stream).or_insert(pts);
            }
        }
        let (Some(video), Some(first_time)) = (video, first_time) else {
            return Ok(None);
        };
        let clock = Clock::new(first_time);
        let scanner = PackScanner { video, clock };
        let first_keyframes = scanner.scan(&head, 0).keyframes;
        let start_us = first_times.values().map(|pts| clock.micros(*pts)).min();
        let (Some(start_us), Some(_), Some(end_us)) = (
            start_us,
            first_keyframes.first(),
            end_us(reader, &scanner).await?,
        ) else {
            return Ok(None);
        };
        if end_us <= start_us {
            return Ok(None);
        }
        let group = GroupSize::default();
        group.learn(&first_keyframes);
        let len = reader.len();
        Ok(Some(Self {
            len,
            timeline: Timeline {
                start_us,
                duration_us: Some(end_us - start_us),
            },
            scanner,
            low: Anchor {
                position: 0,
                time_us: start_us,
            },
            high: Anchor {
                position: len,
                time_us: end_us,
            },
            group,
        }))
    }

    fn place(&self, sighting: &Sighting) -> Place {
        let end = sighting.end.unwrap_or(self.len);
        Place::Spliced {
            pieces: vec![Piece::File(sighting.start..self.len)],
            bytes: sighting.start..end.min(self.len),
            // A packet may begin with the end of the picture before.
            entry: Entry::Early,
        }
    }
}

#[async_trait]
impl Locator for ProgramStream {
    fn timeline(&self) -> Timeline {
        self.timeline
    }

    async fn around(&self, reader: &Reader, time_us: i64) -> Result<Around, Error> {
        let span_us = self.high.time_us - self.low.time_us;
        let effort = Effort::of_stream(span_us, reader.config().window, 3);
        let wanted = (time_us, span_us / 20);
        let anchors = (self.low, self.high);
        let found =
            keyframes_around(reader, &self.scanner, wanted, anchors, effort, &self.group).await?;
        Ok(found.around(|sighting| self.place(sighting)))
    }

    fn headers(&self) -> Option<Vec<Piece>> {
        Some(vec![Piece::File(0..self.len.min(HEAD))])
    }

    fn wrap_bits(&self) -> Option<u32> {
        Some(CLOCK_BITS)
    }
}

/// When the last sound or picture ends.
async fn end_us(reader: &Reader, scanner: &PackScanner) -> Result<Option<i64>, Error> {
    let mut end_us = None;
    for tail in TAILS {
        let start = reader.len().saturating_sub(tail);
        let bytes = reader.read(start..reader.len(), Reason::Index).await?;
        let mut times: BTreeMap<u8, Times> = BTreeMap::new();
        for packet in packets(&bytes) {
            if let Some(pts) = packet.pes.pts
                && (packet.is_video() || packet.is_audio())
            {
                // A packet is no picture, so its length says nothing of how long that lasts.
                let len = packet.is_audio().then_some(packet.len);
                let times = times.entry(packet.pes.stream).or_default();
                times.push(scanner.clock.micros(pts), len);
            }
        }
        let has_video = times.contains_key(&scanner.video);
        end_us = times.into_values().filter_map(Times::end_us).max();
        if has_video {
            break;
        }
    }
    Ok(end_us)
}
