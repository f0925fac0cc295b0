//! One extraction, start to end, on a thread that may block.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore},
};

use super::{
    builder::Settings,
    cpu::CpuTime,
    outcome::{Extraction, Media, Origin, Probe, Stats, Thumbnail},
};
use crate::{
    Error,
    container::Keyframe,
    decode::{Decoder, Picture},
    demux::{Packets, Session, Track},
    encode::encode,
    libav::Packet,
    reader::Reader,
    render::{Geometry, Orientation, is_dull, render},
    select::{self, Rung},
};

pub(super) struct Job {
    reader: Arc<Reader>,
    runtime: Handle,
    settings: Arc<Settings>,
}

/// A finished picture.
#[derive(Clone)]
struct Done {
    image: Bytes,
    width: u32,
    height: u32,
    time_us: Option<i64>,
    dull: bool,
    shown: (u32, u32),
}

/// What is known of one target so far.
struct Slot {
    target_us: i64,
    /// Where a keyframe on its other side lies, for when the first choice does not do.
    spare: Option<Keyframe>,
    done: Option<(Done, Origin)>,
    /// The keyframe's picture comes out of a decoder later than its packet goes in.
    is_reordered: bool,
}

impl Job {
    pub(super) fn new(reader: Arc<Reader>, runtime: Handle, settings: Arc<Settings>) -> Self {
        Self {
            reader,
            runtime,
            settings,
        }
    }

    pub(super) fn probe(self) -> Result<Probe, Error> {
        let cpu = CpuTime::start();
        let session = Session::open(Arc::clone(&self.reader), self.runtime.clone(), &[])?;
        let track = &session.track;
        let shown = if track.width > 0 && track.height > 0 {
            self.geometry(track, (track.width, track.height), (0, 1))
                .shown
        } else {
            let mut packets = session.packets_from_start()?;
            let picture = Decoder::open(track, self.reader.limits())?
                .forward(&mut packets, None, &self.reader)?
                .ok_or_else(undecodable)?;
            let frame = &picture.frame;
            self.geometry(
                track,
                (frame.width(), frame.height()),
                frame.sample_aspect(),
            )
            .shown
        };
        Ok(Probe {
            media: media(&session, shown),
            stats: self.stats(cpu.spent()),
        })
    }

    pub(super) fn extract(self, decoding: &Arc<Semaphore>) -> Result<Extraction, Error> {
        let cpu = CpuTime::start();
        let mut session = Session::open(
            Arc::clone(&self.reader),
            self.runtime.clone(),
            &self.settings.positions,
        )?;
        let start_us = session.track.start_us;
        let duration = session
            .track
            .duration_us
            .map(|us| Duration::from_micros(us.unsigned_abs()));
        let targets: Vec<i64> = self
            .settings
            .positions
            .iter()
            .map(|position| start_us + position.resolve(duration).as_micros() as i64)
            .collect();
        let around = session.around(&targets)?;
        let mut rungs = select::plan(
            &targets,
            &around,
            &select::Rules {
                tolerance_us: (session.track.duration_us.unwrap_or(0) as f64
                    * self.settings.tolerance) as i64,
                exact: self.settings.exact,
            },
        );
        session.prefetch(&rungs)?;

        let mut slots: Vec<_> = targets
            .iter()
            .zip(&around)
            .zip(&rungs)
            .map(|((target_us, around), rung)| Slot {
                target_us: *target_us,
                spare: around.other_than(rung.keyframe()).filter(|spare| {
                    // Another target's picture would make two of one.
                    rungs.iter().all(|rung| rung.keyframe() != Some(spare))
                }),
                done: None,
                is_reordered: false,
            })
            .collect();
        let mut extra_cpu = Duration::ZERO;
        self.keyframes(&mut session, &rungs, &mut slots, decoding, &mut extra_cpu)?;
        for ((slot, rung), around) in slots.iter().zip(&mut rungs).zip(around) {
            // No whole picture by itself: the stream refreshes step by step, or is damaged there.
            if slot.done.is_none() && matches!(rung, Rung::Keyframe(_)) {
                *rung = Rung::Forward {
                    from: around.before.or(around.after),
                    target_us: slot.target_us,
                };
            }
        }
        let _permit = self.permit(decoding)?;
        self.retime(&mut session, &rungs, &mut slots)?;
        self.replace_dull(&mut session, &mut slots)?;
        self.forward(&mut session, &rungs, &mut slots)?;
        self.fall_back(&mut session, &rungs, &mut slots)?;

        let shown = slots
            .iter()
            .find_map(|slot| slot.done.as_ref().map(|(done, _)| done.shown))
            .ok_or_else(undecodable)?;
        let thumbnails = slots
            .into_iter()
            .map(|slot| self.thumbnail(slot, start_us))
            .collect::<Result<_, _>>()?;
        Ok(Extraction {
            media: media(&session, shown),
            thumbnails,
            stats: self.stats(cpu.spent() + extra_cpu),
        })
    }

    /// The first rung: keyframes alone, decoded side by side where CPUs are free.
    fn keyframes(
        &self,
        session: &mut Session,
        rungs: &[Rung],
        slots: &mut [Slot],
        decoding: &Arc<Semaphore>,
        extra_cpu: &mut Duration,
    ) -> Result<(), Error> {
        let mut work = Vec::new();
        for (rung, slot) in rungs.iter().zip(slots) {
            if let Rung::Keyframe(keyframe) = rung
                && let Some(packet) = session.packets(keyframe)?.next()?
            {
                work.push((slot, packet));
            }
        }
        if work.is_empty() {
            return Ok(());
        }
        let track = Arc::clone(&session.track);
        let permit = self.permit(decoding)?;
        let mut helpers: Vec<_> = (1..work.len())
            .map_while(|_| Arc::clone(decoding).try_acquire_owned().ok())
            .collect();
        let per_thread = work.len().div_ceil(helpers.len() + 1);
        std::thread::scope(|scope| {
            let mut threads = Vec::new();
            while work.len() > per_thread
                && let Some(permit) = helpers.pop()
            {
                let share = work.split_off(work.len() - per_thread);
                let track = &track;
                threads.push(scope.spawn(move || {
                    let cpu = CpuTime::start();
                    let result = self.decode_all(track, share);
                    drop(permit);
                    result.map(|()| cpu.spent())
                }));
            }
            let mut result = self.decode_all(&track, work);
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

    fn decode_all(&self, track: &Arc<Track>, work: Vec<(&mut Slot, Packet)>) -> Result<(), Error> {
        let mut decoder = Decoder::open(track, self.reader.limits())?;
        for (slot, packet) in work {
            self.reader.check_time()?;
            if let Some(picture) = decoder.keyframe(&packet)? {
                slot.done = Some((self.finish(track, &picture)?, Origin::Keyframe));
                slot.is_reordered = decoder.reorders();
            }
        }
        Ok(())
    }

    /// Where packets carry no times and pictures are reordered, only the packets that push a
    /// keyframe's picture out of the decoder tell its time.
    fn retime(
        &self,
        session: &mut Session,
        rungs: &[Rung],
        slots: &mut [Slot],
    ) -> Result<(), Error> {
        let mut late: Vec<_> = rungs
            .iter()
            .zip(slots)
            .filter(|(_, slot)| slot.is_reordered)
            .filter_map(|(rung, slot)| Some((rung.keyframe()?, slot)))
            .filter(|(keyframe, _)| keyframe.place.is_untimed())
            .collect();
        session.prefetch_behind(late.iter().map(|(keyframe, _)| *keyframe))?;
        for (keyframe, slot) in &mut late {
            let track = Arc::clone(&session.track);
            let mut packets = session.packets(keyframe)?;
            let mut decoder = Decoder::open(&track, self.reader.limits())?;
            if let Some(picture) = decoder.forward(&mut packets, None, &self.reader)? {
                slot.done = Some((self.finish(&track, &picture)?, Origin::Keyframe));
            }
        }
        Ok(())
    }

    /// A picture that shows nothing loses to the keyframe on the target's other side.
    fn replace_dull(&self, session: &mut Session, slots: &mut [Slot]) -> Result<(), Error> {
        let is_dull = |slot: &Slot| slot.done.as_ref().is_some_and(|(done, _)| done.dull);
        let spares: Vec<_> = slots
            .iter()
            .filter(|slot| is_dull(slot))
            .filter_map(|slot| slot.spare.clone().map(Rung::Keyframe))
            .collect();
        session.prefetch(&spares)?;
        for slot in slots.iter_mut().filter(|slot| is_dull(slot)) {
            let Some(spare) = slot.spare.take() else {
                continue;
            };
            if let Some(done) = self.keyframe_picture(session, &spare)?
                && !done.dull
            {
                slot.done = Some((done, Origin::Keyframe));
            }
        }
        Ok(())
    }

    /// The second rung: from a keyframe forward to the target. Targets behind the same keyframe
    /// share one pass.
    fn forward(
        &self,
        session: &mut Session,
        rungs: &[Rung],
        slots: &mut [Slot],
    ) -> Result<(), Error> {
        let mut order: Vec<usize> = (0..slots.len())
            .filter(|i| matches!(rungs[*i], Rung::Forward { .. }))
            .collect();
        order.sort_by_key(|i| slots[*i].target_us);
        let mut decoder = None;
        let groups = order.chunk_by(|a, b| rungs[*a].keyframe() == rungs[*b].keyframe());
        for group in groups {
            let track = Arc::clone(&session.track);
            let decoder = match &mut decoder {
                Some(decoder) => decoder,
                none => none.insert(Decoder::open(&track, self.reader.limits())?),
            };
            decoder.restart();
            let mut packets = match rungs[group[0]].keyframe() {
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
        }
        Ok(())
    }

    /// The last rungs: what follows the chosen keyframe, the keyframe on the other side, and the
    /// first picture of the file that decodes.
    fn fall_back(
        &self,
        session: &mut Session,
        rungs: &[Rung],
        slots: &mut [Slot],
    ) -> Result<(), Error> {
        let mut first = None;
        for (slot, rung) in slots.iter_mut().zip(rungs) {
            if slot.done.is_some() {
                continue;
            }
            let places = [rung.keyframe().cloned(), slot.spare.take()];
            for keyframe in places.into_iter().flatten() {
                if let Some(done) = self.keyframe_picture(session, &keyframe)? {
                    slot.done = Some((done, Origin::Fallback));
                    break;
                }
            }
            if slot.done.is_none() {
                if first.is_none() {
                    let packets = session.packets_from_start()?;
                    let picture = self.first_picture(&session.track, packets)?;
                    first = Some(picture.ok_or_else(undecodable)?);
                }
                slot.done = first.clone().map(|done| (done, Origin::Fallback));
            }
        }
        Ok(())
    }

    fn keyframe_picture(
        &self,
        session: &mut Session,
        keyframe: &Keyframe,
    ) -> Result<Option<Done>, Error> {
        let track = Arc::clone(&session.track);
        let packets = session.packets(keyframe)?;
        self.first_picture(&track, packets)
    }

    fn first_picture(
        &self,
        track: &Arc<Track>,
        mut packets: Packets<'_>,
    ) -> Result<Option<Done>, Error> {
        Decoder::open(track, self.reader.limits())?
            .first(&mut packets, &self.reader)?
            .map(|picture| self.finish(track, &picture))
            .transpose()
    }

    fn finish(&self, track: &Track, picture: &Picture) -> Result<Done, Error> {
        let frame = &picture.frame;
        let geometry = self.geometry(
            track,
            (frame.width(), frame.height()),
            frame.sample_aspect(),
        );
        let planes = render(frame, &geometry)?;
        let image = encode(&planes, self.settings.format, self.settings.quality)?;
        Ok(Done {
            image,
            width: planes.width as u32,
            height: planes.height as u32,
            time_us: picture.time_us,
            dull: is_dull(&planes),
            shown: geometry.shown,
        })
    }

    fn geometry(&self, track: &Track, coded: (u32, u32), of_frame: (i32, i32)) -> Geometry {
        // The container's word on pixel shape wins over the codec's, as in players.
        let aspect = if track.sample_aspect.0 > 0 {
            track.sample_aspect
        } else {
            of_frame
        };
        let orientation = Orientation::from_matrix(track.display_matrix);
        Geometry::new(coded, aspect, orientation, self.settings.max_width)
    }

    fn thumbnail(&self, slot: Slot, start_us: i64) -> Result<Thumbnail, Error> {
        let since_start =
            |us: i64| Duration::from_micros(us.saturating_sub(start_us).max(0) as u64);
        let (done, origin) = slot.done.ok_or_else(undecodable)?;
        let target = since_start(slot.target_us);
        Ok(Thumbnail {
            image: done.image,
            format: self.settings.format,
            target,
            actual: done.time_us.map_or(target, since_start),
            width: done.width,
            height: done.height,
            origin,
        })
    }

    /// Waits for a CPU to be free.
    fn permit(&self, decoding: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Error> {
        let permit = self.runtime.block_on(Arc::clone(decoding).acquire_owned());
        permit.map_err(|error| Error::Internal {
            reason: error.to_string(),
        })
    }

    fn stats(&self, cpu: Duration) -> Stats {
        let mut stats = Stats {
            cpu,
            ..Stats::default()
        };
        self.reader.account(&mut stats);
        stats
    }
}

fn media(session: &Session, (width, height): (u32, u32)) -> Media {
    Media {
        container: session.container_name,
        codec: session.track.codec.clone(),
        width,
        height,
        duration: session
            .track
            .duration_us
            .map(|us| Duration::from_micros(us.unsigned_abs())),
    }
}

fn undecodable() -> Error {
    Error::Corrupt {
        reason: "no picture of it can be decoded".to_owned(),
    }
}
