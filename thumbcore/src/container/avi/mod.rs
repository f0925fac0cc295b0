//! AVI: an index at the end names each chunk's place, and a frame's time is its number.
//!
//! There are two kinds: `idx1`, behind the media, and the `OpenDML` one of files over 1 GB, an
//! index of indexes in the header. Both are read exactly, and a splice has the header and then the
//! keyframe's chunk. A demuxer counts frames from there, so times are shifted
//! ([`Entry::Untimed`]). Files without an index, or with digital video in one stream with its
//! audio, are left to libav.

mod header;
mod index;

use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;
use futures::future::try_join_all;

use self::{
    header::{Header, StreamHead},
    index::{Frames, SuperEntry},
};
use super::{
    Around, Container, Entry, Keyframe, ListedKeyframe, Locator, Place, Searched, Timeline,
    believed,
    bounds::IndexBounds,
    profile::{Opened, Opening, Profile},
};
use crate::{
    Codec, Error,
    position::Position,
    reader::{Piece, Reader, Reason},
};

pub(super) static PROFILE: Profile = Profile {
    container: Container::Avi,
    demuxer: Some(c"avi"),
    options: &[],
    sniff: |head| head.starts_with(b"RIFF") && head.get(8..11) == Some(b"AVI"),
    codecs: Codec::ALL,
    needs_stream_info: false,
    has_index: true,
    keeps_stream_ids: false,
    losses: None,
    whole: 0,
    check: |_| Ok(()),
    open,
};

fn open<'a>(reader: &'a Reader, _: &'a [Position]) -> Opening<'a> {
    Box::pin(async {
        Ok(match Avi::open(reader).await? {
            Index::Whole(avi) => PROFILE.opened(Some(*avi)),
            Index::Partial => Opened {
                has_index: false,
                ..PROFILE.left_to_libav()
            },
            Index::None => PROFILE.left_to_libav(),
        })
    })
}

/// `idx1`: ten hours of video and audio have 40 MiB. An entry of 16 bytes becomes a frame of 16 and
/// perhaps a keyframe's number of eight, in vectors that may be half empty.
const SIMPLE: IndexBounds = IndexBounds {
    max_bytes: 64 << 20,
    memory: 3,
};
/// All parts of an `OpenDML` index: the same, of entries of eight bytes.
const STANDARD: IndexBounds = IndexBounds {
    max_bytes: 64 << 20,
    memory: 6,
};
/// Chunk headers before a chunk's payload: the kind and the length.
const CHUNK_HEADER: u64 = 8;

/// Finds keyframes in one AVI file by its index.
#[derive(Debug)]
struct Avi {
    len: u64,
    /// The file up to its first chunk.
    header: Range<u64>,
    video: StreamHead,
    searched: Searched,
    timeline: Timeline,
    frames: Frames,
}

/// What came of reading a file's index.
enum Index {
    Whole(Box<Avi>),
    /// It leaves out a part of the file, which must be read to be known.
    Partial,
    /// There is none that makes sense.
    None,
}

impl Avi {
    /// Reads the index of `reader`'s file.
    async fn open(reader: &Reader) -> Result<Index, Error> {
        let head = reader.cached(0).unwrap_or_default();
        let Some(mut header) = Header::parse(&head) else {
            return Ok(Index::None);
        };
        let Some((nth, _, searched)) = header.film() else {
            return Ok(Index::None);
        };
        if let Some((at, rates)) = header.correct(nth) {
            reader.patch(at, Bytes::copy_from_slice(&rates));
        }
        let Some(video) = header.streams.get(nth).cloned() else {
            return Ok(Index::None);
        };
        let mut index_at = None;
        let mut frames = Frames::default();
        if video.super_index.is_empty() {
            let end = header.riff_end.min(reader.len());
            let range = header.media.end..end;
            let Some(bytes) = SIMPLE.read(reader, range.clone()).await? else {
                return Ok(Index::None);
            };
            let at = frames.add_simple(&bytes, nth, header.first_chunk);
            index_at = at.map(|at| range.start + at as u64);
        } else {
            for part in read_parts(reader, &video.super_index).await? {
                if frames.add_standard(&part, nth, reader.len()).is_none() {
                    return Ok(Index::None);
                }
            }
        }
        frames.retain_within(&(header.media.start..reader.len()));
        if !frames.has_keyframes() {
            return Ok(Index::None);
        }
        let media = header.media.start..header.media.end.min(reader.len());
        if video.super_index.is_empty() && !frames.cover(&media) {
            if let Some(at) = index_at {
                // libav would read no more than the index names.
                reader.patch(at, Bytes::from_static(b"JUNK"));
            }
            return Ok(Index::Partial);
        }
        let counted = video.micros(frames.len() as i64);
        let durations = header.streams.iter().filter_map(StreamHead::duration_us);
        let duration_us = durations.max().unwrap_or(counted);
        // What a file that was cut short still has of it.
        let held = reader.len().min(header.riff_end);
        let duration_us = i128::from(duration_us) * i128::from(held) / i128::from(header.riff_end);
        let duration_us = believed(Some(duration_us as i64), Some(counted)).unwrap_or(counted);
        Ok(Index::Whole(Box::new(Self {
            len: reader.len(),
            header: 0..header.media.start,
            timeline: Timeline::new(0, Some(duration_us)).with_last_picture(Some(counted)),
            video,
            searched,
            frames,
        })))
    }

    /// The number of the last of the `count` packets behind the keyframe at `time_us`.
    fn stored_behind(&self, time_us: i64, count: usize) -> Option<usize> {
        // One more, as the time was rounded down.
        let keyframe = self.video.number(time_us.saturating_add(1));
        self.frames.stored_behind(keyframe, count)
    }

    fn keyframe(&self, number: usize) -> Option<Keyframe> {
        let frame = self.frames.get(number)?;
        Some(Keyframe {
            time_us: self.video.micros(number as i64),
            place: Place::Spliced {
                pieces: vec![
                    Piece::File(self.header.clone()),
                    Piece::File(frame.at..self.len),
                ],
                bytes: frame.at..frame.end(),
                entry: Entry::Untimed,
                iframe: None,
            },
        })
    }
}

#[async_trait]
impl Locator for Avi {
    fn timeline(&self) -> Timeline {
        self.timeline
    }

    fn searched(&self) -> Searched {
        self.searched.clone()
    }

    async fn around(&self, _: &Reader, time_us: i64) -> Result<Around, Error> {
        let is_passed = |number| self.video.micros(number as i64) <= time_us;
        let (before, after) = self.frames.keyframes_around(is_passed);
        Ok(Around {
            before: before.and_then(|number| self.keyframe(number)),
            after: after.and_then(|number| self.keyframe(number)),
        })
    }

    fn keyframes(&self) -> Option<Vec<ListedKeyframe>> {
        let listed = self
            .frames
            .keyframes()
            .map(|(number, frame)| ListedKeyframe {
                time_us: self.video.micros(number as i64),
                position: frame.at,
                size: Some(u64::from(frame.len)),
            });
        Some(listed.collect())
    }

    fn end_of(&self, _: &Reader, time_us: i64) -> Option<u64> {
        Some(self.frames.get(self.video.number(time_us))?.end())
    }

    fn end_behind(&self, time_us: i64, count: usize) -> Option<u64> {
        let last = self.stored_behind(time_us, count)?;
        Some(self.frames.get(last)?.end())
    }

    fn time_behind(&self, time_us: i64, count: usize) -> Option<i64> {
        let last = self.stored_behind(time_us, count)?;
        Some(self.video.micros(last as i64))
    }
}

/// All parts of an `OpenDML` index, at once; none where they are too large together.
async fn read_parts(reader: &Reader, entries: &[SuperEntry]) -> Result<Vec<Bytes>, Error> {
    let ranges = entries.iter().map(|entry| entry.at..entry.end());
    let total = ranges
        .clone()
        .map(|range| range.end.min(reader.len()).saturating_sub(range.start))
        .fold(0, u64::saturating_add);
    if !STANDARD.allow(&(0..total)) {
        return Ok(Vec::new());
    }
    STANDARD.charge(reader, total)?;
    try_join_all(ranges.map(|range| reader.read(range, Reason::Index))).await
}

#[cfg(test)]
mod tests;
