//! How keyframes are found.

use std::sync::Arc;

use futures::future::try_join_all;
use tokio::runtime::Handle;

use super::{Packets, Track, demuxer::Demuxer, opener::Opener};
use crate::{
    Error,
    container::{Around, Keyframe, ListedKeyframe, Locator, Place},
    reader::{Reader, Reserve},
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
    pub(super) fn of_libav(
        opener: &Opener,
        demuxer: Demuxer,
        reader: &Reader,
        track: &Arc<Track>,
    ) -> Result<Self, Error> {
        let info = demuxer.input().info(track.stream);
        if opener.profile.has_index && info.is_some_and(|info| info.index_entries > 0) {
            return Ok(Self::Index(Index::new(demuxer, track)));
        }
        scan(demuxer, reader, track).map(Self::Scan)
    }

    /// The demuxer whose index names the places.
    pub(super) fn demuxer(&mut self) -> Result<&mut Demuxer, Error> {
        match self {
            Self::Index(index) => Ok(&mut index.demuxer),
            Self::Locate(_) | Self::Scan(_) => Err(Error::Internal {
                reason: "an index entry without an index".to_owned(),
            }),
        }
    }

    /// See [`Session::around`](super::Session::around).
    pub(super) fn around(
        &mut self,
        runtime: &Handle,
        reader: &Reader,
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
                    match locator.around(reader, *time_us).await {
                        Err(error) if error.is_budget() => Ok(Err(error)),
                        found => found.map(Ok),
                    }
                });
                runtime.block_on(try_join_all(searches))
            }
            Self::Scan(keyframes) => Ok(times_us
                .iter()
                .map(|time_us| Ok(Around::among(keyframes, *time_us)))
                .collect()),
        }
    }

    /// See [`Session::keyframes`](super::Session::keyframes).
    pub(super) fn keyframes(&mut self, track: &Track) -> Option<Vec<ListedKeyframe>> {
        match self {
            Self::Index(index) => Some(index.keyframes(track)),
            Self::Locate(locator) => locator.keyframes(),
            Self::Scan(_) => None,
        }
    }

    /// See [`Session::index_bytes`](super::Session::index_bytes).
    pub(super) fn index_bytes(&self, track: &Track) -> usize {
        match self {
            Self::Index(index) => {
                let info = index.demuxer.input().info(track.stream);
                info.map_or(0, |info| info.index_entries) * BYTES_AN_ENTRY
            }
            Self::Locate(locator) => {
                locator.keyframes().map_or(0, |listed| listed.len()) * BYTES_AN_ENTRY
            }
            Self::Scan(keyframes) => size_of_val(&keyframes[..]),
        }
    }

    /// One past the bytes that decoding forward to `time_us` reads, where an index tells.
    pub(super) fn end_of(&mut self, reader: &Reader, track: &Track, time_us: i64) -> Option<u64> {
        // The picture at the time may be stored some frames later.
        let time_us = time_us.saturating_add(REORDERING_US);
        match self {
            Self::Index(index) => index.end_of(track, time_us),
            Self::Locate(locator) => locator.end_of(reader, time_us),
            Self::Scan(_) => None,
        }
    }

    /// One past the bytes of the `count` packets that follow the keyframe at `time_us`, where an
    /// index tells.
    pub(super) fn end_behind(&self, time_us: i64, count: usize) -> Option<u64> {
        match self {
            Self::Locate(locator) => locator.end_behind(time_us, count),
            Self::Index(_) | Self::Scan(_) => None,
        }
    }
}

/// How much later than its time a picture may be stored: half a second, 16 frames at 30 a second,
/// as many as H.264 may hold back.
const REORDERING_US: i64 = 500_000;

/// Memory of an entry of an index: 24 bytes in libav, and as much again for the tables that it is
/// made from.
const BYTES_AN_ENTRY: usize = 48;

/// libav's index of the video track.
pub(super) struct Index {
    pub(super) demuxer: Box<Demuxer>,
    /// How long after its entry's decoding time a keyframe is shown: what edit lists take off the
    /// front of a track whose pictures are reordered, so that the first decoding time is negative.
    delay_us: i64,
}

impl Index {
    fn new(demuxer: Demuxer, track: &Track) -> Self {
        let first = demuxer.input().index_entry(track.stream, 0);
        let first_us = first.and_then(|entry| track.micros(Some(entry.timestamp)));
        Self {
            demuxer: Box::new(demuxer),
            delay_us: first_us.map_or(0, |us| us.saturating_neg().clamp(0, REORDERING_US)),
        }
    }

    fn around(&mut self, track: &Track, time_us: i64) -> Around {
        let ticks = track.ticks(time_us.saturating_sub(self.delay_us));
        let stream = track.stream;
        let input = self.demuxer.input_mut();
        let before = input.index_search(stream, ticks, true);
        let after = input.index_search(stream, ticks.saturating_add(1), false);
        Around {
            before: before.and_then(|entry| self.keyframe(track, entry)),
            after: after.and_then(|entry| self.keyframe(track, entry)),
        }
    }

    /// The entry at or before a time, keyframe or not.
    pub(super) fn entry_before(&mut self, track: &Track, time_us: i64) -> Option<Keyframe> {
        let ticks = track.ticks(time_us.saturating_sub(self.delay_us));
        let input = self.demuxer.input_mut();
        let entry = input.index_search_any(track.stream, ticks)?;
        let entry = input.index_entry(track.stream, entry)?;
        Some(Keyframe {
            time_us: track
                .micros(Some(entry.timestamp))?
                .saturating_add(self.delay_us),
            place: Place::Sample {
                timestamp: entry.timestamp,
                bytes: entry.position..entry.position + entry.size,
            },
        })
    }

    fn keyframe(&mut self, track: &Track, entry: usize) -> Option<Keyframe> {
        let stream = track.stream;
        let input = self.demuxer.input_mut();
        let entry = input.index_entry(stream, entry)?;
        // Halfway to the next keyframe: mp4 seeks by presentation time, which lies a few frames
        // after the entry's decoding time, and libav would step back to the keyframe before.
        let next = input
            .index_search(stream, entry.timestamp.saturating_add(1), false)
            .and_then(|next| input.index_entry(stream, next));
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

    fn keyframes(&mut self, track: &Track) -> Vec<ListedKeyframe> {
        let input = self.demuxer.input();
        let count = input
            .info(track.stream)
            .map_or(0, |info| info.index_entries);
        (0..count)
            .filter_map(|entry| input.index_entry(track.stream, entry))
            .filter(|entry| entry.is_keyframe)
            .filter_map(|entry| {
                Some(ListedKeyframe {
                    time_us: track
                        .micros(Some(entry.timestamp))?
                        .saturating_add(self.delay_us),
                    position: entry.position,
                    size: Some(entry.size),
                })
            })
            .collect()
    }

    fn end_of(&mut self, track: &Track, time_us: i64) -> Option<u64> {
        let ticks = track.ticks(time_us);
        let input = self.demuxer.input_mut();
        let entry = input.index_search_any(track.stream, ticks)?;
        let entry = input.index_entry(track.stream, entry)?;
        Some(entry.position + entry.size)
    }
}

/// Reads packets from the start and notes the keyframes, to the end of the file, or as far as half
/// of each budget and [`MAX_SCAN`] go: the pictures must be made from the rest.
fn scan(demuxer: Demuxer, reader: &Reader, track: &Arc<Track>) -> Result<Vec<Keyframe>, Error> {
    let half = Arc::new(reader.within(Reserve::Half));
    demuxer.attach(&half);
    let mut packets = Packets::owned(demuxer, &half, track);
    let mut keyframes = Vec::new();
    for nth in 0..MAX_SCAN_PACKETS {
        if half.bytes_fetched() > MAX_SCAN {
            break;
        }
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
    }
    keyframes.sort_by_key(|keyframe| keyframe.time_us);
    Ok(keyframes)
}

/// Bytes read front to back in search of keyframes: 32 MiB, what the cache holds to decode from.
const MAX_SCAN: u64 = 32 << 20;

/// Packets read in that search: 100,000, an hour of video of which 32 MiB can hold every packet.
const MAX_SCAN_PACKETS: usize = 100_000;
