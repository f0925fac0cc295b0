//! The bytes fetched so far.

use std::{
    collections::{BTreeMap, VecDeque},
    ops::Range,
};

use bytes::Bytes;

use crate::memory::Charge;

/// A sparse copy of a file: segments that do not overlap, the oldest of which go first when there
/// is more than `capacity`. One that is larger is held alone. What lies in the pinned range stays,
/// and leaves the capacity to the others.
#[derive(Debug)]
pub(super) struct SparseCache {
    segments: BTreeMap<u64, Bytes>,
    /// The starts of all segments, the oldest first.
    order: VecDeque<u64>,
    held: usize,
    capacity: usize,
    /// Empty where nothing is pinned.
    pinned: Range<u64>,
    /// What the held bytes are charged.
    charge: Option<Charge>,
}

impl SparseCache {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            segments: BTreeMap::new(),
            order: VecDeque::new(),
            held: 0,
            capacity,
            pinned: 0..0,
            charge: None,
        }
    }

    /// As [`insert`](Self::insert); `charge` was made for the bytes before they were read.
    pub(super) fn insert_charged(&mut self, start: u64, bytes: &Bytes, charge: Charge) {
        self.insert(start, bytes);
        match &mut self.charge {
            Some(held) => held.merge(charge),
            none => *none = Some(charge),
        }
        self.charge_for_held();
    }

    fn charge_for_held(&mut self) {
        if let Some(charge) = &mut self.charge {
            charge.shrink_to(self.held as u64);
        }
    }

    /// Bytes held.
    pub(super) fn held(&self) -> usize {
        self.held
    }

    /// Adds `bytes` at `start`; what is already there is kept.
    pub(super) fn insert(&mut self, start: u64, bytes: &Bytes) {
        for gap in self.gaps(start..start + bytes.len() as u64) {
            let piece = bytes.slice((gap.start - start) as usize..(gap.end - start) as usize);
            self.held += piece.len();
            self.order.push_back(gap.start);
            self.segments.insert(gap.start, piece);
        }
        self.evict();
    }

    /// Keeps what is held of `range`, and what will be, until [`unpin`](Self::unpin).
    pub(super) fn pin(&mut self, range: Range<u64>) {
        self.pinned = range;
    }

    pub(super) fn unpin(&mut self) {
        self.pinned = 0..0;
        self.evict();
        self.charge_for_held();
    }

    /// Drops the oldest segments that are not pinned until the others fit; the newest stays.
    fn evict(&mut self) {
        if self.held <= self.capacity {
            return;
        }
        let is_loose = |start: &u64| {
            let len = self.segments.get(start).map_or(0, Bytes::len) as u64;
            *start >= self.pinned.end || start + len <= self.pinned.start
        };
        let loose: Vec<u64> = self.order.iter().copied().filter(is_loose).collect();
        let lens = loose.iter().filter_map(|start| self.segments.get(start));
        let mut held: usize = lens.map(Bytes::len).sum();
        let Some((_newest, older)) = loose.split_last() else {
            return;
        };
        for start in older {
            if held <= self.capacity {
                break;
            }
            let len = self.segments.remove(start).map_or(0, |bytes| bytes.len());
            held -= len;
            self.held -= len;
        }
        self.order.retain(|start| self.segments.contains_key(start));
    }

    /// Makes what is held of `range` the last to go.
    pub(super) fn renew(&mut self, range: &Range<u64>) {
        let before = self.segments.range(..range.end).rev();
        let held: Vec<u64> = before
            .take_while(|(start, segment)| **start + segment.len() as u64 > range.start)
            .map(|(start, _)| *start)
            .collect();
        if !held.is_empty() {
            self.order.retain(|start| !held.contains(start));
            self.order.extend(held);
        }
    }

    /// The parts of `range` that are not held.
    pub(super) fn gaps(&self, range: Range<u64>) -> Vec<Range<u64>> {
        let mut gaps = Vec::new();
        let mut position = range.start;
        let first = self
            .segments
            .range(..=range.start)
            .next_back()
            .map_or(range.start, |(start, _)| *start);
        for (start, segment) in self.segments.range(first..range.end.max(first)) {
            let end = start + segment.len() as u64;
            if end <= position {
                continue;
            }
            if *start > position {
                gaps.push(position..*start);
            }
            position = end;
        }
        if position < range.end {
            gaps.push(position..range.end);
        }
        gaps
    }

    /// Whether any byte of `range` is held.
    pub(super) fn holds_any(&self, range: &Range<u64>) -> bool {
        let mut before = self.segments.range(..range.end);
        let last = before.next_back();
        !range.is_empty()
            && last.is_some_and(|(start, bytes)| start + bytes.len() as u64 > range.start)
    }

    /// The held bytes from `position` on, up to the end of the segment they are in.
    pub(super) fn at(&self, position: u64) -> Option<Bytes> {
        let (start, segment) = self.segments.range(..=position).next_back()?;
        let offset = usize::try_from(position - start).ok()?;
        (offset < segment.len()).then(|| segment.slice(offset..))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file(len: usize) -> Bytes {
        (0..len).map(|i| (i % 251) as u8).collect()
    }

    #[test]
    fn what_is_renewed_outlasts_what_is_newer() {
        let file = file(700);
        let mut cache = SparseCache::new(300);
        for start in [0, 100, 200] {
            cache.insert(start, &file.slice(start as usize..start as usize + 100));
        }
        cache.renew(&(50..150));
        cache.renew(&(200..200));
        cache.insert(500, &file.slice(500..600));
        assert_eq!(cache.gaps(0..300), [200..300]);
        cache.insert(600, &file.slice(600..700));
        assert_eq!(cache.held, 300);
    }

    #[test]
    fn what_is_pinned_stays_and_takes_no_room() {
        let file = file(700);
        let mut cache = SparseCache::new(200);
        cache.insert(0, &file.slice(..50));
        cache.pin(20..400);
        cache.insert(50, &file.slice(50..400));
        for start in [400, 500, 600] {
            cache.insert(start, &file.slice(start as usize..start as usize + 100));
        }
        assert_eq!(cache.gaps(0..700), [400..500]);
        assert_eq!(cache.held, 600);
        cache.unpin();
        assert_eq!(cache.gaps(0..700), [0..500]);
        assert_eq!(cache.held, 200);
    }

    proptest! {
        #[test]
        fn holds_exactly_what_was_inserted(
            inserts in prop::collection::vec((0u64..500, 0usize..120), 0..20),
            start in 0u64..600,
            len in 0u64..200,
        ) {
            let file = file(700);
            let mut cache = SparseCache::new(usize::MAX);
            let mut held = [false; 700];
            for (at, len) in inserts {
                cache.insert(at, &file.slice(at as usize..at as usize + len));
                held[at as usize..at as usize + len].fill(true);
            }
            let range = start..(start + len).min(700);
            let gaps = cache.gaps(range.clone());
            for position in range {
                let in_gap = gaps.iter().any(|gap| gap.contains(&position));
                prop_assert_eq!(in_gap, !held[position as usize]);
                match cache.at(position) {
                    Some(bytes) => {
                        prop_assert!(held[position as usize]);
                        let at = position as usize;
                        prop_assert_eq!(&bytes[..], &file[at..at + bytes.len()]);
                    }
                    None => prop_assert!(!held[position as usize]),
                }
            }
        }

        #[test]
        fn stays_within_its_capacity(inserts in prop::collection::vec((0u64..5000, 1usize..200), 1..50)) {
            let file = file(6000);
            let mut cache = SparseCache::new(1000);
            for (at, len) in inserts {
                cache.insert(at, &file.slice(at as usize..at as usize + len));
                let held: usize = cache.segments.values().map(Bytes::len).sum();
                prop_assert_eq!(held, cache.held);
                prop_assert!(held <= 1000);
            }
        }
    }
}
