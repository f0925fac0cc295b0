//! Entering a stream between its keyframes.

use super::Ladder;
use crate::{
    Error,
    codec::RandomAccess,
    container::{Keyframe, Place},
    decode::{Decoder, Picture},
    extract::{
        cpu::CpuTime,
        outcome::Origin,
        search::{Beyond, Search},
        target::{Made, Target},
    },
    libav::Packet,
    select::{NEAR_US, Plan},
};

/// How long before a target a stream is entered, in microseconds: a short group of pictures, then
/// longer ones. A refresh in steps takes as long as a group of pictures, and must begin anew.
const STEPS_BACK_US: [i64; 3] = [2_000_000, 8_000_000, 32_000_000];

/// How much before the time that was asked for a keyframe may lie and still serve as the entry.
const ENTRY_US: i64 = 16_000_000;

/// Least that a picture may lie from its target, in microseconds, where the tolerance is less.
const LEAST_TOLERANCE_US: i64 = 500_000;

impl Ladder<'_> {
    /// Another plan for a target whose keyframe is far, or cannot be told: first to enter the
    /// stream shortly before the target.
    pub(super) fn entered_later(&self, plan: Plan) -> Plan {
        let track = &self.session.track;
        let access = track.codec.random_access();
        let is_unmarked = access.is_unmarked();
        match plan {
            // No picture that is found there could be trusted.
            plan if access == RandomAccess::Start => plan,
            Plan::Forward { until_us, .. } if is_unmarked => Plan::RollIn {
                until_us,
                otherwise: None,
            },
            Plan::Forward {
                from: Some(from),
                until_us,
            } if track.sei.is_some() && until_us.saturating_sub(from.time_us) > NEAR_US => {
                Plan::RollIn {
                    until_us,
                    otherwise: Some(from),
                }
            }
            plan => plan,
        }
    }

    /// Enters the stream before a target, further and further, and decodes to the target once the
    /// pictures are whole. Where they never are, decoding forward is left.
    pub(super) fn roll_in(&mut self) -> Result<(), Error> {
        for nth in self.those(Target::is_wanted) {
            let Plan::RollIn {
                until_us,
                otherwise,
            } = self.targets[nth].plan.clone()
            else {
                continue;
            };
            if !self.make_rolled_in(nth, otherwise.as_ref())? {
                let from = otherwise;
                self.targets[nth].replan(Plan::Forward { from, until_us });
            }
        }
        Ok(())
    }

    /// Makes the pictures of `group`, exact targets that lie before `first_us`, the time of the first
    /// whole picture of a pass that began at `from`: where a stream refreshes step by step, or
    /// pictures that lead a keyframe are made from those before it, it must be entered earlier.
    pub(super) fn enter_earlier(
        &mut self,
        group: &[usize],
        from: &Keyframe,
        first_us: i64,
    ) -> Result<(), Error> {
        for nth in group {
            let target_us = self.targets[*nth].wanted.time_us;
            let is_far = target_us.saturating_add(LEAST_TOLERANCE_US) < first_us;
            if target_us < first_us && !(is_far && self.make_rolled_in(*nth, Some(from))?) {
                let passed = self.pass_from_before(*nth, from);
                self.allow(&[*nth], passed)?;
            }
        }
        Ok(())
    }

    /// Makes the picture of target `nth` if the stream can be entered before it, and says whether
    /// it could.
    fn make_rolled_in(&mut self, nth: usize, keyframe: Option<&Keyframe>) -> Result<bool, Error> {
        let picture = self.rolled_in(self.targets[nth].wanted.time_us, keyframe);
        let picture = self.allow(&[nth], picture)?.flatten();
        let Some(finished) = self.finish(&self.task, picture)? else {
            return Ok(false);
        };
        self.targets[nth].make(Made::new(finished, Origin::Decoded));
        Ok(true)
    }

    /// The picture at a target, if the stream can be entered before it.
    fn rolled_in(
        &mut self,
        target_us: i64,
        keyframe: Option<&Keyframe>,
    ) -> Result<Option<Picture>, Error> {
        let tolerance_us = self.request.tolerance_us(self.session.track.duration_us);
        let tolerance_us = i64::try_from(tolerance_us).unwrap_or(i64::MAX);
        let tolerance_us = if self.request.exact {
            0
        } else {
            tolerance_us.max(LEAST_TOLERANCE_US)
        };
        let mut decoder: Option<Decoder> = None;
        for back_us in STEPS_BACK_US {
            let entry_us = target_us.saturating_sub(back_us);
            if entry_us <= self.session.track.start_us {
                break;
            }
            let entry = self.session.entry_near(&self.task.reader, entry_us)?;
            let entries = entry_us.saturating_sub(ENTRY_US)..target_us;
            let is_near = |entry: &Keyframe| entries.contains(&entry.time_us);
            let Some(entry) = entry
                .filter(is_near)
                .filter(|entry| Some(entry) != keyframe)
            else {
                continue;
            };
            let decoder = match &mut decoder {
                Some(decoder) => decoder,
                none => none.insert(self.open_decoder()?),
            };
            let picture = self.entered(&entry, target_us, tolerance_us, decoder)?;
            let is_near = |picture: &Picture| {
                let time_us = picture.time_us.unwrap_or(i64::MAX);
                let latest_us = target_us.saturating_add(tolerance_us.max(LEAST_TOLERANCE_US));
                (target_us.saturating_sub(tolerance_us)..=latest_us).contains(&time_us)
            };
            if let Some(picture) = picture.filter(is_near) {
                return Ok(Some(picture));
            }
        }
        Ok(None)
    }

    /// The picture at a target of a stream that is entered at `entry`, or the last one before that
    /// is whole; `None` where none is whole in time.
    fn entered(
        &mut self,
        entry: &Keyframe,
        target_us: i64,
        tolerance_us: i64,
        decoder: &mut Decoder,
    ) -> Result<Option<Picture>, Error> {
        let waiting = self.those(Target::is_wanted).len();
        let latest_us = target_us.saturating_add(tolerance_us.max(LEAST_TOLERANCE_US));
        let first = self.allowance(waiting, Some(latest_us));
        let task = self.task.clone();
        let sei = self.session.track.sei;
        if let Some(sei) = sei.filter(|_| matches!(entry.place, Place::Sample { .. })) {
            // Decoding is in vain where no recovery point follows.
            let mut packets = self.session.packets(&task.reader, entry)?;
            let is_it = |packet: &Packet| sei.recovery_pictures(packet.data()).is_some();
            if !packets.skip_to(target_us, is_it)? {
                return Ok(None);
            }
        }
        let packets = self.session.packets(&task.reader, entry)?;
        decoder.restart()?;
        let cpu = CpuTime::start();
        let mut search = Search::new(&task, packets, decoder);
        let mut found = search.reach(None, Beyond::TakeLast(first))?;
        let is_before = |picture: &Picture| picture.time_us.is_some_and(|us| us < target_us);
        let is_after = |picture: &Picture| picture.time_us.is_some_and(|us| us > target_us);
        if self.request.exact && found.as_ref().is_some_and(is_after) {
            // The exact one may not have been whole yet.
            found = None;
        }
        if found.as_ref().is_some_and(is_before) {
            let reached = search.reach(Some(target_us), Beyond::TakeLast(first))?;
            found = reached.or(found);
        }
        drop(search);
        self.decoding += cpu.spent();
        Ok(found)
    }
}
