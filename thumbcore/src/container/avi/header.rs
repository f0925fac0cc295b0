//! The header of an AVI file.

use std::ops::{Range, RangeInclusive};

use bytes::Buf;

use super::index::{SuperEntry, stream_of, super_index};
use crate::container::{
    Searched,
    film::{self, Candidate},
};

/// What the header says, as far as it decides what to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    /// One past the first `RIFF` list.
    pub(super) riff_end: u64,
    pub(super) streams: Vec<StreamHead>,
    /// Payload of the `movi` list: the chunks.
    pub(super) media: Range<u64>,
    /// Where the first chunk of any stream is.
    pub(super) first_chunk: u64,
    /// How long a picture lasts, in microseconds, as the main header has it.
    picture_us: u32,
}

/// One stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StreamHead {
    kind: [u8; 4],
    /// A unit takes `scale / rate` seconds.
    scale: u32,
    rate: u32,
    /// Where the file says `scale` and `rate`.
    rates_at: u64,
    /// Number of the first unit.
    start: u32,
    /// In units.
    len: u32,
    /// `len` is a number of frames, video or audio: libav takes no other for a duration.
    is_counted: bool,
    /// Of a picture, in pixels; 0 of sound.
    area: u64,
    /// The four letters of a picture's codec.
    codec: [u8; 4],
    /// Where the parts of its `OpenDML` index are, in their order.
    pub(super) super_index: Vec<SuperEntry>,
}

/// A chunk, or a list with its kind.
struct Chunk<'a> {
    kind: [u8; 4],
    /// Of a `RIFF` or `LIST` chunk.
    list: Option<[u8; 4]>,
    /// Its payload, past the list's kind, as far as it is held.
    payload: &'a [u8],
    /// Length of the payload.
    len: u64,
    /// Where the payload starts.
    at: u64,
}

impl<'a> Chunk<'a> {
    fn at(head: &'a [u8], at: u64) -> Option<Self> {
        let mut bytes = head.get(usize::try_from(at).ok()?..)?;
        let kind = take_kind(&mut bytes)?;
        let mut len = u64::from(bytes.try_get_u32_le().ok()?);
        let mut header_len = 8;
        let list = if matches!(&kind, b"RIFF" | b"LIST") {
            header_len += 4;
            len = len.checked_sub(4)?;
            Some(take_kind(&mut bytes)?)
        } else {
            None
        };
        let held = usize::try_from(len).unwrap_or(usize::MAX).min(bytes.len());
        Some(Self {
            kind,
            list,
            payload: &bytes[..held],
            len,
            at: at + header_len,
        })
    }

    fn end(&self) -> u64 {
        self.at + self.len
    }

    /// Where the next chunk starts: at an even offset.
    fn next(&self) -> u64 {
        self.end() + self.len % 2
    }
}

/// The chunks from `at` up to `end` of what is held.
fn chunks(head: &[u8], mut at: u64, end: u64) -> impl Iterator<Item = Chunk<'_>> {
    std::iter::from_fn(move || {
        let chunk = (at < end).then(|| Chunk::at(head, at))??;
        at = chunk.next();
        Some(chunk)
    })
}

fn take_kind(bytes: &mut &[u8]) -> Option<[u8; 4]> {
    let kind = bytes.get(..4)?.try_into().ok()?;
    bytes.advance(4);
    Some(kind)
}

impl Header {
    /// Reads a file's first bytes; `None` where they do not hold all up to the first chunk.
    pub(super) fn parse(head: &[u8]) -> Option<Self> {
        let riff = Chunk::at(head, 0).filter(|riff| riff.list == Some(*b"AVI "))?;
        let mut streams = Vec::new();
        let mut picture_us = 0;
        for chunk in chunks(head, riff.at, riff.end()) {
            match chunk.list.as_ref() {
                Some(b"hdrl") => {
                    for list in chunks(head, chunk.at, chunk.end()) {
                        if list.kind == *b"avih" {
                            picture_us = { list.payload }.try_get_u32_le().ok()?;
                        }
                        if list.list == Some(*b"strl") {
                            streams.push(StreamHead::parse(head, &list, streams.len())?);
                        }
                    }
                }
                Some(b"movi") => {
                    // An unfinished recording has no length here, and no index.
                    let media = (chunk.len > 0).then(|| chunk.at..chunk.next())?;
                    return Some(Self {
                        riff_end: riff.next(),
                        first_chunk: first_chunk(head, media.clone(), streams.len())?,
                        streams,
                        media,
                        picture_us,
                    });
                }
                _ => {}
            }
        }
        None
    }

    /// Gives the pictures of stream `nth` the length that the main header has, or a usual one, where
    /// their own is less than any camera's. What libav must read for that, and where.
    pub(super) fn correct(&mut self, nth: usize) -> Option<(u64, [u8; 8])> {
        const FASTEST: u64 = 100_000;
        const PICTURE_US: RangeInclusive<u32> = 1000..=10_000_000;
        let stream = self.streams.get_mut(nth)?;
        if u64::from(stream.rate) <= u64::from(stream.scale) * FASTEST {
            return None;
        }
        (stream.scale, stream.rate) = if PICTURE_US.contains(&self.picture_us) {
            (self.picture_us, 1_000_000)
        } else {
            (1, 25)
        };
        let mut rates = [0; 8];
        rates[..4].copy_from_slice(&stream.scale.to_le_bytes());
        rates[4..].copy_from_slice(&stream.rate.to_le_bytes());
        Some((stream.rates_at, rates))
    }

    /// The film: its stream, that stream's number, and which of libav's streams it is. `None` where
    /// digital video shares a stream with its audio.
    pub(super) fn film(&self) -> Option<(usize, &StreamHead, Searched)> {
        if self.streams.iter().any(|stream| stream.kind == *b"iavs") {
            return None;
        }
        let streams = self.streams.iter().enumerate();
        let videos = streams.filter(|(_, stream)| stream.kind == *b"vids");
        let (nth_video, (nth, film)) =
            film::choose(videos.enumerate(), |(_, (_, stream))| stream.candidate())?;
        Some((nth, film, Searched::NthVideo(nth_video)))
    }
}

fn first_chunk(head: &[u8], media: Range<u64>, streams: usize) -> Option<u64> {
    const PASSED: usize = 16;
    let mut at = media.start;
    for _ in 0..PASSED {
        let chunk = Chunk::at(head, at)?;
        if stream_of(chunk.kind).is_some_and(|stream| stream < streams) {
            return Some(at);
        }
        // Records are gone into, all else passed over.
        at = if chunk.list.is_some() {
            chunk.at
        } else {
            chunk.next()
        };
    }
    None
}

/// What the format of a video stream says, a `BITMAPINFOHEADER`.
#[derive(Debug, Clone, Copy, Default)]
struct Picture {
    width: i32,
    height: i32,
    codec: [u8; 4],
}

impl Picture {
    fn parse(mut format: &[u8]) -> Option<Self> {
        format = format.get(4..)?;
        let width = format.try_get_i32_le().ok()?;
        // Negative where the first line is at the top.
        let height = format.try_get_i32_le().ok()?;
        format = format.get(4..)?;
        Some(Self {
            width,
            height,
            codec: take_kind(&mut format)?,
        })
    }

    fn area(self) -> u64 {
        u64::from(self.width.unsigned_abs()) * u64::from(self.height.unsigned_abs())
    }
}

/// Codecs of still pictures.
const STILL: [&[u8]; 2] = [b"MJPG", b"MPNG"];

impl StreamHead {
    fn parse(head: &[u8], list: &Chunk<'_>, nth: usize) -> Option<Self> {
        let find = |kind: &[u8; 4]| {
            let mut chunks = chunks(head, list.at, list.end());
            chunks.find(|chunk| chunk.kind == *kind)
        };
        let own = find(b"strh")?;
        let rates_at = own.at + 20;
        let mut fields = own.payload;
        let kind = take_kind(&mut fields)?;
        fields = fields.get(16..)?;
        let scale = fields.try_get_u32_le().ok()?;
        let rate = fields.try_get_u32_le().ok()?;
        let mut start = fields.try_get_u32_le().ok()?;
        let len = fields.try_get_u32_le().ok()?;
        let unit_size = fields.get(8..)?.try_get_u32_le().ok()?;
        if scale == 0 || rate == 0 {
            return None;
        }
        // libav does not believe a start after more than an hour.
        if u64::from(start) > 3600 * u64::from(rate) / u64::from(scale) {
            start = 0;
        }
        let is_video = kind == *b"vids";
        let format = find(b"strf").filter(|_| is_video);
        let picture = format.and_then(|format| Picture::parse(format.payload));
        let picture = picture.unwrap_or_default();
        let super_index = match find(b"indx") {
            Some(index) if index.payload.len() as u64 == index.len => {
                super_index(index.payload, nth).unwrap_or_default()
            }
            _ => Vec::new(),
        };
        Some(Self {
            kind,
            scale,
            rate,
            rates_at,
            start,
            len,
            area: picture.area(),
            codec: picture.codec,
            is_counted: kind == *b"vids" || (kind == *b"auds" && unit_size == 0),
            super_index,
        })
    }

    /// What a video stream is chosen by.
    fn candidate(&self) -> Candidate {
        Candidate {
            is_still_codec: STILL.contains(&&self.codec.to_ascii_uppercase()[..]),
            // A recording that was not finished says 0.
            frames: Some(u64::from(self.len)).filter(|len| self.is_counted && *len > 0),
            lasts_us: self.duration_us(),
            is_default: true,
            area: self.area,
        }
    }

    /// When unit `number` begins, in microseconds, rounded down.
    pub(super) fn micros(&self, number: i64) -> i64 {
        let units = i128::from(number) + i128::from(self.start);
        let micros = units * i128::from(self.scale) * 1_000_000;
        (micros / i128::from(self.rate)) as i64
    }

    /// The unit at `micros`, or the first.
    pub(super) fn number(&self, micros: i64) -> usize {
        let units = i128::from(micros) * i128::from(self.rate)
            / (i128::from(self.scale) * 1_000_000)
            - i128::from(self.start);
        usize::try_from(units.max(0)).unwrap_or(usize::MAX)
    }

    /// Its length as the header has it; `None` where libav would not take it for one.
    pub(super) fn duration_us(&self) -> Option<i64> {
        let micros = u128::from(self.len) * u128::from(self.scale) * 1_000_000;
        let micros = i64::try_from(micros / u128::from(self.rate)).ok()?;
        (self.is_counted && micros > 0).then_some(micros)
    }
}
