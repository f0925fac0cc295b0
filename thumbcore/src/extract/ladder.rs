//! The ladder: how each target comes by a picture, the cheapest way first.

use std::{sync::Arc, time::Duration};

use tokio::sync::Semaphore;

use super::{
    ahead::Ahead,
    budget::Budget,
    cpu::CpuTime,
    job::{Done, Job, Slot, undecodable},
    outcome::Origin,
};
use crate::{
    Error,
    container::Keyframe,
    decode::{Decoder, Picture},
    demux::{Packets, Session, Track},
    libav::Packet,
    select::{MAX_FORWARD_US, Rung},
};

/// Compressed bytes that another thread is started for: 128 KiB take some 10 ms to decode, and a
/// second decoder costs the CPU a few for its memory.
const WORTH_A_THREAD: usize = 128 << 10;

/// A keyframe to decode alone, and whose it is.
pub(super) struct Work<'a> {
    slot: &'a mut Slot,
    packet: Packet,
    /// The packet does not tell its picture's time.
    is_untimed: bool,
}

impl Job {
    /// The packets of the first rung of these, each with its number.
    pub(super) fn keyframe_packets<'a>(
        session: &mut Session,
        rungs: impl Iterator<Item = ((usize, &'a Rung), &'a mut Slot)>,
        ahead: &mut Ahead,
        budget: &mut Budget,
    ) -> Result<Vec<Work<'a>>, Error> {
        let mut work = Vec::new();
        for ((nth, rung), slot) in rungs {
            let Rung::Keyframe(keyframe) = rung else {
                continue;
            };
            let packet = if ahead.has(session, nth, budget)? {
                let packets = session.packets(keyframe);
                budget.allow(packets.and_then(|mut packets| packets.next()))?
            } else {
                None
            };
            slot.is_over_budget = packet.is_none();
            if let Some(packet) = packet.flatten() {
                work.push(Work {
                    slot,
                    packet,
                    is_untimed: keyframe.place.is_untimed(),
                });
            }
        }
        Ok(work)
    }

    /// The first rung: keyframes alone, decoded side by side where CPUs are free.
    pub(super) fn keyframes(
        &self,
        track: &Arc<Track>,
        mut work: Vec<Work<'_>>,
        decoding: &Arc<Semaphore>,
        extra_cpu: &mut Duration,
    ) -> Result<(), Error> {
        if work.is_empty() {
            return Ok(());
        }
        let permit = self.permit(decoding)?;
        let bytes: usize = work.iter().map(|work| work.packet.size()).sum();
        let threads = work.len().min(bytes / WORTH_A_THREAD);
        let mut helpers: Vec<_> = (1..threads)
            .map_while(|_| Arc::clone(decoding).try_acquire_owned().ok())
            .collect();
        let per_thread = work.len().div_ceil(helpers.len() + 1);
        std::thread::scope(|scope| {
            let mut threads = Vec::new();
            while work.len() > per_thread
                && let Some(permit) = helpers.pop()
            {
                let share = work.split_off(work.len() - per_thread);
                threads.push(scope.spawn(move || {
                    let cpu = CpuTime::start();
                    let result = self.decode_all(track, share);
                    drop(permit);
                    result.map(|()| cpu.spent())
                }));
            }
            let mut result = self.decode_all(track, work);
            for thread in threads {
                // A panic in a thread goes on in ours, where it is stopped.
                match thread.join() {
                    Ok(Ok(spent)) => *extra_cpu += spent,
                    Ok(Err(error)) => result = result.and(Err(error)),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            drop(permit);
            result
        })
    }

    fn decode_all(&self, track: &Arc<Track>, work: Vec<Work<'_>>) -> Result<(), Error> {
        let coded = (track.width, track.height);
        let is_coarse = self.geometry(track, coded, (0, 1)).hides_blocks();
        let mut decoder = Decoder::open(track, self.reader.limits())?.coarse(is_coarse);
        for Work {
            slot,
            packet,
            is_untimed,
        } in work
        {
            self.reader.check_time()?;
            if let Some(picture) = decoder.keyframe(&packet)? {
                slot.done = Some((self.finish(track, &picture)?, Origin::Keyframe));
                slot.is_mistimed = is_untimed && decoder.reorders();
            }
        }
        Ok(())
    }

    /// Where packets carry no times and pictures are reordered, only the packets that push a
    /// keyframe's picture out of the decoder tell its time.
    pub(super) fn retime(
        &self,
        session: &mut Session,
        rungs: &[Rung],
        slots: &mut [Slot],
        budget: &mut Budget,
    ) -> Result<(), Error> {
        let mut late: Vec<_> = rungs
            .iter()
            .zip(slots)
            .filter(|(_, slot)| slot.is_mistimed)
            .filter_map(|(rung, slot)| Some((rung.keyframe()?, slot)))
            .collect();
        let ahead = session.prefetch_behind(late.iter().map(|(keyframe, _)| *keyframe));
        budget.allow(ahead)?;
        for (keyframe, slot) in &mut late {
            let done = self.next_picture(session, keyframe);
            if let Some(done) = budget.allow(done)?.flatten() {
                slot.done = Some((done, Origin::Keyframe));
            }
        }
        Ok(())
    }

    /// A picture that shows nothing loses to the keyframe on the target's other side.
    pub(super) fn replace_dull(
        &self,
        session: &mut Session,
        slots: &mut [Slot],
        budget: &mut Budget,
    ) -> Result<(), Error> {
        let is_dull = |slot: &Slot| slot.done.as_ref().is_some_and(|(done, _)| done.dull);
        let (spares, slots): (Vec<_>, Vec<_>) = slots
            .iter_mut()
            .filter(|slot| is_dull(slot))
            .filter_map(|slot| Some((Rung::Keyframe(slot.spare.take()?), slot)))
            .unzip();
        let mut ahead = self.ahead(session, spares.clone(), budget)?;
        for (nth, (spare, slot)) in spares.iter().zip(slots).enumerate() {
            let Some(keyframe) = spare.keyframe() else {
                continue;
            };
            if !ahead.has(session, nth, budget)? {
                continue;
            }
            let done = budget.allow(self.keyframe_picture(session, keyframe))?;
            if let Some(done) = done.flatten()
                && !done.dull
            {
                slot.done = Some((done, Origin::Keyframe));
            }
        }
        Ok(())
    }

    /// The second rung: from a keyframe forward to the target. Targets behind the same keyframe
    /// share one pass.
    pub(super) fn forward(
        &self,
        session: &mut Session,
        rungs: &[Rung],
        slots: &mut [Slot],
        ahead: &mut Ahead,
        budget: &mut Budget,
    ) -> Result<(), Error> {
        let mut order: Vec<usize> = (0..slots.len())
            .filter(|i| matches!(rungs[*i], Rung::Forward { .. }) && !slots[*i].is_over_budget)
            .collect();
        order.sort_by_key(|i| slots[*i].target_us);
        let mut decoder = None;
        let groups = order.chunk_by(|a, b| rungs[*a].keyframe() == rungs[*b].keyframe());
        for group in groups {
            let mut within = Vec::new();
            for nth in group {
                if ahead.has(session, *nth, budget)? {
                    within.push(*nth);
                }
            }
            let decoder = match &mut decoder {
                Some(decoder) => decoder,
                none => none.insert(Decoder::open(&session.track, self.reader.limits())?),
            };
            budget.allow(self.pass(session, decoder, &within, rungs, slots))?;
        }
        Ok(())
    }

    /// Decodes from one keyframe forward to each target of `group`.
    fn pass(
        &self,
        session: &mut Session,
        decoder: &mut Decoder,
        group: &[usize],
        rungs: &[Rung],
        slots: &mut [Slot],
    ) -> Result<(), Error> {
        let track = Arc::clone(&session.track);
        decoder.restart();
        let Some(first) = group.first() else {
            return Ok(());
        };
        let mut packets = match rungs[*first].keyframe() {
            Some(keyframe) => session.packets(keyframe)?,
            None => session.packets_from_start()?,
        };
        let mut latest: Option<Done> = None;
        for i in group {
            let Rung::Forward { target_us, .. } = rungs[*i] else {
                continue;
            };
            let picture = decoder.forward(&mut packets, Some(target_us), &self.reader)?;
            if let Some(picture) = picture {
                latest = Some(self.finish(&track, &picture)?);
            }
            slots[*i].done = latest.clone().map(|done| (done, Origin::Decoded));
        }
        Ok(())
    }

    /// The last rungs: what follows the chosen keyframe, the keyframe on the other side, and what
    /// decodes from the start of the file; over budget, the first picture there.
    pub(super) fn fall_back(
        &self,
        session: &mut Session,
        rungs: &[Rung],
        slots: &mut [Slot],
        budget: &mut Budget,
    ) -> Result<(), Error> {
        for (slot, rung) in slots.iter_mut().zip(rungs) {
            let places = [rung.keyframe().cloned(), slot.spare.take()];
            for keyframe in places.into_iter().flatten() {
                if slot.done.is_none() {
                    let done = budget.allow(self.keyframe_picture(session, &keyframe))?;
                    slot.done = done.flatten().map(|done| (done, Origin::Fallback));
                }
            }
            if slot.done.is_none() {
                let done = self.start_of_file(session, slot.target_us, budget)?;
                slot.done = done.map(|done| (done, Origin::Fallback));
            }
            if slot.done.is_none() {
                return Err(std::mem::take(budget).or(undecodable()));
            }
        }
        Ok(())
    }

    fn start_of_file(
        &self,
        session: &Session,
        target_us: i64,
        budget: &mut Budget,
    ) -> Result<Option<Done>, Error> {
        let reach_us = session.track.start_us.saturating_add(MAX_FORWARD_US);
        let towards = (!budget.is_spent()).then_some(target_us.min(reach_us));
        // The first picture is the cheapest; it is all that can be had once the budget is spent.
        let attempts = std::iter::once(towards).chain(towards.map(|_| None));
        for target_us in attempts {
            let picture = self.picture_from_start(session, target_us);
            if let Some(done) = budget.allow(picture)? {
                return Ok(done);
            }
        }
        Ok(None)
    }

    fn picture_from_start(
        &self,
        session: &Session,
        target_us: Option<i64>,
    ) -> Result<Option<Done>, Error> {
        let mut packets = session.packets_from_start()?;
        let mut decoder = Decoder::open(&session.track, self.reader.limits())?;
        decoder.trust_any_start();
        decoder
            .forward(&mut packets, target_us, &self.reader)?
            .map(|picture| self.finish(&session.track, &picture))
            .transpose()
    }

    /// The first picture that comes out behind `keyframe` once its decoder knows the time.
    fn next_picture(
        &self,
        session: &mut Session,
        keyframe: &Keyframe,
    ) -> Result<Option<Done>, Error> {
        self.picture_behind(session, keyframe, |decoder, packets| {
            decoder.forward(packets, None, &self.reader)
        })
    }

    fn keyframe_picture(
        &self,
        session: &mut Session,
        keyframe: &Keyframe,
    ) -> Result<Option<Done>, Error> {
        self.picture_behind(session, keyframe, |decoder, packets| {
            decoder.first(packets, &self.reader)
        })
    }

    /// What a decoder of its own makes of the packets from `keyframe` on.
    fn picture_behind(
        &self,
        session: &mut Session,
        keyframe: &Keyframe,
        decode: impl FnOnce(&mut Decoder, &mut Packets<'_>) -> Result<Option<Picture>, Error>,
    ) -> Result<Option<Done>, Error> {
        let track = Arc::clone(&session.track);
        let mut packets = session.packets(keyframe)?;
        let mut decoder = Decoder::open(&track, self.reader.limits())?;
        decode(&mut decoder, &mut packets)?
            .map(|picture| self.finish(&track, &picture))
            .transpose()
    }
}
