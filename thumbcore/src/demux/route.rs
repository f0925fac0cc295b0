//! How keyframes are found.

use futures::future::try_join_all;

use super::{InputRef, Packets, Track, opener::Opener};
use crate::{
    Error,
    container::{Around, Keyframe, Locator, Place},
    libav::Input,
    reader::Reserve,
};

/// The way to the keyframes of one file.
pub(super) enum Route {
    /// libav's index names the place of each.
    Index(Index),
    /// We find them by the file's bytes.
    Locate(Box<dyn Locator>),
    /// The file was read front to back and these keyframes were seen.
    Scan(Vec<Keyframe>),
}

impl Route {
    /// The way that libav alone offers.
    pub(super) fn of_libav(opener: &Opener, input: Input, track: &Track) -> Result<Self, Error> {
        let info = input.info(track.stream);
        if opener.container.has_index() && info.is_some_and(|info| info.index_entries > 0) {
            return Ok(Self::Index(Index::new(input, track)));
        }
        scan(opener, input, track).map(Self::Scan)
    }

    /// See [`Session::around`](super::Session::around).
    pub(super) fn around(
        &mut self,
        opener: &Opener,
        track: &Track,
        times_us: &[i64],
    ) -> Result<Vec<Result<Around, Error>>, Error> {
        match self {
            Self::Index(index) => Ok(times_us
                .iter()
                .map(|time_us| Ok(index.around(track, *time_us)))
                .collect()),
            Self::Locate(locator) => {
                let searches = times_us.iter().map(async |time_us| {
                    match locator.around(&opener.reader, *time_us).await {
                        Err(error) if error.is_budget() => Ok(Err(error)),
                        found => found.map(Ok),
                    }
                });
                opener.runtime.block_on(try_join_all(searches))
            }
            Self::Scan(keyframes) => Ok(times_us
                .iter()
                .map(|time_us| Ok(Around::among(keyframes, *time_us)))
                .collect()),
        }
    }
}

impl Route {
    /// One past the bytes that decoding forward to `time_us` reads, where an index tells.
    pub(super) fn end_of(&mut self, opener: &Opener, track: &Track, time_us: i64) -> Option<u64> {
        // The picture at the time may be stored some frames later.
        let time_us = time_us.saturating_add(REORDERING_US);
        match self {
            Self::Index(index) => index.end_of(track, time_us),
            Self::Locate(locator) => locator.end_of(&opener.reader, time_us),
            Self::Scan(_) => None,
        }
    }
}

/// How much later than its time a picture may be stored: half a second, 16 frames at 30 a second,
/// as many as H.264 may hold back.
const REORDERING_US: i64 = 500_000;

/// libav's index of the video track.
pub(super) struct Index {
    pub(super) input: Box<Input>,
    /// How long after its entry's decoding time a keyframe is shown: what edit lists take off the
    /// front of a track whose pictures are reordered, so that the first decoding time is negative.
    delay_us: i64,
}

impl Index {
    fn new(input: Input, track: &Track) -> Self {
        let first = input.index_entry(track.stream, 0);
        let first_us = first.and_then(|entry| track.micros(Some(entry.timestamp)));
        Self {
            input: Box::new(input),
            delay_us: first_us.map_or(0, |us| us.saturating_neg().clamp(0, REORDERING_US)),
        }
    }

    fn around(&mut self, track: &Track, time_us: i64) -> Around {
        let ticks = track.ticks(time_us.saturating_sub(self.delay_us));
        let stream = track.stream;
        let before = self.input.index_search(stream, ticks, true);
        let after = self
            .input
            .index_search(stream, ticks.saturating_add(1), false);
        Around {
            before: before.and_then(|entry| self.keyframe(track, entry)),
            after: after.and_then(|entry| self.keyframe(track, entry)),
        }
    }

    fn keyframe(&mut self, track: &Track, entry: usize) -> Option<Keyframe> {
        let stream = track.stream;
        let entry = self.input.index_entry(stream, entry)?;
        // Halfway to the next keyframe: mp4 seeks by presentation time, which lies a few frames
        // after the entry's decoding time, and libav would step back to the keyframe before.
        let next = self
            .input
            .index_search(stream, entry.timestamp.saturating_add(1), false)
            .and_then(|next| self.input.index_entry(stream, next));
        let seek = next.map_or(i64::MAX / 2, |next| {
            entry
                .timestamp
                .saturating_add(next.timestamp.saturating_sub(entry.timestamp) / 2)
        });
        Some(Keyframe {
            time_us: track
                .micros(Some(entry.timestamp))?
                .saturating_add(self.delay_us),
            place: Place::Indexed {
                seek,
                bytes: entry.position..entry.position + entry.size,
            },
        })
    }

    fn end_of(&mut self, track: &Track, time_us: i64) -> Option<u64> {
        let ticks = track.ticks(time_us);
        let entry = self.input.index_search_any(track.stream, ticks)?;
        let entry = self.input.index_entry(track.stream, entry)?;
        Some(entry.position + entry.size)
    }
}

/// Reads packets from the start and notes the keyframes, to the end of the file, or as far as half
/// of each budget and [`MAX_SCAN`] go: the pictures must be had from the rest.
fn scan(opener: &Opener, input: Input, track: &Track) -> Result<Vec<Keyframe>, Error> {
    let reader = &opener.reader;
    let mut packets = Packets::new(InputRef::Owned(Box::new(input)), opener, track);
    let mut keyframes = Vec::new();
    let mut nth = 0;
    reader.hold_back(Reserve::Half);
    while reader.bytes_fetched() <= MAX_SCAN && nth < MAX_SCAN_PACKETS {
        let packet = match packets.next() {
            Ok(Some(packet)) => packet,
            Ok(None) => break,
            Err(error) if error.is_budget() => break,
            Err(error) => return Err(error),
        };
        if packet.is_keyframe() {
            let time_us = track.micros(packet.timestamp()).unwrap_or(0);
            keyframes.push(Keyframe {
                time_us,
                place: Place::Counted(nth),
            });
        }
        nth += 1;
    }
    reader.hold_back(Reserve::Nothing);
    keyframes.sort_by_key(|keyframe| keyframe.time_us);
    Ok(keyframes)
}

/// Bytes read front to back in search of keyframes: 32 MiB, what the cache holds to decode from.
const MAX_SCAN: u64 = 32 << 20;

/// Packets read so: 100,000, an hour of video of which 32 MiB can hold every packet.
const MAX_SCAN_PACKETS: usize = 100_000;
