//! Transport packets that are missing, or cannot be read without a key.
//!
//! libav sees them too, but its parser gives a picture out after the PES packet behind it has
//! begun, with that packet's flags, so that the mark of damage lands on another picture or on none.

use std::{
    collections::{BTreeMap, VecDeque},
    ops::Range,
};

use super::packet::{Framing, Packet};
use crate::{container::pes::Pes, reader::Losses};

/// Bytes from which the framing is told.
const TO_DETECT: usize = 8 * 204;
/// Bytes without a packet that are kept to find the next one: some packets, of which several in a
/// row are wanted.
const TO_RESYNC: usize = 4 * TO_DETECT;
/// Bytes by which libav may place the start of a packet before its sync byte, which of the larger
/// forms of packets are part of it.
const BEFORE_SYNC: u64 = 16;
/// Starts and losses that are remembered of each stream: libav gives a packet out soon after it has
/// read it.
const KEPT: usize = 1024;
/// Streams that are looked at.
const MAX_STREAMS: usize = 64;

/// What [`Profile::losses`](crate::container::Profile) makes.
pub(super) fn losses() -> Box<dyn Losses> {
    Box::<Continuity>::default()
}

/// Follows the counters of the packets that a demuxer reads.
#[derive(Debug, Default)]
struct Continuity {
    framing: Option<Framing>,
    /// What was read and is no whole packet yet.
    rest: Vec<u8>,
    /// Where `rest` begins.
    at: u64,
    /// By packet id, those that carry PES packets.
    streams: BTreeMap<u16, Stream>,
}

/// An elementary stream, as far as it was read. Places in it count its own bytes.
#[derive(Debug, Default)]
struct Stream {
    counter: Option<u8>,
    len: u64,
    /// Where its PES packets begin: in what was read, and in the stream.
    starts: VecDeque<(u64, u64)>,
    /// Places at which bytes are missing.
    losses: VecDeque<u64>,
}

impl Stream {
    fn lose(&mut self) {
        if self.losses.back() != Some(&self.len) {
            keep(&mut self.losses, self.len);
        }
    }

    fn push(&mut self, packet: &Packet<'_>, at: u64, pes: Option<Pes>) {
        let expected = self.counter.map(|counter| (counter + 1) & 0x0f);
        let counters = expected.zip(packet.counter);
        if counters.is_some_and(|(expected, counter)| expected != counter) {
            self.lose();
        }
        self.counter = packet.counter;
        if packet.is_scrambled && !packet.starts {
            self.lose();
        }
        if packet.starts {
            keep(&mut self.starts, (at, self.len));
        }
        let header = pes.map_or(0, |pes| pes.header);
        self.len += packet.payload.len().saturating_sub(header) as u64;
        if packet.is_scrambled {
            // One that begins a picture is of that picture.
            self.lose();
        }
    }
}

fn keep<T>(kept: &mut VecDeque<T>, one: T) {
    if kept.len() == KEPT {
        kept.pop_front();
    }
    kept.push_back(one);
}

impl Continuity {
    /// Looks at the whole packets of `rest`, and leaves what follows them.
    fn look(&mut self) {
        let Some(framing) = self.detect() else {
            self.keep_last(TO_DETECT);
            return;
        };
        let rest = std::mem::take(&mut self.rest);
        let mut end = 0;
        for (offset, packet) in framing.packets(&rest) {
            if offset != end {
                self.lose_all();
            }
            end = offset + framing.stride;
            self.push(&packet, self.at + offset as u64);
        }
        self.at += end as u64;
        self.rest = rest[end..].to_vec();
        if self.rest.len() > TO_RESYNC {
            self.lose_all();
            self.keep_last(TO_DETECT);
        }
    }

    /// Forgets all but the last `len` bytes of `rest`.
    fn keep_last(&mut self, len: usize) {
        let passed = self.rest.len().saturating_sub(len);
        self.rest.drain(..passed);
        self.at += passed as u64;
    }

    fn detect(&mut self) -> Option<Framing> {
        if self.framing.is_none() && self.rest.len() >= TO_DETECT {
            self.framing = Framing::detect(&self.rest).map(|(framing, _)| framing);
        }
        self.framing
    }

    fn push(&mut self, packet: &Packet<'_>, at: u64) {
        if packet.payload.is_empty() {
            return;
        }
        let pes = Pes::parse(packet.payload).filter(|_| packet.starts);
        let has_room = self.streams.len() < MAX_STREAMS;
        let stream = match self.streams.get_mut(&packet.pid) {
            None if pes.is_some() && has_room => self.streams.entry(packet.pid).or_default(),
            None => return,
            Some(stream) => stream,
        };
        stream.push(packet, at, pes);
    }

    /// Bytes were lost between packets, nobody knows whose.
    fn lose_all(&mut self) {
        self.streams.values_mut().for_each(Stream::lose);
    }
}

impl Losses for Continuity {
    fn see(&mut self, at: u64, bytes: &[u8]) {
        if at != self.at + self.rest.len() as u64 {
            *self = Self {
                framing: self.framing,
                at,
                ..Self::default()
            };
        }
        self.rest.extend_from_slice(bytes);
        self.look();
    }

    fn part(&mut self) {
        self.at += self.rest.len() as u64;
        self.rest.clear();
        for stream in self.streams.values_mut() {
            stream.counter = None;
        }
    }

    fn has_lost(&self, place: &Range<u64>) -> bool {
        let starts = place.start..=place.start.saturating_add(BEFORE_SYNC);
        self.streams.values().any(|stream| {
            let start = stream.starts.iter().rfind(|(at, _)| starts.contains(at));
            start.is_some_and(|(_, start)| {
                let end = start.saturating_add(place.end - place.start);
                let mut losses = stream.losses.iter();
                losses.any(|loss| (start + 1..=end).contains(loss))
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const VIDEO: u16 = 0x100;
    const SOUND: u16 = 0x101;
    /// Bytes of the stream in a packet that begins a PES packet, and in any other.
    const FIRST: u64 = 184 - 9;
    const OTHER: u64 = 184;

    fn packet(pid: u16, starts: bool, counter: u8) -> Vec<u8> {
        let [high, low] = pid.to_be_bytes();
        let start = u8::from(starts) << 6;
        let mut packet = vec![0x47, high | start, low, 0x10 | counter & 0x0f];
        if starts {
            packet.extend([0, 0, 1, 0xe0, 0, 0, 0x80, 0, 0]);
        }
        packet.resize(188, 7);
        packet
    }

    /// PES packets of four transport packets each, with one of sound between any two.
    fn stream(pictures: u8) -> Vec<Vec<u8>> {
        let mut packets = Vec::new();
        for nth in 0..4 * pictures {
            packets.push(packet(VIDEO, nth % 4 == 0, nth));
            packets.push(packet(SOUND, nth % 4 == 0, nth));
        }
        packets
    }

    fn seen(packets: &[Vec<u8>], step: usize) -> Continuity {
        let mut continuity = Continuity::default();
        for (nth, part) in packets.concat().chunks(step).enumerate() {
            continuity.see((nth * step) as u64, part);
        }
        continuity
    }

    /// Which of the packets that begin at these numbers of transport packets are damaged.
    fn damaged(continuity: &Continuity, starts: &[u64]) -> Vec<bool> {
        let of = |start: &u64| start * 188..start * 188 + FIRST + 3 * OTHER;
        starts
            .iter()
            .map(|start| continuity.has_lost(&of(start)))
            .collect()
    }

    #[test]
    fn a_lost_packet_damages_the_picture_that_it_was_of() {
        let mut packets = stream(4);
        // The third packet of the second picture.
        packets.remove(12);
        for step in [188, 1000, 32 << 10] {
            let continuity = seen(&packets, step);
            // The second picture lacks a packet, so that libav sees it shorter.
            let second = 8 * 188..8 * 188 + FIRST + 2 * OTHER;
            assert!(continuity.has_lost(&second), "{step}");
            assert_eq!(damaged(&continuity, &[0, 15, 23]), [false; 3], "{step}");
        }
    }

    #[test]
    fn the_picture_before_a_lost_start_is_damaged() {
        let mut packets = stream(4);
        packets.remove(16);
        let continuity = seen(&packets, 1000);
        // What follows the lost start is taken for more of the second picture.
        let second = 8 * 188..8 * 188 + FIRST + 6 * OTHER;
        assert!(continuity.has_lost(&second));
        assert_eq!(damaged(&continuity, &[0, 23]), [false; 2]);
    }

    #[test]
    fn a_scrambled_packet_damages_the_picture_that_it_is_of() {
        for nth in 8..16 {
            let mut packets = stream(4);
            packets[nth][3] |= 0x80;
            let continuity = seen(&packets, 1000);
            let is_picture = nth % 2 == 0;
            let expected = [false, is_picture, false, false];
            assert_eq!(damaged(&continuity, &[0, 8, 16, 24]), expected, "{nth}");
        }
    }

    #[test]
    fn bytes_that_are_no_packets_damage_what_they_lie_in() {
        let mut packets = stream(6);
        for lost in &mut packets[12..28] {
            lost.fill(0);
        }
        let continuity = seen(&packets, 4096);
        assert!(continuity.has_lost(&(8 * 188..8 * 188 + FIRST + OTHER)));
        assert_eq!(damaged(&continuity, &[0, 32, 40]), [false; 3]);
    }

    #[test]
    fn another_part_of_the_file_counts_on_from_anywhere() {
        let packets = stream(6);
        let mut continuity = Continuity::default();
        let head = packets[..13].concat();
        continuity.see(0, &head);
        continuity.part();
        continuity.see(head.len() as u64, &packets[24..].concat());
        assert_eq!(damaged(&continuity, &[13, 21, 29]), [false; 3]);
        // A jump of the counter that the multiplexer announces.
        let mut announced = packet(VIDEO, true, 9);
        announced[3] |= 0x20;
        announced.splice(4..4, [1, 0x80]);
        announced.truncate(188);
        continuity.see(head.len() as u64 + 24 * 188, &announced);
        assert_eq!(damaged(&continuity, &[29]), [false]);
    }

    proptest! {
        #[test]
        fn whole_streams_lose_nothing(
            pictures in 1u8..60, form in 0usize..3, step in 1usize..5000,
        ) {
            let (before, behind) = [(0, 0), (4, 0), (0, 16)][form];
            let units = stream(pictures).into_iter().map(|packet| {
                [vec![9; before], packet, vec![3; behind]].concat()
            });
            let units: Vec<_> = units.collect();
            let continuity = seen(&units, step);
            let stride = units[0].len() as u64;
            for start in (0..8 * u64::from(pictures)).step_by(8) {
                let at = start * stride;
                prop_assert!(!continuity.has_lost(&(at..at + FIRST + 3 * OTHER)));
            }
        }

        #[test]
        fn any_bytes_end(bytes in prop::collection::vec(
            prop::sample::select(vec![0x47, 0, 1, 0x41, 0x1f, 255]), 0..20_000,
        ), step in 1usize..3000) {
            let mut continuity = Continuity::default();
            for (nth, part) in bytes.chunks(step).enumerate() {
                continuity.see((nth * step) as u64, part);
            }
            prop_assert!(continuity.rest.len() <= TO_RESYNC);
        }
    }
}
