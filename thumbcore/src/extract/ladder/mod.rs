//! The ladder: how each target's picture is made, the cheapest way first.

mod afford;
mod between;
mod choose;
mod dissolve;
mod fetch;
mod forward;
mod last;
mod purse;
mod roll_in;
mod unwritten;

use std::{sync::Arc, time::Duration};

use self::purse::Purse;
use super::{
    first_limit::FirstLimit,
    outcome::Origin,
    picture::Finished,
    request::Request,
    search::{Beyond, Search},
    target::{Made, State, Supply, Target},
    task::Task,
    wanted::Wanted,
};
use crate::{
    Error,
    container::{Keyframe, ListedKeyframe},
    decode::{Decoder, Picture},
    demux::Session,
    reader::Reserve,
    select::{NEAR_US, Plan, Planner},
};

/// All targets of one request on their way to a picture. The rungs are methods, called in the
/// order in which [`climb`](Self::climb) names them; each takes the targets that the ones before
/// left without a picture, or with one that can be bettered.
pub(super) struct Ladder<'a> {
    session: &'a mut Session,
    request: &'a Request,
    /// All rungs but the last leave an eighth of each budget alone.
    task: Task,
    /// The last rung may spend everything.
    last: Task,
    targets: Vec<Target>,
    /// The keyframes that an index names, once they were asked for.
    listed: Option<Arc<[ListedKeyframe]>>,
    /// What targets that take the best may still cost: those at positions, and covers.
    purses: [Purse; 2],
    /// Bytes that looking for the keyframes around a target took.
    looking: u64,
    limit: FirstLimit,
    /// CPU time of other threads.
    cpu: Duration,
    /// What decoding forward has cost so far.
    decoding: Duration,
    /// The time, in microseconds, of the first keyframe from which an index leads to the end of the
    /// film, and to no whole picture: later keyframes lead to none either.
    barren_us: Option<i64>,
}

/// What came of a request.
#[derive(Debug)]
pub(super) struct Climbed {
    /// Each picture with its target's time (in microseconds of the container's timeline), in the
    /// order of the request's positions.
    pub(super) made: Vec<(i64, Made)>,
    /// CPU time of other threads.
    pub(super) cpu: Duration,
}

impl<'a> Ladder<'a> {
    /// Looks all targets up and plans them.
    pub(super) fn new(
        session: &'a mut Session,
        request: &'a Request,
        task: Task,
    ) -> Result<Self, Error> {
        let mut ladder = Self {
            task: task.within(Reserve::Eighth),
            last: task,
            targets: Vec::new(),
            listed: None,
            purses: [Purse::default(); 2],
            looking: 0,
            limit: FirstLimit::default(),
            cpu: Duration::ZERO,
            decoding: Duration::ZERO,
            barren_us: None,
            session,
            request,
        };
        ladder.plan()?;
        ladder.enter_fields()?;
        ladder.find_starts()?;
        Ok(ladder)
    }

    /// A picture for each target, or the reason why one has none.
    pub(super) fn climb(mut self) -> Result<Climbed, Error> {
        self.keyframes_alone()?;
        self.look_further()?;
        self.leave_dissolves()?;
        self.part_twins()?;
        self.learn_times()?;
        self.roll_in()?;
        self.decode_forward()?;
        self.look_between()?;
        self.take_what_decodes()?;
        let made = self.targets.into_iter().filter_map(Target::into_made);
        let mut made: Vec<_> = made.collect();
        if !self.request.exact && self.request.tiling.is_none() {
            made = in_order(made);
        }
        let timed = made
            .into_iter()
            .map(|(wanted, made)| (wanted.time_us, made));
        Ok(Climbed {
            made: timed.collect(),
            cpu: self.cpu,
        })
    }

    /// Finds the keyframes around each target and makes a plan of them.
    fn plan(&mut self) -> Result<(), Error> {
        let track = Arc::clone(&self.session.track);
        let wanted = self.request.wanted(track.start_us, track.film_us());
        let times_us: Vec<_> = wanted.iter().map(|wanted| wanted.time_us).collect();
        let tolerance_us = self.request.tolerance_us(track.film_us());
        let mut planner = Planner::new(tolerance_us, self.request.exact);
        let bytes_before = self.task.reader.bytes_fetched();
        let reader = match self.request.tiling {
            // What many searches leave is for the pictures.
            Some(_) => Arc::new(self.last.reader.within(Reserve::Half)),
            None => Arc::clone(&self.task.reader),
        };
        let found = self.session.around(&reader, &times_us)?;
        let looking = self.task.reader.bytes_fetched() - bytes_before;
        self.looking = looking / times_us.len().max(1) as u64;
        for (wanted, around) in wanted.into_iter().zip(found) {
            let time_us = wanted.time_us;
            let limit = around.as_ref().err().and_then(Error::spent_budget);
            let limit = limit.or_else(|| self.session.cut_by().cloned());
            let around = self.limit.allow(around)?;
            let state = match &around {
                Some(_) => State::Wanted,
                None => State::OverBudget,
            };
            let around = around.unwrap_or_default();
            let until_us = self.request.forward_to_us(time_us);
            let affordable_us = self.affordable_us(around.before.as_ref(), until_us);
            let plan = match &self.request.tiling {
                Some(tiling) => tiling.plan(time_us, &around, affordable_us),
                None => planner.plan(time_us, &around, affordable_us),
            };
            self.targets.push(Target {
                wanted,
                plan: self.entered_later(plan),
                field: Vec::new(),
                tried: Vec::new(),
                judged: Vec::new(),
                around,
                state,
                supply: Supply::Unfetched,
                limit,
            });
        }
        Ok(())
    }

    /// Searches further back where no keyframe was seen before a target that is decoded towards.
    fn find_starts(&mut self) -> Result<(), Error> {
        for nth in self.those(Target::is_wanted) {
            let Plan::Forward {
                from: None,
                until_us,
            } = self.targets[nth].plan
            else {
                continue;
            };
            let start = self.session.start_before(&self.task.reader, until_us);
            match self.allow(&[nth], start)? {
                Some(from) => self.targets[nth].plan = Plan::Forward { from, until_us },
                None => self.targets[nth].give_up_plan(),
            }
        }
        Ok(())
    }

    /// Takes a spent budget for "nothing", and notes it at `targets`, which get nothing by it.
    fn allow<T>(
        &mut self,
        targets: &[usize],
        result: Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        if let Some(limit) = result.as_ref().err().and_then(Error::spent_budget) {
            for nth in targets {
                self.targets[*nth]
                    .limit
                    .get_or_insert_with(|| limit.clone());
            }
        }
        self.limit.allow(result)
    }

    /// Numbers of the targets that `is_it`.
    fn those(&self, is_it: impl Fn(&Target) -> bool) -> Vec<usize> {
        let numbered = self.targets.iter().enumerate();
        numbered
            .filter(|(_, target)| is_it(target))
            .map(|(nth, _)| nth)
            .collect()
    }

    /// The first rung: keyframes alone, then the ones on the targets' other sides. Where that gives
    /// no picture, another plan.
    fn keyframes_alone(&mut self) -> Result<(), Error> {
        let wanted = self.those(|target| target.is_wanted() && target.keyframe_alone().is_some());
        self.make_of_keyframes(&wanted)?;
        let mut others = Vec::new();
        for nth in &wanted {
            let target = &self.targets[*nth];
            let is_near = |spare: &Keyframe| {
                let tolerance_us = self.request.tolerance_us(self.session.track.duration_us);
                spare.time_us.abs_diff(target.wanted.time_us) <= tolerance_us
            };
            if target.is_wanted()
                && let Some(spare) = self.spare(*nth).filter(is_near)
            {
                self.targets[*nth].replan(Plan::Keyframe(spare));
                others.push(*nth);
            }
        }
        self.make_of_keyframes(&others)?;
        self.leave_unwritten()?;
        for nth in wanted {
            let otherwise = self.start_behind_damage(nth);
            let target = &mut self.targets[nth];
            if target.is_wanted() && target.keyframe_alone().is_some() {
                // No whole picture by itself: the stream refreshes step by step, is damaged there,
                // or calls everything a keyframe.
                let until_us = target.wanted.time_us;
                target.replan(Plan::RollIn {
                    until_us,
                    otherwise,
                });
            }
        }
        Ok(())
    }

    fn make_of_keyframes(&mut self, wanted: &[usize]) -> Result<(), Error> {
        for (nth, made) in self.decode_keyframes(wanted)? {
            self.targets[nth].make(made);
        }
        Ok(())
    }

    /// Where decoding forward to target `nth` begins if its keyframes give no picture; `None` for
    /// the start of the file, which is best where it is near, or where a codec's keyframes cannot
    /// be told.
    fn start_behind_damage(&self, nth: usize) -> Option<Keyframe> {
        let (target, track) = (&self.targets[nth], &self.session.track);
        let is_start_near = target.wanted.time_us.saturating_sub(track.start_us) <= NEAR_US;
        let around = &target.around;
        let from = around.before.as_ref().or(around.after.as_ref()).cloned();
        from.filter(|_| !is_start_near && !track.codec.random_access().is_unmarked())
    }

    /// Where packets carry no times and pictures are reordered, a keyframe's picture is shown when
    /// the packet is decoded that pushes the picture out of the decoder. An index tells when that
    /// is, or else decoding.
    fn learn_times(&mut self) -> Result<(), Error> {
        let mut untold = Vec::new();
        let mut ranges = Vec::new();
        for (nth, target) in self.targets.iter_mut().enumerate() {
            let Some((made, keyframe)) = target.made_of_keyframe() else {
                continue;
            };
            let Some(late) = made.late else {
                continue;
            };
            if !late.may_be_led
                && let Some(shown_us) = self.session.shown_after(keyframe, late.by)
            {
                made.picture.time_us = Some(shown_us);
                continue;
            }
            ranges.extend(self.session.behind(&self.task.reader, keyframe, late.by));
            untold.push((nth, keyframe.clone()));
        }
        let fetched = self.session.prefetch(&self.task.reader, ranges);
        let numbers: Vec<_> = untold.iter().map(|(nth, _)| *nth).collect();
        self.allow(&numbers, fetched)?;
        for (nth, keyframe) in untold {
            let picture = self.next_picture(&keyframe);
            if let Some(picture) = self.allow(&[nth], picture)?.flatten() {
                self.targets[nth].make(Made::new(picture, Origin::Keyframe));
            }
        }
        Ok(())
    }

    /// The first picture that comes out for the packets from `keyframe` on, at its own time.
    fn next_picture(&mut self, keyframe: &Keyframe) -> Result<Option<Finished>, Error> {
        let task = &self.task;
        let mut decoder = self.open_decoder()?;
        let packets = self.session.packets(&task.reader, keyframe)?;
        let picture = Search::new(task, packets, &mut decoder).reach(None, Beyond::TAKE_LAST)?;
        self.finish(&self.task, picture)
    }

    fn finish(&self, task: &Task, picture: Option<Picture>) -> Result<Option<Finished>, Error> {
        let Some(picture) = picture else {
            return Ok(None);
        };
        let finish = || self.request.finish(&self.session.track, &picture);
        task.run(finish).map(Some)
    }

    fn open_decoder(&self) -> Result<Decoder, Error> {
        Decoder::open(&self.session.track, &self.last.reader)
    }

    /// The keyframe on the other side of a target, unless another target's picture is made of it:
    /// that would make two of one.
    fn spare(&self, nth: usize) -> Option<Keyframe> {
        let target = &self.targets[nth];
        let spare = target.around.other_than(target.plan.keyframe());
        spare.filter(|spare| !self.is_taken(nth, spare))
    }
}

/// The pictures given to the targets so that they are in the targets' order: a target whose own
/// picture was taken from behind the next one's changes with it.
fn in_order(mut made: Vec<(Wanted, Made)>) -> Vec<(Wanted, Made)> {
    let has_order =
        |(wanted, made): &(Wanted, Made)| made.picture.time_us.is_some() && !wanted.is_cover;
    let mut places: Vec<_> = (0..made.len())
        .filter(|nth| has_order(&made[*nth]))
        .collect();
    places.sort_by_key(|nth| made[*nth].0.time_us);
    let mut by_time: Vec<_> = places.iter().map(|nth| made[*nth].1.clone()).collect();
    by_time.sort_by_key(|made| made.picture.time_us);
    for (place, picture) in places.into_iter().zip(by_time) {
        made[place].1 = picture;
    }
    made
}

/// No picture can be made, whatever the budget.
pub(super) fn undecodable() -> Error {
    Error::Corrupt {
        reason: "no picture of it can be decoded".to_owned(),
    }
}
