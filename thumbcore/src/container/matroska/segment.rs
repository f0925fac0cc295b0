//! Where the parts of a segment lie: read from what is held of the file, and with one read more
//! where that does not tell.

use std::ops::Range;

use bytes::Bytes;

use super::{
    cues::Cue,
    ebml::{Element, MAX_HEADER, children, id, uint},
    file::File,
};
use crate::{
    Error,
    container::bounds::IndexBounds,
    reader::{Reader, Reason},
};

/// Elements before the first cluster at most.
const MAX_ELEMENTS: usize = 256;
/// Largest Info, Tracks or `SeekHead` believed: 1 MiB, a hundred times any seen.
const MAX_PART: u64 = 1 << 20;
/// A cue a frame of a six-hour film has 16 MiB. A cue of 13 bytes becomes one of 32, in a vector
/// that may be half empty.
const CUES: IndexBounds = IndexBounds {
    max_bytes: 16 << 20,
    memory: 5,
};
/// Read where Cues begin and nothing tells their length: 128 KiB, those of a two-hour film.
const CUES_GUESS: u64 = 128 << 10;

/// The layout of the file's first segment. Ranges are whole elements, of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Segment {
    /// Where its payload starts; positions in it count from here.
    pub(super) start: u64,
    /// One past it, as its writer said, which may lie beyond the end of a truncated file.
    pub(super) end: u64,
    pub(super) info: Range<u64>,
    pub(super) tracks: Range<u64>,
    /// Where Cues start.
    cues: Option<u64>,
    /// Where the first cluster starts, if that is held.
    pub(super) first_cluster: Option<u64>,
    /// Other starts of elements that a `SeekHead` tells.
    seeks: Vec<(u32, u64)>,
    /// Another segment follows, whose times begin anew and whose codec parameters may be others: as
    /// for players, the first is the film.
    is_joined: bool,
}

/// A part that is wanted, as far as it was found.
#[derive(Debug, Default)]
struct Parts {
    info: Option<Range<u64>>,
    tracks: Option<Range<u64>>,
    cues: Option<u64>,
    first_cluster: Option<u64>,
    seeks: Vec<(u32, u64)>,
}

impl Segment {
    /// Finds the parts; `None` where the file is not what it should be.
    pub(super) async fn open(reader: &Reader) -> Result<Option<Self>, Error> {
        let head = reader.cached(0).unwrap_or_default();
        let Some((start, end)) = bounds(&head, reader.len()) else {
            return Ok(None);
        };
        let mut parts = Parts::default();
        if parts.walk(reader, start, end).await?.is_none() {
            return Ok(None);
        }
        parts.follow_seek_heads(reader, start).await?;
        let is_joined = is_followed(reader, end).await?;
        if parts.cues.is_none() && !is_joined {
            parts.cues = find_cues(reader);
        }
        for wanted in [id::INFO, id::TRACKS] {
            if parts.slot(wanted).is_some_and(|slot| slot.is_none())
                && let Some(at) = parts.seek(wanted)
                && let Some(range) = element_at(reader, at, wanted).await?
                && let Some(slot) = parts.slot(wanted)
            {
                *slot = Some(range);
            }
        }
        Ok(parts.info.zip(parts.tracks).map(|(info, tracks)| Self {
            start,
            end,
            info,
            tracks,
            cues: parts.cues,
            first_cluster: parts.first_cluster,
            seeks: parts.seeks,
            is_joined,
        }))
    }

    /// Where the clusters of `file` end, as far as `cues`, its index, tell.
    pub(super) fn media_end(&self, file: &File, cues: &[Cue]) -> u64 {
        let last = cues.last().map_or(0, |cue| cue.cluster);
        let cues = self.cues.filter(|at| *at > last);
        cues.map_or(file.len, |at| at.min(file.len))
    }

    /// Where the film ends in a file that ends at `len`.
    pub(super) fn film_end(&self, len: u64) -> u64 {
        if self.is_joined {
            len.min(self.end)
        } else {
            len
        }
    }

    /// The payload of Cues: held already, or one read, or two where their length is a surprise.
    pub(super) async fn cues(&self, reader: &Reader) -> Result<Option<Bytes>, Error> {
        let len = reader.len();
        let Some(at) = self.cues.filter(|at| at.saturating_add(2) < len) else {
            return Ok(None);
        };
        if reader.cached(at).is_none() {
            let tail = len.saturating_sub(reader.config().tail);
            let next = self
                .seeks
                .iter()
                .map(|(_, position)| *position)
                .chain([tail, self.end])
                .filter(|position| *position > at)
                .min()
                .unwrap_or(len);
            // The rest of them, if any, is read when their length is known.
            let guess = at..at + (next - at).clamp(MAX_HEADER, CUES_GUESS);
            reader.read(guess, Reason::Index).await?;
        }
        let header = reader.read(at..at + MAX_HEADER, Reason::Index).await?;
        let Some(element) = Element::parse(&header).filter(|element| element.id == id::CUES) else {
            return Ok(None);
        };
        match element.end(at) {
            Some(end) if end <= len => CUES.read(reader, at + element.header..end).await,
            _ => Ok(None),
        }
    }

    /// The payload of an element found by [`open`](Self::open).
    pub(super) async fn payload(reader: &Reader, range: &Range<u64>) -> Result<Bytes, Error> {
        let bytes = reader.read(range.clone(), Reason::Index).await?;
        let header = Element::parse(&bytes).map_or(0, |element| element.header as usize);
        Ok(bytes.slice(header.min(bytes.len())..))
    }
}

/// Payload of the first segment.
fn bounds(head: &[u8], len: u64) -> Option<(u64, u64)> {
    let ebml = Element::parse(head).filter(|element| element.id == id::EBML)?;
    let at = ebml.end(0)?;
    let rest = head.get(usize::try_from(at).ok()?..)?;
    let segment = Element::parse(rest).filter(|element| element.id == id::SEGMENT)?;
    let start = at + segment.header;
    let end = match segment.size {
        Some(size) => start.checked_add(size)?,
        None => len,
    };
    Some((start, end))
}

/// Whether another segment, or another file with one, lies at `end`.
async fn is_followed(reader: &Reader, end: u64) -> Result<bool, Error> {
    if end.saturating_add(MAX_HEADER) > reader.len() {
        return Ok(false);
    }
    let bytes = reader.read(end..end + MAX_HEADER, Reason::Index).await?;
    let next = Element::parse(&bytes);
    Ok(next.is_some_and(|next| matches!(next.id, id::EBML | id::SEGMENT)))
}

impl Parts {
    fn slot(&mut self, wanted: u32) -> Option<&mut Option<Range<u64>>> {
        match wanted {
            id::INFO => Some(&mut self.info),
            id::TRACKS => Some(&mut self.tracks),
            _ => None,
        }
    }

    fn seek(&self, wanted: u32) -> Option<u64> {
        let found = self.seeks.iter().find(|(id, _)| *id == wanted);
        found.map(|(_, position)| *position)
    }

    /// Walks the elements up to the first cluster, as far as they are held. `None` where they make
    /// no sense.
    async fn walk(&mut self, reader: &Reader, start: u64, end: u64) -> Result<Option<()>, Error> {
        let mut at = start;
        for _ in 0..MAX_ELEMENTS {
            if at >= end || reader.cached(at).is_none() {
                break;
            }
            let bytes = reader.read(at..at + MAX_HEADER, Reason::Index).await?;
            let Some(element) = Element::parse(&bytes) else {
                break;
            };
            if element.id == id::CLUSTER {
                self.first_cluster = Some(at);
                break;
            }
            let Some(next) = element.end(at) else {
                return Ok(None);
            };
            let is_sane = next <= reader.len() && next - at <= MAX_PART;
            match element.id {
                id::SEEK_HEAD if is_sane => {
                    let payload = Segment::payload(reader, &(at..next)).await?;
                    self.seeks.extend(seeks(&payload, start));
                }
                id::CUES => self.cues = Some(at),
                wanted => {
                    if let Some(slot) = self.slot(wanted) {
                        if !is_sane {
                            return Ok(None);
                        }
                        slot.get_or_insert(at..next);
                    }
                }
            }
            at = next;
        }
        Ok(Some(()))
    }

    /// Takes in what further seek heads tell: one at the end lists what the first had no room for.
    async fn follow_seek_heads(&mut self, reader: &Reader, start: u64) -> Result<(), Error> {
        let further = self.seek(id::SEEK_HEAD);
        self.cues = self.cues.or_else(|| self.seek(id::CUES));
        if self.cues.is_none()
            && let Some(at) = further
            && let Some(range) = element_at(reader, at, id::SEEK_HEAD).await?
        {
            let payload = Segment::payload(reader, &range).await?;
            self.seeks.extend(seeks(&payload, start));
            self.cues = self.seek(id::CUES);
        }
        Ok(())
    }
}

/// The element `wanted` at `at`, if it is there.
async fn element_at(reader: &Reader, at: u64, wanted: u32) -> Result<Option<Range<u64>>, Error> {
    if at >= reader.len() {
        return Ok(None);
    }
    let header = reader
        .read(at..at.saturating_add(MAX_HEADER), Reason::Index)
        .await?;
    let end = Element::parse(&header)
        .filter(|element| element.id == wanted)
        .and_then(|element| element.end(at))
        .filter(|end| *end <= reader.len() && end - at <= MAX_PART);
    Ok(end.map(|end| at..end))
}

/// Ids and positions of a `SeekHead`.
fn seeks(payload: &[u8], segment: u64) -> Vec<(u32, u64)> {
    children(payload)
        .filter(|(id, _)| *id == id::SEEK)
        .filter_map(|(_, seek)| {
            let find = |wanted| {
                children(seek)
                    .find(|(id, _)| *id == wanted)
                    .map(|(_, value)| uint(value))
            };
            let position = segment.checked_add(find(id::SEEK_POSITION)?)?;
            Some((u32::try_from(find(id::SEEK_ID)?).ok()?, position))
        })
        .take(MAX_ELEMENTS)
        .collect()
}

/// Cues that no `SeekHead` tells of, in the tail.
fn find_cues(reader: &Reader) -> Option<u64> {
    let start = reader.len().saturating_sub(reader.config().tail);
    let tail = reader.cached(start)?;
    let marker = id::CUES.to_be_bytes();
    (0..tail.len().saturating_sub(marker.len()))
        .filter(|offset| tail[*offset..].starts_with(&marker))
        .find(|offset| {
            let rest = &tail[*offset..];
            Element::parse(rest).is_some_and(|cues| {
                let size = cues.size.and_then(|size| usize::try_from(size).ok());
                let payload = rest.get(cues.header as usize..).unwrap_or_default();
                size.and_then(|size| payload.get(..size))
                    .and_then(|payload| children(payload).next())
                    .is_some_and(|(id, _)| matches!(id, id::CUE_POINT | id::CRC | id::VOID))
            })
        })
        .map(|offset| start + offset as u64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{
        super::ebml::build::{element, id_bytes, number},
        *,
    };

    #[test]
    fn a_seek_head_tells_positions_from_the_segment_on() {
        let seek = |id, position| {
            let mut seek = element(id::SEEK_ID, &id_bytes(id), 1);
            seek.extend(number(id::SEEK_POSITION, position));
            element(id::SEEK, &seek, 1)
        };
        let payload = [seek(id::CUES, 1000), seek(id::TRACKS, 7)];
        assert_eq!(
            seeks(&payload.concat(), 48),
            [(id::CUES, 1048), (id::TRACKS, 55)]
        );
    }

    #[test]
    fn a_segment_may_be_of_unknown_size() {
        let mut file = element(id::EBML, &[0; 5], 1);
        let header = file.len() as u64;
        file.extend(id_bytes(id::SEGMENT));
        file.push(0xff);
        assert_eq!(bounds(&file, 900), Some((header + 5, 900)));
        *file.last_mut().unwrap() = 0x83;
        assert_eq!(bounds(&file, 900), Some((header + 5, header + 8)));
        assert_eq!(bounds(b"\x1a\x45\xdf\xa3", 900), None);
    }

    proptest! {
        #[test]
        fn any_bytes_end(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            bounds(&bytes, 300);
            prop_assert!(seeks(&bytes, u64::MAX - 100).len() <= bytes.len());
        }
    }
}
