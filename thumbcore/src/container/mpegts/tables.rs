//! The tables that say which packets are which.
//!
//! Source: ISO/IEC 13818-1, section 2.4.4; stream types of ATSC A/53 and Blu-ray.

use std::{collections::BTreeMap, ops::Range};

use super::packet::Packet;
use crate::container::elementary::Elementary;

/// The programs of a transport stream, as far as its tables were seen.
#[derive(Debug, Clone, Default)]
pub(super) struct Tables {
    /// The map's packets of each program; empty where not yet seen.
    programs: BTreeMap<u16, Option<Range<u64>>>,
    /// Sections being put together, by packet id.
    open: BTreeMap<u16, Section>,
    association: Option<Range<u64>>,
    /// The videos of all programs, each with the map it is named in, in the order of the tables.
    pub(super) videos: Vec<Video>,
    /// Packet ids of the audio and video of all programs.
    pub(super) media: Vec<u16>,
    /// A video's pictures need a key, by its type in the tables.
    pub(super) is_encrypted: bool,
}

/// A video stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Video {
    pub(super) pid: u16,
    pub(super) codec: Elementary,
    /// The packets that declare it: the association table and the program's map.
    pub(super) headers: Vec<Range<u64>>,
}

#[derive(Debug, Clone, Default)]
struct Section {
    bytes: Vec<u8>,
    place: Range<u64>,
}

/// The type of H.264 whose slices are encrypted (Apple, "MPEG-2 Stream Encryption Format for HTTP
/// Live Streaming").
const SAMPLE_AES_H264: u8 = 0xdb;

/// Programs followed at most; a whole transponder has a few dozen.
const MAX_PROGRAMS: usize = 128;
/// Videos that the film is chosen among.
const MAX_VIDEOS: usize = 16;

impl Tables {
    /// Whether all maps that the association table names were seen.
    pub(super) fn are_whole(&self) -> bool {
        !self.programs.is_empty() && self.programs.values().all(Option::is_some)
    }

    /// Takes in `packet`, whose bytes lie at `place`.
    pub(super) fn push(&mut self, packet: &Packet<'_>, place: Range<u64>) {
        let pid = packet.pid;
        let wanted = match self.programs.get(&pid) {
            Some(seen) => seen.is_none(),
            None => pid == 0 && self.association.is_none(),
        };
        if !wanted {
            return;
        }
        let mut payload = packet.payload;
        let section = self.open.entry(pid).or_default();
        if packet.starts {
            let Some((pointer, rest)) = payload.split_first() else {
                return;
            };
            payload = rest.get(usize::from(*pointer)..).unwrap_or_default();
            *section = Section {
                bytes: Vec::new(),
                place: place.clone(),
            };
        } else if section.bytes.is_empty() {
            return;
        }
        section.bytes.extend_from_slice(payload);
        section.place.end = place.end;
        let Some(len) = section
            .bytes
            .get(1..3)
            .map(|len| 3 + (usize::from(len[0] & 0x0f) << 8 | usize::from(len[1])))
        else {
            return;
        };
        if section.bytes.len() < len {
            return;
        }
        if let Some(Section { mut bytes, place }) = self.open.remove(&pid) {
            bytes.truncate(len);
            if pid == 0 {
                self.associate(&bytes, place);
            } else {
                self.map(pid, &bytes, place);
            }
        }
    }

    fn associate(&mut self, section: &[u8], place: Range<u64>) {
        const PROGRAM_ASSOCIATION: u8 = 0;
        let Some(body) = body(section, PROGRAM_ASSOCIATION) else {
            return;
        };
        self.association = Some(place);
        for entry in body.chunks_exact(4) {
            let program = u16::from_be_bytes([entry[0], entry[1]]);
            let pid = u16::from_be_bytes([entry[2] & 0x1f, entry[3]]);
            if program != 0 && pid != 0 && self.programs.len() < MAX_PROGRAMS {
                self.programs.entry(pid).or_default();
            }
        }
    }

    fn map(&mut self, pid: u16, section: &[u8], place: Range<u64>) {
        const PROGRAM_MAP: u8 = 2;
        let Some([_, _, l0, l1, rest @ ..]) = body(section, PROGRAM_MAP) else {
            return;
        };
        let len = usize::from(l0 & 0x0f) << 8 | usize::from(*l1);
        let Some((of_program, mut rest)) = rest.split_at_checked(len) else {
            return;
        };
        while let [kind, p0, p1, l0, l1, tail @ ..] = rest {
            let len = usize::from(l0 & 0x0f) << 8 | usize::from(*l1);
            let Some((of_stream, tail)) = tail.split_at_checked(len) else {
                break;
            };
            rest = tail;
            let pid = u16::from_be_bytes([p0 & 0x1f, *p1]);
            self.is_encrypted |= *kind == SAMPLE_AES_H264;
            match media_of(*kind, of_program, of_stream) {
                Some(Media::Video(codec)) => {
                    self.media.push(pid);
                    let is_new = self.videos.iter().all(|video| video.pid != pid);
                    if is_new && self.videos.len() < MAX_VIDEOS {
                        let headers = self.association.iter().chain([&place]).cloned().collect();
                        self.videos.push(Video {
                            pid,
                            codec,
                            headers,
                        });
                    }
                }
                Some(Media::Audio) => self.media.push(pid),
                None => {}
            }
        }
        self.programs.insert(pid, Some(place));
    }
}

/// What lies between the header of a current section of kind `table` and its checksum.
fn body(section: &[u8], table: u8) -> Option<&[u8]> {
    const CHECKSUM: usize = 4;
    let is_current = section.first() == Some(&table) && section.get(5)? & 1 == 1;
    is_current.then_some(())?;
    section.get(8..section.len().checked_sub(CHECKSUM)?)
}

enum Media {
    Video(Elementary),
    Audio,
}

/// What a stream of type `kind` carries, with the descriptors of its program and its own.
fn media_of(kind: u8, of_program: &[u8], of_stream: &[u8]) -> Option<Media> {
    let is_bluray = registered(of_program, &[b"HDMV"]);
    Some(match kind {
        0x01 | 0x02 => Media::Video(Elementary::Mpeg2),
        0x10 => Media::Video(Elementary::Mpeg4),
        0x1b | 0x20 => Media::Video(Elementary::H264),
        0x24 => Media::Video(Elementary::Hevc),
        0x42 | 0xd1 | 0xd2 | 0xea => Media::Video(Elementary::Other),
        0x03 | 0x04 | 0x0f | 0x11 | 0x81 | 0x87 => Media::Audio,
        0x80 | 0x82..=0x86 if is_bluray => Media::Audio,
        0x06 => return private(of_stream),
        _ => return None,
    })
}

/// What a stream of private data carries, by its descriptors.
fn private(descriptors: &[u8]) -> Option<Media> {
    const AC3: u8 = 0x6a;
    const EAC3: u8 = 0x7a;
    const DTS: u8 = 0x7b;
    const AAC: u8 = 0x7c;
    if registered(descriptors, &[b"HEVC"]) {
        return Some(Media::Video(Elementary::Hevc));
    }
    if registered(descriptors, &[b"AV01", b"drac", b"VC-1"]) {
        return Some(Media::Video(Elementary::Other));
    }
    let is_audio = registered(
        descriptors,
        &[
            b"AC-3", b"EAC3", b"Opus", b"DTS1", b"DTS2", b"DTS3", b"BSSD",
        ],
    ) || each(descriptors).any(|(tag, _)| [AC3, EAC3, DTS, AAC].contains(&tag));
    is_audio.then_some(Media::Audio)
}

fn registered(descriptors: &[u8], formats: &[&[u8; 4]]) -> bool {
    const REGISTRATION: u8 = 5;
    each(descriptors).any(|(tag, body)| {
        tag == REGISTRATION && formats.iter().any(|format| body.starts_with(*format))
    })
}

/// Descriptors as tag and body.
fn each(descriptors: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut rest = descriptors;
    std::iter::from_fn(move || {
        let [tag, len, tail @ ..] = rest else {
            return None;
        };
        let (body, tail) = tail.split_at_checked(usize::from(*len))?;
        rest = tail;
        Some((*tag, body))
    })
}
