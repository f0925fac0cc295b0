//! Decoding forward: packets in, one picture out.

use std::time::Duration;

use super::{cpu::CpuTime, task::Task};
use crate::{
    Error, LimitError,
    decode::{Decoder, Fed, Last, Picture},
    demux::Packets,
};

/// How often in a row a decoder may ask for its pictures to be taken out before a packet that it
/// does not take is discarded.
const MAX_REFUSALS: usize = 4;

/// Decodes the packets from one place on, as far as the next picture that is wanted. Packets are
/// read without a CPU; each is decoded on one.
pub(super) struct Search<'a> {
    task: &'a Task,
    packets: Packets<'a>,
    decoder: &'a mut Decoder,
    /// No packet follows: the decoder gives what it holds back.
    is_ended: bool,
    /// Came out behind a gap that the last target lies in.
    behind_gap: Option<Picture>,
    /// When the first whole picture is shown, in microseconds.
    first_us: Option<i64>,
    /// A whole picture came out.
    has_found: bool,
}

/// How far a search goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beyond {
    /// As far as this allows; the last picture before will do.
    TakeLast(Allowance),
    /// As far as the limits allow: only the picture at the target will do.
    Fail,
}

/// What may be spent on the way to one picture that need not be exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Allowance {
    /// CPU time of decoding.
    pub(super) cpu: Duration,
    /// Bytes that are fetched on the way.
    pub(super) bytes: u64,
    /// A time, in microseconds, that the target's picture cannot be later than.
    pub(super) latest_us: Option<i64>,
}

impl Beyond {
    /// The last picture will do, and the budgets of the call are the only bound.
    pub(super) const TAKE_LAST: Self = Self::TakeLast(Allowance {
        cpu: Duration::MAX,
        bytes: u64::MAX,
        latest_us: None,
    });
}

/// How one search is bounded, and what it has spent.
struct Bounds {
    beyond: Beyond,
    max_packets: usize,
    packets: usize,
    cpu: CpuTime,
    bytes_before: u64,
}

impl Bounds {
    fn new(task: &Task, beyond: Beyond) -> Self {
        Self {
            beyond,
            max_packets: task.reader.limits().max_packets,
            packets: 0,
            cpu: CpuTime::start(),
            bytes_before: task.reader.bytes_fetched(),
        }
    }

    /// Whether the search must end here, with what it has.
    fn are_met(&self, task: &Task, time_us: Option<i64>) -> bool {
        let Beyond::TakeLast(allowance) = self.beyond else {
            return self.packets >= self.max_packets;
        };
        let is_late = time_us.zip(allowance.latest_us);
        self.packets >= self.max_packets
            || is_late.is_some_and(|(time, latest)| time > latest)
            || task.reader.bytes_fetched() - self.bytes_before > allowance.bytes
            || self.cpu.spent() > allowance.cpu
    }
}

impl<'a> Search<'a> {
    /// `decoder` must be fresh or [restarted](Decoder::restart).
    pub(super) fn new(task: &'a Task, packets: Packets<'a>, decoder: &'a mut Decoder) -> Self {
        Self {
            task,
            packets,
            decoder,
            is_ended: false,
            behind_gap: None,
            first_us: None,
            has_found: false,
        }
    }

    /// Whether the stream ended before any whole picture came out.
    pub(super) fn is_in_vain(&self) -> bool {
        self.is_ended && !self.has_found
    }

    /// When the first whole picture that came out is shown, in microseconds.
    pub(super) fn first_us(&self) -> Option<i64> {
        self.first_us
    }

    /// The first whole picture, as far as the search goes `beyond` the first packet: of that packet
    /// alone where it gives one, since every further packet may have to be fetched.
    pub(super) fn first(&mut self, beyond: Beyond) -> Result<Option<Picture>, Error> {
        let Some(packet) = self.packets.next()? else {
            return Ok(None);
        };
        let alone = self.task.run(|| self.decoder.keyframe(&packet))?;
        if alone.is_some() {
            return Ok(alone);
        }
        self.packets.put_back(packet);
        self.decoder.restart()?;
        self.reach(None, beyond)
    }

    /// The next picture at or after `target_us`, or the next of all; the last whole picture where
    /// the stream, or what may be spent on it, ends before, or where the next is further away.
    pub(super) fn reach(
        &mut self,
        target_us: Option<i64>,
        beyond: Beyond,
    ) -> Result<Option<Picture>, Error> {
        let mut bounds = Bounds::new(self.task, beyond);
        let mut last = Last::default();
        let mut damaged = self.decoder.damaged();
        // What the decoder still has from the target before.
        let mut ready = match self.behind_gap.take() {
            None => self.task.run(|| self.decoder.next())?,
            picture => picture,
        };
        loop {
            while let Some(picture) = ready {
                self.first_us = self.first_us.or(picture.time_us);
                self.has_found = true;
                if is_reached(&picture, target_us) {
                    if beyond != Beyond::Fail && lies_in_gap(target_us, last.get(), &picture) {
                        self.behind_gap = Some(picture);
                        return Ok(last.take());
                    }
                    return Ok(Some(picture));
                }
                last.put(picture);
                ready = self.task.run(|| self.decoder.next())?;
            }
            if self.decoder.damaged() > damaged {
                damaged = self.decoder.damaged();
                last.doubt();
            }
            if self.is_ended {
                return Ok(last.take());
            }
            if bounds.are_met(self.task, self.decoder.fed_us()) {
                let limit = bounds.max_packets;
                let is_refused = beyond == Beyond::Fail || last.get().is_none();
                if is_refused && bounds.packets >= limit {
                    return Err(LimitError::Packets { limit }.into());
                }
                return Ok(last.take());
            }
            bounds.packets += 1;
            ready = match self.step(target_us) {
                // A budget that is spent on the way leaves what was reached.
                Err(error)
                    if error.is_budget() && last.get().is_some() && beyond != Beyond::Fail =>
                {
                    return Ok(last.take());
                }
                stepped => stepped?,
            };
        }
    }

    /// Reads and decodes one packet. The first picture that comes out for it.
    fn step(&mut self, target_us: Option<i64>) -> Result<Option<Picture>, Error> {
        let packet = self.packets.next()?;
        self.is_ended = packet.is_none();
        let decoder = &mut *self.decoder;
        self.task
            .run(|| {
                for _ in 0..MAX_REFUSALS {
                    let fed = decoder.feed(packet.as_ref(), target_us);
                    let picture = decoder.next()?;
                    if fed == Fed::Taken || picture.is_some() {
                        return Ok((fed, picture));
                    }
                }
                Ok((Fed::Taken, None))
            })
            .map(|(fed, picture)| {
                if let (Fed::Full, Some(packet)) = (fed, packet) {
                    self.packets.put_back(packet);
                }
                picture
            })
    }
}

/// Whether a target lies in a gap of the video, nearer to the picture before it.
fn lies_in_gap(target_us: Option<i64>, before: Option<&Picture>, after: &Picture) -> bool {
    /// More than the distance of two pictures of any usual video.
    const GAP_US: u64 = 1_000_000;
    let distance = |picture: &Picture| Some(picture.time_us?.abs_diff(target_us?));
    match (before.and_then(distance), distance(after)) {
        (Some(before), Some(after)) => after > GAP_US && before < after,
        _ => false,
    }
}

fn is_reached(picture: &Picture, target_us: Option<i64>) -> bool {
    match (target_us, picture.time_us) {
        (Some(target), Some(time)) => time >= target,
        (None, _) => true,
        (Some(_), None) => false,
    }
}
