//! What is fetched before it is decoded.

use std::{collections::VecDeque, slice};

use super::budget::Budget;
use crate::{Error, demux::Session, select::Rung};

/// Rungs in the order in which they are climbed. Their bytes are fetched all at once where the
/// cache holds them, else as many as it holds: more would drive out what nobody has read yet.
pub(super) struct Ahead {
    rungs: Vec<Rung>,
    /// The rungs that were not fetched yet, and the bytes of each.
    waiting: VecDeque<(usize, u64)>,
    over_budget: Vec<usize>,
    /// Bytes fetched at once.
    room: u64,
}

impl Ahead {
    /// Keyframes alone come first, then what is decoded forward, by its time. The cache holds
    /// `cache` bytes; the first that it holds are fetched now, before anyone waits for a CPU.
    pub(super) fn new(
        session: &mut Session,
        rungs: Vec<Rung>,
        cache: usize,
        budget: &mut Budget,
    ) -> Result<Self, Error> {
        let mut order: Vec<_> = (0..rungs.len()).collect();
        order.sort_by_key(|nth| match rungs[*nth] {
            Rung::Keyframe(_) => None,
            Rung::Forward { target_us, .. } => Some(target_us),
        });
        let mut bytes = |nth: usize| {
            let planned = session.planned(&rungs[nth]);
            planned.map_or(0, |range| range.end.saturating_sub(range.start))
        };
        let waiting = order.into_iter().map(|nth| (nth, bytes(nth))).collect();
        let mut ahead = Self {
            rungs,
            waiting,
            over_budget: Vec::new(),
            // A quarter is for headers, and for what libav reads beyond the plan.
            room: (cache - cache / 4) as u64,
        };
        ahead.fetch(session, budget)?;
        Ok(ahead)
    }

    /// Whether the `nth` rung may be climbed: reading piece by piece what is over budget as a whole
    /// would leave the others nothing. Fetches its bytes, as far as their place is known, and those
    /// of the next ones, unless that was done before.
    pub(super) fn has(
        &mut self,
        session: &mut Session,
        nth: usize,
        budget: &mut Budget,
    ) -> Result<bool, Error> {
        while self.waiting.iter().any(|(waiting, _)| *waiting == nth) {
            self.fetch(session, budget)?;
        }
        Ok(!self.over_budget.contains(&nth))
    }

    fn fetch(&mut self, session: &mut Session, budget: &mut Budget) -> Result<(), Error> {
        let mut batch = Vec::new();
        let mut room = self.room;
        while let Some((nth, bytes)) = self.waiting.front().copied()
            && (batch.is_empty() || bytes <= room)
        {
            room = room.saturating_sub(bytes);
            batch.push(nth);
            self.waiting.pop_front();
        }
        let rungs: Vec<_> = batch.iter().map(|nth| self.rungs[*nth].clone()).collect();
        if Budget::default().allow(session.prefetch(&rungs))?.is_none() {
            // Those that fit were fetched and cost nothing now.
            for (nth, rung) in batch.into_iter().zip(&rungs) {
                let fetched = session.prefetch(slice::from_ref(rung));
                if budget.allow(fetched)?.is_none() {
                    self.over_budget.push(nth);
                }
            }
        }
        Ok(())
    }
}
