//! What the targets read: fetched ahead, and the packets of keyframes.

use std::ops::Range;

use super::Ladder;
use crate::{
    Error,
    extract::{
        first_limit::FirstLimit,
        keyframes::{Batch, Work},
        target::{Made, State, Supply},
    },
};

/// Keyframes held at once, compressed: more would let a file's claims fill the memory.
const BATCH: usize = 8;

impl Ladder<'_> {
    /// Decodes the keyframes that the targets `wanted` are planned to be made from alone, as many
    /// as give pictures.
    pub(super) fn decode_keyframes(
        &mut self,
        wanted: &[usize],
    ) -> Result<Vec<(usize, Made)>, Error> {
        let mut made = Vec::new();
        for chunk in wanted.chunks(BATCH) {
            let mut work = Vec::new();
            for nth in chunk {
                work.extend(self.keyframe_packet(*nth)?);
            }
            if work.is_empty() {
                continue;
            }
            let batch = Batch::decode(&self.task, &self.session.track, self.request, work);
            made.extend(batch.made);
            self.cpu += batch.cpu;
            let pictured = |nth: &usize| made.iter().any(|(of, _)| of == nth);
            let without: Vec<_> = chunk.iter().copied().filter(|nth| !pictured(nth)).collect();
            self.allow(&without, batch.result)?;
        }
        Ok(made)
    }

    /// The packet of the keyframe that target `nth` is planned to be made from.
    fn keyframe_packet(&mut self, nth: usize) -> Result<Option<Work>, Error> {
        if !self.fetch(nth)? {
            return Ok(None);
        }
        let Some(keyframe) = self.targets[nth].keyframe_alone() else {
            return Ok(None);
        };
        let is_untimed = keyframe.place.is_untimed();
        let packets = self.session.packets(&self.task.reader, keyframe);
        let packet = packets.and_then(|mut packets| packets.next());
        let Some(packet) = self.allow(&[nth], packet)? else {
            self.targets[nth].give_up_plan();
            return Ok(None);
        };
        Ok(packet.map(|packet| Work {
            target: nth,
            packet,
            is_untimed,
        }))
    }

    /// Sees to it that what target `nth` will read is held, as far as its place is known: fetches
    /// everything that was planned and not fetched yet at once where the cache holds that, else
    /// as much as it holds. Whether it is within budget: reading piece by piece what is over
    /// budget as a whole would leave the other targets nothing.
    pub(super) fn fetch(&mut self, nth: usize) -> Result<bool, Error> {
        while self.targets[nth].supply == Supply::Unfetched {
            self.fetch_next()?;
        }
        let target = &self.targets[nth];
        let is_over_budget = matches!(target.state, State::OverBudget);
        Ok(target.supply == Supply::Fetched && !is_over_budget)
    }

    /// Fetches what the next targets will read: keyframes alone come first, then what is decoded
    /// forward, by its time.
    fn fetch_next(&mut self) -> Result<(), Error> {
        let mut order = self.those(|target| target.supply == Supply::Unfetched);
        order.sort_by_key(|nth| self.targets[*nth].plan.until_us());
        let mut batch = Vec::new();
        let cache = self.task.reader.config().cache;
        // A quarter is for headers, and for what libav reads beyond the plan.
        let all_room = (cache - cache / 4) as u64;
        let mut room = all_room;
        for nth in order {
            let target = &self.targets[nth];
            let range = target.plan.keyframe().and_then(|keyframe| {
                let until_us = target.plan.until_us();
                self.session.planned(&self.task.reader, keyframe, until_us)
            });
            // The rest of a long way is read on the way, or it would push out what it follows.
            let range =
                range.map(|range| range.start..range.end.min(range.start.saturating_add(all_room)));
            let bytes = range
                .as_ref()
                .map_or(0, |range| range.end.saturating_sub(range.start));
            if !batch.is_empty() && bytes > room {
                break;
            }
            room = room.saturating_sub(bytes);
            batch.push((nth, range));
        }
        self.fetch_batch(&batch)
    }

    /// Fetches the ranges of these targets at once, or those alone that are within budget.
    fn fetch_batch(&mut self, batch: &[(usize, Option<Range<u64>>)]) -> Result<(), Error> {
        let reader = &self.task.reader;
        let all = batch.iter().filter_map(|(_, range)| range.clone());
        let all = self.request.joined(all.collect(), reader.config());
        let fetched = self.session.prefetch(reader, all);
        let is_within = FirstLimit::default().allow(fetched)?.is_some();
        for (nth, range) in batch {
            self.targets[*nth].supply = Supply::Fetched;
            if is_within {
                continue;
            }
            // Those that fit were fetched and cost nothing now.
            let fetched = self.session.prefetch(&self.task.reader, range.clone());
            if self.allow(&[*nth], fetched)?.is_none() {
                let target = &mut self.targets[*nth];
                target.supply = Supply::Denied;
                target.give_up_plan();
            }
        }
        Ok(())
    }
}
