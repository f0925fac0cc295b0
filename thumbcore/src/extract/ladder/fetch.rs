//! What the targets read: fetched ahead, and the packets of keyframes.

use std::ops::Range;

use super::Ladder;
use crate::{
    Error,
    container::Place,
    extract::{
        first_limit::FirstLimit,
        keyframes::{Batch, Entry, Work},
        target::{Entrant, Made, State, Supply},
    },
    select::Plan,
};

/// Keyframes held at once, compressed: more would let a file's claims fill the memory.
const BATCH: usize = 8;

impl Ladder<'_> {
    /// Decodes the keyframes that the targets `wanted` are planned to be made from alone, or that
    /// compete for them; as many as give pictures. Each target's plan is then the keyframe that
    /// gave its picture.
    pub(super) fn decode_keyframes(
        &mut self,
        wanted: &[usize],
    ) -> Result<Vec<(usize, Made)>, Error> {
        let mut made = Vec::new();
        let mut rest = wanted;
        while !rest.is_empty() {
            let (chunk, others) = rest.split_at(self.batch_of(rest));
            rest = others;
            let mut work = Vec::new();
            for nth in chunk {
                work.extend(self.contest(*nth)?);
            }
            if work.is_empty() {
                continue;
            }
            let batch = Batch::decode(&self.task, &self.session.track, self.request, work);
            self.cpu += batch.cpu;
            let mut without = chunk.to_vec();
            for won in batch.won {
                without.retain(|nth| *nth != won.target);
                let target = &mut self.targets[won.target];
                target.plan = Plan::Keyframe(won.keyframe);
                target.judged.extend(won.judged);
                made.push((won.target, won.made));
            }
            self.allow(&without, batch.result)?;
        }
        Ok(made)
    }

    /// How many of the targets `wanted`, from the first on, are decoded in one batch.
    fn batch_of(&self, wanted: &[usize]) -> usize {
        let mut keyframes = 0;
        let fitting = wanted.iter().take_while(|nth| {
            keyframes += self.targets[**nth].field.len().max(1);
            keyframes <= BATCH
        });
        fitting.count().max(1)
    }

    /// The packets of the keyframes that compete for target `nth`, of which its plan's may be the
    /// only one.
    fn contest(&mut self, nth: usize) -> Result<Option<Work>, Error> {
        if !self.fetch(nth)? {
            return Ok(None);
        }
        let target = &mut self.targets[nth];
        let mut field = std::mem::take(&mut target.field);
        if field.is_empty() {
            field.extend(target.keyframe_alone().cloned().map(Entrant::unlisted));
        }
        let mut entries = Vec::with_capacity(field.len());
        let mut is_over_budget = false;
        for entrant in field {
            let packets = self.session.packets(&self.task.reader, &entrant.keyframe);
            let packet = packets.and_then(|mut packets| packets.next());
            match self.allow(&[nth], packet)? {
                Some(Some(packet)) => entries.push(Entry { entrant, packet }),
                Some(None) => {}
                None => is_over_budget = true,
            }
        }
        let target = &mut self.targets[nth];
        if entries.is_empty() && is_over_budget {
            target.give_up_plan();
        }
        Ok((!entries.is_empty()).then_some(Work {
            target: nth,
            entries,
            choice: target.wanted.choice,
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
            let ranges = self.ranges(nth, all_room);
            let lengths = ranges
                .iter()
                .map(|range| range.end.saturating_sub(range.start));
            let bytes = lengths.fold(0, u64::saturating_add);
            if !batch.is_empty() && bytes > room {
                break;
            }
            room = room.saturating_sub(bytes);
            batch.push((nth, ranges));
        }
        self.fetch_batch(&batch)
    }

    /// What target `nth` will read, as far as its place is known: what its plan does, or all that
    /// compete for its picture.
    fn ranges(&mut self, nth: usize, all_room: u64) -> Vec<Range<u64>> {
        let target = &self.targets[nth];
        if !target.field.is_empty() {
            let places = target.field.iter().map(|entrant| &entrant.keyframe.place);
            return places.filter_map(Place::bytes).collect();
        }
        let range = target.plan.keyframe().and_then(|keyframe| {
            let until_us = target.plan.until_us();
            self.session.planned(&self.task.reader, keyframe, until_us)
        });
        // The rest of a long way is read on the way, or it would push out what it follows.
        let range =
            range.map(|range| range.start..range.end.min(range.start.saturating_add(all_room)));
        range.into_iter().collect()
    }

    /// Fetches the ranges of these targets at once, or those alone that are within budget.
    fn fetch_batch(&mut self, batch: &[(usize, Vec<Range<u64>>)]) -> Result<(), Error> {
        let reader = &self.task.reader;
        let all = batch.iter().flat_map(|(_, ranges)| ranges.iter().cloned());
        let all = self.request.joined(all.collect(), reader.config());
        let fetched = self.session.prefetch(reader, all);
        let is_within = FirstLimit::default().allow(fetched)?.is_some();
        for (nth, ranges) in batch {
            self.targets[*nth].supply = Supply::Fetched;
            if is_within {
                continue;
            }
            // Those that fit were fetched and cost nothing now. Nothing competes with the plan's
            // keyframe where the budget ends.
            self.targets[*nth].field.truncate(1);
            let ranges = ranges.iter().take(1).cloned();
            let fetched = self.session.prefetch(&self.task.reader, ranges);
            if self.allow(&[*nth], fetched)?.is_none() {
                let target = &mut self.targets[*nth];
                target.supply = Supply::Denied;
                target.give_up_plan();
            }
        }
        Ok(())
    }
}
