//! The header and the index of an ASF file.
//!
//! Source: Microsoft's "Advanced Systems Format (ASF) Specification" 01.20.03, sections 3, 5 and 6.

use std::ops::Range;

use bytes::Buf;
use memchr::memmem;

/// A GUID as it is stored.
type Guid = [u8; 16];

pub(super) const FILE_PROPERTIES: Guid =
    *b"\xa1\xdc\xab\x8c\x47\xa9\xcf\x11\x8e\xe4\x00\xc0\x0c\x20\x53\x65";
pub(super) const STREAM_PROPERTIES: Guid =
    *b"\x91\x07\xdc\xb7\xb7\xa9\xcf\x11\x8e\xe6\x00\xc0\x0c\x20\x53\x65";
pub(super) const VIDEO: Guid = *b"\xc0\xef\x19\xbc\x4d\x5b\xcf\x11\xa8\xfd\x00\x80\x5f\x5c\x44\x2b";
pub(super) const AUDIO: Guid = *b"\x40\x9e\x69\xf8\x4d\x5b\xcf\x11\xa8\xfd\x00\x80\x5f\x5c\x44\x2b";
pub(super) const DATA: Guid = *b"\x36\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c";
pub(super) const SIMPLE_INDEX: Guid =
    *b"\x90\x08\x00\x33\xb1\xe5\xcf\x11\x89\xf4\x00\xa0\xc9\x03\x49\xcb";
/// Between the start of the data object and its first packet.
const DATA_HEADER: u64 = 50;

/// What the header says, as far as it decides what to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    /// Length of each packet.
    pub(super) packet_len: u64,
    /// Added to all times in the packets.
    pub(super) preroll_ms: i64,
    /// Without the preroll.
    pub(super) duration_ms: i64,
    /// The video stream's number.
    pub(super) video: u8,
    /// Numbers of the audio and video streams.
    pub(super) streams: Vec<u8>,
    /// Where the first packet is.
    pub(super) packets_at: u64,
    /// One past the last packet.
    pub(super) packets_end: u64,
}

impl Header {
    /// Reads a file's first bytes. `None` where they do not hold the header, or where the file is
    /// none whose packets we could find: packets of several sizes, a stream without an end,
    /// encryption, several videos, or a length that is not the file's.
    pub(super) fn parse(head: &[u8], len: u64) -> Option<Self> {
        const BROADCAST: u32 = 1;
        let (_, size) = object(head)?;
        let header = head.get(30..usize::try_from(size).ok()?)?;
        let mut file = properties(header, &FILE_PROPERTIES).next()?.get(16..)?;
        let file_len = file.try_get_u64_le().ok()?;
        file = file.get(16..)?;
        let play_ms = file.try_get_u64_le().ok()? / 10_000;
        file = file.get(8..)?;
        let preroll_ms = i64::try_from(file.try_get_u64_le().ok()?).ok()?;
        let flags = file.try_get_u32_le().ok()?;
        let packet_len = file.try_get_u32_le().ok()?;
        let is_even = file.try_get_u32_le().ok()? == packet_len && packet_len >= 64;
        let duration_ms = i64::try_from(play_ms).ok()?.checked_sub(preroll_ms)?;
        let is_whole = file_len.abs_diff(len) < len / 20;
        if !is_even || !is_whole || flags & BROADCAST != 0 || preroll_ms > 1 << 40 {
            return None;
        }
        let (mut video, mut streams) = (None, Vec::new());
        for stream in properties(header, &STREAM_PROPERTIES) {
            let flags = stream.get(48..50)?;
            let number = flags[0] & 0x7f;
            let is_video = stream.starts_with(&VIDEO);
            if is_video && (video.replace(number).is_some() || flags[1] & 0x80 != 0) {
                return None;
            }
            if is_video || stream.starts_with(&AUDIO) {
                streams.push(number);
            }
        }
        let (kind, data_len) = object(head.get(usize::try_from(size).ok()?..)?)?;
        (kind == DATA).then_some(())?;
        let packets_at = size.checked_add(DATA_HEADER)?;
        Some(Self {
            packet_len: u64::from(packet_len),
            preroll_ms,
            duration_ms,
            video: video?,
            streams,
            packets_at,
            packets_end: size.checked_add(data_len)?.min(len),
        })
    }

    /// Where the last packets are that are read to learn when the film ends.
    pub(super) fn last_packets(&self) -> Range<u64> {
        const COUNT: u64 = 4;
        let media = self.packets_end.saturating_sub(self.packets_at);
        let whole = media - media % self.packet_len;
        let end = self.packets_at + whole;
        end.saturating_sub(COUNT * self.packet_len)
            .max(self.packets_at)..end
    }
}

/// Kind and length of the object at the start of `bytes`.
fn object(bytes: &[u8]) -> Option<(Guid, u64)> {
    let kind = bytes.get(..16)?.try_into().ok()?;
    let len = u64::from_le_bytes(bytes.get(16..24)?.try_into().ok()?);
    (len >= 24).then_some((kind, len))
}

/// What follows each `kind` and length in a header, however deep: streams are also declared within
/// extensions.
fn properties<'a>(header: &'a [u8], kind: &'a Guid) -> impl Iterator<Item = &'a [u8]> {
    memmem::find_iter(header, kind).filter_map(|at| header.get(at + 24..))
}

/// An index by time: which packet a keyframe starts in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SimpleIndex {
    /// Time between entries, in 100 ns.
    interval: u64,
    entries: Vec<IndexEntry>,
}

/// The last keyframe before a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct IndexEntry {
    /// Number of the packet that it starts in.
    pub(super) packet: u32,
    /// Packets that it is in.
    pub(super) packets: u16,
}

impl SimpleIndex {
    /// The first index among the objects in `bytes`, which follow the packets.
    pub(super) fn parse(mut bytes: &[u8]) -> Option<Self> {
        const MAX_OBJECTS: usize = 16;
        for _ in 0..MAX_OBJECTS {
            let (kind, len) = object(bytes)?;
            let len = usize::try_from(len).unwrap_or(usize::MAX).min(bytes.len());
            if kind == SIMPLE_INDEX {
                let mut index = bytes.get(40..len)?;
                let interval = index.try_get_u64_le().ok().filter(|ticks| *ticks > 0)?;
                index.try_get_u32_le().ok()?;
                let count = index.try_get_u32_le().ok()? as usize;
                let entries = index
                    .chunks_exact(6)
                    .take(count)
                    .map(|mut entry| IndexEntry {
                        packet: entry.get_u32_le(),
                        packets: entry.get_u16_le(),
                    });
                let entries: Vec<_> = entries.collect();
                let sorted = entries.is_sorted_by_key(|entry| entry.packet);
                return (sorted && !entries.is_empty()).then_some(Self { interval, entries });
            }
            bytes = bytes.get(len..)?;
        }
        None
    }

    /// The entries that may be those around a time (preroll included): that of the interval it is
    /// in and the next two.
    pub(super) fn around(&self, time_ms: i64) -> Vec<IndexEntry> {
        let ticks = u64::try_from(time_ms).unwrap_or(0).saturating_mul(10_000);
        let nth = usize::try_from(ticks / self.interval).unwrap_or(usize::MAX);
        let nth = nth.min(self.entries.len() - 1);
        let mut near: Vec<IndexEntry> = Vec::with_capacity(3);
        for entry in &self.entries[nth..] {
            if near.last().is_some_and(|last| last.packet == entry.packet) {
                continue;
            }
            if near.len() == 3 {
                break;
            }
            near.push(*entry);
        }
        near
    }
}
