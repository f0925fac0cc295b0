//! Keyframes of MPEG transport streams, by search.
//!
//! Every packet is found by its sync byte, every picture's time is in the packet it starts in, so
//! any stretch of the file tells where in the video it is. libav, which seeks by bisection in
//! large reads, is given the tables of the head and then the packets from a keyframe on.

mod continuity;
mod head;
mod packet;
mod scan;
mod scrambled;
mod tables;

use std::{collections::BTreeMap, ops::Range};

use self::{
    head::{Head, tables_in},
    packet::Framing,
    scan::PacketScanner,
    scrambled::{Clear, clear_videos},
    tables::Video,
};
use super::{
    Container, Entry,
    blank::data_end,
    pes::{self, CLOCK_BITS, Clock, End, Pes, Times},
    profile::{Opening, Profile},
    search::{Anchor, GroupSize},
    stream::{StreamLocator, WHOLE},
    videos::Videos,
};
use crate::{
    Error,
    position::Position,
    reader::{Piece, Reader},
};

pub(super) static PROFILE: Profile = FROM_START;

/// A stream that other bytes come before, more of them than libav passes over by itself.
pub(super) static BEHIND_GARBAGE: Profile = Profile {
    options: &[("resync_size", "1048576")],
    sniff: packet::are_behind_garbage,
    whole: 0,
    ..FROM_START
};

const FROM_START: Profile = Profile {
    container: Container::MpegTs,
    demuxer: Some(c"mpegts"),
    options: &[],
    sniff: packet::is_transport_stream,
    codecs: pes::CODECS,
    needs_stream_info: true,
    has_index: false,
    keeps_stream_ids: true,
    losses: Some(continuity::losses),
    whole: WHOLE,
    check,
    open,
};

/// Refuses a whole file of which no video can be decoded without a key.
fn check(bytes: &[u8]) -> Result<(), Error> {
    let Some((framing, _)) = Framing::detect(bytes) else {
        return Ok(());
    };
    clear_videos(framing, bytes, &tables_in(framing, bytes, 0)).map(drop)
}

fn open<'a>(reader: &'a Reader, _: &'a [Position]) -> Opening<'a> {
    Box::pin(async { Ok(PROFILE.opened(locator(reader).await?)) })
}

/// Durations beyond these bit rates (a second for 64 bytes, or for 1 GiB) mean that times jump.
const BYTES_PER_SECOND: Range<u64> = 64..1 << 30;
/// Bytes of a probe at most.
const MAX_PROBE: u64 = 512 << 10;

/// `None` leaves the file to libav.
async fn locator(reader: &Reader) -> Result<Option<Videos>, Error> {
    let Some(head) = Head::read(reader).await? else {
        return Ok(None);
    };
    let mut locators = Vec::new();
    for video in &head.videos {
        let locator = locator_of(&head, video, reader).await?;
        locators.extend(locator.map(|locator| (video.pid.into(), locator)));
    }
    Ok(Videos::new(locators))
}

/// Finds keyframes of `video`. `None` where the stream does not tell its times.
async fn locator_of(
    head: &Head,
    video: &Video,
    reader: &Reader,
) -> Result<Option<StreamLocator>, Error> {
    let clock = Clock::new(head.first_time);
    let Some(start_us) = head.times.values().map(|time| clock.micros(*time)).min() else {
        return Ok(None);
    };
    let mut scanner = PacketScanner {
        framing: head.framing,
        video: video.pid,
        codec: video.codec,
        media: head.tables.media.clone(),
        clock,
    };
    let len = data_end(reader).await?.max(head.start);
    let end = end_of(head, &scanner, head.start..len, reader).await?;
    let Some(end) = end else {
        return Ok(None);
    };
    // Packet ids that carry no audio or video cost time to look at.
    scanner.media.retain(|pid| head.times.contains_key(pid));
    let duration_us = end.last_us.saturating_sub(start_us);
    let seconds = u64::try_from(duration_us).unwrap_or(0).div_ceil(1_000_000);
    if seconds == 0 || !BYTES_PER_SECOND.contains(&(len / seconds)) {
        return Ok(None);
    }
    // From 2 Mb/s on, a second of the file holds the first step of the sweep, which saves a round
    // trip.
    let second = u128::from(len) * 1_000_000 / duration_us.max(1) as u128;
    let opening = head.start..len.min(head.opening()).max(head.start);
    Ok(Some(StreamLocator {
        len,
        timeline: end.timeline(start_us),
        scanner: Box::new(scanner),
        ends: (
            Anchor {
                position: head.start,
                time_us: start_us,
            },
            end.anchor,
        ),
        probe: probe(second as u64, reader.config().window),
        probes: 2,
        group: GroupSize::default(),
        headers: vec![Piece::File(opening)],
        init: video.init().filter(|_| head.framing.is_plain()),
        preamble: video.headers.clone(),
        entry: Entry::Exact,
        wrap_bits: Some(CLOCK_BITS),
    }))
}

/// How `media`, all of the stream, ends for what `scanner` scans for: where it ends scrambled, before
/// that.
async fn end_of(
    head: &Head,
    scanner: &PacketScanner,
    media: Range<u64>,
    reader: &Reader,
) -> Result<Option<End>, Error> {
    let times_of = |bytes: &[u8]| last_times(scanner, bytes);
    let find = |media| End::find(reader, scanner, scanner.video, media, times_of);
    let end = find(media.clone()).await?;
    if end.is_some() {
        return Ok(end);
    }
    let clear = Clear {
        reader,
        framing: head.framing,
        videos: vec![scanner.video],
    };
    match clear.end(media.clone()).await? {
        Some(until) => find(media.start..until).await,
        None => Ok(None),
    }
}

/// Bytes of a probe: a second of the file, and no less than a window, which may be larger than any
/// probe should be.
fn probe(second: u64, window: u64) -> u64 {
    second.max(window).min(MAX_PROBE)
}

impl Video {
    /// The association table and the map behind it, if they follow each other: what is between them
    /// would be of other pictures.
    fn init(&self) -> Option<Range<u64>> {
        match &self.headers[..] {
            [association, map] if association.end == map.start => Some(association.start..map.end),
            _ => None,
        }
    }

    fn end(&self) -> u64 {
        self.headers
            .iter()
            .map(|place| place.end)
            .max()
            .unwrap_or(0)
    }
}

/// The times of each packet id in the last `bytes` of a stream.
fn last_times(scanner: &PacketScanner, bytes: &[u8]) -> BTreeMap<u16, Times> {
    let mut times: BTreeMap<u16, Times> = BTreeMap::new();
    for (_, packet) in scanner.framing.packets(bytes) {
        if packet.starts
            && scanner.media.contains(&packet.pid)
            && let Some(pes) = Pes::parse(packet.payload)
            && let Some(pts) = pes.pts
        {
            let times = times.entry(packet.pid).or_default();
            times.push(scanner.clock.micros(pts), pes.len);
        }
    }
    times
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_is_bounded_whatever_the_window() {
        let window = 64 << 10;
        assert_eq!(probe(1, window), window);
        assert_eq!(probe(100 << 10, window), 100 << 10);
        assert_eq!(probe(u64::MAX, window), MAX_PROBE);
        assert_eq!(probe(1, MAX_PROBE + 1), MAX_PROBE);
        assert_eq!(probe(1, u64::MAX), MAX_PROBE);
    }
}
