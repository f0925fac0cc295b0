//! What is kept of one version of one source, from one call to the next.

use std::{
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use tokio::sync::{Notify, Semaphore};

use super::{Call, ReadConfig, Reader, Reserve, cache::SparseCache};
use crate::{
    SourceError,
    memory::{Account, Charge},
    source::{Guard, Stat},
};

/// A source at one version, the bytes of it that are held, and its connections. Whoever keeps a
/// video open keeps its store; each call reads through a [`Reader`] of its own.
#[derive(Debug)]
pub(crate) struct Store {
    source: Guard,
    stat: Stat,
    /// `stat` is what somebody else said, not the source.
    is_expected: bool,
    config: ReadConfig,
    /// A permit a request under way.
    pub(super) connections: Semaphore,
    cache: Mutex<SparseCache>,
    /// The ranges of requests under way.
    under_way: Mutex<Vec<Range<u64>>>,
    /// Tells whenever a request is no longer under way.
    pub(super) landed: Notify,
    account: Arc<Account>,
    /// What is charged as long as the source is kept open.
    kept: Mutex<Vec<Charge>>,
    /// Places of the file, and what libav reads there instead.
    patches: Mutex<Vec<(u64, Bytes)>>,
}

impl Store {
    /// Keeps `source`, whose own word `stat` is, and charges `account` for what is held.
    pub(super) fn new(
        source: Guard,
        stat: Stat,
        config: ReadConfig,
        account: Arc<Account>,
    ) -> Self {
        Self {
            source,
            stat,
            is_expected: false,
            connections: Semaphore::new(config.concurrency.clamp(1, Semaphore::MAX_PERMITS)),
            cache: Mutex::new(SparseCache::new(config.cache)),
            config,
            under_way: Mutex::default(),
            landed: Notify::new(),
            account,
            kept: Mutex::default(),
            patches: Mutex::default(),
        }
    }

    /// The same, where somebody else said what the source is: each read depends on it.
    pub(super) fn expecting(self) -> Self {
        Self {
            is_expected: true,
            ..self
        }
    }

    /// Takes the source's own word, which tells the version as well.
    pub(super) fn confirm(&mut self, seen: Stat) -> Result<(), SourceError> {
        if !self.stat.agrees_with(&seen) {
            return Err(SourceError::changed(self.name()));
        }
        self.stat = seen;
        self.is_expected = false;
        Ok(())
    }

    /// The view of `call`.
    pub(crate) fn reader(self: &Arc<Self>, call: impl Into<Arc<Call>>) -> Reader {
        Reader {
            store: Arc::clone(self),
            call: call.into(),
            reserve: Reserve::Nothing,
        }
    }

    /// Length and version of what is read.
    pub(crate) fn stat(&self) -> &Stat {
        &self.stat
    }

    /// Bytes held in memory.
    pub(crate) fn held_bytes(&self) -> usize {
        self.cache().held()
    }

    /// Who is charged for memory.
    pub(crate) fn account(&self) -> &Arc<Account> {
        &self.account
    }

    /// Keeps `charge` as long as the source is open.
    pub(super) fn keep(&self, charge: Charge) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push(charge);
    }

    /// From now on libav reads `bytes` at `at`, where the file is wrong.
    pub(super) fn patch(&self, at: u64, bytes: Bytes) {
        self.patches().push((at, bytes));
    }

    fn patches(&self) -> MutexGuard<'_, Vec<(u64, Bytes)>> {
        self.patches.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What libav reads at `at`, where the file has `bytes`.
    pub(super) fn amend(&self, at: u64, bytes: &mut [u8]) {
        for (place, patch) in &*self.patches() {
            for (offset, byte) in (*place..).zip(patch) {
                let nth = offset.checked_sub(at).map(usize::try_from);
                if let Some(own) = nth.and_then(Result::ok).and_then(|nth| bytes.get_mut(nth)) {
                    *own = *byte;
                }
            }
        }
    }

    pub(super) fn name(&self) -> &str {
        self.source.name()
    }

    pub(super) fn config(&self) -> &ReadConfig {
        &self.config
    }

    pub(super) fn cache(&self) -> MutexGuard<'_, SparseCache> {
        // The cache is valid after every statement, so a panic elsewhere does not spoil it.
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the source for `range`.
    pub(super) async fn ask(&self, range: Range<u64>) -> Result<Bytes, SourceError> {
        if self.is_expected {
            self.source.read_if(range, &self.stat).await
        } else {
            self.source.read(range).await
        }
    }

    fn under_way(&self) -> MutexGuard<'_, Vec<Range<u64>>> {
        self.under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// What of `ranges` is neither held nor under way becomes flights, which the caller fetches;
    /// and the parts that others have under way already.
    pub(super) fn depart(&self, ranges: &[Range<u64>]) -> (Vec<Flight<'_>>, Vec<Range<u64>>) {
        let mut cache = self.cache();
        let mut under_way = self.under_way();
        let (mut missing, mut awaited) = (Vec::new(), Vec::new());
        for range in ranges {
            // What arrives must not drive out what is held already.
            cache.renew(range);
            for gap in cache.gaps(range.clone()) {
                let (ours, theirs) = split(gap, &under_way);
                missing.extend(ours);
                awaited.extend(theirs);
            }
        }
        missing.sort_by_key(|range| range.start);
        let gap = self.config.gap;
        let missing = coalesce(missing, |between| {
            between.end - between.start <= gap
                && !cache.holds_any(&between)
                && !under_way.iter().any(|range| overlap(range, &between))
        });
        let flights = missing.into_iter().map(|range| {
            under_way.push(range.clone());
            Flight { store: self, range }
        });
        (flights.collect(), awaited)
    }
}

/// A range that is fetched now; others who want it wait until this is dropped.
#[derive(Debug)]
pub(super) struct Flight<'a> {
    store: &'a Store,
    pub(super) range: Range<u64>,
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        let mut under_way = self.store.under_way();
        if let Some(at) = under_way.iter().position(|range| *range == self.range) {
            under_way.swap_remove(at);
        }
        drop(under_way);
        self.store.landed.notify_waiters();
    }
}

fn overlap(one: &Range<u64>, other: &Range<u64>) -> bool {
    one.start < other.end && other.start < one.end
}

/// The parts of `range` outside and inside all of `others`.
fn split(range: Range<u64>, others: &[Range<u64>]) -> (Vec<Range<u64>>, Vec<Range<u64>>) {
    let mut inside: Vec<_> = others
        .iter()
        .map(|other| other.start.max(range.start)..other.end.min(range.end))
        .filter(|part| part.start < part.end)
        .collect();
    inside.sort_by_key(|part| part.start);
    let mut outside = Vec::new();
    let mut position = range.start;
    for part in &inside {
        if position < part.start {
            outside.push(position..part.start);
        }
        position = position.max(part.end);
    }
    if position < range.end {
        outside.push(position..range.end);
    }
    (outside, inside)
}

/// Joins sorted ranges that overlap, or whose gap `is_worth` reading.
fn coalesce(sorted: Vec<Range<u64>>, is_worth: impl Fn(Range<u64>) -> bool) -> Vec<Range<u64>> {
    let mut joined: Vec<Range<u64>> = Vec::with_capacity(sorted.len());
    for range in sorted {
        match joined.last_mut() {
            Some(last) if range.start <= last.end || is_worth(last.end..range.start) => {
                last.end = last.end.max(range.end);
            }
            _ => joined.push(range),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn coalescing_covers_everything_and_leaves_only_wide_gaps(
            mut ranges in prop::collection::vec((0u64..1000, 1u64..50), 0..30),
            gap in 0u64..40,
        ) {
            ranges.sort_unstable();
            let ranges: Vec<_> = ranges.into_iter().map(|(start, len)| start..start + len).collect();
            let joined = coalesce(ranges.clone(), |between| between.end - between.start <= gap);
            for range in &ranges {
                prop_assert!(joined.iter().any(|j| j.start <= range.start && range.end <= j.end));
            }
            for pair in joined.windows(2) {
                prop_assert!(pair[1].start > pair[0].end + gap);
            }
        }

        #[test]
        fn splitting_loses_no_byte(
            start in 0u64..100,
            len in 0u64..100,
            others in prop::collection::vec((0u64..200, 1u64..50), 0..5),
        ) {
            let others: Vec<_> = others.into_iter().map(|(start, len)| start..start + len).collect();
            let (outside, inside) = split(start..start + len, &others);
            for byte in 0..300 {
                let within = |ranges: &[Range<u64>]| ranges.iter().any(|range| range.contains(&byte));
                let wanted = (start..start + len).contains(&byte);
                prop_assert_eq!(within(&inside), wanted && within(&others));
                prop_assert_eq!(within(&outside), wanted && !within(&others));
            }
        }
    }
}
