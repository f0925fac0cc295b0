//! The ends of a Flash video file: what comes before the first pictures, and the last tag.

use std::ops::{Range, RangeInclusive};

use bytes::Bytes;

use super::{
    metadata::Metadata,
    tag::{HEADER, Kind, TRAILER, Tag, TagScanner, chain, resync},
};
use crate::{
    Error,
    container::{
        bounds::IndexBounds,
        search::{self, Anchor, Scanner, is_sound_alone},
    },
    reader::{Reader, Reason},
};

/// Tags looked at before the first picture: metadata, parameters, cue points, a little audio.
const MAX_HEAD_TAGS: usize = 256;
/// Bytes read at once where the head goes on beyond what is held: 16 KiB hold all but metadata.
const HEAD_STEP: u64 = 16 << 10;
/// Bytes from the end searched for the last tag of a file that was cut off: 1 MiB.
const CUT_OFF: u64 = 1 << 20;
/// Bytes of a video tag's body that name its codec.
const CODEC: u64 = 16;
/// Flag of the file's header.
const HAS_AUDIO: u8 = 4;
/// AAC with a packet of type 0: parameters.
const AAC_PARAMETERS: [u8; 2] = [0xaf, 0];

/// The body of a script tag, of which the format allows 16 MiB. Two arrays of numbers of nine bytes
/// become, one after the other, two of numbers, pairs of these, and the index.
const SCRIPT: IndexBounds = IndexBounds {
    max_bytes: 1 << 24,
    memory: 5,
};

/// What comes before the first pictures.
#[derive(Debug, Default)]
pub(super) struct Head {
    pub(super) metadata: Metadata,
    /// File header and codec parameters.
    pub(super) headers: Vec<Range<u64>>,
    /// The start of the first picture, whose first bytes name a codec that has no parameters. What
    /// is read behind it would be taken for the rest of the picture.
    pub(super) sample: Option<Range<u64>>,
    /// The first tag with a time.
    pub(super) first: Option<Anchor>,
    /// Bytes of the first keyframe's tag.
    pub(super) first_keyframe: Option<u64>,
    /// When the first picture is shown, and the first audio heard, in microseconds.
    video_us: Option<i64>,
    audio_us: Option<i64>,
}

impl Head {
    /// Reads on from the start of the file until a picture was seen, and audio where that is
    /// cheap; `None` where no picture comes.
    pub(super) async fn read(reader: &Reader) -> Result<Option<Self>, Error> {
        let start = reader.read(0..9, Reason::Index).await?;
        let [b'F', b'L', b'V', _, flags, o0, o1, o2, o3] = *start else {
            return Ok(None);
        };
        let mut at = u64::from(u32::from_be_bytes([o0, o1, o2, o3])) + TRAILER as u64;
        let mut head = Self::default();
        head.headers.push(0..at);
        let mut jumps = 0;
        for _ in 0..MAX_HEAD_TAGS {
            let Some((tag, bytes)) = read_tag(reader, at).await? else {
                break;
            };
            head.push(&tag, &bytes, at);
            if head.video_us.is_some() && (head.audio_us.is_some() || flags & HAS_AUDIO == 0) {
                break;
            }
            at += tag.len() as u64;
            if head.video_us.is_some() && reader.cached(at).is_none() {
                if jumps == head.jumps_to_audio() {
                    break;
                }
                jumps += 1;
            }
        }
        Ok(head.video_us.is_some().then_some(head))
    }

    /// What tells libav the streams.
    pub(super) fn opening(&self) -> impl Iterator<Item = Range<u64>> {
        self.headers.iter().chain(&self.sample).cloned()
    }

    /// Requests that the time of the first audio is worth, which is at most a frame or so from the
    /// first picture's.
    fn jumps_to_audio(&self) -> u32 {
        if self.metadata.keyframes.is_empty() {
            3
        } else {
            1
        }
    }

    /// When the first picture or audio comes, in microseconds.
    pub(super) fn start_us(&self) -> Option<i64> {
        self.video_us.into_iter().chain(self.audio_us).min()
    }

    /// Takes in the tag at `at`, which `bytes` begin with.
    fn push(&mut self, tag: &Tag, bytes: &[u8], at: u64) {
        let end = at + tag.len() as u64;
        match tag.kind {
            Kind::Script if self.first.is_none() => {
                let body = &bytes[HEADER..bytes.len().min(HEADER + tag.size)];
                let metadata = Metadata::parse(body);
                if metadata != Metadata::default() {
                    self.metadata = metadata;
                }
            }
            Kind::Parameters if self.video_us.is_none() => self.headers.push(at..end),
            Kind::Audio
                if tag.size > 0 && bytes.get(HEADER..HEADER + 2) != Some(&AAC_PARAMETERS) =>
            {
                self.audio_us.get_or_insert(tag.presentation_us());
            }
            Kind::Script | Kind::Parameters | Kind::Audio => {}
            Kind::Keyframe | Kind::OtherVideo => {
                if self.video_us.is_none() && self.headers.len() == 1 {
                    self.sample = Some(at..end.min(at + HEADER as u64 + CODEC));
                }
                self.video_us.get_or_insert(tag.presentation_us());
                if tag.kind == Kind::Keyframe {
                    self.first_keyframe.get_or_insert(tag.len() as u64);
                }
            }
        }
        if self.start_us().is_some() && self.first.is_none() {
            self.first = Some(Anchor {
                position: at,
                time_us: tag.time_ms * 1000,
            });
        }
    }
}

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
        SCRIPT.charge(reader, tag.size as u64)?;
        let end = at + tag.len() as u64 + HEAD_STEP;
        return Ok(Some((tag, reader.read(at..end, Reason::Index).await?)));
    }
    Ok(Some((tag, bytes)))
}

/// The last tag with a time, at the latest time of all. Where the file was cut off in the middle of
/// a tag, the last whole one.
pub(super) async fn last_tag(reader: &Reader, len: u64) -> Result<Option<Anchor>, Error> {
    for tail in [reader.config().tail, CUT_OFF] {
        let start = len.saturating_sub(tail);
        let bytes = reader.read(start..len, Reason::Index).await?;
        let tags = timed(&bytes);
        // The end of the video may be said behind the last sound.
        let latest = tags.iter().map(|(_, tag)| tag.time_ms).max();
        if let (Some((offset, _)), Some(time_ms)) = (tags.last(), latest) {
            return Ok(Some(Anchor {
                position: start + *offset as u64,
                time_us: time_ms * 1000,
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

/// Where the last picture is of a film that ends with `high`, whose first tag is at `low`.
pub(super) async fn last_picture(
    reader: &Reader,
    low: Anchor,
    (high, len): (Anchor, u64),
) -> Result<Option<Anchor>, Error> {
    const LOOK: RangeInclusive<u64> = 64 << 10..=256 << 10;
    let start = len.saturating_sub(reader.config().tail).max(low.position);
    let bytes = reader.read(start..len, Reason::Index).await?;
    if let Some(picture) = TagScanner.scan(&bytes, start).last_picture {
        let position = high.position;
        return Ok(Some(Anchor {
            position,
            ..picture
        }));
    }
    if !is_sound_alone(timed(&bytes).iter().map(|(_, tag)| tag.time_ms * 1000)) {
        return Ok(Some(high));
    }
    search::last_picture(reader, &TagScanner, low.position..len, LOOK).await
}

/// The tags in `bytes` that have times.
fn timed(bytes: &[u8]) -> Vec<(usize, Tag)> {
    let mut tags = Vec::new();
    let mut next = 0;
    while let Some(start) = resync(bytes, next) {
        next = start + 1;
        for (offset, tag) in chain(bytes, start) {
            next = offset + 1;
            if tag.kind != Kind::Script && tag.time_ms > 0 {
                tags.push((offset, tag));
            }
        }
    }
    tags
}
