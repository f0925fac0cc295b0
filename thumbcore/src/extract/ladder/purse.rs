//! What pictures that take the best may cost beyond the nearest keyframes: see [`Purse`].

use std::{
    iter::Sum,
    ops::{Add, Range},
};

use super::{Ladder, between::Group};
use crate::{Error, container::ListedKeyframe, extract::target::Entrant, select::MAX_FURTHER};

/// Pixels that take as much work as a byte of a compressed picture.
const PIXELS: u64 = 32;
/// Work of making a picture small and judging it.
const JUDGING: u64 = 12 << 10;
/// Work that a picture may take beyond that of the nearest keyframe, in quarters of that: decoding
/// is almost all that a call takes, so that three times as much is not reached.
const QUARTERS: u64 = 7;
/// And as much besides: a call takes some time whatever it decodes.
const BESIDES: u64 = 48 << 10;
/// Work that a picture may take that turns out to be poor in films of small pictures, the nearest's
/// among it: about 80 ms.
const LEAST: u64 = 1 << 20;
/// Round trips where an index names the keyframes.
const TRIPS: u64 = 1;
/// The part of the work that fields leave: for pictures that turn out to be poor, or to show the
/// same.
const KEPT: usize = 3;

/// Bytes to fetch, and work: the time that decoding a byte of a compressed picture takes is 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Price {
    pub(super) bytes: u64,
    pub(super) work: u64,
}

impl Price {
    pub(super) fn covers(self, other: Self) -> bool {
        other.bytes <= self.bytes && other.work <= self.work
    }

    pub(super) fn less(self, other: Self) -> Self {
        Self {
            bytes: self.bytes.saturating_sub(other.bytes),
            work: self.work.saturating_sub(other.work),
        }
    }

    pub(super) fn part(self, of: usize) -> Self {
        let of = of.max(1) as u64;
        Self {
            bytes: self.bytes / of,
            work: self.work / of,
        }
    }
}

impl Add for Price {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            bytes: self.bytes.saturating_add(other.bytes),
            work: self.work.saturating_add(other.work),
        }
    }
}

impl Sum for Price {
    fn sum<I: Iterator<Item = Self>>(prices: I) -> Self {
        prices.fold(Self::default(), Add::add)
    }
}

/// What is left for the pictures at positions, or for covers.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Purse {
    pub(super) left: Price,
    /// What fields leave: for pictures that turn out to be poor, or to show the same.
    pub(super) kept: Price,
    /// Targets that have no field yet.
    pub(super) targets: usize,
    /// What a keyframe costs whose size nothing tells: as much as the nearest do.
    pub(super) usual: Price,
    /// Bytes that were paid for keyframes before it was known what they cost.
    pub(super) reserved: u64,
    /// Round trips that may still be made where an index names the keyframes.
    round_trips: u64,
}

impl Purse {
    /// What the next target's field may cost: an equal part of what fields do not leave.
    pub(super) fn share(&self) -> Price {
        self.left.less(self.kept).part(self.targets)
    }

    pub(super) fn pay(&mut self, price: Price) {
        self.left = self.left.less(price);
    }
}

impl Ladder<'_> {
    /// Sets aside what the targets `wanted` may cost, each with the number of keyframes that compete
    /// for it at most.
    pub(super) fn fill_purses(&mut self, wanted: &[(usize, usize)]) {
        for is_cover in [false, true] {
            let of_kind =
                |(nth, _): &&(usize, usize)| self.targets[*nth].wanted.is_cover == is_cover;
            let own: Vec<_> = wanted.iter().filter(of_kind).collect();
            let nearest = own.iter().filter_map(|(nth, _)| self.nearest_price(*nth));
            let nearest: Vec<_> = nearest.collect();
            let mut usual = nearest.iter().copied().sum::<Price>().part(nearest.len());
            let looking = self.looking.max(self.session.looking());
            usual.bytes = usual.bytes.saturating_add(looking);
            usual.work = usual.work.max(self.work_of(0));
            let usual_work = own.iter().map(|(nth, count)| {
                let nearest = self.nearest_price(*nth).unwrap_or(usual);
                // A cover is compared with nothing, and there is one a film.
                let quarters = if is_cover {
                    6 * *count as u64
                } else {
                    QUARTERS
                };
                (nearest.work / 4)
                    .saturating_mul(quarters)
                    .saturating_add(BESIDES)
            });
            let usual_work = usual_work.fold(0, u64::saturating_add);
            let count = own.len() as u64;
            let left = Price {
                bytes: count * MAX_FURTHER,
                work: usual_work.max((count * LEAST).saturating_sub(usual_work)),
            };
            let fields = usual_work - usual_work / KEPT as u64;
            self.purses[usize::from(is_cover)] = Purse {
                left,
                kept: Price {
                    bytes: left.part(KEPT).bytes,
                    work: left.work - fields,
                },
                targets: own.len(),
                usual,
                reserved: 0,
                round_trips: TRIPS,
            };
        }
    }

    /// What target `nth` is paid from.
    pub(super) fn purse(&mut self, nth: usize) -> &mut Purse {
        &mut self.purses[self.purse_of(nth)]
    }

    fn purse_of(&self, nth: usize) -> usize {
        usize::from(self.targets[nth].wanted.is_cover)
    }

    /// Whether a round trip is left for target `nth`. Where no index names keyframes they are
    /// searched for, and nobody counts.
    pub(super) fn may_read(&mut self, nth: usize) -> bool {
        self.listed().is_empty() || self.purse(nth).round_trips > 0
    }

    /// Pays for what was read since the reader had these costs: looking for keyframes.
    pub(super) fn pay_since(&mut self, (bytes, round_trips): (u64, u64)) {
        let reader = &self.task.reader;
        let bytes = reader.bytes_fetched() - bytes;
        for purse in &mut self.purses {
            purse.pay(Price { bytes, work: 0 });
        }
        self.spend_trips_since(round_trips);
    }

    /// Pays for what `groups` of target `nth` read and decode.
    pub(super) fn pay_for_groups<'a>(
        &mut self,
        nth: usize,
        groups: impl IntoIterator<Item = &'a Group>,
    ) {
        let prices = groups.into_iter().map(|group| self.group_price(group));
        let price = prices.sum();
        self.purse(nth).pay(price);
    }

    /// Fetches `ranges`, whose bytes are paid for, for the targets `numbers`, and spends the round trip.
    pub(super) fn fetch_paid(
        &mut self,
        numbers: &[usize],
        ranges: impl IntoIterator<Item = Range<u64>>,
    ) -> Result<(), Error> {
        let round_trips = self.task.reader.round_trips();
        let fetched = self.session.prefetch(&self.task.reader, ranges);
        self.spend_trips_since(round_trips);
        self.allow(numbers, fetched).map(drop)
    }

    /// Spends the round trips that were made since the reader had made so many.
    pub(super) fn spend_trips_since(&mut self, round_trips: u64) {
        let trips = self.task.reader.round_trips() - round_trips;
        for purse in &mut self.purses {
            purse.round_trips = purse.round_trips.saturating_sub(trips);
        }
    }

    /// What a keyframe costs that was located.
    pub(super) fn price(&self, nth: usize, entrant: &Entrant) -> Price {
        let bytes = entrant.keyframe.place.bytes();
        let usual = self.purses[self.purse_of(nth)].usual;
        let size = entrant.size.or(bytes.as_ref().map(length));
        Price {
            bytes: bytes.map_or(0, |bytes| self.task.reader.missing(bytes)),
            work: size.map_or(usual.work, |size| self.work_of(size)),
        }
    }

    /// What keyframes of an index cost.
    pub(super) fn listed_price(&self, nth: usize, chosen: &[ListedKeyframe]) -> Price {
        let usual = self.purses[self.purse_of(nth)].usual;
        let prices = chosen.iter().map(|it| match it.size {
            Some(bytes) => Price {
                bytes,
                work: self.work_of(bytes),
            },
            None => usual,
        });
        prices.sum()
    }

    /// What the keyframe still costs that target `nth` takes if it takes the nearest; `None` where
    /// nothing tells.
    pub(super) fn nearest_price(&self, nth: usize) -> Option<Price> {
        let bytes = self.targets[nth].keyframe_alone()?.place.bytes()?;
        Some(Price {
            work: self.work_of(length(&bytes)),
            bytes: self.task.reader.missing(bytes),
        })
    }

    /// What a group costs: each picture in it, and those that are judged.
    pub(super) fn group_price(&self, group: &Group) -> Price {
        let Some(last_us) = group.times_us.last() else {
            return Price::default();
        };
        let bytes = group.bytes.clone();
        let span_us = last_us.saturating_sub(group.keyframe.time_us).max(0);
        let pictures = (span_us / self.session.track.picture_us()).unsigned_abs() + 1;
        let judging = group.times_us.len() as u64 * JUDGING;
        let pixels = pictures.saturating_mul(self.pixels() / PIXELS);
        let decoding = bytes.as_ref().map_or(0, length).saturating_add(pixels);
        Price {
            work: decoding.saturating_add(judging),
            bytes: bytes.map_or(0, |bytes| self.task.reader.missing(bytes)),
        }
    }

    /// The work of decoding and judging a keyframe of `size` bytes.
    fn work_of(&self, size: u64) -> u64 {
        size.saturating_add(self.pixels() / PIXELS + JUDGING)
    }

    fn pixels(&self) -> u64 {
        let track = &self.session.track;
        u64::from(track.width) * u64::from(track.height)
    }
}

fn length(range: &Range<u64>) -> u64 {
    range.end.saturating_sub(range.start)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn price(bytes: u64, work: u64) -> Price {
        Price { bytes, work }
    }

    #[test]
    fn fields_share_what_is_not_kept_for_later() {
        let mut purse = Purse {
            left: price(900, 300),
            kept: price(300, 100),
            targets: 2,
            ..Purse::default()
        };
        assert_eq!(purse.share(), price(300, 100));
        purse.pay(price(100, 150));
        purse.targets = 1;
        assert_eq!(purse.share(), price(500, 50));
        purse.pay(price(u64::MAX, u64::MAX));
        assert_eq!(purse.share(), price(0, 0));
    }

    #[test]
    fn a_price_is_covered_by_bytes_and_work() {
        assert!(price(2, 2).covers(price(2, 2)));
        assert!(!price(2, 2).covers(price(3, 0)) && !price(2, 2).covers(price(0, 3)));
        let claims = [price(u64::MAX, 1), price(1, u64::MAX)];
        assert_eq!(claims.into_iter().sum::<Price>(), price(u64::MAX, u64::MAX));
    }
}
