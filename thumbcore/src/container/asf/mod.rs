//! ASF and WMV: packets of one length, so that a packet's number is its place.
//!
//! An index at the end tells the packet of the last keyframe before each second; one packet there
//! tells the keyframe's exact time. Without one, packets tell the time at any place, and the search
//! goes by that. A splice has the header and then packets from the one on that the keyframe starts
//! in, which may also end what came before ([`Entry::Early`]).

mod header;
mod packet;

use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;
use futures::future::try_join_all;

use self::header::{Header, IndexEntry, SimpleIndex};
use super::{
    Around, Container, Entry, Keyframe, Locator, Place, Timeline, believed,
    bounds::IndexBounds,
    profile::{Opening, Profile},
    search::{self, Anchor, Effort, Scanner, is_sound_alone, keyframe_from},
};
use crate::{
    Codec, Error,
    position::Position,
    reader::{Piece, Reader, Reason},
};

pub(super) static PROFILE: Profile = Profile {
    container: Container::Asf,
    demuxer: Some(c"asf"),
    options: &[],
    sniff: |head| head.starts_with(b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"),
    codecs: Codec::ALL,
    needs_stream_info: false,
    has_index: false,
    keeps_stream_ids: false,
    losses: None,
    whole: 0,
    check: |_| Ok(()),
    open,
};

fn open<'a>(reader: &'a Reader, _: &'a [Position]) -> Opening<'a> {
    Box::pin(async { Ok(PROFILE.opened(Asf::open(reader).await?)) })
}

/// A day at an entry a second has half a MiB. An entry of six bytes becomes one of eight.
const INDEX: IndexBounds = IndexBounds {
    max_bytes: 16 << 20,
    memory: 2,
};

/// Bytes of a probe for a time, if these are eight packets or more: 16 KiB.
const PROBE: u64 = 16 << 10;

/// Finds keyframes in one ASF file.
#[derive(Debug)]
struct Asf {
    len: u64,
    header: Header,
    /// One past the last packet that holds a picture.
    film_end: u64,
    timeline: Timeline,
    index: Option<SimpleIndex>,
}

impl Asf {
    /// Reads the header and the index of `reader`'s file; `None` where libav should do it.
    async fn open(reader: &Reader) -> Result<Option<Self>, Error> {
        let head = reader.cached(0).unwrap_or_default();
        let Some(header) = Header::parse(&head, reader.len()) else {
            return Ok(None);
        };
        let held = usize::try_from(header.packets_at)
            .ok()
            .and_then(|at| head.get(at..));
        let last = header.last_packets();
        let behind = header.packets_end..reader.len();
        let index = INDEX.allow(&behind).then(|| behind.clone());
        let wanted = index.into_iter().chain([last.clone()]);
        reader.prefetch(wanted, Reason::Index).await?;
        let last = reader.read(last, Reason::Index).await?;
        let Some(timeline) = held.and_then(|packets| timeline(&header, packets, &last)) else {
            return Ok(None);
        };
        let film = last_picture(reader, &header, &last).await?;
        let timeline = timeline.with_last_picture(film.map(|film| film.time_us));
        let bytes = INDEX.read(reader, behind).await?;
        let index = bytes.and_then(|bytes| SimpleIndex::parse(&bytes));
        Ok(Some(Self {
            len: reader.len(),
            film_end: film.map_or(header.packets_end, |film| film.position),
            header,
            timeline,
            index,
        }))
    }

    fn keyframe(&self, time_us: i64, bytes: Range<u64>) -> Keyframe {
        Keyframe {
            time_us,
            place: Place::Spliced {
                pieces: vec![
                    Piece::File(0..self.header.packets_at),
                    Piece::File(bytes.start..self.len),
                ],
                bytes,
                entry: Entry::Early,
                iframe: None,
            },
        }
    }

    /// The keyframe that starts in an entry's packet.
    async fn indexed(&self, reader: &Reader, entry: IndexEntry) -> Result<Option<Keyframe>, Error> {
        let header = &self.header;
        let at = header.packets_at + u64::from(entry.packet) * header.packet_len;
        let end = at + u64::from(entry.packets.max(1)) * header.packet_len;
        if end > header.packets_end {
            return Ok(None);
        }
        let packet = reader
            .read(at..at + header.packet_len, Reason::Index)
            .await?;
        let payloads = packet::payloads(&packet);
        let found = payloads.iter().find(|payload| {
            payload.stream == header.video && payload.is_keyframe && payload.is_first()
        });
        Ok(found.map(|payload| {
            let time_us = (payload.time_ms - header.preroll_ms) * 1000;
            // Indexes count too few packets where audio lies between; the frame says how long it
            // is.
            let frame_len = u64::from(payload.frame_len);
            let least = at + frame_len + frame_len / 8 + 4 * header.packet_len;
            self.keyframe(time_us, at..end.max(least.min(header.packets_end)))
        }))
    }

    async fn searched(&self, reader: &Reader, time_us: i64) -> Result<Around, Error> {
        let timeline = self.timeline;
        let duration_us = timeline.film_us.or(timeline.duration_us).unwrap_or(0);
        let anchors = (
            Anchor {
                position: self.header.packets_at,
                time_us: timeline.start_us,
            },
            Anchor {
                position: self.film_end,
                time_us: timeline.start_us + duration_us,
            },
        );
        let effort = Effort {
            probe: (8 * self.header.packet_len).max(PROBE),
            probes: 4,
            near_us: (duration_us / 50).clamp(200_000, 4_000_000),
            sweep: 32 << 20,
        };
        // The first keyframe of a short way before the time is before or after it, and within the
        // tolerance either way; only near the end, or in a hole, there may be none behind.
        for twentieths in [0, 1, 2, 4, 8, 20] {
            let earlier_us = time_us - twentieths * (duration_us / 20);
            let time_us = earlier_us.max(timeline.start_us);
            let found = keyframe_from(reader, &self.header, time_us, anchors, effort).await?;
            if let Some(found) = found {
                let end = found.end.unwrap_or(self.header.packets_end);
                let keyframe = self.keyframe(found.time_us, found.start..end);
                return Ok(Around::among(&[keyframe], time_us));
            }
        }
        Ok(Around::default())
    }
}

#[async_trait]
impl Locator for Asf {
    fn timeline(&self) -> Timeline {
        self.timeline
    }

    /// libav takes the preroll off times of 32 bits, which wrap where a time is less than that.
    fn wrap_bits(&self) -> Option<u32> {
        Some(32)
    }

    async fn around(&self, reader: &Reader, time_us: i64) -> Result<Around, Error> {
        let Some(index) = &self.index else {
            return self.searched(reader, time_us).await;
        };
        let entries = index.around(time_us / 1000 + self.header.preroll_ms);
        let found = entries.into_iter().map(|entry| self.indexed(reader, entry));
        let mut keyframes: Vec<_> = try_join_all(found).await?.into_iter().flatten().collect();
        if keyframes.is_empty() {
            return self.searched(reader, time_us).await;
        }
        keyframes.sort_by_key(|keyframe| keyframe.time_us);
        Ok(Around::among(&keyframes, time_us))
    }
}

/// Where the last picture is, by the `last` packets or, where these hold sound alone, by a search.
async fn last_picture(
    reader: &Reader,
    header: &Header,
    last: &Bytes,
) -> Result<Option<Anchor>, Error> {
    let end = header.packets_end;
    let position = end.saturating_sub(last.len() as u64);
    if let Some(picture) = header.scan(last, position).last_picture {
        let position = end;
        return Ok(Some(Anchor {
            position,
            ..picture
        }));
    }
    let packets = last.chunks_exact(header.packet_len.max(1) as usize);
    let payloads = packets.flat_map(packet::payloads);
    if !is_sound_alone(payloads.map(|payload| payload.time_ms * 1000)) {
        return Ok(None);
    }
    let look = PROBE.max(8 * header.packet_len);
    search::last_picture(reader, header, header.packets_at..end, look..=look).await
}

/// Start and length as libav computes them, of which the length is added to the last stream's
/// start, unless the time stamps of the `last` packets contradict that.
fn timeline(header: &Header, packets: &[u8], last: &[u8]) -> Option<Timeline> {
    let packet_len = usize::try_from(header.packet_len).ok()?;
    let mut starts: Vec<(u8, i64)> = Vec::new();
    for packet in packets.chunks_exact(packet_len) {
        for payload in packet::payloads(packet) {
            let is_new = !starts.iter().any(|(stream, _)| *stream == payload.stream);
            if is_new && header.streams.contains(&payload.stream) && payload.is_first() {
                starts.push((payload.stream, payload.time_ms - header.preroll_ms));
            }
        }
    }
    let first = starts.iter().map(|(_, time_ms)| *time_ms).min()?;
    let latest = starts.iter().map(|(_, time_ms)| *time_ms).max()?;
    let stated_ms = header.duration_ms.saturating_add(latest - first);
    let shown = last.chunks_exact(packet_len).flat_map(packet::payloads);
    let shown = shown.filter(|payload| header.streams.contains(&payload.stream));
    let end = shown.map(|payload| payload.time_ms - header.preroll_ms);
    let measured_us = end.max().and_then(|end| (end - first).checked_mul(1000));
    let duration_us = believed(stated_ms.checked_mul(1000), measured_us);
    Some(Timeline::new(first * 1000, duration_us))
}

#[cfg(test)]
mod tests;
