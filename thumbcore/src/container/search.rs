//! Searching a file that has no index: its bytes are in the order of time, so a time can be
//! estimated as a place, what is found there corrects the estimate, and a keyframe is somewhere
//! after it.
//!
//! Interpolation first (each probe one small read), then one sweep forward in growing reads until
//! a keyframe is whole. At a constant bit rate that is one probe and at most one group of pictures.

use std::ops::Range;

use bytes::Bytes;

use crate::{
    Error,
    reader::{Reader, Reason},
};

/// Reads timestamps and keyframes out of a stretch of bytes that may begin and end anywhere.
pub(crate) trait Scanner: Sync {
    /// Scans `bytes`, which lie at offset `at` of the file. Must find the container's next
    /// structure by itself (resynchronise) and must not be led astray by bytes that look like one.
    fn scan(&self, bytes: &Bytes, at: u64) -> Scan;
}

/// What [`Scanner::scan`] saw.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Scan {
    /// The first time that any packet of the track carries, in microseconds.
    pub(crate) first_time_us: Option<i64>,
    /// The keyframes of the track, in the order of the file.
    pub(crate) keyframes: Vec<Sighting>,
}

/// A keyframe that was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sighting {
    /// In microseconds.
    pub(crate) time_us: i64,
    /// Where a demuxer must start to read it.
    pub(crate) start: u64,
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

/// Finds the first whole keyframe at or after the place of `time_us`, searching between `low` and
/// `high`. `None` where there is none up to `high` or within the effort.
pub(crate) async fn keyframe_from(
    reader: &Reader,
    scanner: &dyn Scanner,
    time_us: i64,
    (low, high): (Anchor, Anchor),
    effort: Effort,
) -> Result<Option<Sighting>, Error> {
    let start = land(reader, scanner, time_us, (low, high), effort).await?;
    sweep(reader, scanner, start..high.position, effort).await
}

/// A place at most `effort.near_us` before `time_us`, or the best that the probes found.
async fn land(
    reader: &Reader,
    scanner: &dyn Scanner,
    time_us: i64,
    (mut low, mut high): (Anchor, Anchor),
    effort: Effort,
) -> Result<u64, Error> {
    // Aim at the middle of what is near enough.
    let aim_us = time_us.saturating_sub(effort.near_us / 2);
    for _ in 0..effort.probes {
        if high.position.saturating_sub(low.position) <= effort.probe
            || time_us.saturating_sub(low.time_us) <= effort.near_us
        {
            break;
        }
        let position = interpolate(low, high, aim_us);
        let bytes = reader
            .read(position..position + effort.probe, Reason::Search)
            .await?;
        match scanner.scan(&bytes, position).first_time_us {
            Some(found) if found > time_us => {
                high = Anchor {
                    position,
                    time_us: found,
                }
            }
            Some(found) => {
                low = Anchor {
                    position,
                    time_us: found.max(low.time_us),
                }
            }
            // Nothing but one large packet: look further on next time.
            None => low.position = position + effort.probe,
        }
    }
    Ok(low.position)
}

/// Linear between the anchors, kept off the ends so that each probe narrows the search.
fn interpolate(low: Anchor, high: Anchor, time_us: i64) -> u64 {
    let bytes = high.position.saturating_sub(low.position);
    let span = high.time_us.saturating_sub(low.time_us).max(1) as f64;
    let share = (time_us.saturating_sub(low.time_us)) as f64 / span;
    low.position + (share.clamp(0.01, 0.99) * bytes as f64) as u64
}

/// Reads on from `range.start` in growing steps until a whole keyframe was seen.
async fn sweep(
    reader: &Reader,
    scanner: &dyn Scanner,
    range: Range<u64>,
    effort: Effort,
) -> Result<Option<Sighting>, Error> {
    let limit = range.end.min(range.start.saturating_add(effort.sweep));
    let mut step = reader.config().window.max(effort.probe);
    // Scanning begins again at `from` each time: what came before held no keyframe.
    let mut from = range.start;
    let mut end = range.start;
    while end < limit {
        end = end.saturating_add(step).min(limit);
        step = (step * 2).min(reader.config().max_window);
        let bytes = reader.read(from..end, Reason::Search).await?;
        if let Some(sighting) = scanner.scan(&bytes, from).keyframes.into_iter().next() {
            if sighting.end.is_some() || end >= limit {
                return Ok(Some(sighting));
            }
            from = sighting.start;
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn interpolation_stays_between_its_anchors(
            low in 0u64..1 << 40, len in 1u64..1 << 40,
            from in -1i64 << 50..1 << 50, span in 0i64..1 << 50, time in any::<i64>(),
        ) {
            let low = Anchor { position: low, time_us: from };
            let high = Anchor { position: low.position + len, time_us: from + span };
            let at = interpolate(low, high, time);
            prop_assert!(low.position <= at && at <= high.position);
        }
    }
}
