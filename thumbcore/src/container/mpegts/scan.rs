//! Keyframes in a stretch of transport packets.

use bytes::Bytes;

use super::packet::{Framing, Packet};
use crate::container::{
    elementary::{ENOUGH, Elementary, Verdict},
    pes::{Clock, Pes},
    search::{Scan, Scanner, Sighting},
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
}

impl Scanner for PacketScanner {
    fn scan(&self, bytes: &Bytes, at: u64) -> Scan {
        let mut progress = Progress {
            scanner: self,
            scan: Scan::default(),
            picture: None,
            starts: 0,
        };
        for (offset, packet) in self.framing.packets(bytes) {
            if self.media.contains(&packet.pid) {
                let start = at + offset as u64;
                progress.push(&packet, start, start + self.framing.stride as u64);
            }
        }
        progress.judge(true);
        progress.scan
    }
}

impl Progress<'_> {
    fn push(&mut self, packet: &Packet<'_>, start: u64, end: u64) {
        let is_video = packet.pid == self.scanner.video;
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
        self.judge(true);
        self.starts += 1;
        if self.starts == STARTS_TO_A_PICTURE
            && let Some(last) = self.scan.keyframes.last_mut()
        {
            last.end.get_or_insert(end);
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
                end: None,
            });
            self.starts = 0;
        }
        self.picture = None;
    }
}
