//! Packs, packets and pictures in a stretch of a program stream.
//!
//! Sources: ISO/IEC 13818-1, section 2.5; ISO/IEC 11172-1, section 2.4.

use bytes::Bytes;

use crate::container::{
    pes::{Clock, Pes},
    search::{Anchor, Scan, Scanner, Sighting},
};

/// A PES packet of audio or video.
#[derive(Debug, Clone, Copy)]
pub(super) struct Packet<'a> {
    pub(super) offset: usize,
    /// Bytes of the whole packet, which may be cut short.
    pub(super) len: usize,
    pub(super) pes: Pes,
    pub(super) payload: &'a [u8],
}

impl Packet<'_> {
    pub(super) fn is_video(&self) -> bool {
        (0xe0..=0xef).contains(&self.pes.stream)
    }

    /// MPEG audio, or one of the private kinds of DVD: AC-3, DTS, LPCM.
    pub(super) fn is_audio(&self) -> bool {
        const PRIVATE: u8 = 0xbd;
        match self.pes.stream {
            0xc0..=0xdf => true,
            PRIVATE => matches!(self.payload.first(), Some(0x80..=0xaf)),
            _ => false,
        }
    }
}

/// The PES packets of `bytes`, from the first pack on.
pub(super) fn packets(bytes: &[u8]) -> impl Iterator<Item = Packet<'_>> {
    let mut next = resync(bytes, 0);
    std::iter::from_fn(move || {
        loop {
            let at = next?;
            let rest = bytes.get(at..)?;
            let [0, 0, 1, kind, ..] = *rest else {
                // Padding between packs, or damage.
                next = resync(bytes, at + 1);
                continue;
            };
            let len = match kind {
                0xba => pack_len(rest),
                0xb9 => Some(4),
                0xbb..=0xff => rest
                    .first_chunk()
                    .map(|[_, _, _, _, l0, l1]| 6 + usize::from(u16::from_be_bytes([*l0, *l1]))),
                _ => None,
            };
            let Some(len) = len else {
                next = resync(bytes, at + 1);
                continue;
            };
            next = Some(at + len);
            let whole = &rest[..len.min(rest.len())];
            if matches!(kind, 0xbd | 0xc0..=0xef)
                && let Some(pes) = Pes::parse(whole)
            {
                return Some(Packet {
                    offset: at,
                    len,
                    pes,
                    payload: whole.get(pes.header..).unwrap_or_default(),
                });
            }
        }
    })
}

/// The length of the pack header at the start of `bytes`; `None` where there is none.
fn pack_len(bytes: &[u8]) -> Option<usize> {
    match bytes.get(4)? >> 4 {
        4..=7 => Some(14 + usize::from(bytes.get(13)? & 7)),
        2 => Some(12),
        _ => None,
    }
}

/// The first offset from `start` of a pack header that something follows.
fn resync(bytes: &[u8], start: usize) -> Option<usize> {
    const PACK: [u8; 4] = [0, 0, 1, 0xba];
    let mut from = start;
    loop {
        let found = bytes
            .get(from..)?
            .windows(4)
            .position(|code| code == PACK)?;
        let at = from + found;
        let follows = pack_len(&bytes[at..]).and_then(|len| bytes.get(at + len..at + len + 3));
        if follows == Some(&[0, 0, 1]) {
            return Some(at);
        }
        from = at + 1;
    }
}

/// Scans packets for the pictures of one MPEG-1 or MPEG-2 video.
#[derive(Debug, Clone, Copy)]
pub(super) struct PackScanner {
    pub(super) video: u8,
    pub(super) clock: Clock,
}

/// Start codes of the video.
const PICTURE: u8 = 0;
const SEQUENCE: u8 = 0xb3;

/// libav's parser gives out a picture when the next begins; one more for the fields of a frame.
const PICTURES_TO_A_PICTURE: u32 = 2;

/// A scan under way.
struct Progress {
    scan: Scan,
    /// The last four bytes of the elementary stream, across packets.
    last: u32,
    /// Where the packet lies that the last sequence header is in, and the time said there; taken
    /// by the picture that follows.
    sequence: Option<(u64, Option<i64>)>,
    /// Pictures begun since the last keyframe was seen.
    pictures: u32,
    /// Bytes to go until the byte that holds a picture's type.
    to_type: u32,
}

/// The packet that a byte of the elementary stream is in.
#[derive(Clone, Copy)]
struct Within {
    start: u64,
    end: u64,
    time_us: Option<i64>,
}

impl Scanner for PackScanner {
    fn scan(&self, bytes: &Bytes, at: u64) -> Scan {
        let mut progress = Progress {
            scan: Scan::default(),
            last: u32::MAX,
            sequence: None,
            pictures: 0,
            to_type: 0,
        };
        for packet in packets(bytes) {
            let time_us = packet.pes.pts.map(|pts| self.clock.micros(pts));
            if packet.is_video() || packet.is_audio() {
                let first = &mut progress.scan.first_time_us;
                *first = first.or(time_us);
            }
            if packet.pes.stream != self.video {
                continue;
            }
            let start = at + packet.offset as u64;
            if let Some(time_us) = time_us {
                let position = start;
                progress.scan.see_picture(Anchor { position, time_us });
            }
            let within = Within {
                start,
                end: start + packet.len as u64,
                time_us,
            };
            for byte in packet.payload {
                progress.push(*byte, within);
            }
        }
        progress.scan
    }
}

impl Progress {
    fn push(&mut self, byte: u8, within: Within) {
        self.last = self.last << 8 | u32::from(byte);
        if self.to_type > 0 {
            self.to_type -= 1;
            if self.to_type == 0 {
                self.push_type(byte >> 3 & 7, within.time_us);
            }
        }
        if self.last >> 8 != 1 {
            return;
        }
        match byte {
            SEQUENCE => self.sequence = Some((within.start, within.time_us)),
            PICTURE => self.push_picture(within.end),
            _ => {}
        }
    }

    /// Takes in the type of a picture.
    fn push_type(&mut self, kind: u8, packet_time_us: Option<i64>) {
        const INTRA: u8 = 1;
        let sequence = self.sequence.take().filter(|_| kind == INTRA);
        if let Some((start, time_us)) = sequence
            // Without a time libav would have to guess it.
            && let Some(time_us) = packet_time_us.or(time_us)
        {
            self.scan.keyframes.push(Sighting {
                time_us,
                start,
                next: None,
                end: None,
            });
            self.pictures = 0;
        }
    }

    /// Takes in the start of a picture in a packet that ends at `end`.
    fn push_picture(&mut self, end: u64) {
        self.to_type = 2;
        self.pictures += 1;
        if self.pictures == PICTURES_TO_A_PICTURE
            && let Some(last) = self.scan.keyframes.last_mut()
        {
            // libav probes the codec first, each time its data has doubled.
            last.end.get_or_insert(end + (end - last.start));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::container::pes::stored;

    const PACK: [u8; 14] = [0, 0, 1, 0xba, 0x44, 0, 4, 0, 4, 1, 0, 0, 3, 0xf8];

    /// A pack with one packet of video at `ticks`.
    fn pack(ticks: i64, payload: &[u8]) -> Vec<u8> {
        let len = payload.len() as u8 + 8;
        let header = [0, 0, 1, 0xe0, 0, len, 0x80, 0x80, 5];
        [&PACK[..], &header, &stored(2, ticks), payload].concat()
    }

    fn scan(bytes: &[u8], at: u64) -> Scan {
        let scanner = PackScanner {
            video: 0xe0,
            clock: Clock::new(0),
        };
        scanner.scan(&Bytes::copy_from_slice(bytes), at)
    }

    #[test]
    fn start_codes_may_straddle_packets() {
        let file = [
            pack(0, &[7, 7, 0, 0]),
            pack(3600, &[1, 0xb3, 9, 9, 0, 0, 1]),
            pack(7200, &[0, 0x12, 0x08, 0, 0, 1, 1]),
            pack(10800, &[0, 0, 1, 0, 0, 0x10]),
            pack(14400, &[0, 0, 1, 0, 0, 0x10]),
        ];
        let lens: Vec<_> = file.iter().map(|pack| pack.len() as u64).collect();
        let scan = scan(&file.concat(), 1000);
        let start = 1000 + lens[0] + PACK.len() as u64;
        let end = 1000 + lens.iter().sum::<u64>();
        let expected = Sighting {
            time_us: 80_000,
            start,
            next: None,
            end: Some(end + (end - start)),
        };
        assert_eq!(scan.keyframes, [expected]);
        assert_eq!(scan.first_time_us, Some(0));
    }

    #[test]
    fn an_intra_picture_without_its_sequence_is_no_keyframe() {
        let file = pack(0, &[0, 0, 1, 0, 0, 0x08]);
        assert_eq!(scan(&file, 0).keyframes, []);
    }

    proptest! {
        #[test]
        fn keyframes_are_found_from_anywhere(pictures in 3i64..30, cut in 0usize..900) {
            let mut file = Vec::new();
            let mut starts = Vec::new();
            for nth in 0..pictures {
                starts.push(file.len());
                file.extend(pack(nth * 3600, &[0, 0, 1, 0xb3, 9, 0, 0, 1, 0, 0, 0x08, 5]));
            }
            let cut = cut.min(file.len());
            let expected: Vec<_> = starts
                .iter()
                .filter(|start| **start >= cut)
                .map(|start| (start + PACK.len()) as u64)
                .collect();
            let found: Vec<_> = scan(&file[cut..], cut as u64)
                .keyframes
                .iter()
                .map(|s| s.start)
                .collect();
            prop_assert_eq!(found, expected);
        }

        #[test]
        fn any_bytes_end(bytes in prop::collection::vec(
            prop::sample::select(vec![0u8, 1, 0xba, 0xe0, 0xb3, 0x44, 0x21, 0x80]), 0..2000,
        )) {
            scan(&[&PACK[..], &bytes].concat(), 0);
        }
    }
}
