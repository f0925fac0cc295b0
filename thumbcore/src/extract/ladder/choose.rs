//! Which keyframes compete for a target's picture, and what becomes of pictures that show nothing
//! or the same as another.

use std::sync::Arc;

use super::Ladder;
use crate::{
    Error,
    container::{Keyframe, ListedKeyframe},
    extract::{
        target::{Entrant, Made, Target},
        wanted::Choice,
    },
    score::Signature,
    select::{Plan, ROUNDING_US, further},
};

/// Largest picture, in pixels, of which two are held at once to be compared: 8K UHD.
const MAX_COMPARED: u64 = 7680 * 4320;

/// Round trips that are made for pictures that show nothing.
const ROUNDS: usize = 2;
/// Keyframes that are tried for one picture in each of them.
const A_ROUND: usize = 4;
/// Keyframes that are tried in all rounds for all pictures of a request together.
const ALL_ROUNDS: usize = 64;

/// A keyframe that is asked for: its target, its time, and its size where that is known.
pub(super) type Asked = (usize, i64, Option<u64>);

impl Ladder<'_> {
    /// Lets the most promising keyframes compete for each target that takes the best.
    pub(super) fn enter_fields(&mut self) -> Result<(), Error> {
        let wanted = self.those(|target| target.is_wanted() && target.takes_best());
        if self.is_huge() || wanted.is_empty() {
            return Ok(());
        }
        let listed = self.listed();
        let counted = |nth: &usize| match self.targets[*nth].wanted.choice {
            Choice::Best(count) => (*nth, count),
            Choice::Nearest => (*nth, 1),
        };
        let counts: Vec<_> = wanted.iter().map(counted).collect();
        self.fill_purses(&counts);
        let mut asked: Vec<Asked> = Vec::new();
        for (nth, count) in counts {
            let wanted = &self.targets[nth].wanted;
            if listed.is_empty() && wanted.is_cover {
                // Nothing is known of the film but where it ends.
                let step = (wanted.reach.end - wanted.reach.start) / (count as i64 + 1);
                let times = (1..=count as i64).map(|part| wanted.reach.start + part * step);
                asked.extend(times.map(|time| (nth, time, None)));
            } else {
                let chosen = self.affordable_field(&listed, nth, count);
                asked.extend(chosen.iter().map(|it| (nth, it.time_us, it.size)));
            }
        }
        let are_untold = !listed.is_empty() && asked.iter().any(|(.., size)| size.is_none());
        let mut found = if are_untold {
            self.look_for_field(&asked)?
        } else {
            self.locate(&asked)?
        };
        for nth in wanted {
            let target = &mut self.targets[nth];
            let mut field = take(&mut found, nth);
            if listed.is_empty() && field.is_empty() && target.keyframe_alone().is_some() {
                let around = [&target.around.before, &target.around.after];
                let shown = around
                    .into_iter()
                    .flatten()
                    .filter(|it| it.place.is_shown());
                field.extend(shown.cloned().map(Entrant::unlisted));
            }
            if !field.is_empty() {
                target.enter(field);
            }
        }
        Ok(())
    }

    /// Pictures that show nothing, and flawed ones where the best is wanted, lose to those of
    /// further keyframes. A tile stays: further keyframes are of other stretches.
    pub(super) fn look_further(&mut self) -> Result<(), Error> {
        if self.request.tiling.is_some() {
            return Ok(());
        }
        let mut left = ALL_ROUNDS;
        for round in 0..ROUNDS {
            let poor = self.those(|target| target.is_poor() && round < rounds(target));
            let found = self.further(&poor, round)?;
            let mut found = self.affordable(found);
            let mut before = Vec::new();
            for nth in poor {
                let mut field = take(&mut found, nth);
                field.truncate(left);
                left -= field.len();
                if !field.is_empty() {
                    before.push((nth, self.targets[nth].enter(field)));
                }
            }
            self.fetch_further(&before)?;
            let tried: Vec<_> = before.iter().map(|(nth, _)| *nth).collect();
            let mut made = self.decode_keyframes(&tried)?;
            for (nth, plan) in before {
                let better = made
                    .iter()
                    .position(|(of, made)| *of == nth && self.targets[nth].prefers(made));
                match better.map(|at| made.swap_remove(at)) {
                    Some((_, made)) => self.targets[nth].make(made),
                    None => self.targets[nth].stay_with(plan),
                }
            }
        }
        Ok(())
    }

    /// Fetches the fields of targets that take the best, which a purse pays for, and with them what
    /// the purse has for pictures between keyframes: there is no other round trip.
    fn fetch_further(&mut self, fields: &[(usize, Plan)]) -> Result<(), Error> {
        let mut ranges = Vec::new();
        let mut numbers = Vec::new();
        for (nth, _) in fields {
            if !self.targets[*nth].takes_best() {
                continue;
            }
            numbers.push(*nth);
            let field = &self.targets[*nth].field;
            ranges.extend(field.iter().filter_map(|it| it.keyframe.place.bytes()));
        }
        if self.listed().is_empty() || numbers.is_empty() {
            return Ok(());
        }
        for nth in &numbers {
            ranges.extend(self.reserve_groups(*nth)?);
        }
        self.fetch_paid(&numbers, ranges)
    }

    /// Keyframes that were not tried for the targets `poor`: in the first round the nearest, in the
    /// second those as far as the targets reach.
    fn further(&mut self, poor: &[usize], round: usize) -> Result<Vec<(usize, Entrant)>, Error> {
        if poor.is_empty() {
            return Ok(Vec::new());
        }
        let listed = self.listed();
        let mut asked: Vec<Asked> = Vec::new();
        let mut found = Vec::new();
        for nth in poor {
            let target = &mut self.targets[*nth];
            target
                .tried
                .extend(target.plan.keyframe().map(|keyframe| keyframe.time_us));
            let (time_us, reach) = (target.wanted.time_us, &target.wanted.reach);
            if !listed.is_empty() {
                let how = (A_ROUND, round > 0);
                let chosen = further(&listed, time_us, reach, &target.tried, how);
                let chosen = self.affordable_looks(*nth, chosen);
                asked.extend(chosen.iter().map(|it| (*nth, it.time_us, it.size)));
            } else if round > 0 {
                let (start, end) = (reach.start, reach.end);
                let times = [start, midpoint(start, time_us), midpoint(time_us, end), end];
                asked.extend(times.map(|time| (*nth, time, None)));
            }
            if round == 0 && !asked.iter().any(|(of, ..)| of == nth) {
                let spare = self.spare(*nth).map(Entrant::unlisted);
                found.extend(spare.map(|spare| (*nth, spare)));
            }
        }
        found.extend(self.look_for(&asked)?);
        found.retain(|(nth, entrant)| {
            let is_tried = self.targets[*nth].tried.contains(&entrant.keyframe.time_us);
            !is_tried && !self.is_taken(*nth, &entrant.keyframe)
        });
        for (nth, time_us, _) in asked {
            self.targets[nth].tried.push(time_us);
        }
        Ok(found)
    }

    /// Of two targets whose best pictures show the same, the one whose picture is the poorer takes
    /// its next best, if that is not much worse.
    pub(super) fn part_twins(&mut self) -> Result<(), Error> {
        for is_cover in [false, true] {
            let mut kept: Vec<Signature> = Vec::new();
            for nth in self.best_first(is_cover) {
                self.part_from(nth, &kept)?;
                kept.extend(self.targets[nth].signature().cloned());
            }
        }
        Ok(())
    }

    /// The targets that take the best and have a picture, covers or others, the best picture's
    /// first.
    pub(super) fn best_first(&self, is_cover: bool) -> Vec<usize> {
        let mut best = self.those(|target| {
            let is_one = target.wanted.is_cover == is_cover && target.takes_best();
            is_one && target.made().is_some()
        });
        let value = |nth: &usize| self.targets[*nth].made().map_or(0.0, Made::value);
        best.sort_by(|a, b| value(b).total_cmp(&value(a)));
        best
    }

    /// Whether pictures are so large that no two can be held to be compared.
    pub(super) fn is_huge(&self) -> bool {
        let track = &self.session.track;
        u64::from(track.width) * u64::from(track.height) > MAX_COMPARED
    }

    fn part_from(&mut self, nth: usize, kept: &[Signature]) -> Result<(), Error> {
        let Some(keyframe) = self.targets[nth].unlike(kept) else {
            return Ok(());
        };
        self.take_instead(nth, keyframe)
    }

    /// Gives target `nth` the picture of `keyframe`, which competed, instead of its own, if the purse
    /// pays for decoding it once more.
    pub(super) fn take_instead(&mut self, nth: usize, keyframe: Keyframe) -> Result<(), Error> {
        if !self.pays_again(nth, &keyframe) {
            return Ok(());
        }
        let plan = self.targets[nth].replan(Plan::Keyframe(keyframe));
        match self.decode_keyframes(&[nth])?.pop() {
            Some((_, made)) => self.targets[nth].make(made),
            None => self.targets[nth].stay_with(plan),
        }
        Ok(())
    }

    /// The keyframes that an index names; none where there is no index.
    pub(super) fn listed(&mut self) -> Arc<[ListedKeyframe]> {
        let session = &mut *self.session;
        let listed = self.listed.get_or_insert_with(|| {
            let listed = session.keyframes().unwrap_or_default();
            Arc::from(listed)
        });
        Arc::clone(listed)
    }

    /// The keyframes `asked` for that compete with the nearest ones, and these.
    fn look_for_field(&mut self, asked: &[Asked]) -> Result<Vec<(usize, Entrant)>, Error> {
        let reader = Arc::clone(&self.task.reader);
        let before = (reader.bytes_fetched(), reader.round_trips());
        let mut found = self.locate(asked)?;
        self.spend_trips_since(before.1);
        self.settle(&mut found, reader.bytes_fetched() - before.0);
        for nth in self.those(Target::is_wanted) {
            let nearest = self.targets[nth].keyframe_alone().cloned();
            let is_other = |nearest: &Keyframe| {
                let mut own = found.iter().filter(|(of, _)| *of == nth);
                own.clone().count() > 0 && own.all(|(_, it)| it.keyframe != *nearest)
            };
            if let Some(nearest) = nearest.filter(is_other) {
                found.push((nth, Entrant::unlisted(nearest)));
            }
        }
        Ok(found)
    }

    /// As [`locate`](Self::locate), and pays for it.
    pub(super) fn look_for(&mut self, asked: &[Asked]) -> Result<Vec<(usize, Entrant)>, Error> {
        let reader = &self.task.reader;
        let before = (reader.bytes_fetched(), reader.round_trips());
        let found = self.locate(asked)?;
        self.pay_since(before);
        Ok(found)
    }

    /// The places of keyframes, each with its target, no two of one target the same.
    pub(super) fn locate(&mut self, asked: &[Asked]) -> Result<Vec<(usize, Entrant)>, Error> {
        if asked.is_empty() {
            return Ok(Vec::new());
        }
        let times_us: Vec<_> = asked
            .iter()
            .map(|(_, time_us, _)| time_us.saturating_add(ROUNDING_US))
            .collect();
        let around = self.session.around(&self.task.reader, &times_us)?;
        let mut found: Vec<(usize, Entrant)> = Vec::new();
        for ((nth, time_us, size), around) in asked.iter().zip(around) {
            let around = self.allow(&[*nth], around)?.unwrap_or_default();
            let nearest = [around.before, around.after]
                .into_iter()
                .flatten()
                .filter(|keyframe| keyframe.place.is_shown())
                .min_by_key(|keyframe| keyframe.time_us.abs_diff(*time_us));
            let Some(keyframe) = nearest else {
                continue;
            };
            if !found
                .iter()
                .any(|(of, it)| of == nth && it.keyframe == keyframe)
            {
                let size = *size;
                found.push((*nth, Entrant { keyframe, size }));
            }
        }
        Ok(found)
    }

    /// Whether the picture of another target than `nth` is made from `keyframe`.
    pub(super) fn is_taken(&self, nth: usize, keyframe: &Keyframe) -> bool {
        let mut others = self.targets.iter().enumerate().filter(|(of, _)| *of != nth);
        others.any(|(_, other)| other.plan.keyframe() == Some(keyframe))
    }
}

/// Round trips that a poor picture of `target` is worth: the best was chosen among several already.
fn rounds(target: &Target) -> usize {
    match target.wanted.choice {
        Choice::Nearest => ROUNDS,
        Choice::Best(_) => 1,
    }
}

/// Takes out what was found for target `nth`.
fn take(found: &mut Vec<(usize, Entrant)>, nth: usize) -> Vec<Entrant> {
    let (own, others) = std::mem::take(found)
        .into_iter()
        .partition(|(of, _)| *of == nth);
    *found = others;
    let own: Vec<(usize, Entrant)> = own;
    own.into_iter().map(|(_, entrant)| entrant).collect()
}

fn midpoint(a: i64, b: i64) -> i64 {
    a / 2 + b / 2
}
