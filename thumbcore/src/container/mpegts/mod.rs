//! Keyframes of MPEG transport streams, by search.
//!
//! Every packet is found by its sync byte, every picture's time is in the packet it starts in, so
//! any stretch of the file tells where in the video it is. libav, which seeks by bisection in
//! large reads, is given the tables of the head and then the packets from a keyframe on.

mod continuity;
mod packet;
mod scan;
mod tables;

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use bytes::Bytes;

use self::{
    packet::Framing,
    scan::PacketScanner,
    tables::{Tables, Video},
};
use super::{
    Container, Entry,
    blank::data_end,
    encrypted,
    pes::{self, CLOCK_BITS, Clock, End, Pes, Times},
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

pub(super) static PROFILE: Profile = Profile {
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
    clear_videos(framing, bytes, &tables_in(framing, bytes)).map(drop)
}

fn open<'a>(reader: &'a Reader, _: &'a [Position]) -> Opening<'a> {
    Box::pin(async { Ok(PROFILE.opened(locator(reader).await?)) })
}

/// Bytes from the start in which tables and first times are looked for, one after the other: what
/// is held, then a keyframe's worth more since audio may come only after it, then more where
/// pictures of several videos must be found, at last as much as libav reads to learn of streams.
const HEADS: [u64; 4] = [64 << 10, 384 << 10, 2 << 20, 5 << 20];
/// Durations beyond these bit rates (a second for 64 bytes, or for 1 GiB) mean that times jump.
const BYTES_PER_SECOND: Range<u64> = 64..1 << 30;
/// Bytes of a probe at most.
const MAX_PROBE: u64 = 512 << 10;
/// Bytes of the head that a demuxer is opened on: far more than it needs to tell the framing.
const OPENING: u64 = 64 << 10;

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
    let len = data_end(reader).await?;
    let media = head.start..len;
    let end = End::find(reader, &scanner, scanner.video, media, |bytes| {
        last_times(&scanner, bytes)
    });
    let Some(end) = end.await? else {
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
    let opening = head.start..len.min(head.opening());
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

/// What the start of the file says.
struct Head {
    framing: Framing,
    /// Where the first whole packet lies.
    start: u64,
    tables: Tables,
    /// The videos whose pictures need no key and have begun, in the order of the tables.
    videos: Vec<Video>,
    /// Bytes that tell this.
    len: u64,
    /// The first time of all.
    first_time: i64,
    /// The first time of each packet id.
    times: BTreeMap<u16, i64>,
}

impl Head {
    async fn read(reader: &Reader) -> Result<Option<Self>, Error> {
        let mut found = None;
        for len in HEADS {
            let bytes = reader.read(0..len, Reason::Index).await?;
            let Some((framing, start)) = Framing::detect(&bytes) else {
                return Ok(None);
            };
            let tables = tables_in(framing, &bytes);
            let clear = clear_videos(framing, &bytes, &tables)?;
            let (first_time, times) = first_times(framing, &bytes, &tables.media);
            let has_begun = |video: &&Video| times.contains_key(&video.pid);
            let begun: Vec<_> = clear.iter().filter(has_begun).cloned().collect();
            if let Some(first_time) = first_time.filter(|_| !begun.is_empty()) {
                let is_whole =
                    tables.are_whole() && tables.media.iter().all(|pid| times.contains_key(pid));
                // A stream that has not begun by now may never do.
                let is_late = len > reader.config().head;
                let is_done = if clear.len() > 1 {
                    let tells_size = |video| has_keyframe(framing, video, &bytes);
                    clear.iter().all(tells_size)
                } else {
                    is_whole || is_late
                };
                found = Some(Self {
                    framing,
                    start: start as u64,
                    tables,
                    videos: begun,
                    len,
                    first_time,
                    times,
                });
                if is_done {
                    break;
                }
            }
        }
        Ok(found)
    }

    /// Where the bytes end that tell libav the streams: the sizes of all videos, where there are
    /// several.
    fn opening(&self) -> u64 {
        let tables = self.videos.iter().map(Video::end).max();
        let sizes = Some(self.len).filter(|_| self.videos.len() > 1);
        OPENING.max(tables.max(sizes).unwrap_or(0))
    }
}

/// The first time of all in `bytes`, and of each packet id among `media`.
fn first_times(framing: Framing, bytes: &[u8], media: &[u16]) -> (Option<i64>, BTreeMap<u16, i64>) {
    let mut times = BTreeMap::new();
    let mut first_time = None;
    for (_, packet) in framing.packets(bytes) {
        if packet.starts
            && media.contains(&packet.pid)
            && let Some(pts) = Pes::parse(packet.payload).and_then(|pes| pes.pts)
        {
            first_time.get_or_insert(pts);
            times.entry(packet.pid).or_insert(pts);
        }
    }
    (first_time, times)
}

/// Whether `bytes` hold the start of a keyframe of `video`, which tells the size of its pictures.
fn has_keyframe(framing: Framing, video: &Video, bytes: &Bytes) -> bool {
    let scanner = PacketScanner {
        framing,
        video: video.pid,
        codec: video.codec,
        media: vec![video.pid],
        clock: Clock::new(0),
    };
    // libav gives a picture out once the second one behind it begins.
    let keyframes = scanner.scan(bytes, 0).keyframes;
    keyframes.iter().any(|keyframe| keyframe.end.is_some())
}

/// The tables of a stream that begins with `bytes`.
fn tables_in(framing: Framing, bytes: &[u8]) -> Tables {
    let mut tables = Tables::default();
    for (offset, packet) in framing.packets(bytes) {
        let at = offset as u64;
        tables.push(&packet, at..at + framing.stride as u64);
    }
    tables
}

/// The videos among `tables` whose pictures need no key.
///
/// # Errors
/// [`Error::Unsupported`] where all need one, or most packets do where no table names a video.
fn clear_videos(framing: Framing, bytes: &[u8], tables: &Tables) -> Result<Vec<Video>, Error> {
    if tables.is_encrypted && tables.videos.is_empty() {
        return Err(encrypted("HLS SAMPLE-AES"));
    }
    let (mut all, mut scrambled) = (0_u32, 0_u32);
    let mut locked = BTreeSet::new();
    for (_, packet) in framing.packets(bytes) {
        if !packet.payload.is_empty() {
            all += 1;
            if packet.is_scrambled {
                scrambled += 1;
                locked.insert(packet.pid);
            }
        }
    }
    let is_clear = |video: &&Video| !locked.contains(&video.pid);
    let clear: Vec<_> = tables.videos.iter().filter(is_clear).cloned().collect();
    let is_scrambled = if tables.videos.is_empty() {
        scrambled > all - scrambled
    } else {
        clear.is_empty()
    };
    if is_scrambled {
        return Err(encrypted("a scrambled transport stream"));
    }
    Ok(clear)
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
