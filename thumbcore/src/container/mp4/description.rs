//! What a track's sample descriptions say: codec, size, encryption.
//!
//! Source: ISO/IEC 14496-12, sections 8.5.2, 8.12 and 12.1.3; ISO/IEC 23001-7 (Common Encryption).

use super::boxes::{child, children, descendant};
use crate::container::film::Candidate;

/// One way in which samples of a video track are coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Description {
    /// Pixels.
    area: u64,
    is_still: bool,
    /// Samples of this kind need a key.
    is_encrypted: bool,
}

/// Bytes of a visual sample entry before the boxes in it.
const VISUAL_ENTRY: usize = 78;
/// Where width and height are in it.
const SIZE: usize = 24;
/// Sample entries of encrypted video: Common Encryption, and `FairPlay` before it.
const ENCRYPTED: [[u8; 4]; 2] = [*b"encv", *b"drmi"];
/// Sample entries of still pictures.
const STILL: [[u8; 4]; 7] = [
    *b"jpeg", *b"mjpa", *b"mjpb", *b"MJPG", *b"png ", *b"gif ", *b"tiff",
];

impl Description {
    fn parse(kind: [u8; 4], entry: &[u8]) -> Self {
        let side = |at: usize| {
            let two = entry.get(at..at + 2).and_then(|two| two.try_into().ok());
            two.map_or(0, u16::from_be_bytes)
        };
        let inner = entry.get(VISUAL_ENTRY..).unwrap_or_default();
        Self {
            is_still: STILL.contains(&kind) || is_still_object(inner),
            area: u64::from(side(SIZE)) * u64::from(side(SIZE + 2)),
            is_encrypted: ENCRYPTED.contains(&kind) || child(inner, b"sinf").is_some(),
        }
    }
}

/// Whether the elementary stream descriptor among a sample entry's boxes names a codec of still
/// pictures.
///
/// Source: ISO/IEC 14496-1, sections 7.2.6.5 and 7.2.6.6; its registration authority's object
/// types.
fn is_still_object(boxes: &[u8]) -> bool {
    const JPEG: u8 = 0x6c;
    const PNG: u8 = 0x6d;
    let object = child(boxes, b"esds").and_then(|esds| {
        let stream = descriptor(esds.get(4..)?, 3)?;
        descriptor(stream.get(3..)?, 4)?.first().copied()
    });
    matches!(object, Some(JPEG | PNG))
}

/// The payload of the descriptor that `bytes` start with, if that has `tag`.
fn descriptor(bytes: &[u8], tag: u8) -> Option<&[u8]> {
    let (found, rest) = bytes.split_first()?;
    // The length has up to four bytes, of which the last has its first bit clear.
    let last = rest.iter().take(4).position(|byte| byte & 0x80 == 0)?;
    (*found == tag).then(|| &rest[last + 1..])
}

/// Whether `trak`, a track box's payload, is a video track.
pub(super) fn is_video(trak: &[u8]) -> bool {
    let handler = descendant(trak, &[b"mdia", b"hdlr"]);
    handler.is_some_and(|handler| handler.get(8..12) == Some(b"vide"))
}

/// Whether `trak` is a track of pictures or sound.
pub(super) fn is_media(trak: &[u8]) -> bool {
    let handler = descendant(trak, &[b"mdia", b"hdlr"]);
    handler.is_some_and(|handler| matches!(handler.get(8..12), Some(b"vide" | b"soun")))
}

/// The descriptions of a video track.
fn descriptions(trak: &[u8]) -> impl Iterator<Item = Description> {
    let table = descendant(trak, &[b"mdia", b"minf", b"stbl", b"stsd"]);
    let entries = table.and_then(|table| table.get(8..)).unwrap_or_default();
    children(entries).map(|(kind, entry)| Description::parse(kind, entry))
}

/// Whether any sample of a video track may need a key.
pub(super) fn is_encrypted(trak: &[u8]) -> bool {
    descriptions(trak).any(|description| description.is_encrypted)
}

/// What is known of a video track of `frames` pictures.
pub(super) fn candidate(trak: &[u8], frames: Option<u64>) -> Candidate {
    const ENABLED: u8 = 1;
    let flags = child(trak, b"tkhd").and_then(|header| header.get(3).copied());
    let first = descriptions(trak).next();
    Candidate {
        is_still_codec: first.is_some_and(|first| first.is_still),
        frames,
        lasts_us: None,
        is_default: flags.is_some_and(|flags| flags & ENABLED != 0),
        area: first.map_or(0, |first| first.area),
    }
}
