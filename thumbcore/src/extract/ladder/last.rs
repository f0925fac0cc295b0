//! The last rung: whatever decodes.

use super::{Ladder, undecodable};
use crate::{
    Error,
    container::Keyframe,
    extract::{
        cpu::CpuTime,
        outcome::Origin,
        picture::Finished,
        search::{Allowance, Beyond, Search},
        target::{Made, Target},
    },
    select::NEAR_US,
};

/// Keyframes that are tried before those around a target, where these are damaged: a stretch that
/// was lost is mostly longer than one group of pictures, and seldom longer than some.
const EARLIER_KEYFRAMES: usize = 4;

/// The part of [`Limits::max_decoding`](crate::Limits::max_decoding) that each of the last ways to a
/// picture has, whatever was spent before.
const KEPT_SHARE: u32 = 8;

impl Ladder<'_> {
    /// The last rung: what follows the chosen keyframe, the keyframe on the other side, and what
    /// decodes from the start of the file; over budget, the first picture there. A tile takes its
    /// neighbour's picture before one from elsewhere.
    pub(super) fn take_what_decodes(&mut self) -> Result<(), Error> {
        for nth in self.those(|target| target.made().is_none()) {
            let chosen = self.targets[nth].plan.keyframe().cloned();
            let mut found = None;
            for keyframe in [chosen, self.spare(nth)].into_iter().flatten() {
                if found.is_none() {
                    let picture = self.first_picture(&keyframe);
                    found = self.allow(&[nth], picture)?.flatten();
                }
            }
            if self.request.tiling.is_some() {
                found = found.or_else(|| self.neighbour(nth));
            }
            let has_keyframes = !self.session.track.codec.random_access().is_unmarked();
            // What is left of a spent budget is for the start of the file.
            if found.is_none() && has_keyframes && !self.limit.is_hit() {
                let picture = self.before_damage(nth);
                found = self.allow(&[nth], picture)?.flatten();
            }
            if found.is_none() {
                found = self.start_of_file(nth)?;
            }
            let Some(picture) = found else {
                return Err(self.limit.or(undecodable()));
            };
            self.targets[nth].make(Made::new(picture, Origin::Fallback));
        }
        Ok(())
    }

    /// The picture of the target that is nearest to target `nth` among those that have one.
    fn neighbour(&self, nth: usize) -> Option<Finished> {
        let target_us = self.targets[nth].wanted.time_us;
        let distance = |target: &&Target| target.wanted.time_us.abs_diff(target_us);
        let made = self.targets.iter().filter(|target| target.made().is_some());
        let made = made.min_by_key(distance)?.made()?;
        Some(made.picture.clone())
    }

    /// The last whole picture before target `nth`, whose own keyframes give none.
    fn before_damage(&mut self, nth: usize) -> Result<Option<Finished>, Error> {
        let target = &self.targets[nth];
        let target_us = target.wanted.time_us;
        let damaged = target.around.before.as_ref();
        let mut before_us = damaged.map_or(target_us, |keyframe| keyframe.time_us);
        let task = self.last.clone();
        for _ in 0..EARLIER_KEYFRAMES {
            let earlier_us = before_us.saturating_sub(1);
            let around = self.session.around(&task.reader, &[earlier_us])?.pop();
            let Some(keyframe) = around.transpose()?.and_then(|around| around.before) else {
                break;
            };
            before_us = keyframe.time_us;
            let mut decoder = self.open_decoder()?;
            let until_us = target_us.min(before_us.saturating_add(NEAR_US));
            let beyond = self.last_allowance(Some(until_us));
            let packets = self.session.packets(&task.reader, &keyframe)?;
            let cpu = CpuTime::start();
            let mut search = Search::new(&task, packets, &mut decoder);
            let picture = search.reach(Some(until_us), beyond);
            drop(search);
            self.decoding += cpu.spent();
            let picture = picture?;
            if picture.is_some() {
                return self.finish(&task, picture);
            }
        }
        Ok(None)
    }

    /// What decodes from the start of the file, towards target `nth` while the budgets last.
    fn start_of_file(&mut self, nth: usize) -> Result<Option<Finished>, Error> {
        let (track, target_us) = (&self.session.track, self.targets[nth].wanted.time_us);
        let reach_us = track.start_us.saturating_add(NEAR_US);
        let towards = (!self.limit.is_hit()).then_some(target_us.min(reach_us));
        // The first picture is the cheapest; nothing else can be had once a budget is spent.
        let attempts = std::iter::once(towards).chain(towards.map(|_| None));
        for target_us in attempts {
            let picture = self.picture_from_start(target_us);
            if let Some(picture) = self.allow(&[nth], picture)? {
                return Ok(picture);
            }
        }
        Ok(None)
    }

    fn picture_from_start(&mut self, target_us: Option<i64>) -> Result<Option<Finished>, Error> {
        let task = self.last.clone();
        let packets = self.session.packets_from_start(&task.reader)?;
        let mut decoder = self.open_decoder()?;
        decoder.trust_any_start();
        let beyond = self.last_allowance(None);
        let cpu = CpuTime::start();
        let picture = Search::new(&task, packets, &mut decoder).reach(target_us, beyond);
        self.decoding += cpu.spent();
        self.finish(&task, picture?)
    }

    /// The first whole picture from `keyframe` on, whatever is left of the budgets.
    fn first_picture(&mut self, keyframe: &Keyframe) -> Result<Option<Finished>, Error> {
        if self.is_barren(keyframe) {
            return Ok(None);
        }
        let task = self.last.clone();
        let mut decoder = self.open_decoder()?;
        let beyond = self.last_allowance(None);
        let packets = self.session.packets(&task.reader, keyframe)?;
        let cpu = CpuTime::start();
        let mut search = Search::new(&task, packets, &mut decoder);
        let picture = search.first(beyond);
        let is_in_vain = search.is_in_vain();
        drop(search);
        self.decoding += cpu.spent();
        let picture = picture?;
        if picture.is_none() && is_in_vain {
            self.note_barren(keyframe);
        }
        self.finish(&task, picture)
    }

    /// What this rung may spend on one way to a picture, which is no later than `latest_us`: what
    /// the rungs before left of the time for decoding forward, or the part that is kept for it.
    fn last_allowance(&self, latest_us: Option<i64>) -> Beyond {
        let most = self.task.reader.limits().max_decoding;
        Beyond::TakeLast(Allowance {
            cpu: most.saturating_sub(self.decoding).max(most / KEPT_SHARE),
            bytes: u64::MAX,
            latest_us,
        })
    }
}
