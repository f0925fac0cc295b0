//! Files without an index whose bytes are in the order of time: Flash video, transport and program
//! streams, Ogg.
//!
//! A family brings a [`Scanner`] for its packets and the facts that the head and the tail tell; the
//! search is the same for all.

use std::ops::Range;

use async_trait::async_trait;

use super::{
    Around, Entry, Keyframe, Locator, Place, Swept, Timeline,
    keyframe::IFrame,
    search::{Anchor, Effort, GroupSize, Scanner, Sighting, Sweep, interpolate, keyframes_around},
};
use crate::{
    Error,
    reader::{Piece, Reader},
};

/// A stream up to this long, 2 MiB, is fetched whole in one request, in about the time of a first
/// byte, and read by libav.
pub(super) const WHOLE: u64 = 2 << 20;

/// So few times are searched for one by one.
const FEW: usize = 8;

/// Finds keyframes of one stream by searching its bytes.
#[derive(Debug)]
pub(super) struct StreamLocator {
    /// Length of the file.
    pub(super) len: u64,
    pub(super) timeline: Timeline,
    /// Tells times and keyframes in a stretch of the file.
    pub(super) scanner: Box<dyn Scanner>,
    /// The first place and time of the media, and the last.
    pub(super) ends: (Anchor, Anchor),
    /// Bytes of a probe for a time.
    pub(super) probe: u64,
    /// Probes for one time at most.
    pub(super) probes: u32,
    pub(super) group: GroupSize,
    /// What tells libav the streams.
    pub(super) headers: Vec<Piece>,
    /// What a demuxer must read before the packets of any keyframe.
    pub(super) preamble: Vec<Range<u64>>,
    /// What declares the streams to players that are given a keyframe's own bytes behind it, where
    /// there are such players.
    pub(super) init: Option<Range<u64>>,
    /// What a demuxer gives out first when it reads from a keyframe's place on.
    pub(super) entry: Entry,
    /// Bits of the timestamps where these wrap around.
    pub(super) wrap_bits: Option<u32>,
}

impl StreamLocator {
    /// What players need to show the keyframe.
    fn iframe(&self, sighting: &Sighting) -> Option<IFrame> {
        Some(IFrame {
            init: self.init.clone()?,
            bytes: sighting.start..sighting.next?,
        })
    }

    fn keyframe(&self, sighting: &Sighting) -> Keyframe {
        Keyframe {
            time_us: sighting.time_us,
            place: self.place(sighting),
        }
    }

    /// Where the keyframe at or before `time_us` begins, or a place before it.
    async fn start_of(&self, reader: &Reader, time_us: i64) -> Result<u64, Error> {
        let around = self.around(reader, time_us).await?;
        let start = |keyframe: Keyframe| Some(keyframe.place.bytes()?.start);
        // A search that found a later keyframe did not look for the one before.
        let group = self.group.search_bytes();
        let back = group.map_or(u64::MAX, |bytes| bytes.saturating_mul(2));
        let after = around.after.and_then(start);
        let before = around.before.and_then(start);
        let start = before.or(after.map(|after| after.saturating_sub(back)));
        let low = self.ends.0.position;
        Ok(start.unwrap_or(low).max(low))
    }

    fn place(&self, sighting: &Sighting) -> Place {
        let preamble = self.preamble.iter().cloned().map(Piece::File);
        let media = Piece::File(sighting.start..self.len);
        Place::Spliced {
            pieces: preamble.chain([media]).collect(),
            bytes: sighting.start..sighting.end.unwrap_or(self.len).min(self.len),
            entry: self.entry,
            iframe: self.iframe(sighting),
        }
    }
}

#[async_trait]
impl Locator for StreamLocator {
    fn timeline(&self) -> Timeline {
        self.timeline
    }

    async fn around(&self, reader: &Reader, time_us: i64) -> Result<Around, Error> {
        let (low, high) = self.ends;
        let span_us = high.time_us.saturating_sub(low.time_us);
        let effort = Effort::of_stream(span_us, self.probe, self.probes);
        let wanted = (time_us, span_us / 20);
        let scanner = self.scanner.as_ref();
        let found =
            keyframes_around(reader, scanner, wanted, self.ends, effort, &self.group).await?;
        let keyframe = |sighting| self.keyframe(&sighting);
        Ok(Around {
            before: found.before.map(keyframe),
            after: found.after.map(keyframe),
        })
    }

    async fn sweep(&self, reader: &Reader, times_us: &[i64]) -> Result<Swept, Error> {
        let ends_us = times_us.iter().min().zip(times_us.iter().max());
        let Some((&first_us, &last_us)) = ends_us.filter(|_| times_us.len() > FEW) else {
            return Ok(Swept::default());
        };
        let (low, high) = self.ends;
        let place = |time_us| interpolate(low, high, time_us);
        let between = place(last_us).saturating_sub(place(first_us));
        let sweep = Sweep {
            until_us: last_us,
            end: high.position,
            apart: between / times_us.len() as u64,
            group: &self.group,
        };
        if !sweep.is_worth_it() {
            return Ok(Swept::default());
        }
        let start = match self.start_of(reader, first_us).await {
            Err(error) if error.is_budget() => return Ok(Swept::default()),
            start => start?,
        };
        let (found, is_whole) = sweep.run(reader, self.scanner.as_ref(), start).await?;
        let mut keyframes: Vec<_> = found.iter().map(|it| self.keyframe(it)).collect();
        keyframes.sort_by_key(|keyframe| keyframe.time_us);
        let Some((first, last)) = keyframes.first().zip(keyframes.last()) else {
            return Ok(Swept::default());
        };
        let times_us = match (start == low.position, is_whole) {
            (true, true) => i64::MIN..i64::MAX,
            (true, false) => i64::MIN..last.time_us,
            (false, true) => first.time_us..i64::MAX,
            (false, false) => first.time_us..last.time_us,
        };
        Ok(Swept {
            keyframes,
            times_us,
        })
    }

    fn headers(&self) -> Option<Vec<Piece>> {
        Some(self.headers.clone())
    }

    fn wrap_bits(&self) -> Option<u32> {
        self.wrap_bits
    }
}
