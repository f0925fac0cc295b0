//! Clusters and the blocks in them.

use super::ebml::{Element, children, id, uint, vint};

/// Bytes of a cluster that surely hold its header and timestamp.
pub(super) const CLUSTER_HEAD: u64 = 64;

/// The start of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cluster {
    pub(super) start: u64,
    /// Where its elements begin; cue positions count from here.
    pub(super) body: u64,
    /// One past it, where the writer knew.
    pub(super) end: Option<u64>,
    /// In ticks.
    pub(super) time: i64,
}

/// A block: a frame, or a few of an audio track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Block {
    /// Where its element starts: `SimpleBlock` or `BlockGroup`.
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) track: u64,
    /// In ticks of the segment.
    pub(super) time: i64,
    /// `None` where the bytes end before that is known.
    pub(super) is_keyframe: Option<bool>,
}

/// What lies at a place of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Block(Block),
    /// Another element of clusters, which ends there.
    Other(u64),
    /// The bytes end before it can be told.
    CutShort,
    /// Nothing that belongs into a cluster.
    Foreign,
}

/// Elements before a cluster's timestamp: mostly none, a checksum, or padding.
const MAX_BEFORE_TIMESTAMP: usize = 16;

/// Bytes of a presumed cluster in which a block must begin.
const PROOF: usize = 4096;

impl Cluster {
    /// Parses the cluster at the start of `bytes`, which lie at `start`.
    pub(super) fn parse(bytes: &[u8], start: u64) -> Option<Self> {
        let element = Element::parse(bytes).filter(|element| element.id == id::CLUSTER)?;
        let body = start.checked_add(element.header)?;
        let end = match element.size {
            Some(_) => Some(element.end(start)?),
            None => None,
        };
        let payload = bytes.get(element.header as usize..)?;
        let size = element
            .size
            .and_then(|size| usize::try_from(size).ok())
            .map_or(payload.len(), |size| size.min(payload.len()));
        for (id, value) in children(&payload[..size]).take(MAX_BEFORE_TIMESTAMP) {
            match id {
                id::TIMESTAMP if value.len() <= 8 => {
                    let time = i64::try_from(uint(value)).ok()?;
                    return Some(Self {
                        start,
                        body,
                        end,
                        time,
                    });
                }
                id::CRC | id::VOID | id::POSITION | id::PREV_SIZE | id::SILENT_TRACKS => {}
                _ => return None,
            }
        }
        None
    }

    /// Looks at the element at the start of `bytes`, which lie at `at` in this cluster.
    pub(super) fn step(&self, bytes: &[u8], at: u64) -> Step {
        let Some(element) = Element::parse(bytes) else {
            // A first byte of 0 to 15 starts no id that is used.
            let is_junk = bytes.first().is_some_and(|byte| *byte < 0x10);
            return if is_junk {
                Step::Foreign
            } else {
                Step::CutShort
            };
        };
        let Some(end) = element.end(at) else {
            return Step::Foreign;
        };
        let payload = bytes.get(element.header as usize..).unwrap_or_default();
        let size = usize::try_from(end - at - element.header).unwrap_or(usize::MAX);
        let is_whole = payload.len() >= size;
        let payload = &payload[..payload.len().min(size)];
        let found = match element.id {
            id::SIMPLE_BLOCK => {
                header(payload).map(|(track, time, flags)| (track, time, Some(flags & 0x80 != 0)))
            }
            id::BLOCK_GROUP => group(payload, is_whole),
            id::TIMESTAMP
            | id::CRC
            | id::VOID
            | id::POSITION
            | id::PREV_SIZE
            | id::SILENT_TRACKS
            | id::ENCRYPTED_BLOCK => return Step::Other(end),
            _ => return Step::Foreign,
        };
        match found {
            Some((track, time, is_keyframe)) => Step::Block(Block {
                start: at,
                end,
                track,
                time: self.time.saturating_add(i64::from(time)),
                is_keyframe,
            }),
            None if is_whole => Step::Other(end),
            None => Step::CutShort,
        }
    }

    /// The blocks in `bytes`, which lie at `at` in this cluster, as far as they can be told.
    pub(super) fn blocks(&self, bytes: &[u8], at: u64) -> impl Iterator<Item = Block> {
        let mut position = at;
        let until = self.end.unwrap_or(u64::MAX);
        std::iter::from_fn(move || {
            while position < until {
                let offset = usize::try_from(position.checked_sub(at)?).ok()?;
                match self.step(bytes.get(offset..)?, position) {
                    Step::Block(block) => {
                        position = block.end;
                        return Some(block);
                    }
                    Step::Other(end) => position = end,
                    Step::CutShort | Step::Foreign => return None,
                }
            }
            None
        })
    }

    /// A header for what is left of this cluster from `from` on, where `end` is one past what must
    /// fit: as libav needs it to read from the middle.
    pub(super) fn header_from(&self, from: u64, end: u64) -> Vec<u8> {
        const TIMESTAMP_LEN: u64 = 10;
        const UNKNOWN: u64 = (1 << 56) - 1;
        let size = self.end.map_or(UNKNOWN, |of_cluster| {
            let left = of_cluster.max(end).saturating_sub(from);
            left.saturating_add(TIMESTAMP_LEN).min(UNKNOWN - 1)
        });
        let mut header = id::CLUSTER.to_be_bytes().to_vec();
        header.extend_from_slice(&(size | 1 << 56).to_be_bytes());
        header.extend_from_slice(&[id::TIMESTAMP as u8, 0x88]);
        header.extend_from_slice(&self.time.to_be_bytes());
        header
    }
}

/// Track, time within the cluster, and flags of a block.
fn header(block: &[u8]) -> Option<(u64, i16, u8)> {
    let (track, len) = vint(block)?;
    let [a, b, flags] = *block.get(len..len + 3)?.first_chunk()?;
    Some((track?, i16::from_be_bytes([a, b]), flags))
}

/// A block in its group: it is a keyframe where it refers to none.
fn group(payload: &[u8], is_whole: bool) -> Option<(u64, i16, Option<bool>)> {
    let mut rest = payload;
    let mut found = None;
    let mut refers = false;
    while let Some(element) = Element::parse(rest) {
        let Some(value) = rest.get(element.header as usize..) else {
            break;
        };
        match element.id {
            id::BLOCK => found = header(value),
            id::REFERENCE_BLOCK => refers = true,
            _ => {}
        }
        let size = element.size.and_then(|size| usize::try_from(size).ok());
        let Some(next) = size.and_then(|size| value.get(size..)) else {
            break;
        };
        rest = next;
    }
    let is_keyframe = if refers {
        Some(false)
    } else {
        is_whole.then_some(true)
    };
    let (track, time, _) = found?;
    Some((track, time, is_keyframe))
}

/// The first cluster in `bytes`, which lie at `at` of a file of `len` bytes, that is one and does
/// not only look like one: what follows in it makes sense.
pub(super) fn find(bytes: &[u8], at: u64, len: u64) -> Option<Cluster> {
    let marker = id::CLUSTER.to_be_bytes();
    let mut from = 0;
    while let Some(found) = bytes
        .get(from..)
        .and_then(|rest| rest.windows(4).position(|window| window == marker))
    {
        let offset = from + found;
        if let Some(cluster) = Cluster::parse(&bytes[offset..], at + offset as u64)
            && is_sane(&cluster, bytes, at, len)
        {
            return Some(cluster);
        }
        from = offset + 4;
    }
    None
}

fn is_sane(cluster: &Cluster, bytes: &[u8], at: u64, len: u64) -> bool {
    let inside = &bytes[(cluster.body - at) as usize..];
    let inside = &inside[..inside.len().min(PROOF)];
    // A first block that is known to be one is proof enough against 2^-32 for the id.
    cluster.start < len
        && cluster
            .blocks(inside, cluster.body)
            .next()
            .is_some_and(|block| block.track < 128 && block.start < len)
}

#[cfg(test)]
mod tests;
