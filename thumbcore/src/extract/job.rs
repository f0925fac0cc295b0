//! One extraction, start to end, on a thread that may block.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore},
};

use super::{
    ahead::Ahead,
    budget::Budget,
    builder::Settings,
    cpu::CpuTime,
    outcome::{Extraction, Media, Origin, Probe, Stats, Thumbnail},
};
use crate::{
    Error,
    container::{Around, Keyframe},
    decode::{Decoder, Picture},
    demux::{Session, Track},
    encode::encode,
    reader::{Reader, Reserve},
    render::{Geometry, Orientation, is_dull, render},
    select::{self, Rung},
};

pub(super) struct Job {
    pub(super) reader: Arc<Reader>,
    runtime: Handle,
    pub(super) settings: Arc<Settings>,
}

/// A finished picture.
#[derive(Clone)]
pub(super) struct Done {
    pub(super) image: Bytes,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) time_us: Option<i64>,
    pub(super) dull: bool,
    pub(super) shown: (u32, u32),
}

/// Keyframes held at once, compressed: more would let a file's claims fill the memory.
const BATCH: usize = 8;

/// What is known of one target so far.
pub(super) struct Slot {
    pub(super) target_us: i64,
    /// Where a keyframe on its other side lies, for when the first choice does not do.
    pub(super) spare: Option<Keyframe>,
    pub(super) done: Option<(Done, Origin)>,
    /// The picture comes out of a decoder later than its packet goes in, which is all that told
    /// its time.
    pub(super) is_mistimed: bool,
    /// What its rung would cost is over budget: only the last rungs are left.
    pub(super) is_over_budget: bool,
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
            // Only its size is wanted.
            let picture = Decoder::open(track, self.reader.limits())?
                .coarse(true)
                .first(&mut packets, &self.reader)?
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
        let targets = self.targets(&session.track);
        self.reader.hold_back(Reserve::Eighth);
        let mut budget = Budget::default();
        let mut found = Vec::new();
        for around in session.around(&targets)? {
            found.push(budget.allow(around)?);
        }
        let mut over_budget: Vec<_> = found.iter().map(Option::is_none).collect();
        let around: Vec<_> = found.into_iter().map(Option::unwrap_or_default).collect();
        let mut rungs = select::plan(
            &targets,
            &around,
            &select::Rules {
                tolerance_us: (session.track.duration_us.unwrap_or(0) as f64
                    * self.settings.tolerance) as i64,
                exact: self.settings.exact,
            },
        );
        for (rung, over_budget) in rungs.iter_mut().zip(&mut over_budget) {
            if let Rung::Forward { from, target_us } = rung
                && from.is_none()
                && !*over_budget
            {
                let start = budget.allow(session.start_before(*target_us))?;
                *over_budget = start.is_none();
                *from = start.flatten();
            }
        }

        let mut slots: Vec<_> = targets
            .iter()
            .enumerate()
            .map(|(nth, target_us)| Slot {
                target_us: *target_us,
                spare: around[nth]
                    .other_than(rungs[nth].keyframe())
                    .filter(|spare| {
                        // Another target's picture would make two of one.
                        rungs.iter().all(|rung| rung.keyframe() != Some(spare))
                    }),
                done: None,
                is_mistimed: false,
                is_over_budget: over_budget[nth],
            })
            .collect();
        let mut extra_cpu = Duration::ZERO;
        let mut ahead = self.ahead(&mut session, rungs.clone(), &mut budget)?;
        for (nth, slots) in slots.chunks_mut(BATCH).enumerate() {
            let numbered = (nth * BATCH..).zip(&rungs[nth * BATCH..]);
            let numbered = numbered.zip(slots);
            let work = Self::keyframe_packets(&mut session, numbered, &mut ahead, &mut budget)?;
            let decoded = self.keyframes(&session.track, work, decoding, &mut extra_cpu);
            budget.allow(decoded)?;
        }
        second_choice(&slots, &mut rungs, &around, start_us);
        let unfinished = |slot: &Slot| {
            let done = slot.done.as_ref();
            slot.is_mistimed || done.is_none_or(|(done, _)| done.dull)
        };
        let permit = if slots.iter().any(unfinished) {
            budget.allow(self.permit(decoding))?
        } else {
            None
        };
        self.retime(&mut session, &rungs, &mut slots, &mut budget)?;
        self.replace_dull(&mut session, &mut slots, &mut budget)?;
        self.forward(&mut session, &rungs, &mut slots, &mut ahead, &mut budget)?;
        self.reader.hold_back(Reserve::Nothing);
        let _permit = if permit.is_none() && slots.iter().any(|slot| slot.done.is_none()) {
            Some(self.permit(decoding)?)
        } else {
            permit
        };
        self.fall_back(&mut session, &rungs, &mut slots, &mut budget)?;

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

    /// Where pictures are wanted, in microseconds of the container's timeline.
    fn targets(&self, track: &Track) -> Vec<i64> {
        let duration = track
            .duration_us
            .map(|us| Duration::from_micros(us.unsigned_abs()));
        let positions = self.settings.positions.iter();
        positions
            .map(|position| {
                let micros = position.resolve(duration).as_micros();
                let micros = i64::try_from(micros).unwrap_or(i64::MAX);
                track.start_us.saturating_add(micros)
            })
            .collect()
    }

    pub(super) fn finish(&self, track: &Track, picture: &Picture) -> Result<Done, Error> {
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

    pub(super) fn geometry(
        &self,
        track: &Track,
        coded: (u32, u32),
        of_frame: (i32, i32),
    ) -> Geometry {
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

    pub(super) fn ahead(
        &self,
        session: &mut Session,
        rungs: Vec<Rung>,
        budget: &mut Budget,
    ) -> Result<Ahead, Error> {
        Ahead::new(session, rungs, self.reader.config().cache, budget)
    }

    /// Waits for a CPU to be free.
    pub(super) fn permit(&self, decoding: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Error> {
        let wait = Arc::clone(decoding).acquire_owned();
        let permit = self.runtime.block_on(self.reader.in_time(wait))?;
        permit.map_err(|error| Error::Internal {
            reason: error.to_string(),
        })
    }

    fn stats(&self, cpu: Duration) -> Stats {
        Stats::new(self.reader.costs(), cpu)
    }
}

/// Where a keyframe alone gave nothing, decodes on from one.
fn second_choice(slots: &[Slot], rungs: &mut [Rung], around: &[Around], start_us: i64) {
    for ((slot, rung), around) in slots.iter().zip(rungs).zip(around) {
        // No whole picture by itself: the stream refreshes step by step, is damaged there, or
        // calls everything a keyframe. What comes before helps; best the start.
        if slot.done.is_none() && !slot.is_over_budget && matches!(rung, Rung::Keyframe(_)) {
            let start_is_near = slot.target_us.saturating_sub(start_us) <= select::MAX_FORWARD_US;
            let from = around.before.as_ref().or(around.after.as_ref()).cloned();
            *rung = Rung::Forward {
                from: from.filter(|_| !start_is_near),
                target_us: slot.target_us,
            };
        }
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

pub(super) fn undecodable() -> Error {
    Error::Corrupt {
        reason: "no picture of it can be decoded".to_owned(),
    }
}
