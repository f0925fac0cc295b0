//! Pictures between keyframes, for targets whose keyframes give none that is good.

use std::{ops::Range, sync::Arc};

use super::{Ladder, purse::Price};
use crate::{
    Error,
    container::Keyframe,
    decode::{Decoder, Picture},
    demux::{Packets, Track},
    extract::{
        cpu::CpuTime,
        outcome::Origin,
        ranking::Ranking,
        request::Request,
        search::{Allowance, Beyond, Search},
        target::{Judged, Made},
        task::Task,
    },
    score::Signature,
    select::{MAX_FURTHER, group_end, groups},
};

/// Groups of pictures that are decoded for one target.
const GROUPS: usize = 4;

/// Most pictures of one group that are judged.
const SAMPLES: i64 = 12;

/// Least time between two of them, in microseconds.
const STEP_US: i64 = 200_000;

/// A group of pictures, as far as a target reaches into it.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) keyframe: Keyframe,
    /// Times of the pictures that are judged, in microseconds, sorted.
    pub(super) times_us: Vec<i64>,
    /// What is read for them, where its place is known.
    pub(super) bytes: Option<Range<u64>>,
}

impl Ladder<'_> {
    /// Targets that take the best, and whose picture is poor or shows what another's does for want
    /// of keyframes, take a better one from between keyframes.
    pub(super) fn look_between(&mut self) -> Result<(), Error> {
        if self.request.exact || self.request.tiling.is_some() || self.is_huge() {
            return Ok(());
        }
        for is_cover in [false, true] {
            let order = self.best_first(is_cover);
            let mut kept: Vec<Signature> = Vec::new();
            let mut groups = Vec::new();
            for nth in &order {
                if self.targets[*nth].needs_other(&kept) {
                    let near = self.groups_near(*nth)?;
                    self.pay_for_groups(*nth, near.iter().map(|(_, group)| group));
                    groups.extend(near);
                }
                kept.extend(self.targets[*nth].signature().cloned());
            }
            if groups.is_empty() {
                continue;
            }
            self.fetch_groups(&groups)?;
            let opened = self.open_decoder();
            let Some(mut decoder) = self.allow(&order, opened)? else {
                return Ok(());
            };
            kept.clear();
            for nth in order {
                for (_, group) in groups.iter().filter(|(of, _)| *of == nth) {
                    if self.targets[nth].needs_other(&kept) {
                        let tried = self.try_group(nth, group, &kept, &mut decoder);
                        self.allow(&[nth], tried)?;
                    }
                }
                kept.extend(self.targets[nth].signature().cloned());
            }
        }
        Ok(())
    }

    /// Groups of pictures within reach of target `nth`, the nearest first, as many as the purse pays
    /// for.
    fn groups_near(&mut self, nth: usize) -> Result<Vec<(usize, Group)>, Error> {
        let listed = self.listed();
        let target = &self.targets[nth];
        let (time_us, reach) = (target.wanted.time_us, target.wanted.reach.clone());
        let around = &target.around;
        let after_us = around.after.as_ref().map(|after| after.time_us);
        let mut found: Vec<_> = around.before.clone().into_iter().collect();
        if listed.is_empty() && found.is_empty() {
            // A search sweeps forward.
            let start = self.session.start_before(&self.task.reader, time_us);
            found.extend(self.allow(&[nth], start)?.flatten());
        } else if !listed.is_empty() {
            let chosen = groups(&listed, time_us, &reach, GROUPS);
            let chosen = self.affordable_looks(nth, chosen);
            let asked = chosen.iter().map(|it| (nth, it.time_us, it.size));
            let asked: Vec<_> = asked.collect();
            let located = self.look_for(&asked)?;
            found = located.into_iter().map(|(_, it)| it.keyframe).collect();
        }
        let mut left = self.purse(nth).left;
        let mut near = Vec::new();
        for keyframe in found {
            let end_us = if listed.is_empty() {
                after_us
            } else {
                group_end(&listed, keyframe.time_us)
            };
            let start_us = keyframe.time_us.max(reach.start);
            let end_us = end_us.unwrap_or(i64::MAX).min(reach.end);
            let group = self.group(nth, keyframe, start_us..end_us, left);
            if !group.times_us.is_empty() {
                left = left.less(self.group_price(&group));
                near.push((nth, group));
            }
        }
        Ok(near)
    }

    /// Pays for the bytes of the groups within reach of target `nth`, whose pictures may be wanted
    /// once its keyframes turn out to be poor.
    pub(super) fn reserve_groups(&mut self, nth: usize) -> Result<Vec<Range<u64>>, Error> {
        let mut ranges = Vec::new();
        for (_, group) in self.groups_near(nth)? {
            let price = Price {
                work: 0,
                ..self.group_price(&group)
            };
            self.purse(nth).pay(price);
            ranges.extend(group.bytes);
        }
        Ok(ranges)
    }

    /// The part of the group behind `keyframe` that lies in `span` and costs at most `most`.
    fn group(&mut self, nth: usize, keyframe: Keyframe, span: Range<i64>, most: Price) -> Group {
        let step_us = (span.end.saturating_sub(span.start) / (SAMPLES + 1)).max(STEP_US);
        // The keyframe itself has competed.
        let first = i64::from(span.start <= keyframe.time_us);
        let times_us = (first..=SAMPLES).map(|nth| span.start.saturating_add(nth * step_us));
        // What is reached last belongs to this group for certain.
        let is_within = |time_us: &i64| time_us.saturating_add(step_us / 2) < span.end;
        let times_us = times_us.take_while(is_within).collect();
        self.affordable_group(nth, keyframe, times_us, most)
    }

    /// The pictures of `times_us` behind `keyframe`, for target `nth`, without the last ones that would
    /// cost more than `most`.
    pub(super) fn affordable_group(
        &mut self,
        nth: usize,
        keyframe: Keyframe,
        times_us: Vec<i64>,
        most: Price,
    ) -> Group {
        let may_read = self.may_read(nth);
        let mut group = Group {
            keyframe,
            times_us,
            bytes: None,
        };
        while let Some(last_us) = group.times_us.last() {
            let reader = &self.task.reader;
            group.bytes = self
                .session
                .planned(reader, &group.keyframe, Some(*last_us));
            let price = self.group_price(&group);
            if most.covers(price) && (price.bytes == 0 || may_read) {
                break;
            }
            group.times_us.pop();
        }
        group
    }

    /// Fetches all groups at once, as far as their places are known.
    pub(super) fn fetch_groups(&mut self, groups: &[(usize, Group)]) -> Result<(), Error> {
        let ranges = groups.iter().filter_map(|(_, group)| group.bytes.clone());
        let numbers: Vec<_> = groups.iter().map(|(nth, _)| *nth).collect();
        self.fetch_paid(&numbers, ranges)
    }

    /// What one group may cost.
    pub(super) fn between_allowance(&self) -> Allowance {
        Allowance {
            bytes: MAX_FURTHER,
            ..self.allowance(1, None)
        }
    }

    /// Decodes a group and judges pictures of it, the best of which target `nth` takes if it is to
    /// be preferred to its own beside the pictures `kept` of others.
    fn try_group(
        &mut self,
        nth: usize,
        group: &Group,
        kept: &[Signature],
        decoder: &mut Decoder,
    ) -> Result<(), Error> {
        let cpu = CpuTime::start();
        let judge = Judge {
            task: self.task.clone(),
            track: Arc::clone(&self.session.track),
            allowance: self.between_allowance(),
        };
        let reader = &judge.task.reader;
        let packets = self.session.packets(reader, &group.keyframe)?;
        let Judgements { mut ranking, held } = judge.pictures(group, packets, decoder)?;
        ranking.discount_blends();
        let target = &self.targets[nth];
        if let Some(winner) = ranking.best_that(|judged| target.takes(judged, kept)) {
            let score = ranking.score(winner);
            let mut picture = held.filter(|(nth, _)| *nth == winner).map(|held| held.1);
            if picture.is_none() {
                // Another one seemed better until all were seen.
                let packets = self.session.packets(reader, &group.keyframe)?;
                picture = judge.picture(group.times_us[winner], packets, decoder)?;
            }
            if let Some(picture) = picture {
                let finish = || self.request.finish(&judge.track, &picture);
                let mut finished = judge.task.run(finish)?;
                finished.score = score.unwrap_or(finished.score);
                let target = &mut self.targets[nth];
                target.judged.extend(ranking.into_judged());
                target.make(Made::new(finished, Origin::Decoded));
            }
        }
        self.decoding += cpu.spent();
        Ok(())
    }
}

/// Pictures of a group, as far as they were judged.
#[derive(Default)]
pub(super) struct Judgements {
    /// By the numbers of their times.
    pub(super) ranking: Ranking,
    /// The best one and its number.
    held: Option<(usize, Picture)>,
}

/// What judges the pictures of groups.
pub(super) struct Judge {
    pub(super) task: Task,
    pub(super) track: Arc<Track>,
    pub(super) allowance: Allowance,
}

impl Judge {
    /// Decodes `packets`, those of `group`, as far as the allowance goes. At most two pictures are
    /// held at once.
    pub(super) fn pictures(
        &self,
        group: &Group,
        packets: Packets<'_>,
        decoder: &mut Decoder,
    ) -> Result<Judgements, Error> {
        decoder.restart()?;
        let mut search = Search::new(&self.task, packets, decoder);
        let mut judgements = Judgements::default();
        let cpu = CpuTime::start();
        let mut last_us = None;
        for (nth, time_us) in group.times_us.iter().enumerate() {
            let beyond = Beyond::TakeLast(Allowance {
                cpu: self.allowance.cpu.saturating_sub(cpu.spent()),
                ..self.allowance
            });
            let reached = match search.reach(Some(*time_us), beyond) {
                // What was judged is worth something.
                Err(error) if error.is_budget() && last_us.is_some() => None,
                reached => reached?,
            };
            // The same one again where the stream or the allowance ends.
            let Some(picture) = reached.filter(|picture| picture.time_us > last_us) else {
                break;
            };
            last_us = picture.time_us;
            let judge = || Request::judge(&self.track, &picture);
            let judgement = self.task.run(judge)?;
            judgements.ranking.add(nth, Judged::between(judgement));
            if judgements.ranking.first() == Some(nth) {
                judgements.held = Some((nth, picture));
            }
        }
        Ok(judgements)
    }

    /// The picture at `time_us`, as it was judged.
    fn picture(
        &self,
        time_us: i64,
        packets: Packets<'_>,
        decoder: &mut Decoder,
    ) -> Result<Option<Picture>, Error> {
        decoder.restart()?;
        let mut search = Search::new(&self.task, packets, decoder);
        search.reach(Some(time_us), Beyond::TakeLast(self.allowance))
    }
}
