//! Keyframes of Flash video: from the index that some tools leave in `onMetaData`, or by search.
//!
//! libav reads an FLV file without index front to back. Tags are in the order of time and each is
//! followed by its own size, so that any stretch of the file can be made sense of.

mod head;
mod metadata;
mod tag;

use std::ops::Range;

use async_trait::async_trait;

use self::{
    head::{Head, last_picture, last_tag},
    metadata::Metadata,
    tag::{Kind, TagScanner, chain},
};
use super::{
    Around, Container, Entry, Keyframe, ListedKeyframe, Locator, Place, Swept, Timeline, believed,
    blank::data_end,
    profile::{Opening, Profile},
    search::GroupSize,
    stream::{StreamLocator, WHOLE},
};
use crate::{
    Codec, Error,
    position::Position,
    reader::{Piece, Reader, Reason},
};

/// What every file begins with.
const SIGNATURE: &[u8] = b"FLV\x01";

pub(super) static PROFILE: Profile = Profile {
    container: Container::Flv,
    demuxer: Some(c"flv"),
    options: &[],
    sniff: |head| head.starts_with(SIGNATURE),
    codecs: &[
        Codec::Flv1,
        Codec::FlashSv,
        Codec::FlashSv2,
        Codec::Vp6f,
        Codec::Vp6a,
        Codec::H263,
        Codec::Mpeg4,
        Codec::H264,
        Codec::Hevc,
        Codec::Vvc,
        Codec::Av1,
        Codec::Vp8,
        Codec::Vp9,
    ],
    needs_stream_info: true,
    has_index: false,
    keeps_stream_ids: false,
    losses: None,
    whole: WHOLE,
    check: |_| Ok(()),
    open,
};

fn open<'a>(reader: &'a Reader, _: &'a [Position]) -> Opening<'a> {
    Box::pin(async { Ok(PROFILE.opened(Flv::open(reader).await?)) })
}

/// Finds keyframes of one FLV file.
#[derive(Debug)]
struct Flv {
    /// Searches where the index does not help.
    stream: StreamLocator,
    /// Times in microseconds and offsets, both ascending; empty where there is no index.
    index: Vec<(i64, u64)>,
    /// Bytes from one entry to the next, mostly.
    usual_gap: u64,
    /// Bytes read at a keyframe that the index names, to check it and with luck to have it whole.
    guess: u64,
}

impl Flv {
    /// `None` leaves the file to libav.
    async fn open(reader: &Reader) -> Result<Option<Self>, Error> {
        let Some(head) = Head::read(reader).await? else {
            return Ok(None);
        };
        let len = match joined_at(reader, &head.metadata).await? {
            Some(end) => end,
            None => data_end(reader).await?,
        };
        let Some(high) = last_tag(reader, len).await? else {
            return Ok(None);
        };
        let (Some(low), Some(start_us)) = (head.first, head.start_us()) else {
            return Ok(None);
        };
        let names_codec = head.headers.len() > 1 || head.sample.is_some();
        if !names_codec || high.time_us <= low.time_us || high.position <= low.position {
            return Ok(None);
        }
        let Some(last) = last_picture(reader, low, (high, len)).await? else {
            return Ok(None);
        };
        let stated = head.metadata.duration.map(|seconds| (seconds * 1e6) as i64);
        // Recordings of a stream that ran for an hour before may start at an hour.
        let seen = high.time_us.saturating_sub(start_us);
        let index = ascending(&head.metadata.keyframes, low.position..len);
        Ok(Some(Self {
            usual_gap: usual_gap(&index),
            index,
            guess: head.first_keyframe.map_or(reader.config().window, |bytes| {
                (bytes + bytes / 8 + (8 << 10)).min(1 << 20)
            }),
            stream: StreamLocator {
                len,
                timeline: Timeline::new(start_us, believed(stated, Some(seen)))
                    .with_last_picture(Some(last.time_us)),
                scanner: Box::new(TagScanner),
                ends: (low, last),
                probe: reader.config().window,
                probes: 4,
                group: GroupSize::default(),
                headers: head.opening().map(Piece::File).collect(),
                preamble: head.headers,
                init: None,
                entry: Entry::Exact,
                wrap_bits: None,
            },
        }))
    }

    fn keyframe(&self, time_us: i64, start: u64, end: u64) -> Keyframe {
        let stream = &self.stream;
        Keyframe {
            time_us,
            place: Place::spliced(&stream.preamble, start, end, stream.len),
        }
    }

    /// Whether the index names nothing of a stretch of the film that begins and ends with these
    /// entries, or with the film itself.
    fn leaves_out(&self, before: Option<(i64, u64)>, after: Option<(i64, u64)>) -> bool {
        let (low, high) = self.stream.ends;
        let from = before.map_or(low.position, |(_, at)| at);
        let until = after.map_or(high.position, |(_, at)| at);
        let gap = until.saturating_sub(from);
        let media = high.position.saturating_sub(low.position);
        gap > media / 8 && gap / 4 > self.usual_gap
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
        if self.leaves_out(before, after) {
            return Ok(None);
        }
        let (_, at) = nearest;
        let bytes = reader.read(at..at + self.guess, Reason::Keyframe).await?;
        let Some((offset, tag)) =
            chain(&bytes, 0).find(|(_, tag)| !matches!(tag.kind, Kind::Parameters))
        else {
            return Ok(None);
        };
        let off_us = nearest.0.abs_diff(tag.presentation_us());
        if tag.kind != Kind::Keyframe || off_us > MOST_OFF_US {
            tracing::debug!(
                at,
                "the index names a place that holds no keyframe of its time"
            );
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
        self.stream.timeline()
    }

    async fn around(&self, reader: &Reader, time_us: i64) -> Result<Around, Error> {
        match self.indexed(reader, time_us).await? {
            Some(around) => Ok(around),
            None => self.stream.around(reader, time_us).await,
        }
    }

    async fn sweep(&self, reader: &Reader, times_us: &[i64]) -> Result<Swept, Error> {
        if !self.index.is_empty() {
            return Ok(Swept::default());
        }
        self.stream.sweep(reader, times_us).await
    }

    fn headers(&self) -> Option<Vec<Piece>> {
        self.stream.headers()
    }

    fn keyframes(&self) -> Option<Vec<ListedKeyframe>> {
        let listed = |(time_us, position): &(i64, u64)| ListedKeyframe {
            time_us: *time_us,
            position: *position,
            size: None,
        };
        (!self.index.is_empty()).then(|| self.index.iter().map(listed).collect())
    }
}

/// How far a keyframe may be from the time that the index gives it, in microseconds: indexes tell
/// decoding times, which some writers round.
const MOST_OFF_US: u64 = 1_000_000;

/// The median distance of the entries of `index`, in bytes.
fn usual_gap(index: &[(i64, u64)]) -> u64 {
    let gaps = index
        .windows(2)
        .map(|pair| pair[1].1.saturating_sub(pair[0].1));
    let mut gaps: Vec<_> = gaps.collect();
    gaps.sort_unstable();
    gaps.get(gaps.len() / 2).copied().unwrap_or(0)
}

/// Where the first of several joined files ends, whose metadata tell its length. Times begin anew
/// in the second, and codec parameters may be others: as for players, the first is the film.
async fn joined_at(reader: &Reader, metadata: &Metadata) -> Result<Option<u64>, Error> {
    let is_within = |size: &u64| size.saturating_add(SIGNATURE.len() as u64) < reader.len();
    let Some(end) = metadata.file_size.filter(is_within) else {
        return Ok(None);
    };
    let range = end..end + SIGNATURE.len() as u64;
    let is_file = reader.read(range, Reason::Index).await? == SIGNATURE;
    Ok(Some(end).filter(|_| is_file))
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
            let expected = Timeline::new(i64::from(start_ms) * 1000, Some(10_000_000));
            assert_eq!(flv.timeline(), expected);
        }
    }
}
