//! The order of pictures that compete for one thumbnail.

use super::target::Judged;
use crate::score::{Score, is_blend};

/// What is left of the value of a picture that is blended from those before and after it.
pub(super) const BLENDED: f64 = 0.3;

/// How far apart, in microseconds, pictures are that share a cross-fade: half a usual one.
const DISSOLVE_US: u64 = 500_000;

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

    /// Takes most of their value from pictures that are blended from others before and after them:
    /// a cross-fade shows two scenes and neither well.
    pub(super) fn discount_blends(&mut self) {
        self.judged
            .sort_by_key(|(_, judged)| judged.judgement.time_us);
        let last = self.judged.len().saturating_sub(1);
        let mut blends: Vec<_> = (0..=last).filter(|nth| self.is_blended(*nth)).collect();
        // The first and the last have one neighbour, and share its cross-fade where it is close.
        let edges = [(0, 1), (last, last.saturating_sub(1))];
        let shares = |(edge, inner): &(usize, usize)| {
            blends.contains(inner) && self.apart_us(*edge, *inner) <= DISSOLVE_US
        };
        let edges: Vec<_> = edges.into_iter().filter(shares).collect();
        blends.extend(edges.iter().map(|(edge, _)| edge));
        for nth in blends {
            self.judged[nth].1.judgement.score.value *= BLENDED;
        }
    }

    /// Whether picture `nth` in the order of time is blended from its neighbours, or from others
    /// close before and after it.
    fn is_blended(&self, nth: usize) -> bool {
        let signature = |nth: usize| &self.judged[nth].1.judgement.signature;
        let is_close = |other: &usize| {
            other.abs_diff(nth) == 1 || self.apart_us(*other, nth) <= 2 * DISSOLVE_US
        };
        let mut before = (0..nth).filter(is_close);
        before.any(|before| {
            let mut after = (nth + 1..self.judged.len()).filter(is_close);
            after.any(|after| is_blend(signature(nth), signature(before), signature(after)))
        })
    }

    fn apart_us(&self, one: usize, other: usize) -> u64 {
        let time_us = |nth: usize| self.judged[nth].1.judgement.time_us.unwrap_or(0);
        time_us(one).abs_diff(time_us(other))
    }

    pub(super) fn into_judged(self) -> Vec<Judged> {
        self.judged.into_iter().map(|(_, judged)| judged).collect()
    }
}
