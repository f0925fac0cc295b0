//! The order of pictures that compete for one thumbnail.

use super::target::Judged;
use crate::score::{Score, is_blend};

/// What is left of the value of a picture that is blended from those before and after it.
const BLENDED: f64 = 0.3;

/// Pictures of one target's field, each with its number there.
#[derive(Debug, Default)]
pub(super) struct Ranking {
    judged: Vec<(usize, Judged)>,
}

impl Ranking {
    pub(super) fn add(&mut self, nth: usize, judged: Judged) {
        self.judged.push((nth, judged));
    }

    /// The number of the best picture; the earlier one of two that are alike good.
    pub(super) fn first(&self) -> Option<usize> {
        self.best_that(|_| true)
    }

    /// As [`first`](Self::first), of those that `is_it`.
    pub(super) fn best_that(&self, is_it: impl Fn(&Judged) -> bool) -> Option<usize> {
        let value = |(_, judged): &&(usize, Judged)| judged.judgement.score.value;
        let those = self.judged.iter().rev().filter(|(_, judged)| is_it(judged));
        let best = those.max_by(|a, b| value(a).total_cmp(&value(b)));
        best.map(|(nth, _)| *nth)
    }

    /// How good picture `nth` is beside the others.
    pub(super) fn score(&self, nth: usize) -> Option<Score> {
        let judged = self.judged.iter().find(|(of, _)| *of == nth);
        judged.map(|(_, judged)| judged.judgement.score)
    }

    /// Takes most of their value from pictures that are blended from their neighbours in time: a
    /// cross-fade shows two scenes and neither well.
    pub(super) fn discount_blends(&mut self) {
        self.judged
            .sort_by_key(|(_, judged)| judged.judgement.time_us);
        let signature = |nth: usize| &self.judged[nth].1.judgement.signature;
        let blends = (1..self.judged.len().saturating_sub(1))
            .filter(|nth| is_blend(signature(*nth), signature(nth - 1), signature(nth + 1)));
        for nth in blends.collect::<Vec<_>>() {
            self.judged[nth].1.judgement.score.value *= BLENDED;
        }
    }

    pub(super) fn into_judged(self) -> Vec<Judged> {
        self.judged.into_iter().map(|(_, judged)| judged).collect()
    }
}
