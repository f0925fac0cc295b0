//! Keyframes of MPEG program streams, by search.
//!
//! Packs and packets start with codes that no elementary stream holds, so that any stretch of the
//! file can be made sense of. Only MPEG-1 and MPEG-2 video that repeats its sequence header is
//! searched; the rest is left to libav.

mod scan;

use std::collections::BTreeMap;

use self::scan::{PackScanner, packets};
use super::{
    Container, Entry, Timeline,
    blank::data_end,
    pes::{self, CLOCK_BITS, Clock, Times},
    profile::{Opening, Profile},
    search::{Anchor, GroupSize, Scanner},
    stream::{StreamLocator, WHOLE},
};
use crate::{
    Error,
    position::Position,
    reader::{Piece, Reader, Reason},
};

pub(super) static PROFILE: Profile = Profile {
    container: Container::MpegPs,
    demuxer: Some(c"mpeg"),
    options: &[],
    sniff: |head| head.starts_with(b"\0\0\x01\xba"),
    codecs: pes::CODECS,
    needs_stream_info: true,
    has_index: false,
    keeps_stream_ids: true,
    whole: WHOLE,
    check: |_| Ok(()),
    open,
};

fn open<'a>(reader: &'a Reader, _: &'a [Position]) -> Opening<'a> {
    Box::pin(async { Ok(PROFILE.opened(locator(reader).await?)) })
}

/// Bytes of the head that a demuxer is opened on, and first times are looked for in: enough that
/// libav, which probes the codec by its pictures, is sure.
const HEAD: u64 = 1 << 20;
/// Bytes from the end in which the last times are looked for, one after the other.
const TAILS: [u64; 2] = [64 << 10, 1 << 20];

/// `None` leaves the file to libav.
async fn locator(reader: &Reader) -> Result<Option<StreamLocator>, Error> {
    let bytes = reader.read(0..HEAD, Reason::Index).await?;
    let Some((scanner, start_us)) = first_times(&bytes) else {
        return Ok(None);
    };
    let first_keyframes = scanner.scan(&bytes, 0).keyframes;
    let len = data_end(reader).await?;
    let end_us = end_us(reader, &scanner, len).await?;
    let (Some(_), Some(end_us)) = (first_keyframes.first(), end_us) else {
        return Ok(None);
    };
    if end_us <= start_us {
        return Ok(None);
    }
    let group = GroupSize::default();
    group.learn(&first_keyframes);
    Ok(Some(StreamLocator {
        len,
        timeline: Timeline::new(start_us, Some(end_us - start_us)),
        scanner: Box::new(scanner),
        ends: (
            Anchor {
                position: 0,
                time_us: start_us,
            },
            Anchor {
                position: len,
                time_us: end_us,
            },
        ),
        probe: reader.config().window,
        probes: 3,
        group,
        headers: vec![Piece::File(0..len.min(HEAD))],
        preamble: Vec::new(),
        init: None,
        // A packet may begin with the end of the picture before.
        entry: Entry::Early,
        wrap_bits: Some(CLOCK_BITS),
    }))
}

/// A scanner for the first video in the file's first bytes, and when the first audio or video
/// begins, in microseconds.
fn first_times(head: &[u8]) -> Option<(PackScanner, i64)> {
    let mut video = None;
    let mut first_times = BTreeMap::new();
    let mut first_time = None;
    for packet in packets(head) {
        if packet.is_video() {
            video.get_or_insert(packet.pes.stream);
        }
        if let Some(pts) = packet.pes.pts
            && (packet.is_video() || packet.is_audio())
        {
            first_time.get_or_insert(pts);
            first_times.entry(packet.pes.stream).or_insert(pts);
        }
    }
    let clock = Clock::new(first_time?);
    let start_us = first_times.values().map(|pts| clock.micros(*pts)).min()?;
    let video = video?;
    Some((PackScanner { video, clock }, start_us))
}

/// When the last audio or picture in the first `len` bytes ends, in microseconds.
async fn end_us(reader: &Reader, scanner: &PackScanner, len: u64) -> Result<Option<i64>, Error> {
    let mut end_us = None;
    for tail in TAILS {
        let start = len.saturating_sub(tail);
        let bytes = reader.read(start..len, Reason::Index).await?;
        let mut times: BTreeMap<u8, Times> = BTreeMap::new();
        for packet in packets(&bytes) {
            if let Some(pts) = packet.pes.pts
                && (packet.is_video() || packet.is_audio())
            {
                // A video packet is no picture, so its length does not tell how long one lasts.
                let len = packet.is_audio().then_some(packet.len);
                let times = times.entry(packet.pes.stream).or_default();
                times.push(scanner.clock.micros(pts), len);
            }
        }
        let has_video = times.contains_key(&scanner.video);
        end_us = times.into_values().filter_map(Times::end_us).max();
        if has_video {
            break;
        }
    }
    Ok(end_us)
}
