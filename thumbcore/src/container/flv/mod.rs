//! Keyframes of Flash video: from the index that some tools leave in `onMetaData`, or by search.
//!
//! libav reads an FLV file without index front to back. Tags are in the order of time and each is
//! followed by its own size, so that any stretch of the file can be made sense of.

mod metadata;
mod tag;

use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;

use self::{
    metadata::Metadata,
    tag::{HEADER, Kind, TRAILER, Tag, TagScanner, chain, resync},
};
use super::{
    Around, Keyframe, Locator, Place, Timeline,
    search::{Anchor, Effort, GroupSize, Sighting, keyframes_around},
};
use crate::{
    Error,
    reader::{Piece, Reader, Reason},
};

/// Finds keyframes of one FLV file.
#[derive(Debug)]
pub(crate) struct Flv {
    len: u64,
    /// File header and codec parameters.
    headers: Vec<Range<u64>>,
    timeline: Timeline,
    /// Times in microseconds and offsets, both ascending; empty where there is no index.
    index: Vec<(i64, u64)>,
    /// Bytes read at a keyframe that the index names, to check it and with luck to have it whole.
    guess: u64,
    low: Anchor,
    high: Anchor,
    group: GroupSize,
}

/// Tags looked at before the first picture: metadata, parameters, cue points, a little audio.
const MAX_HEAD_TAGS: usize = 256;
/// Bytes read at once where the head goes on beyond what is held: 16 KiB hold all but metadata.
const HEAD_STEP: u64 = 16 << 10;
/// Bytes from the end searched for the last tag of a file that was cut off: 1 MiB.
const CUT_OFF: u64 = 1 << 20;
/// Bytes of a video tag's body that name its codec.
const CODEC: u64 = 16;

impl Flv {
    /// `None` where the file is too odd.
    pub(crate) async fn open(reader: &Reader) -> Result<Option<Self>, Error> {
        let Some(head) = Head::read(reader).await? else {
            return Ok(None);
        };
        let Some(high) = last_tag(reader).await? else {
            return Ok(None);
        };
        let (Some(first), Some(start_us)) = (head.first, head.start_us) else {
            return Ok(None);
        };
        if head.headers.len() < 2
            || high.time_us <= first.time_us
            || high.position <= first.position
        {
            return Ok(None);
        }
        let stated = head.metadata.duration.map(|seconds| (seconds * 1e6) as i64);
        // Recordings of a stream that ran for an hour before may start at an hour.
        let seen = high.time_us.saturating_sub(start_us);
        let len = reader.len();
        Ok(Some(Self {
            len,
            headers: head.headers,
            timeline: Timeline {
                start_us,
                duration_us: stated.or((seen > 0).then_some(seen)),
            },
            index: ascending(&head.metadata.keyframes, first.position..len),
            guess: head.first_keyframe.map_or(reader.config().window, |bytes| {
                (bytes + bytes / 8 + (8 << 10)).min(1 << 20)
            }),
            low: first,
            high,
            group: GroupSize::default(),
        }))
    }

    fn keyframe(&self, time_us: i64, start: u64, end: u64) -> Keyframe {
        Keyframe {
            time_us,
            place: Place::spliced(&self.headers, start, end, self.len),
        }
    }

    fn place(&self, sighting: &Sighting) -> Place {
        let end = sighting.end.unwrap_or(self.len);
        Place::spliced(&self.headers, sighting.start, end, self.len)
    }

    /// The index's answer; `None` where it does not tell the truth.
    async fn indexed(&self, reader: &Reader, time_us: i64) -> Result<Option<Around>, Error> {
        let after = self.index.partition_point(|(time, _)| *time <= time_us);
        let entry = |index: Option<usize>| index.and_then(|index| self.index.get(index)).copied();
        let (before, after) = (entry(after.checked_sub(1)), entry(Some(after)));
        let distance = |entry: &(i64, u64)| entry.0.abs_diff(time_us);
        let Some(nearest) = [before, after].into_iter().flatten().min_by_key(distance) else {
            return Ok(None);
        };
        let (_, at) = nearest;
        let bytes = reader.read(at..at + self.guess, Reason::Keyframe).await?;
        let Some((offset, tag)) =
            chain(&bytes, 0).find(|(_, tag)| !matches!(tag.kind, Kind::Parameters))
        else {
            return Ok(None);
        };
        if tag.kind != Kind::Keyframe {
            tracing::debug!(at, "the index names a place that holds no keyframe");
            return Ok(None);
        }
        let end = at + (offset + tag.len()) as u64;
        let keyframe = |entry: Option<(i64, u64)>| match entry? {
            checked if checked == nearest => Some(self.keyframe(tag.presentation_us(), at, end)),
            (time_us, at) => Some(self.keyframe(time_us, at, at + self.guess)),
        };
        Ok(Some(Around {
            before: keyframe(before),
            after: keyframe(after),
        }))
    }
}

#[async_trait]
impl Locator for Flv {
    fn timeline(&self) -> Timeline {
        self.timeline
    }

    async fn around(&self, reader: &Reader, time_us: i64) -> Result<Around, Error> {
        if let Some(around) = self.indexed(reader, time_us).await? {
            return Ok(around);
        }
        let span_us = self.high.time_us - self.low.time_us;
        let effort = Effort::of_stream(span_us, reader.config().window, 4);
        let anchors = (self.low, self.high);
        let wanted = (time_us, span_us / 20);
        let found =
            keyframes_around(reader, &TagScanner, wanted, anchors, effort, &self.group).await?;
        Ok(found.around(|sighting| self.place(sighting)))
    }

    fn headers(&self) -> Option<Vec<Piece>> {
        Some(self.headers.iter().cloned().map(Piece::File).collect())
    }
}

/// What comes before the first pictures.
#[derive(Debug, Default)]
struct Head {
    metadata: Metadata,
    headers: Vec<Range<u64>>,
    /// The first audio or video tag with content.
    first: Option<Anchor>,
    /// The earliest presentation time of the first picture and the first sound.
    start_us: Option<i64>,
    /// Bytes of the first keyframe.
    first_keyframe: Option<u64>,
}

impl Head {
    async fn read(reader: &Reader) -> Result<Option<Self>, Error> {
        const HAS_AUDIO: u8 = 4;
        let start = reader.read(0..9, Reason::Index).await?;
        let [b'F', b'L', b'V', _, flags, o0, o1, o2, o3] = *start else {
            return Ok(None);
        };
        let mut at = u64::from(u32::from_be_bytes([o0, o1, o2, o3])) + TRAILER as u64;
        let mut head = Self::default();
        head.headers.push(0..at);
        let (mut video, mut audio) = (None, None);
        let mut jumps = 0;
        for _ in 0..MAX_HEAD_TAGS {
            let Some((tag, bytes)) = read_tag(reader, at).await? else {
                break;
            };
            let end = at + tag.len() as u64;
            match tag.kind {
                Kind::Script if head.first.is_none() => {
                    let body = &bytes[HEADER..bytes.len().min(HEADER + tag.size)];
                    let metadata = Metadata::parse(body);
                    if metadata != Metadata::default() {
                        head.metadata = metadata;
                    }
                }
                Kind::Parameters if video.is_none() => head.headers.push(at..end),
                Kind::Audio
                    if tag.size > 0 && bytes.get(HEADER..HEADER + 2) != Some(&AAC_PARAMETERS) =>
                {
                    audio.get_or_insert(tag.presentation_us());
                }
                Kind::Script | Kind::Parameters | Kind::Audio => {}
                Kind::Keyframe | Kind::OtherVideo => {
                    if video.is_none() && head.headers.len() == 1 {
                        // No parameters: the first picture's own first bytes name the codec.
                        head.headers.push(at..end.min(at + HEADER as u64 + CODEC));
                    }
                    video.get_or_insert(tag.presentation_us());
                    if tag.kind == Kind::Keyframe {
                        head.first_keyframe.get_or_insert(tag.len() as u64);
                    }
                }
            }
            if video.or(audio).is_some() && head.first.is_none() {
                head.first = Some(Anchor {
                    position: at,
                    time_us: tag.time_ms * 1000,
                });
            }
            if video.is_some() && (audio.is_some() || flags & HAS_AUDIO == 0) {
                break;
            }
            at = end;
            if video.is_some() && reader.cached(at).is_none() {
                // Only the first sound's time is still missing, and it is a frame or so off at
                // most.
                let jumps_allowed = if head.metadata.keyframes.is_empty() {
                    3
                } else {
                    1
                };
                if jumps == jumps_allowed {
                    break;
                }
                jumps += 1;
            }
        }
        head.start_us = video.into_iter().chain(audio).min();
        Ok(video.is_some().then_some(head))
    }
}

/// AAC with a sound of type 0: parameters.
const AAC_PARAMETERS: [u8; 2] = [0xaf, 0];

/// The tag at `at` with the start of its body; the whole of a script's.
async fn read_tag(reader: &Reader, at: u64) -> Result<Option<(Tag, Bytes)>, Error> {
    let held = reader.cached(at).filter(|held| held.len() >= HEADER + 8);
    let bytes = match held {
        Some(bytes) => bytes,
        None => reader.read(at..at + HEAD_STEP, Reason::Index).await?,
    };
    let Some(tag) = Tag::parse(&bytes) else {
        return Ok(None);
    };
    let whole = HEADER + tag.size;
    if tag.kind == Kind::Script && whole > bytes.len() {
        let end = at + tag.len() as u64 + HEAD_STEP;
        return Ok(Some((tag, reader.read(at..end, Reason::Index).await?)));
    }
    Ok(Some((tag, bytes)))
}

/// The last tag with a time. Where the file was cut off in the middle of a tag, the last whole one.
async fn last_tag(reader: &Reader) -> Result<Option<Anchor>, Error> {
    let len = reader.len();
    for tail in [reader.config().tail, CUT_OFF] {
        let start = len.saturating_sub(tail);
        let bytes = reader.read(start..len, Reason::Index).await?;
        if let Some((offset, tag)) = last_timed(&bytes) {
            return Ok(Some(Anchor {
                position: start + offset as u64,
                time_us: tag.time_ms * 1000,
            }));
        }
        // One tag longer than the tail.
        let size = bytes
            .last_chunk()
            .map_or(0, |size| u32::from_be_bytes(*size));
        let position = len.checked_sub(u64::from(size) + TRAILER as u64);
        if let Some(position) = position.filter(|_| size as usize >= HEADER) {
            let range = position..position + HEADER as u64 + CODEC;
            let bytes = reader.read(range, Reason::Index).await?;
            let tag = Tag::parse(&bytes)
                .filter(|tag| tag.size + HEADER == size as usize && tag.time_ms > 0);
            if let Some(tag) = tag {
                return Ok(Some(Anchor {
                    position,
                    time_us: tag.time_ms * 1000,
                }));
            }
        }
    }
    Ok(None)
}

fn last_timed(bytes: &[u8]) -> Option<(usize, Tag)> {
    let mut last = None;
    let mut next = 0;
    while let Some(start) = resync(bytes, next) {
        next = start + 1;
        for (offset, tag) in chain(bytes, start) {
            next = offset + 1;
            if tag.kind != Kind::Script && tag.time_ms > 0 {
                last = Some((offset, tag));
            }
        }
    }
    last
}

/// The entries of an index within `media`, in microseconds, as far as they ascend.
fn ascending(entries: &[(f64, u64)], media: Range<u64>) -> Vec<(i64, u64)> {
    let mut index: Vec<(i64, u64)> = Vec::with_capacity(entries.len());
    for (seconds, at) in entries {
        let entry = ((seconds * 1e6) as i64, *at);
        let ascends = index
            .last()
            .is_none_or(|last| last.0 < entry.0 && last.1 < entry.1);
        if media.contains(at) && ascends {
            index.push(entry);
        }
    }
    index
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio_util::sync::CancellationToken;

    use super::{tag::tests::tag, *};
    use crate::{Limits, MemorySource, ReadConfig, reader::Call};

    /// A file without metadata of a picture each second, the first at `start_ms`.
    fn file(start_ms: i32, pictures: i32) -> Vec<u8> {
        const VIDEO: u8 = 9;
        let mut file = b"FLV\x01\x01\0\0\0\x09\0\0\0\0".to_vec();
        file.extend(tag(VIDEO, start_ms, &[0x17, 0, 0, 0, 0], 30));
        for nth in 0..pictures {
            file.extend(tag(VIDEO, start_ms + 1000 * nth, &[0x17, 1, 0, 0, 0], 500));
        }
        file
    }

    #[tokio::test]
    async fn a_recording_that_starts_at_an_hour_is_not_an_hour_longer() {
        for start_ms in [0, 3_600_000] {
            let source = Arc::new(MemorySource::new("m", file(start_ms, 11)));
            let (config, limits) = (ReadConfig::default(), Limits::default());
            let call = Call::new(limits, CancellationToken::new());
            let reader = Reader::open(source, None, config, call).await.unwrap();
            let flv = Flv::open(&reader).await.unwrap().unwrap();
            let expected = Timeline {
                start_us: i64::from(start_ms) * 1000,
                duration_us: Some(10_000_000),
            };
            assert_eq!(flv.timeline(), expected);
        }
    }
}
