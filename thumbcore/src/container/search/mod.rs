//! Searching a file that has no index: its bytes are in the order of time, so a time can be
//! estimated as a place, what is found there corrects the estimate, and a keyframe is somewhere
//! after it.
//!
//! Interpolation first (each probe one small read), then one sweep forward in growing reads until
//! a keyframe is whole. At a constant bit rate that is one probe and at most one group of pictures.
//! [`keyframes_around`] also sweeps backward where what lies ahead is too far from the target.
//!
//! A stretch that holds nothing (see [`blank`](super::blank)), or nothing that can be read, is gone
//! round in growing strides, so that it costs the times in it and no others.

mod all;
mod last_picture;

use std::{
    fmt,
    ops::Range,
    sync::atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;

pub(super) use self::{
    all::Sweep,
    last_picture::{is_sound_alone, last_picture},
};
use super::blank::{begins_blank, ends_blank, is_blank};
use crate::{
    Error,
    reader::{Reader, Reason},
};

/// Reads timestamps and keyframes out of a stretch of bytes that may begin and end anywhere.
pub(crate) trait Scanner: Send + Sync + fmt::Debug {
    /// Scans `bytes`, which lie at offset `at` of the file. Must find the container's next
    /// structure by itself (resynchronise) and must tell it from bytes that only look like one.
    fn scan(&self, bytes: &Bytes, at: u64) -> Scan;
}

/// What [`Scanner::scan`] saw.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Scan {
    /// The first time that any packet of the track carries, in microseconds.
    pub(crate) first_time_us: Option<i64>,
    /// The latest picture of the track: its place and time.
    pub(crate) last_picture: Option<Anchor>,
    /// The keyframes of the track, in the order of the file.
    pub(crate) keyframes: Vec<Sighting>,
    /// Nothing of the track can be read there without a key.
    pub(crate) is_locked: bool,
}

impl Scan {
    /// Takes in a picture of the track.
    pub(crate) fn see_picture(&mut self, picture: Anchor) {
        let last = self.last_picture.get_or_insert(picture);
        if picture.time_us > last.time_us {
            *last = picture;
        }
    }
}

/// A keyframe that was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sighting {
    /// In microseconds.
    pub(crate) time_us: i64,
    /// Where a demuxer must start to read it.
    pub(crate) start: u64,
    /// Where the next picture begins, in containers whose pictures follow each other whole; `None`
    /// where that was not seen.
    pub(crate) next: Option<u64>,
    /// One past the last byte a demuxer needs to give out the whole keyframe; `None` where the
    /// scanned bytes end before that is known.
    pub(crate) end: Option<u64>,
}

/// A place of the file and the time there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Anchor {
    pub(crate) position: u64,
    pub(crate) time_us: i64,
}

/// What a search may cost and how exact it need be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    /// Bytes of a probe: enough to hold a few packets, so a time.
    pub(crate) probe: u64,
    /// Probes at most.
    pub(crate) probes: u32,
    /// A landing this near before the wanted time is near enough to sweep from.
    pub(crate) near_us: i64,
    /// Bytes swept at most before the search gives up: a group of pictures at a high bit rate.
    pub(crate) sweep: u64,
}

impl Effort {
    /// Suits containers whose packets tell their times at every few KiB, of `span_us` in all.
    pub(crate) fn of_stream(span_us: i64, probe: u64, probes: u32) -> Self {
        Self {
            probe,
            probes,
            // A fiftieth of the video, at most four seconds, and in a short one half of what a
            // picture may be off.
            near_us: (span_us / 50).clamp((span_us / 40).clamp(1, 1_000_000), 4_000_000),
            sweep: 32 << 20,
        }
    }
}

/// The keyframes on either side of a time, as near as a search found them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Nearby {
    /// At or before the time.
    pub(crate) before: Option<Sighting>,
    /// After the time.
    pub(crate) after: Option<Sighting>,
}

/// Bytes from one keyframe to the next, as far as searches of the same file have seen: no sweep
/// need be longer.
#[derive(Debug, Default)]
pub(crate) struct GroupSize(AtomicU64);

/// First step of a sweep: 512 KiB, which hold a whole group of pictures of a small video and a
/// keyframe of any; three of them fit the bytes that a search may cost beside the groups.
const FIRST_STEP: u64 = 512 << 10;
/// A sweep's steps double up to this, since each is a round trip: 4 MiB.
const LAST_STEP: u64 = 4 << 20;
/// Bytes scanned twice where two reads of a sweep meet, so that what straddles the seam is seen
/// whole.
const SEAM: u64 = 64 << 10;

/// Finds the first whole keyframe at or after the place of `time_us`, searching between `low` and
/// `high`. `None` where there is none up to `high` or within the effort.
pub(crate) async fn keyframe_from(
    reader: &Reader,
    scanner: &dyn Scanner,
    time_us: i64,
    (low, high): (Anchor, Anchor),
    effort: Effort,
) -> Result<Option<Sighting>, Error> {
    let landing = land(reader, scanner, time_us, (low, high), effort).await?;
    let start = landing.start;
    let config = reader.config();
    let steps = Steps {
        next: config.window.max(effort.probe),
        last: config.max_window,
        limit: effort.sweep,
        group: &GroupSize::default(),
    };
    let (seen, _) = sweep(reader, scanner, start..high.position, steps).await?;
    Ok(seen.into_iter().next())
}

/// Finds a keyframe within `tolerance_us` of `time_us`, or the nearest ones on both sides where
/// there is none.
pub(crate) async fn keyframes_around(
    reader: &Reader,
    scanner: &dyn Scanner,
    (time_us, tolerance_us): (i64, i64),
    (low, high): (Anchor, Anchor),
    effort: Effort,
    group: &GroupSize,
) -> Result<Nearby, Error> {
    let Landing { start, hole } = land(reader, scanner, time_us, (low, high), effort).await?;
    let steps = Steps {
        // What a large probe read is scanned before more is read.
        next: if effort.probe >= FIRST_STEP / 2 {
            effort.probe
        } else {
            FIRST_STEP
        },
        last: LAST_STEP,
        limit: effort.sweep,
        group,
    };
    if let Some(hole) = hole {
        let ends = low.position..high.position;
        return beside_hole(reader, scanner, time_us, hole, ends, steps).await;
    }
    // Beyond this place every keyframe is too late, so one before the time is worth more.
    let late = probe_at(low, high, time_us.saturating_add(tolerance_us));
    let late = late
        .max(start.saturating_add(FIRST_STEP))
        .min(high.position);
    let (mut seen, swept) = sweep(reader, scanner, start..late, steps).await?;
    let is_near =
        |sighting: &Sighting| sighting.time_us.abs_diff(time_us) <= tolerance_us.unsigned_abs();
    if !seen.iter().any(|s| is_near(s) || s.time_us <= time_us) {
        let earlier = retreat(reader, scanner, low.position..start, swept, steps).await?;
        seen.splice(0..0, earlier);
    }
    if seen.is_empty() {
        (seen, _) = sweep(reader, scanner, start..high.position, steps).await?;
    }
    Ok(Nearby::among(seen, time_us))
}

impl Nearby {
    /// The nearest ones around `time_us` of those that were seen, which are in order.
    fn among(seen: Vec<Sighting>, time_us: i64) -> Self {
        Self {
            before: seen.iter().rfind(|s| s.time_us <= time_us).cloned(),
            after: seen.into_iter().find(|s| s.time_us > time_us),
        }
    }
}

/// Where a sweep begins.
#[derive(Debug, Clone, Copy)]
struct Landing {
    start: u64,
    /// The time is in a stretch that holds nothing, between these places.
    hole: Option<(Anchor, Anchor)>,
}

/// The keyframes beside a hole that the time is in: on the nearer side, or on the other where the
/// nearer has none.
async fn beside_hole(
    reader: &Reader,
    scanner: &dyn Scanner,
    time_us: i64,
    (before, after): (Anchor, Anchor),
    ends: Range<u64>,
    steps: Steps<'_>,
) -> Result<Nearby, Error> {
    let is_later_nearer = time_us.abs_diff(after.time_us) <= time_us.abs_diff(before.time_us);
    for is_later in [is_later_nearer, !is_later_nearer] {
        let seen = if is_later {
            let range = after.position..ends.end;
            sweep(reader, scanner, range, steps).await?.0
        } else {
            let edge = before.position + steps.next;
            retreat(reader, scanner, ends.start..before.position, edge, steps).await?
        };
        if !seen.is_empty() {
            return Ok(Nearby::among(seen, time_us));
        }
    }
    Ok(Nearby::default())
}

/// A place at most `effort.near_us` before `time_us`, or the best that the probes found.
async fn land(
    reader: &Reader,
    scanner: &dyn Scanner,
    time_us: i64,
    (mut low, mut high): (Anchor, Anchor),
    effort: Effort,
) -> Result<Landing, Error> {
    // Aim at the middle of what is near enough.
    let aim_us = time_us.saturating_sub(effort.near_us / 2);
    let is_found = |low: Anchor, high: Anchor| {
        high.position.saturating_sub(low.position) <= effort.probe
            || time_us.saturating_sub(low.time_us) <= effort.near_us
    };
    let mut left = effort.probes;
    let mut holes = 0;
    while left > 0 && !is_found(low, high) {
        left -= 1;
        let position = probe_at(low, high, aim_us);
        let bytes = reader
            .read(position..position + effort.probe, Reason::Search)
            .await?;
        let scan = scanner.scan(&bytes, position);
        match scan.first_time_us {
            Some(found_us) => (low, high) = narrowed((low, high), time_us, (position, found_us)),
            None if (scan.is_locked || is_blank(&bytes)) && holes < MAX_HOLES => {
                holes += 1;
                // What is learnt of the hole is worth as much as a probe.
                left += 1;
                let sides = skirt(reader, scanner, position, (low, high), effort.probe).await?;
                let (before, after) = sides;
                if time_us < before.time_us {
                    high = before;
                } else if time_us >= after.time_us {
                    low = after;
                } else {
                    let hole = Some((before, after));
                    let start = after.position;
                    return Ok(Landing { start, hole });
                }
            }
            // Nothing but one large packet: look further on next time.
            None => low.position = position + effort.probe,
        }
    }
    // Out of probes, the estimate between the anchors is better than the anchor itself.
    let start = if is_found(low, high) {
        low.position
    } else {
        probe_at(low, high, aim_us)
    };
    Ok(Landing { start, hole: None })
}

/// The anchors of a search for `time_us` once `found_us` was seen at `position` between them.
fn narrowed(
    (low, high): (Anchor, Anchor),
    time_us: i64,
    (position, found_us): (u64, i64),
) -> (Anchor, Anchor) {
    if found_us > time_us {
        let time_us = found_us.min(high.time_us);
        (low, Anchor { position, time_us })
    } else {
        let time_us = found_us.max(low.time_us);
        (Anchor { position, time_us }, high)
    }
}

/// Holes gone round in one search.
const MAX_HOLES: u32 = 4;

/// The places nearest to a hole at `position` where times were seen before and behind it, looked
/// for on both sides at once in growing strides; the anchors where there is none.
async fn skirt(
    reader: &Reader,
    scanner: &dyn Scanner,
    position: u64,
    (low, high): (Anchor, Anchor),
    probe: u64,
) -> Result<(Anchor, Anchor), Error> {
    let look = async |at: u64| {
        let bytes = reader.read(at..at + probe, Reason::Search).await?;
        let time_us = scanner.scan(&bytes, at).first_time_us;
        Ok::<_, Error>(time_us.map(|time_us| Anchor {
            position: at,
            time_us: time_us.clamp(low.time_us, high.time_us.max(low.time_us)),
        }))
    };
    let (mut before, mut after) = (None, None);
    let mut reach = probe;
    while before.is_none() || after.is_none() {
        let back = position.saturating_sub(reach);
        let ahead = position.saturating_add(reach);
        let back_look = async {
            match before {
                None if back <= low.position => Ok(Some(low)),
                None => look(back).await,
                found => Ok(found),
            }
        };
        let ahead_look = async {
            match after {
                None if ahead >= high.position => Ok(Some(high)),
                None => look(ahead).await,
                found => Ok(found),
            }
        };
        (before, after) = futures::future::try_join(back_look, ahead_look).await?;
        reach = reach.saturating_mul(2);
    }
    Ok((before.unwrap_or(low), after.unwrap_or(high)))
}

/// The place where `time_us` should be if bytes were even in time between the anchors; the nearer
/// anchor's for a time beyond them.
pub(super) fn interpolate(low: Anchor, high: Anchor, time_us: i64) -> u64 {
    let bytes = high.position.saturating_sub(low.position) as f64;
    let span = high.time_us.saturating_sub(low.time_us).max(1) as f64;
    let share = time_us.saturating_sub(low.time_us) as f64 / span;
    low.position + (share.clamp(0.0, 1.0) * bytes) as u64
}

/// The same, kept off the anchors so that each probe narrows the search.
fn probe_at(low: Anchor, high: Anchor, time_us: i64) -> u64 {
    let bytes = high.position.saturating_sub(low.position) as f64;
    let within = |share: f64| low.position + (share * bytes) as u64;
    interpolate(low, high, time_us).clamp(within(0.01), within(0.99))
}

/// The reads of a sweep.
#[derive(Clone, Copy)]
struct Steps<'a> {
    /// Bytes of the next read.
    next: u64,
    /// Reads double up to this.
    last: u64,
    /// Bytes of all reads together.
    limit: u64,
    group: &'a GroupSize,
}

impl Steps<'_> {
    /// The length of the next read, after `swept` bytes.
    fn take(&mut self, swept: u64) -> u64 {
        let step = self.next;
        self.next = (step * 2).min(self.last);
        match self.group.get() {
            // A quarter more, since groups differ, and at least a keyframe's worth.
            Some(group) => step.min((group + group / 4).saturating_sub(swept).max(SEAM * 2)),
            None => step,
        }
    }
}

impl GroupSize {
    fn get(&self) -> Option<u64> {
        Some(self.0.load(Ordering::Relaxed)).filter(|bytes| *bytes > 0)
    }

    /// About as many bytes as a search reads, once a group of pictures was seen.
    pub(crate) fn search_bytes(&self) -> Option<u64> {
        self.get().map(|group| group.max(2 * FIRST_STEP))
    }

    /// Learns from keyframes seen one after the other.
    pub(crate) fn learn(&self, seen: &[Sighting]) {
        let longest = seen
            .windows(2)
            .map(|pair| pair[1].start.saturating_sub(pair[0].start))
            .max();
        self.0.fetch_max(longest.unwrap_or(0), Ordering::Relaxed);
    }
}

/// Reads on from `range.start` in growing steps until a whole keyframe was seen. Gives all that
/// were seen, and where reading ended.
async fn sweep(
    reader: &Reader,
    scanner: &dyn Scanner,
    range: Range<u64>,
    mut steps: Steps<'_>,
) -> Result<(Vec<Sighting>, u64), Error> {
    let limit = range.end.min(range.start.saturating_add(steps.limit));
    // ASF's first read holds eight packets.
    let seam = SEAM.max(steps.next / 8);
    // Scanning begins again at `from` each time: what came before holds no keyframe.
    let mut from = range.start;
    let mut end = range.start;
    while end < limit {
        let step = steps.take(end - range.start);
        end = end.saturating_add(step).min(limit);
        let bytes = reader.read(from..end, Reason::Search).await?;
        let scan = scanner.scan(&bytes, from);
        let mut seen = scan.keyframes;
        steps.group.learn(&seen);
        if let Some(first) = seen.first() {
            if first.end.is_some() || end >= limit {
                // One cut short by the end of reading is of no use beside a whole one.
                let mut index = 0;
                seen.retain(|sighting| {
                    index += 1;
                    index == 1 || sighting.end.is_some()
                });
                return Ok((seen, end));
            }
            from = first.start;
        } else if scan.is_locked || scan.first_time_us.is_none() && ends_blank(&bytes) {
            break;
        } else if scan.first_time_us.is_some() {
            from = from.max(end.saturating_sub(seam));
        }
        // Without a time the scanner did not get into step, so that all must be seen again.
    }
    Ok((Vec::new(), end))
}

/// Reads back from `range.end` in growing steps until a keyframe was seen; what lies from there
/// to `swept` is held already.
async fn retreat(
    reader: &Reader,
    scanner: &dyn Scanner,
    range: Range<u64>,
    swept: u64,
    mut steps: Steps<'_>,
) -> Result<Vec<Sighting>, Error> {
    let limit = range.start.max(range.end.saturating_sub(steps.limit));
    let mut from = range.end;
    while from > limit {
        let seam = swept.min(from + SEAM);
        from = from.saturating_sub(steps.take(range.end - from)).max(limit);
        let bytes = reader.read(from..seam, Reason::Search).await?;
        let scan = scanner.scan(&bytes, from);
        let mut seen = scan.keyframes;
        if let Some(last) = seen.last_mut()
            && last.end.is_none()
        {
            let bytes = reader.read(last.start..swept, Reason::Search).await?;
            let whole = scanner
                .scan(&bytes, last.start)
                .keyframes
                .into_iter()
                .next();
            last.end = whole.and_then(|whole| whole.end);
        }
        seen.retain(|sighting| sighting.start < range.end);
        if !seen.is_empty() {
            return Ok(seen);
        }
        if scan.is_locked || begins_blank(&bytes) {
            break;
        }
    }
    Ok(Vec::new())
}

#[cfg(test)]
mod tests;
