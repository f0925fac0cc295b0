//! Keyframes of MPEG program streams, by search.
//!
//! Packs and packets start with codes that no elementary stream holds, so that any stretch of the
//! file can be made sense of. Only MPEG-1 and MPEG-2 video that repeats its sequence header is
//! searched; the rest is left to libav.

mod scan;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use self::scan::{PackScanner, packets};
use super::{
    Container, Entry,
    blank::data_end,
    pes::{self, CLOCK_BITS, Clock, End, Times},
    profile::{Opening, Profile},
    search::{Anchor, GroupSize, Scanner},
    stream::{StreamLocator, WHOLE},
    videos::Videos,
};
use crate::{
    Error,
    position::Position,
    reader::{Piece, Reader, Reason},
};

pub(super) static PROFILE: Profile = FROM_START;

/// A stream that other bytes come before.
pub(super) static BEHIND_GARBAGE: Profile = Profile {
    sniff: |bytes| packets(bytes).nth(MANY_PACKETS).is_some(),
    ..FROM_START
};

/// More packets than chance gives, right behind each other.
const MANY_PACKETS: usize = 24;

const FROM_START: Profile = Profile {
    container: Container::MpegPs,
    demuxer: Some(c"mpeg"),
    options: &[],
    sniff: |head| head.starts_with(b"\0\0\x01\xba"),
    codecs: pes::CODECS,
    needs_stream_info: true,
    has_index: false,
    keeps_stream_ids: true,
    losses: None,
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

/// libav's number of the video that packets with the last byte 0 carry.
const VIDEO: i32 = 0x100;

/// `None` leaves the file to libav.
async fn locator(reader: &Reader) -> Result<Option<Videos>, Error> {
    let bytes = reader.read(0..HEAD, Reason::Index).await?;
    let Some(head) = Head::of(&bytes) else {
        return Ok(None);
    };
    let mut locators = Vec::new();
    for video in &head.videos {
        let clock = head.clock;
        let scanner = PackScanner {
            video: *video,
            clock,
        };
        let locator = locator_of(scanner, head.start_us, &bytes, reader).await?;
        locators.extend(locator.map(|locator| (VIDEO + i32::from(*video), locator)));
    }
    Ok(Videos::new(locators))
}

/// Finds keyframes of what `scanner` scans for in a file that starts with `bytes`, at `start_us`.
/// `None` where the stream does not tell its times.
async fn locator_of(
    scanner: PackScanner,
    start_us: i64,
    bytes: &Bytes,
    reader: &Reader,
) -> Result<Option<StreamLocator>, Error> {
    let first_keyframes = scanner.scan(bytes, 0).keyframes;
    let len = data_end(reader).await?;
    let video = scanner.video.into();
    let times_of = |bytes: &[u8]| last_times(scanner.clock, bytes);
    let end = End::find(reader, &scanner, video, 0..len, times_of).await?;
    let (Some(_), Some(end)) = (first_keyframes.first(), end) else {
        return Ok(None);
    };
    if end.anchor.time_us <= start_us {
        return Ok(None);
    }
    let group = GroupSize::default();
    group.learn(&first_keyframes);
    Ok(Some(StreamLocator {
        len,
        timeline: end.timeline(start_us),
        scanner: Box::new(scanner),
        ends: (
            Anchor {
                position: 0,
                time_us: start_us,
            },
            end.anchor,
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

/// What the file's first bytes say.
struct Head {
    /// The streams that are videos.
    videos: BTreeSet<u8>,
    clock: Clock,
    /// When the first audio or video begins, in microseconds.
    start_us: i64,
}

impl Head {
    /// `None` where no time is in `bytes`.
    fn of(bytes: &[u8]) -> Option<Self> {
        let mut videos = BTreeSet::new();
        let mut first_times = BTreeMap::new();
        let mut first_time = None;
        for packet in packets(bytes) {
            if packet.is_video() {
                videos.insert(packet.pes.stream);
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
        Some(Self {
            videos,
            clock,
            start_us,
        })
    }
}

/// The times of each stream in the last `bytes`.
fn last_times(clock: Clock, bytes: &[u8]) -> BTreeMap<u16, Times> {
    let mut times: BTreeMap<u16, Times> = BTreeMap::new();
    for packet in packets(bytes) {
        if let Some(pts) = packet.pes.pts
            && (packet.is_video() || packet.is_audio())
        {
            // A video packet is no picture, so its length does not tell how long one lasts.
            let len = packet.is_audio().then_some(packet.len);
            let times = times.entry(packet.pes.stream.into()).or_default();
            times.push(clock.micros(pts), len);
        }
    }
    times
}
