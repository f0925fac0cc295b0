//! Finding fragments by bisection, where nothing says where they are.
//!
//! A `moof` box is at the start of each fragment and nowhere else, so a place of the file must be
//! read on from until one is seen: half a fragment on the average. From one fragment to the next
//! it is a jump. So we aim a fragment's length before the estimated place, and jump to the right
//! one.

use std::ops::Range;

use memchr::memmem;

use super::{
    Fragmented, INDEX,
    fragment::{Fragment, Run},
    front::header_at,
};
use crate::{
    Error,
    container::{
        blank::is_hole,
        mp4::boxes::BoxHeader,
        search::{Anchor, interpolate},
    },
    reader::{Reader, Reason},
};

/// Estimates of one search at most; at an even bit rate one is right.
const ESTIMATES: u32 = 4;
/// Jumps from one fragment to the next at most.
const JUMPS: usize = 8;
/// Bytes read in search of one `moof` box at most.
const MAX_SWEEP: u64 = 64 << 20;

/// A fragment's place not far before `to`, from which the last can be reached by jumps.
pub(super) async fn near_end(
    this: &Fragmented,
    reader: &Reader,
    mut to: u64,
) -> Result<Option<u64>, Error> {
    let mut from = to.saturating_sub(reader.config().tail);
    let mut reach = usual_len(this);
    let mut swept = 0;
    while swept < MAX_SWEEP {
        from = from.max(this.first.moof.start);
        if let Some(at) = sweep(this, reader, from..to).await? {
            return Ok(Some(at));
        }
        if from <= this.first.moof.start {
            break;
        }
        swept += to - from;
        // A box header that lies across the boundary is found this time.
        to = from.saturating_add(32).min(reader.len());
        from = from.saturating_sub(reach);
        reach *= 2;
    }
    Ok(None)
}

/// How a file without an index ends.
pub(super) struct Last {
    /// The last fragment of the film.
    pub(super) film: Fragment,
    /// The last fragments of all, in the order of the file.
    fragments: Vec<Fragment>,
    /// Bytes behind them that no fragment can be found in, though the film went on.
    lost: u64,
}

impl Last {
    /// The end of each track, in its ticks, in a file that starts with `first`. What is lost lasted
    /// as long as as many bytes before it.
    pub(super) fn ends(&self, first: &Fragment) -> Vec<(u32, i64)> {
        let end = self.fragments.last().map_or(0, Fragment::end);
        let bytes = end.saturating_sub(first.moof.start).max(1);
        let start = first.runs.iter().map(|run| (run.track, run.time));
        let start: Vec<_> = start.collect();
        let longer = |(track, end): (u32, i64)| {
            let start = start.iter().find(|(id, _)| *id == track);
            let ticks = i128::from(end - start.map_or(end, |(_, time)| *time));
            let lost = ticks * i128::from(self.lost) / i128::from(bytes);
            (track, end.saturating_add(lost as i64))
        };
        ends(&self.fragments).into_iter().map(longer).collect()
    }
}

/// The last fragments of a file without an index, or with a partial one.
pub(super) async fn last(this: &Fragmented, reader: &Reader) -> Result<Option<Last>, Error> {
    const TRIES: usize = 4;
    let mut to = this.len;
    for _ in 0..TRIES {
        let Some(mut at) = near_end(this, reader, to).await? else {
            return Ok(None);
        };
        let mut fragments = Vec::new();
        let lost = loop {
            let more = this.fragments_from(reader, at, usize::MAX).await?;
            fragments.extend(more.unwrap_or_default());
            let end = fragments.last().map_or(at, Fragment::end);
            if end >= this.len || !is_hole(reader, end).await? {
                break 0;
            }
            match sweep(this, reader, end..this.len).await? {
                Some(behind) => at = behind,
                None => break this.len - end,
            }
        };
        let has_video = |fragment: &&Fragment| fragment.run(this.video()).is_some();
        if let Some(film) = fragments.iter().rfind(has_video).cloned() {
            return Ok(Some(Last {
                film,
                fragments,
                lost,
            }));
        }
        // Only audio ends so late.
        to = at;
    }
    Ok(None)
}

/// The end of each run of samples, in ticks of its track.
pub(super) fn ends(fragments: &[Fragment]) -> Vec<(u32, i64)> {
    let runs = fragments.iter().flat_map(|fragment| &fragment.runs);
    runs.map(|run| (run.track, run.end())).collect()
}

/// The fragments around `time_us`, in the order of the file.
pub(super) async fn around(
    this: &Fragmented,
    reader: &Reader,
    last: &Fragment,
    time_us: i64,
) -> Result<Vec<Fragment>, Error> {
    let time = this.video().ticks(time_us);
    let time_of = |fragment: &Fragment| fragment.run(this.video()).map_or(0, Run::start);
    let mut low = this.first.clone();
    let mut high = anchor(this, last.moof.start, time_of(last));
    let mut length = average_len(this, &low, high);
    if time >= time_of(last) {
        low = last.clone();
    }
    for _ in 0..ESTIMATES {
        if low.moof.start >= high.position {
            break;
        }
        let near = low.end().saturating_add(2 * length);
        let below = anchor(this, low.moof.start, time_of(&low));
        let aim = interpolate(below, high, time_us).saturating_sub(length);
        if aim <= near {
            break;
        }
        let Some(at) = sweep(this, reader, aim..high.position).await? else {
            high.position = aim;
            continue;
        };
        let Some(found) = this.video_from(reader, at, Reason::Search).await? else {
            break;
        };
        let found_time = time_of(&found);
        if found_time > time {
            // Too far by the distance between aim and find at least.
            length = length.max(found.moof.start.saturating_sub(aim));
            high = anchor(this, found.moof.start, found_time);
        } else {
            low = found;
        }
    }
    let mut fragments = vec![low];
    while let Some(reached) = fragments.last()
        && fragments.len() < JUMPS
        && time_of(reached) <= time
        && let Some(next) = this
            .video_from(reader, reached.end(), Reason::Search)
            .await?
    {
        fragments.push(next);
    }
    Ok(fragments)
}

/// The place of a fragment whose first picture is shown at `time` of the video track.
fn anchor(this: &Fragmented, position: u64, time: i64) -> Anchor {
    Anchor {
        position,
        time_us: this.video().micros(time),
    }
}

/// A fragment's length by the first one's duration and the file's bit rate, and some more: landing
/// past the wanted fragment costs another search, landing before it a jump.
fn average_len(this: &Fragmented, first: &Fragment, last: Anchor) -> u64 {
    let run = first.run(this.video());
    let (start, end) = run.map_or((0, 0), |run| (run.start(), run.end()));
    let low = anchor(this, first.moof.start, start);
    let next = interpolate(low, last, this.video().micros(end));
    next.saturating_sub(first.moof.start)
        .max(first.end() - first.moof.start)
        .saturating_mul(5)
        / 4
}

/// The first fragment's length, as a guess at that of others.
fn usual_len(this: &Fragmented) -> u64 {
    (this.first.end() - this.first.moof.start).max(64 << 10)
}

/// The first `moof` box in `range`, read in steps of a quarter of a fragment.
pub(super) async fn sweep(
    this: &Fragmented,
    reader: &Reader,
    range: Range<u64>,
) -> Result<Option<u64>, Error> {
    let step = (usual_len(this) / 4).clamp(64 << 10, 8 << 20);
    let limit = range.end.min(range.start.saturating_add(MAX_SWEEP));
    let mut from = range.start;
    while from < limit {
        let to = from.saturating_add(step).min(limit);
        let bytes = reader.read(from..to, Reason::Search).await?;
        for offset in candidates(&bytes) {
            let at = from + offset as u64;
            if is_fragment(this, reader, at).await? {
                return Ok(Some(at));
            }
        }
        // A header that lies across the boundary is found in the next step.
        from = if to == limit { to } else { to - 32 };
    }
    Ok(None)
}

/// Where in `bytes` a `moof` box with its first child, a `mfhd`, may start.
fn candidates(bytes: &[u8]) -> impl Iterator<Item = usize> {
    memmem::find_iter(bytes, b"moof\0\0\0\x10mfhd").filter_map(|kind| kind.checked_sub(4))
}

/// Whether the box at `at` is a whole fragment with another box, or the end of the file, behind.
async fn is_fragment(this: &Fragmented, reader: &Reader, at: u64) -> Result<bool, Error> {
    let Some((header, end)) = header_at(reader, at, this.window, Reason::Search).await? else {
        return Ok(false);
    };
    if header.kind != *b"moof" || header.size.is_none_or(|size| end - at != size) {
        return Ok(false);
    }
    if !INDEX.allow(&(at..end)) {
        return Ok(false);
    }
    let bytes = reader
        .read(at..end.saturating_add(16), Reason::Search)
        .await?;
    let Some(fragment) = Fragment::parse(&bytes, at, reader.len(), &this.movie) else {
        return Ok(false);
    };
    let behind = bytes.get((end - at) as usize..).unwrap_or_default();
    Ok(fragment.moof.end == reader.len()
        || BoxHeader::parse(behind).is_some_and(|header| {
            [b"mdat", b"free", b"moof", b"skip", b"uuid"].contains(&&header.kind)
        }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn movie_fragments_are_seen_in_a_stretch_of_bytes() {
        let bytes = b"moof\0\0\0\x10mfhd..\0\0\0\x60moof\0\0\0\x10mfhdmoof\0\0\0\x10mfh";
        assert_eq!(candidates(bytes).collect::<Vec<_>>(), [14]);
    }
}
