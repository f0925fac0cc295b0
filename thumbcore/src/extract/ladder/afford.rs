//! Which keyframes the purses pay for.

use super::{Ladder, purse::Price};
use crate::{
    container::{Keyframe, ListedKeyframe},
    extract::target::Entrant,
    select::{ROUNDING_US, promising},
};

impl Ladder<'_> {
    /// The keyframes of `listed` that compete for target `nth`: up to `count`, as many as its share
    /// of the purse pays for. Where the index tells no sizes, those that compete with the nearest.
    pub(super) fn affordable_field(
        &mut self,
        listed: &[ListedKeyframe],
        nth: usize,
        count: usize,
    ) -> Vec<ListedKeyframe> {
        let chosen = if listed.iter().all(|it| it.size.is_some()) {
            self.told_field(listed, nth, count)
        } else {
            self.untold_field(listed, nth, count)
        };
        let purse = self.purse(nth);
        purse.targets = purse.targets.saturating_sub(1);
        chosen
    }

    fn told_field(
        &mut self,
        listed: &[ListedKeyframe],
        nth: usize,
        count: usize,
    ) -> Vec<ListedKeyframe> {
        let share = self.purse(nth).share();
        let wanted = self.targets[nth].wanted.clone();
        let of = |count| promising(listed, wanted.time_us, &wanted.reach, count);
        let nearest = self.nearest_price(nth).unwrap_or_default();
        let mut chosen = of(count);
        let mut price = self.listed_price(nth, &chosen).less(nearest);
        for count in (1..count).rev() {
            if share.covers(price) {
                break;
            }
            chosen = of(count);
            price = self.listed_price(nth, &chosen).less(nearest);
        }
        self.purse(nth).pay(price);
        chosen
    }

    /// What is looked for may be all that the bytes are enough for: none are kept for later.
    fn untold_field(
        &mut self,
        listed: &[ListedKeyframe],
        nth: usize,
        count: usize,
    ) -> Vec<ListedKeyframe> {
        let nearest = self.targets[nth].keyframe_alone();
        let nearest_us = nearest.map(|nearest| nearest.time_us);
        let is_other = |it: &&ListedKeyframe| {
            nearest_us.is_none_or(|time_us| it.time_us.abs_diff(time_us) > ROUNDING_US as u64)
        };
        let others: Vec<_> = listed.iter().filter(is_other).copied().collect();
        let (left, each) = (self.purse(nth).left, self.purse(nth).usual);
        let share = Price {
            bytes: left.part(self.purse(nth).targets).bytes,
            ..self.purse(nth).share()
        };
        let of_bytes = share.bytes / each.bytes.max(1);
        let mut more = of_bytes.min(share.work / each.work.max(1)) as usize;
        if more == 0 && left.covers(each) {
            more = 1;
        }
        let wanted = &self.targets[nth].wanted;
        let more = more.min(count.saturating_sub(1));
        let chosen = promising(&others, wanted.time_us, &wanted.reach, more);
        let price = self.listed_price(nth, &chosen);
        let purse = self.purse(nth);
        purse.pay(price);
        purse.reserved = purse.reserved.saturating_add(price.bytes);
        chosen
    }

    /// Takes out of `found`, keyframes that were looked for at the cost of `looking` bytes since no
    /// index tells their sizes, what turns out to be beyond the purses, and pays for the rest.
    pub(super) fn settle(&mut self, found: &mut Vec<(usize, Entrant)>, looking: u64) {
        for purse in &mut self.purses {
            purse.left.bytes = purse.left.bytes.saturating_add(purse.reserved);
            purse.left.bytes = purse.left.bytes.saturating_sub(looking);
            purse.reserved = 0;
        }
        found.retain(|(nth, entrant)| {
            let price = Price {
                work: 0,
                ..self.price(*nth, entrant)
            };
            // The nearest is read in any case, and others with it.
            let nearest = self.nearest_price(*nth).unwrap_or_default();
            let may_read = price.bytes == 0 || nearest.bytes > 0 || self.may_read(*nth);
            let purse = self.purse(*nth);
            let is_kept = may_read && purse.left.covers(price);
            if is_kept {
                purse.pay(price);
            }
            is_kept
        });
    }

    /// Those of `chosen`, further keyframes of an index, that may be looked for where it tells no
    /// sizes.
    pub(super) fn affordable_looks(
        &mut self,
        nth: usize,
        mut chosen: Vec<ListedKeyframe>,
    ) -> Vec<ListedKeyframe> {
        let reader = &self.task.reader;
        let is_whole = reader.missing(0..reader.len()) == 0;
        let are_told = chosen.iter().all(|it| it.size.is_some());
        if is_whole || are_told || !self.targets[nth].takes_best() {
            return chosen;
        }
        let left = if self.may_read(nth) {
            self.purse(nth).left
        } else {
            Price::default()
        };
        while !left.covers(self.listed_price(nth, &chosen)) {
            chosen.pop();
        }
        chosen
    }

    /// As many of `found` as the purses pay for, and pays for them: first one for each target, then
    /// another.
    pub(super) fn affordable(&mut self, found: Vec<(usize, Entrant)>) -> Vec<(usize, Entrant)> {
        let rank = |at: usize| {
            let (nth, _) = &found[at];
            found[..at].iter().filter(|(of, _)| of == nth).count()
        };
        let mut order: Vec<_> = (0..found.len()).collect();
        order.sort_by_key(|at| rank(*at));
        let mut kept = Vec::new();
        for at in order {
            let (nth, entrant) = &found[at];
            let price = self.price(*nth, entrant);
            let is_held = price.bytes == 0;
            let may_read = is_held || self.may_read(*nth);
            if !self.targets[*nth].takes_best() {
                kept.push(at);
            } else if may_read && self.purse(*nth).left.covers(price) {
                self.purse(*nth).pay(price);
                kept.push(at);
            }
        }
        let mut found: Vec<_> = found.into_iter().map(Some).collect();
        kept.sort_unstable();
        kept.iter().filter_map(|at| found[*at].take()).collect()
    }

    /// Whether the purse pays for decoding `keyframe` once more, for target `nth`; pays for it.
    pub(super) fn pays_again(&mut self, nth: usize, keyframe: &Keyframe) -> bool {
        let entrant = Entrant::unlisted(keyframe.clone());
        let price = self.price(nth, &entrant);
        let is_affordable = self.purse(nth).left.covers(price);
        if is_affordable {
            self.purse(nth).pay(price);
        }
        is_affordable
    }
}
