//! How keyframes are found.

use std::{ops::Range, sync::Arc};

use futures::future::try_join_all;
use tokio::runtime::Handle;

use super::{Packets, Track, demuxer::Demuxer, opener::Opener, track};
use crate::{
    Error, LimitError,
    container::{Around, Keyframe, ListedKeyframe, Locator, Place},
    libav::{IndexEntry, Input, StreamInfo},
    reader::{Reader, Reserve},
};

/// The way to the keyframes of one file.
pub(super) enum Route {
    /// libav's index names the place of each.
    Index(Index),
    /// We find them by the file's bytes.
    Locate(Box<dyn Locator>),
    /// The file was read front to back.
    Scan(Scan),
}

impl Route {
    /// The way that libav alone offers. Measures how long the track is.
    pub(super) fn of_libav(
        opener: &Opener,
        demuxer: Demuxer,
        reader: &Reader,
        track: &mut Track,
    ) -> Result<Self, Error> {
        if track.is_attached {
            let keyframes = vec![Keyframe {
                time_us: track.start_us,
                place: Place::Counted(0),
            }];
            return Ok(Self::Scan(Scan {
                keyframes,
                cut_by: None,
            }));
        }
        let info = demuxer.input().info(track.stream);
        if opener.has_index && info.is_some_and(|info| info.index_entries > 0) {
            let index = Index::new(demuxer, track, reader.len());
            let told = || index.display_matrix(track, reader);
            track.display_matrix = track.display_matrix.or_else(told);
            if let Some((last_us, end_us)) = index.ends_us(track) {
                track.measure(last_us, end_us);
            }
            return Ok(Self::Index(index));
        }
        let (scan, end_us) = scan(demuxer, reader, track)?;
        if let Some(end_us) = end_us {
            track.measure(end_us..end_us, end_us);
        }
        Ok(Self::Scan(scan))
    }

    /// The index that names the places, and its demuxer.
    pub(super) fn index(&mut self) -> Result<&mut Index, Error> {
        match self {
            Self::Index(index) => Ok(index),
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
            Self::Locate(locator) => runtime.block_on(located(locator.as_ref(), reader, times_us)),
            Self::Scan(scan) => Ok(times_us
                .iter()
                .map(|time_us| Ok(Around::among(&scan.keyframes, *time_us)))
                .collect()),
        }
    }

    /// See [`Session::cut_by`](super::Session::cut_by).
    pub(super) fn cut_by(&self) -> Option<&LimitError> {
        match self {
            Self::Index(_) | Self::Locate(_) => None,
            Self::Scan(scan) => scan.cut_by.as_ref(),
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

    /// See [`Session::looking`](super::Session::looking).
    pub(super) fn looking(&self) -> u64 {
        match self {
            Self::Locate(locator) => locator.looking(),
            Self::Index(_) | Self::Scan(_) => 0,
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
            Self::Scan(scan) => size_of_val(&scan.keyframes[..]),
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

    /// When the last of the `count` packets that follow the keyframe at `time_us` is decoded, in
    /// microseconds, where an index tells.
    pub(super) fn time_behind(&self, time_us: i64, count: usize) -> Option<i64> {
        match self {
            Self::Locate(locator) => locator.time_behind(time_us, count),
            Self::Index(_) | Self::Scan(_) => None,
        }
    }
}

/// The keyframes around each of `times_us`. A search over budget is its own time's error.
async fn located(
    locator: &dyn Locator,
    reader: &Reader,
    times_us: &[i64],
) -> Result<Vec<Result<Around, Error>>, Error> {
    let swept = locator.sweep(reader, times_us).await?;
    let searches = times_us.iter().map(async |time_us| {
        if swept.times_us.contains(time_us) {
            return Ok(Ok(Around::among(&swept.keyframes, *time_us)));
        }
        match locator.around(reader, *time_us).await {
            Err(error) if error.is_budget() => Ok(Err(error)),
            found => found.map(Ok),
        }
    });
    try_join_all(searches).await
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
    shown: Shown,
    /// Where the file's data end, as far as that is known: what lies beyond is lost.
    pub(super) end: u64,
}

/// When the keyframes of an index, which has decoding times, are shown.
enum Shown {
    /// All so long after they are decoded, in microseconds.
    Alike(i64),
    /// Each at a time of its own: the keyframes' times, in microseconds, with the numbers of their
    /// entries, by time.
    Each(Vec<(i64, usize)>),
}

impl Shown {
    fn of(input: &Input, track: &Track, end: u64) -> Self {
        let entry = |nth| input.index_entry(track.stream, nth);
        let Some(composition) = &track.composition else {
            // What edit lists take off the front of a track whose pictures are reordered makes the
            // first decoding time negative.
            let first = entry(0).filter(|first| !first.is_hidden);
            let first_us = first.and_then(|first| track.micros(Some(first.timestamp)));
            let delay_us = first_us.map_or(0, |us| us.saturating_neg().clamp(0, REORDERING_US));
            return Self::Alike(delay_us);
        };
        if !composition.is_reordered() {
            return Self::Alike(0);
        }
        let count = input
            .info(track.stream)
            .map_or(0, |info| info.index_entries);
        let keyframes = (0..count).filter_map(|nth| {
            let entry = entry(nth).filter(|entry| entry.is_keyframe && entry.end() <= end)?;
            let delay = composition.delay_at(entry.position);
            let ticks = entry.timestamp.saturating_add(delay);
            Some((track.micros(Some(ticks))?, nth))
        });
        let mut keyframes: Vec<_> = keyframes.collect();
        keyframes.sort_unstable();
        Self::Each(keyframes)
    }
}

impl Index {
    fn new(demuxer: Demuxer, track: &Track, end: u64) -> Self {
        let shown = Shown::of(demuxer.input(), track, end);
        Self {
            demuxer: Box::new(demuxer),
            shown,
            end,
        }
    }

    /// Leaves out what lies behind `end`.
    pub(super) fn cut(&mut self, track: &Track, end: u64) {
        self.shown = Shown::of(self.demuxer.input(), track, end);
        self.end = end;
    }

    /// How pictures are turned, by the first one's own message, where its bytes are held.
    fn display_matrix(&self, track: &Track, reader: &Reader) -> Option<[i32; 9]> {
        let first = self.demuxer.input().index_entry(track.stream, 0)?;
        let held = reader.cached(first.position)?;
        let size = usize::try_from(first.size).ok()?;
        track.sei?.display_matrix(&held[..size.min(held.len())])
    }

    /// When the last picture of the track begins and ends, and when the last packet of any track
    /// ends, in microseconds.
    fn ends_us(&self, track: &Track) -> Option<(Range<i64>, i64)> {
        if let Some(ends_us) = track.edited_ends_us() {
            return Some(ends_us);
        }
        let input = self.demuxer.input();
        let entry = |info: &StreamInfo, nth| input.index_entry(info.index, nth);
        let last = |info: &StreamInfo| {
            // What an edit list cuts off the end is in the index, up to the next keyframe.
            let mut shown = (0..info.index_entries).rev();
            shown.find(|nth| entry(info, *nth).is_some_and(|entry| !entry.is_hidden))
        };
        let end_us = |info: &StreamInfo| {
            let nth = last(info)?;
            let spacing = entry(info, nth.checked_sub(1)?)?.timestamp;
            let last = entry(info, nth)?.timestamp;
            let end = last.saturating_add(last.saturating_sub(spacing));
            track::micros(end, info.time_base)
        };
        let film = input.info(track.stream)?;
        let last = entry(&film, last(&film)?)?.timestamp;
        let film_us = match &track.composition {
            Some(composition) => {
                let duration = i64::from(composition.last_duration);
                track.micros(Some(last.saturating_add(duration)))?
            }
            None => end_us(&film)?,
        };
        let streams = (0..input.stream_count()).filter_map(|nth| input.info(nth));
        let ends = streams.filter_map(|info| end_us(&info));
        let end_us = ends.fold(film_us, i64::max);
        Some((track.micros(Some(last))?..film_us, end_us))
    }

    /// The keyframes around a time of the media.
    pub(super) fn around_media(&mut self, track: &Track, time_us: i64) -> Around {
        let (before, after) = match &self.shown {
            Shown::Alike(delay_us) => {
                let ticks = track.ticks(time_us.saturating_sub(*delay_us));
                (
                    self.last_whole(track, ticks),
                    self.demuxer.input_mut().index_search(
                        track.stream,
                        ticks.saturating_add(1),
                        false,
                    ),
                )
            }
            Shown::Each(keyframes) => {
                let after = keyframes.partition_point(|(shown_us, _)| *shown_us <= time_us);
                let entry = |nth: usize| keyframes.get(nth).map(|(_, entry)| *entry);
                (after.checked_sub(1).and_then(entry), entry(after))
            }
        };
        Around {
            before: before.and_then(|entry| self.keyframe(track, entry)),
            after: after.and_then(|entry| self.keyframe(track, entry)),
        }
    }

    /// The last keyframe at or before `ticks` of which no part is lost.
    fn last_whole(&mut self, track: &Track, mut ticks: i64) -> Option<usize> {
        let input = self.demuxer.input_mut();
        loop {
            let nth = input.index_search(track.stream, ticks, true)?;
            let entry = input.index_entry(track.stream, nth)?;
            if entry.end() <= self.end {
                return Some(nth);
            }
            ticks = entry.timestamp.min(ticks).checked_sub(1)?;
        }
    }

    /// The entry at or before a time of the media, keyframe or not.
    pub(super) fn entry_before_media(&mut self, track: &Track, time_us: i64) -> Option<Keyframe> {
        let delay_us = match &self.shown {
            Shown::Alike(delay_us) => *delay_us,
            // Too early by less than a group of pictures.
            Shown::Each(_) => 0,
        };
        let ticks = track.ticks(time_us.saturating_sub(delay_us));
        let input = self.demuxer.input_mut();
        let entry = input.index_search_any(track.stream, ticks)?;
        let entry = input.index_entry(track.stream, entry)?;
        Some(Keyframe {
            time_us: track
                .micros(Some(entry.timestamp))?
                .saturating_add(delay_us),
            place: Place::Sample {
                timestamp: entry.timestamp,
                bytes: entry.position..entry.end(),
                stretch: None,
            },
        })
    }

    /// When the keyframe of `entry` is shown, in microseconds.
    fn shown_us(&self, track: &Track, entry: &IndexEntry) -> Option<i64> {
        match (&self.shown, &track.composition) {
            (Shown::Each(_), Some(composition)) => {
                let delay = composition.delay_at(entry.position);
                track.micros(Some(entry.timestamp.saturating_add(delay)))
            }
            (Shown::Alike(delay_us), _) => Some(
                track
                    .micros(Some(entry.timestamp))?
                    .saturating_add(*delay_us),
            ),
            (Shown::Each(_), None) => None,
        }
    }

    fn keyframe(&mut self, track: &Track, entry: usize) -> Option<Keyframe> {
        let stream = track.stream;
        let input = self.demuxer.input_mut();
        let entry = input.index_entry(stream, entry)?;
        if entry.end() > self.end {
            return None;
        }
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
            time_us: self.shown_us(track, &entry)?,
            place: Place::Indexed {
                seek,
                bytes: entry.position..entry.end(),
                is_hidden: entry.is_hidden,
                stretch: None,
            },
        })
    }

    pub(super) fn media_keyframes(&self, track: &Track) -> Vec<ListedKeyframe> {
        let input = self.demuxer.input();
        let count = input
            .info(track.stream)
            .map_or(0, |info| info.index_entries);
        (0..count)
            .filter_map(|entry| input.index_entry(track.stream, entry))
            .filter(|entry| entry.is_keyframe && !entry.is_hidden && entry.end() <= self.end)
            .filter_map(|entry| {
                Some(ListedKeyframe {
                    time_us: self.shown_us(track, &entry)?,
                    position: entry.position,
                    size: Some(entry.size),
                })
            })
            .collect()
    }

    fn end_of(&mut self, track: &Track, time_us: i64) -> Option<u64> {
        let ticks = track.ticks(track.media_us(time_us));
        let input = self.demuxer.input_mut();
        let entry = input.index_search_any(track.stream, ticks)?;
        let entry = input.index_entry(track.stream, entry)?;
        Some(entry.end().min(self.end))
    }
}

/// Reads packets from the start and notes the keyframes, to the end of the file, or as far as half
/// of each budget and [`MAX_SCAN`] go: the pictures must be made from the rest. And when the last
/// picture ends, in microseconds, where that was seen or nothing else tells.
fn scan(demuxer: Demuxer, reader: &Reader, track: &Track) -> Result<(Scan, Option<i64>), Error> {
    let half = Arc::new(reader.within(Reserve::Half));
    demuxer.attach(&half);
    let track = &Arc::new(track.clone());
    let mut packets = Packets::owned(demuxer, &half, track);
    let mut keyframes = Vec::new();
    let mut last = None;
    let mut is_whole = false;
    let mut cut_by = None;
    for nth in 0..MAX_SCAN_PACKETS {
        if half.bytes_fetched() > MAX_SCAN {
            break;
        }
        let packet = match packets.next() {
            Ok(Some(packet)) => packet,
            Ok(None) => {
                is_whole = true;
                break;
            }
            Err(error) => {
                cut_by = Some(error.spent_budget().ok_or(error)?);
                break;
            }
        };
        last = last.max(packet.timestamp());
        if packet.is_keyframe() {
            let time_us = track.micros(packet.timestamp()).unwrap_or(0);
            keyframes.push(Keyframe {
                time_us,
                place: Place::Counted(nth),
            });
        }
    }
    keyframes.sort_by_key(|keyframe| keyframe.time_us);
    // What was not read cannot be shown, so that positions are parts of what was, where no header
    // tells better.
    let is_measured = is_whole || track.duration_us.is_none();
    let end = last.map(|last| last.saturating_add(track.picture_ticks));
    let end_us = end
        .filter(|_| is_measured)
        .and_then(|end| track.micros(Some(end)));
    Ok((Scan { keyframes, cut_by }, end_us))
}

/// What reading front to back found.
pub(super) struct Scan {
    /// By time.
    keyframes: Vec<Keyframe>,
    /// The budget that ended the reading, so that keyframes may lie behind what was read.
    cut_by: Option<LimitError>,
}

/// Bytes read front to back in search of keyframes: 32 MiB, what the cache holds to decode from.
const MAX_SCAN: u64 = 32 << 20;

/// Packets read in that search: 100,000, an hour of video of which 32 MiB can hold every packet.
const MAX_SCAN_PACKETS: usize = 100_000;
