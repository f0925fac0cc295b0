//! The two kinds of index in an AVI file.
//!
//! Source: Microsoft's "AVI RIFF File Reference"; Matrox's "`OpenDML` AVI File Format Extensions"
//! 1.02, section 3.0.

use std::ops::Range;

use bytes::Buf;

use super::CHUNK_HEADER;

/// The frames of one stream, as an index lists them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Frames {
    /// By number.
    all: Vec<Frame>,
    /// Numbers of the keyframes.
    keyframes: Vec<usize>,
    /// One past the last chunk that the index names, of whatever stream.
    end: u64,
}

/// A frame in an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame {
    /// Where its chunk starts.
    pub(super) at: u64,
    /// Length of the chunk's payload; 0 repeats the frame before.
    pub(super) len: u32,
}

impl Frame {
    /// One past its chunk.
    pub(super) fn end(&self) -> u64 {
        self.at + CHUNK_HEADER + u64::from(self.len)
    }
}

/// Where a part of an `OpenDML` index is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SuperEntry {
    pub(super) at: u64,
    len: u32,
}

impl SuperEntry {
    pub(super) fn end(&self) -> u64 {
        self.at.saturating_add(u64::from(self.len))
    }
}

/// The number of the stream that a chunk named `kind`, such as `00dc`, belongs to.
pub(super) fn stream_of(kind: [u8; 4]) -> Option<usize> {
    let [tens, ones, ..] = kind;
    (tens.is_ascii_digit() && ones.is_ascii_digit())
        .then(|| usize::from(tens - b'0') * 10 + usize::from(ones - b'0'))
}

impl Frames {
    /// Adds stream `stream`'s frames from the `idx1` chunk among those in `bytes`, which follow the
    /// media. Where in `bytes` the chunk lies, if there is one.
    ///
    /// Places are told from the start of the file or of the media or from elsewhere; but the first
    /// entry is the first chunk, which tells from where.
    pub(super) fn add_simple(
        &mut self,
        bytes: &[u8],
        stream: usize,
        first_chunk: u64,
    ) -> Option<usize> {
        const IS_KEYFRAME: u32 = 0x10;
        let mut rest = bytes;
        let entries = loop {
            let (kind, payload, next) = chunk(rest)?;
            if kind == *b"idx1" {
                break payload;
            }
            rest = next;
        };
        let mut offset = None;
        for entry in entries.chunks_exact(16) {
            let [kind, flags, at, len] = words(entry);
            let Some(of) = stream_of(kind.to_le_bytes()) else {
                continue;
            };
            let offset = *offset.get_or_insert(first_chunk as i64 - i64::from(at));
            let at = u64::try_from(i64::from(at) + offset).unwrap_or(0);
            let frame = Frame { at, len };
            self.end = self.end.max(frame.end());
            if of == stream {
                self.push(frame, flags & IS_KEYFRAME != 0);
            }
        }
        if self.keyframes.is_empty() {
            // Some writers mark none; the first must be one.
            self.keyframes
                .extend(self.all.iter().position(|frame| frame.len > 0));
        }
        Some(bytes.len() - rest.len())
    }

    /// Adds the frames in a part of an `OpenDML` index, an `ix##` chunk. `None` where it is none.
    pub(super) fn add_standard(
        &mut self,
        bytes: &[u8],
        stream: usize,
        file_len: u64,
    ) -> Option<()> {
        const IS_NO_KEYFRAME: u32 = 1 << 31;
        let (_, mut payload, _) = chunk(bytes)?;
        let (kind, count) = index_header(&mut payload, stream)?;
        let mut base = payload.try_get_u64_le().ok()?;
        payload.try_get_u32_le().ok()?;
        if kind != INDEX_OF_CHUNKS {
            return None;
        }
        if base >= file_len {
            // Some writers put the low half into the high half as well.
            base = Some(base & 0xffff_ffff).filter(|low| base >> 32 == *low && *low < file_len)?;
        }
        for entry in payload.chunks_exact(8).take(count) {
            let [at, len] = words(entry);
            // What is named is the payload.
            let at = (base + u64::from(at)).checked_sub(8)?;
            let frame = Frame {
                at,
                len: len & !IS_NO_KEYFRAME,
            };
            self.push(frame, len & IS_NO_KEYFRAME == 0);
        }
        Some(())
    }

    fn push(&mut self, frame: Frame, is_keyframe: bool) {
        if is_keyframe && frame.len > 0 {
            self.keyframes.push(self.all.len());
        }
        self.end = self.end.max(frame.end());
        self.all.push(frame);
    }

    /// Whether the index names the chunks of all of `media`, but for an eighth at most, which may
    /// be padding.
    pub(super) fn cover(&self, media: &Range<u64>) -> bool {
        let left_out = media.end.saturating_sub(self.end);
        left_out <= media.end.saturating_sub(media.start) / 8
    }

    /// Drops keyframes whose chunks do not lie within `range`.
    pub(super) fn retain_within(&mut self, range: &Range<u64>) {
        let Self { all, keyframes, .. } = self;
        keyframes.retain(|nth| all[*nth].at >= range.start && all[*nth].end() <= range.end);
    }

    /// The number of the `count`th frame behind frame `number` that has a chunk of its own.
    pub(super) fn stored_behind(&self, number: usize, count: usize) -> Option<usize> {
        let behind = self.all.iter().enumerate().skip(number.checked_add(1)?);
        let mut stored = behind.filter(|(_, frame)| frame.len > 0);
        let (number, _) = stored.nth(count.checked_sub(1)?)?;
        Some(number)
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn has_keyframes(&self) -> bool {
        !self.keyframes.is_empty()
    }

    /// Numbers of the keyframes up to the frames that `is_passed`, and after them.
    pub(super) fn keyframes_around(
        &self,
        is_passed: impl Fn(usize) -> bool,
    ) -> (Option<usize>, Option<usize>) {
        let after = self.keyframes.partition_point(|nth| is_passed(*nth));
        let before = after.checked_sub(1).map(|before| self.keyframes[before]);
        (before, self.keyframes.get(after).copied())
    }

    /// The keyframes and their numbers.
    pub(super) fn keyframes(&self) -> impl Iterator<Item = (usize, Frame)> {
        self.keyframes.iter().map(|nth| (*nth, self.all[*nth]))
    }

    /// Frame `number`, or the last where there are fewer.
    pub(super) fn get(&self, number: usize) -> Option<Frame> {
        let last = self.all.len().checked_sub(1)?;
        self.all.get(number.min(last)).copied()
    }
}

const INDEX_OF_INDEXES: u8 = 0;
const INDEX_OF_CHUNKS: u8 = 1;

/// The parts that a stream's `indx` chunk names.
pub(super) fn super_index(mut payload: &[u8], stream: usize) -> Option<Vec<SuperEntry>> {
    let (kind, count) = index_header(&mut payload, stream)?;
    payload = payload.get(12..)?;
    if kind != INDEX_OF_INDEXES {
        return None;
    }
    let entries = payload.chunks_exact(16).take(count).map(|entry| {
        let [low, high, len, _duration] = words(entry);
        SuperEntry {
            at: u64::from(high) << 32 | u64::from(low),
            len,
        }
    });
    Some(entries.collect())
}

/// Kind and number of entries of an index of `stream`.
fn index_header(payload: &mut &[u8], stream: usize) -> Option<(u8, usize)> {
    let words = payload.try_get_u16_le().ok()?;
    let sub_kind = payload.try_get_u8().ok()?;
    let kind = payload.try_get_u8().ok()?;
    let count = payload.try_get_u32_le().ok()? as usize;
    let of = stream_of(payload.try_get_u32_le().ok()?.to_le_bytes())?;
    let expected = if kind == INDEX_OF_CHUNKS { 2 } else { 4 };
    (words == expected && sub_kind == 0 && of == stream).then_some((kind, count))
}

/// The first chunk's kind and payload, and what follows.
fn chunk(bytes: &[u8]) -> Option<([u8; 4], &[u8], &[u8])> {
    let kind = bytes.get(..4)?.try_into().ok()?;
    let len = u32::from_le_bytes(bytes.get(4..8)?.try_into().ok()?) as usize;
    let rest = &bytes[8..];
    let payload = &rest[..len.min(rest.len())];
    let next = rest.get(len.saturating_add(len % 2)..).unwrap_or_default();
    Some((kind, payload, next))
}

fn words<const N: usize>(mut entry: &[u8]) -> [u32; N] {
    std::array::from_fn(|_| entry.try_get_u32_le().unwrap_or(0))
}
