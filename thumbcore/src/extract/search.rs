//! Decoding forward: packets in, one picture out.

use super::task::Task;
use crate::{
    Error, LimitError,
    decode::{Decoder, Fed, Picture},
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
}

/// What a search does where it has read as many packets as it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beyond {
    /// The last picture before will do.
    TakeLast,
    /// Only the picture at the target will do.
    Fail,
}

impl<'a> Search<'a> {
    /// `decoder` must be fresh or [restarted](Decoder::restart).
    pub(super) fn new(task: &'a Task, packets: Packets<'a>, decoder: &'a mut Decoder) -> Self {
        Self {
            task,
            packets,
            decoder,
            is_ended: false,
        }
    }

    /// The first whole picture: of the first packet alone where that gives one, since every
    /// further packet may have to be fetched.
    pub(super) fn first(&mut self) -> Result<Option<Picture>, Error> {
        let Some(packet) = self.packets.next()? else {
            return Ok(None);
        };
        let alone = self.task.run(|| self.decoder.keyframe(&packet))?;
        if alone.is_some() {
            return Ok(alone);
        }
        self.packets.put_back(packet);
        self.decoder.restart();
        self.reach(None, Beyond::TakeLast)
    }

    /// The next picture at or after `target_us`, or the next of all; the last whole picture where
    /// the stream ends before.
    pub(super) fn reach(
        &mut self,
        target_us: Option<i64>,
        beyond: Beyond,
    ) -> Result<Option<Picture>, Error> {
        let limit = self.task.reader.limits().max_packets;
        let mut last = None;
        // What the decoder still has from the target before.
        let mut ready = self.task.run(|| self.decoder.next())?;
        for read in 0.. {
            while let Some(picture) = ready {
                if is_reached(&picture, target_us) {
                    return Ok(Some(picture));
                }
                last = Some(picture);
                ready = self.task.run(|| self.decoder.next())?;
            }
            if self.is_ended {
                break;
            }
            if read >= limit {
                if last.is_some() && beyond == Beyond::TakeLast {
                    break;
                }
                return Err(LimitError::Packets { limit }.into());
            }
            ready = self.step(target_us)?;
        }
        Ok(last)
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

fn is_reached(picture: &Picture, target_us: Option<i64>) -> bool {
    match (target_us, picture.time_us) {
        (Some(target), Some(time)) => time >= target,
        (None, _) => true,
        (Some(_), None) => false,
    }
}
