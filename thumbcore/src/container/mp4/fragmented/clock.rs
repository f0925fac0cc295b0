//! When fragments are decoded that do not tell it: they have no decoding time (`tfdt`), or all have
//! that of the first.
//!
//! An index tells it, where there is one. Else it is the sum of what all fragments before last, as
//! libav has it, so that every fragment is looked at; or, where they are too many for that, the
//! number of fragments before, which mostly last alike.

use std::{collections::BTreeMap, ops::Range, sync::atomic::Ordering::Relaxed};

use futures::future::try_join_all;

use super::{
    Fragmented, Way,
    fragment::{Fragment, Run},
    front::next_fragment,
    index::IndexEntry,
    search,
};
use crate::{
    Error,
    reader::{Reader, Reason},
};

/// Fragments that a file may have for all of them to be looked at: each is a request, of which a
/// call has 512.
const MAX_WALKED: u64 = 256;
/// Walks side by side, each through a part of the file.
const WAYS: u64 = 8;
/// Fragments of one part at most: half as many again as there are in an even file.
const MAX_IN_A_PART: usize = 48;

/// How it is told when a fragment is decoded.
#[derive(Debug, Clone, Copy)]
pub(super) enum Clock {
    /// The fragment tells.
    Own,
    /// All last alike, and they are numbered: ticks of the video track for each number.
    Numbers(i64),
}

/// What walking through all fragments gives.
struct Walked {
    /// When each fragment with video is shown.
    entries: Vec<IndexEntry>,
    /// The end of each track, in its ticks.
    ends: Vec<(u32, i64)>,
}

/// What is kept of a fragment that was passed.
struct Passed {
    at: u64,
    /// Ticks of each track.
    ticks: Vec<(u32, i64)>,
    /// When the first picture is shown after its fragment is decoded, in ticks, and whether it is a
    /// keyframe; `None` without video.
    first: Option<(i64, bool)>,
}

impl Fragmented {
    /// Whether `fragment` does not tell when it is decoded.
    pub(super) fn is_untimed(&self, fragment: &Fragment) -> bool {
        let video = self.video();
        let (Some(own), Some(first)) = (fragment.run(video), self.first.run(video)) else {
            return false;
        };
        if fragment.moof.start <= self.first.moof.start {
            !first.is_timed
        } else {
            !own.is_timed || own.time <= first.time
        }
    }

    /// The first fragment follows the movie box's own samples, unless it tells a later time.
    pub(super) fn follow_own(&mut self) {
        for own in self.own.iter().flat_map(|own| &own.runs) {
            let runs = self.first.runs.iter_mut();
            for run in runs.filter(|run| run.track == own.track && run.time <= own.time) {
                run.time = own.end();
                run.is_timed = false;
            }
        }
    }

    /// When the fragment is shown that an index says begins at `time`: the first is a measure for
    /// whether an index counts the edit list in.
    fn told_by(&self, entries: &[IndexEntry], time: i64) -> i64 {
        let first = entries.first().map_or(time, |first| first.time);
        let start = self.first.run(self.video()).map_or(first, Run::start);
        time.saturating_sub(first).saturating_add(start)
    }

    /// `fragment`, which one of `entries` says is shown from `time` on.
    pub(super) fn timed_by(
        &self,
        entries: &[IndexEntry],
        time: i64,
        fragment: Fragment,
    ) -> Fragment {
        let told = self.told_by(entries, time);
        self.timed(fragment, Some(told))
    }

    /// `fragment`, whose first picture is shown at `told` (in ticks) by an index, decoded when it is
    /// by all that is known.
    pub(super) fn timed(&self, mut fragment: Fragment, told: Option<i64>) -> Fragment {
        if !self.is_untimed(&fragment) {
            return fragment;
        }
        let numbers = i64::from(fragment.number) - i64::from(self.first.number);
        let begin = self.first.run(self.video()).map_or(0, |run| run.time);
        let video = self.video().id;
        let Some(run) = fragment.runs.iter_mut().find(|run| run.track == video) else {
            return fragment;
        };
        let time = match (told, self.clock) {
            (Some(told), _) => told.saturating_sub(run.lead()),
            (None, Clock::Numbers(ticks)) => begin.saturating_add(ticks.saturating_mul(numbers)),
            (None, Clock::Own) => return fragment,
        };
        if run.is_timed {
            self.misleads.store(true, Relaxed);
        }
        run.time = time.clamp(0, 1 << 60);
        fragment
    }

    /// Finds a way to fragments that do not tell when they are decoded, and no index does. The end
    /// of each track, in its ticks; `None` where there is none.
    pub(super) async fn reckon(
        &mut self,
        reader: &Reader,
    ) -> Result<Option<Vec<(u32, i64)>>, Error> {
        // Samples that lie elsewhere are left to libav, which counts as well.
        let run = self.first.run(self.video());
        let lies_behind = |run: &Run| {
            let media = &self.first.media;
            let mut samples = run.samples.iter();
            samples.all(|sample| media.start <= sample.at && sample.end() <= media.end)
        };
        if !run.is_some_and(lies_behind) {
            return Ok(None);
        }
        if let Some(Walked { entries, ends }) = self.walked(reader).await? {
            self.way = Way::Index(entries);
            return Ok(Some(ends));
        }
        let second = self
            .video_from(reader, self.first.end(), Reason::Index)
            .await?;
        let numbers = second.and_then(|second| second.number.checked_sub(self.first.number));
        let run = self.first.run(self.video());
        let ticks = run.map_or(0, Run::ticks) / i64::from(numbers.unwrap_or(0)).max(1);
        if ticks == 0 || numbers.is_none_or(|numbers| numbers == 0) {
            return Ok(None);
        }
        self.clock = Clock::Numbers(ticks);
        let Some(last) = search::last(self, reader).await? else {
            return Ok(None);
        };
        let ends = last.ends(&self.first);
        self.way = Way::Bisect { last: last.film };
        Ok(Some(ends))
    }

    /// Walks through all fragments; `None` where there are too many.
    async fn walked(&self, reader: &Reader) -> Result<Option<Walked>, Error> {
        let start = self.first.moof.start;
        let media = self.len.saturating_sub(start);
        let usual = self.first.end().saturating_sub(start).max(1);
        if media / usual > MAX_WALKED {
            return Ok(None);
        }
        let part = media.div_ceil(WAYS).max(usual * 2);
        let parts = (0..WAYS).map(|nth| start.saturating_add(nth * part));
        let parts = parts.take_while(|from| *from < self.len);
        let walks = parts.map(|from| self.walk(reader, from..from.saturating_add(part)));
        let parts: Option<Vec<_>> = try_join_all(walks).await?.into_iter().collect();
        Ok(parts.map(|parts| self.added_up(parts.into_iter().flatten())))
    }

    /// Each fragment follows those before it.
    fn added_up(&self, passed: impl Iterator<Item = Passed>) -> Walked {
        let mut clocks: BTreeMap<u32, i64> = BTreeMap::new();
        for run in &self.first.runs {
            clocks.insert(run.track, run.time);
        }
        let video = self.video().id;
        let mut entries = Vec::new();
        for Passed { at, ticks, first } in passed {
            if let Some((lead, is_keyframe)) = first {
                let decoded = clocks.get(&video).copied().unwrap_or(0);
                let time = decoded.saturating_add(lead);
                entries.push(IndexEntry {
                    time,
                    at,
                    is_keyframe,
                });
            }
            for (track, ticks) in ticks {
                let clock = clocks.entry(track).or_default();
                *clock = clock.saturating_add(ticks);
            }
        }
        Walked {
            entries,
            ends: clocks.into_iter().collect(),
        }
    }

    /// The fragments that begin in `range` of the file; `None` where they are too many.
    async fn walk(&self, reader: &Reader, range: Range<u64>) -> Result<Option<Vec<Passed>>, Error> {
        let end = range.end.min(self.len);
        let mut next = if range.start == self.first.moof.start {
            Some(range.start)
        } else {
            search::sweep(self, reader, range.start..end).await?
        };
        let mut passed = Vec::new();
        while let Some(at) = next
            && at < end
        {
            if passed.len() == MAX_IN_A_PART {
                return Ok(None);
            }
            let found = next_fragment(reader, &self.movie, at, self.window, Reason::Search).await?;
            let found = found.filter(|fragment| fragment.moof.start < end);
            next = found.as_ref().map(Fragment::end);
            passed.extend(found.map(|fragment| self.passed(&fragment)));
        }
        Ok(Some(passed))
    }

    fn passed(&self, fragment: &Fragment) -> Passed {
        let ticks = fragment.runs.iter().map(|run| (run.track, run.ticks()));
        let video = fragment.run(self.video());
        Passed {
            at: fragment.moof.start,
            ticks: ticks.collect(),
            first: video.map(|run| (run.lead(), run.starts_with_keyframe())),
        }
    }
}
