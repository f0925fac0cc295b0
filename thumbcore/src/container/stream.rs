//! Files without an index whose bytes are in the order of time: Flash video, transport and program
//! streams, Ogg.
//!
//! A family brings a [`Scanner`] for its packets and the facts that the head and the tail tell; the
//! search is the same for all.

use std::ops::Range;

use async_trait::async_trait;
use futures::future::try_join;

use super::{
    Around, Entry, Keyframe, Locator, Place, Swept, Timeline,
    keyframe::IFrame,
    search::{
        Anchor, Effort, GroupSize, Scanner, Sighting, every_keyframe, interpolate, keyframes_around,
    },
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

/// About as many bytes as the longest search reads, as long as no group of pictures was seen.
const LONGEST_SEARCH: u64 = 32 << 20;

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
        let apart = (place(last_us) - place(first_us)) / times_us.len() as u64;
        if apart >= self.group.search_bytes().unwrap_or(LONGEST_SEARCH) {
            return Ok(Swept::default());
        }
        let middle_us = first_us + (last_us - first_us) / 2;
        let bytes_before = reader.bytes_fetched();
        let searches = try_join(
            self.around(reader, middle_us),
            self.around(reader, first_us),
        );
        let (_, first) = match searches.await {
            Err(error) if error.is_budget() => return Ok(Swept::default()),
            searches => searches?,
        };
        let spent = reader.bytes_fetched() - bytes_before;
        let search = self.group.search_bytes().unwrap_or(spent);
        if apart >= search {
            return Ok(Swept::default());
        }
        let start = |keyframe: Keyframe| Some(keyframe.place.bytes()?.start);
        let behind = |after: u64| after.saturating_sub(2 * search);
        let start = first
            .before
            .and_then(start)
            .or_else(|| first.after.and_then(start).map(behind));
        let start = start.unwrap_or(low.position).max(low.position);
        let scanner = self.scanner.as_ref();
        let places = (start, high.position);
        let found = every_keyframe(reader, scanner, places, last_us, &self.group).await?;
        let mut keyframes: Vec<_> = found.iter().map(|it| self.keyframe(it)).collect();
        keyframes.sort_by_key(|keyframe| keyframe.time_us);
        let ends_us = keyframes.first().zip(keyframes.last());
        Ok(Swept {
            times_us: ends_us.map_or(0..0, |(first, last)| first.time_us..last.time_us),
            keyframes,
        })
    }

    fn headers(&self) -> Option<Vec<Piece>> {
        Some(self.headers.clone())
    }

    fn wrap_bits(&self) -> Option<u32> {
        self.wrap_bits
    }
}
