//! Keyframes in a stretch of transport packets.

use bytes::Bytes;

use super::packet::{Framing, Packet};
use crate::container::{
    elementary::{ENOUGH, Elementary, Verdict},
    pes::{Clock, Pes},
    search::{Anchor, Scan, Scanner, Sighting},
};

/// Scans transport packets.
#[derive(Debug, Clone)]
pub(super) struct PacketScanner {
    pub(super) framing: Framing,
    pub(super) video: u16,
    pub(super) codec: Elementary,
    /// Packet ids that carry times.
    pub(super) media: Vec<u16>,
    pub(super) clock: Clock,
}

/// A picture whose PES packet has begun.
struct Picture {
    start: u64,
    time_us: Option<i64>,
    random_access: bool,
    /// The first bytes of its elementary stream.
    bytes: Vec<u8>,
}

/// libav gives out a PES packet when the next begins, and its parser a picture when it sees the
/// next one's start: so it must read up to the second start after a keyframe's.
const STARTS_TO_A_PICTURE: u32 = 2;

/// What is under way in a scan.
struct Progress<'a> {
    scanner: &'a PacketScanner,
    scan: Scan,
    picture: Option<Picture>,
    /// Starts seen since the last keyframe's.
    starts: u32,
    /// Packets of the video seen: those in the clear, and those that need a key.
    seen: (u32, u32),
}

impl Scanner for PacketScanner {
    fn scan(&self, bytes: &Bytes, at: u64) -> Scan {
        let mut progress = Progress {
            scanner: self,
            scan: Scan::default(),
            picture: None,
            starts: 0,
            seen: (0, 0),
        };
        for (offset, packet) in self.framing.packets(bytes) {
            if self.media.contains(&packet.pid) {
                let start = at + offset as u64;
                progress.push(&packet, start, start + self.framing.stride as u64);
            }
        }
        progress.judge(true);
        let mut scan = progress.scan;
        scan.is_locked = matches!(progress.seen, (0, 1..));
        if scan.is_locked {
            // What sound tells there leads to no picture.
            scan.first_time_us = None;
        }
        scan
    }
}

impl Progress<'_> {
    fn push(&mut self, packet: &Packet<'_>, start: u64, end: u64) {
        let is_video = packet.pid == self.scanner.video;
        if is_video && !packet.payload.is_empty() {
            let (clear, scrambled) = &mut self.seen;
            *if packet.is_scrambled {
                scrambled
            } else {
                clear
            } += 1;
        }
        if packet.is_scrambled {
            if is_video {
                self.picture = None;
            }
            return;
        }
        if !packet.starts {
            if is_video && let Some(picture) = &mut self.picture {
                let room = ENOUGH.saturating_sub(picture.bytes.len());
                let part = &packet.payload[..packet.payload.len().min(room)];
                picture.bytes.extend_from_slice(part);
                self.judge(false);
            }
            return;
        }
        let pes = Pes::parse(packet.payload);
        let time_us = pes
            .and_then(|pes| pes.pts)
            .map(|pts| self.scanner.clock.micros(pts));
        if let Some(time_us) = time_us {
            self.scan.first_time_us.get_or_insert(time_us);
        }
        if !is_video {
            return;
        }
        if let Some(time_us) = time_us {
            let position = start;
            self.scan.see_picture(Anchor { position, time_us });
        }
        self.judge(true);
        self.starts += 1;
        if let Some(last) = self.scan.keyframes.last_mut() {
            match self.starts {
                1 => _ = last.next.get_or_insert(start),
                STARTS_TO_A_PICTURE => _ = last.end.get_or_insert(end),
                _ => {}
            }
        }
        let header = pes.map_or(0, |pes| pes.header);
        self.picture = Some(Picture {
            start,
            time_us,
            random_access: packet.random_access,
            bytes: packet.payload.get(header..).unwrap_or_default().to_vec(),
        });
        self.judge(false);
    }

    /// Decides on the picture under way, or, unless this is the `last` that is known of it, waits
    /// for more.
    fn judge(&mut self, last: bool) {
        let Some(picture) = &self.picture else {
            return;
        };
        let is_keyframe = match self.scanner.codec.judge(&picture.bytes) {
            Verdict::Keyframe => true,
            Verdict::Other => false,
            Verdict::Intra => picture.random_access,
            Verdict::Unknown if last || picture.bytes.len() >= ENOUGH => picture.random_access,
            Verdict::Unknown => return,
        };
        if is_keyframe && let Some(time_us) = picture.time_us {
            self.scan.keyframes.push(Sighting {
                time_us,
                start: picture.start,
                next: None,
                end: None,
            });
            self.starts = 0;
        }
        self.picture = None;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{
        super::{
            packet::PACKET,
            tables::{Tables, Video},
        },
        *,
    };
    use crate::container::pes::stored;

    const VIDEO: u16 = 0x100;
    const MAP: u16 = 0x1000;

    /// A packet of `pid` that carries `payload`, filled up by an adaptation field.
    fn packet(pid: u16, starts: bool, random_access: bool, payload: &[u8]) -> Vec<u8> {
        let [high, low] = pid.to_be_bytes();
        let fill = PACKET - 4 - payload.len();
        assert!(fill >= 2);
        let mut packet = vec![0x47, high | u8::from(starts) << 6, low, 0x30];
        packet.push(fill as u8 - 1);
        packet.push(u8::from(random_access) << 6);
        packet.resize(4 + fill, 0xff);
        packet.extend_from_slice(payload);
        packet
    }

    fn section(table: u8, body: &[u8]) -> Vec<u8> {
        let len = body.len() as u8 + 9;
        [&[0, table, 0xb0, len, 0, 1, 0xc1, 0, 0][..], body, &[0; 4]].concat()
    }

    fn pes(ticks: i64, picture: &[u8]) -> Vec<u8> {
        let header = [0, 0, 1, 0xe0, 0, 0, 0x80, 0x80, 5];
        [&header[..], &stored(2, ticks), picture].concat()
    }

    const IDR: &[u8] = &[0, 0, 1, 9, 0x10, 0, 0, 1, 0x65, 0x88];
    const PREDICTED: &[u8] = &[0, 0, 1, 0x41, 0x9a, 0, 0];

    /// A stream of one picture a packet: tables first, every third an IDR picture.
    fn stream(pictures: i64) -> Vec<u8> {
        let association = section(0, &[0, 1, 0xf0, 0]);
        let map = section(2, &[0xe1, 0, 0xf0, 0, 0x1b, 0xe1, 0, 0xf0, 0]);
        let mut stream = packet(0, true, false, &association);
        stream.extend(packet(MAP, true, false, &map));
        for nth in 0..pictures {
            let picture = if nth % 3 == 0 { IDR } else { PREDICTED };
            stream.extend(packet(VIDEO, true, false, &pes(nth * 3600, picture)));
        }
        stream
    }

    fn scanner(framing: Framing) -> PacketScanner {
        PacketScanner {
            framing,
            video: VIDEO,
            codec: Elementary::H264,
            media: vec![VIDEO],
            clock: Clock::new(0),
        }
    }

    #[test]
    fn tables_name_the_video_and_their_place() {
        let stream = stream(5);
        let (framing, start) = Framing::detect(&stream).unwrap();
        assert_eq!((framing.stride, start), (PACKET, 0));
        let mut tables = Tables::default();
        for (at, packet) in framing.packets(&stream) {
            tables.push(&packet, at as u64..(at + PACKET) as u64);
        }
        assert!(tables.are_whole());
        let video = Video {
            pid: VIDEO,
            codec: Elementary::H264,
            headers: vec![0..188, 188..376],
        };
        assert_eq!(tables.videos, [video]);
    }

    #[test]
    fn a_keyframe_ends_where_the_picture_after_the_next_begins() {
        let stream = Bytes::from(stream(7));
        let (framing, _) = Framing::detect(&stream).unwrap();
        let scan = scanner(framing).scan(&stream, 1000);
        let packet = |nth: u64| 1000 + nth * PACKET as u64;
        let expected: Vec<_> = [(0, true), (3, true), (6, false)]
            .map(|(nth, ends)| Sighting {
                time_us: nth * 40_000,
                start: packet(2 + nth.unsigned_abs()),
                next: ends.then(|| packet(3 + nth.unsigned_abs())),
                end: ends.then(|| packet(5 + nth.unsigned_abs())),
            })
            .into();
        assert_eq!(scan.keyframes, expected);
        assert_eq!(scan.first_time_us, Some(0));
    }

    proptest! {
        #[test]
        fn keyframes_are_found_from_anywhere_in_any_form(
            pictures in 8i64..40, cut in 0usize..3000, form in 0usize..3,
        ) {
            let (stride, prefix) = [(188, 0), (192, 4), (204, 0)][form];
            let file: Vec<u8> = stream(pictures)
                .chunks(PACKET)
                .flat_map(|packet| {
                    let mut unit = vec![1; prefix];
                    unit.extend_from_slice(packet);
                    unit.resize(stride, 2);
                    unit
                })
                .collect();
            let (framing, start) = Framing::detect(&file).unwrap();
            prop_assert_eq!((framing.stride, start), (stride, 0));
            let cut = cut.min(file.len() - 6 * stride);
            let scan = scanner(framing).scan(&Bytes::copy_from_slice(&file[cut..]), cut as u64);
            let expected: Vec<_> = (0..pictures)
                .step_by(3)
                .map(|nth| (2 + nth.unsigned_abs()) * stride as u64)
                .filter(|start| *start >= cut as u64)
                .collect();
            let found: Vec<_> = scan.keyframes.iter().map(|s| s.start).collect();
            prop_assert_eq!(found, expected);
        }

        #[test]
        fn any_packets_end(
            packets in prop::collection::vec(prop::collection::vec(any::<u8>(), 187), 5..20),
        ) {
            let mut file = Vec::new();
            for packet in packets {
                file.push(0x47);
                file.extend(packet);
            }
            let (framing, _) = Framing::detect(&file).unwrap();
            let mut tables = Tables::default();
            for (at, mut packet) in framing.packets(&file) {
                // Any content, in the tables' packets.
                packet.pid &= 1;
                tables.push(&packet, at as u64..(at + PACKET) as u64);
            }
            let mut scanner = scanner(framing);
            scanner.media = (0..0x2000).collect();
            scanner.scan(&Bytes::from(file), 0);
        }
    }
}
