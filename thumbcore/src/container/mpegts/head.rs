//! What the start of a transport stream says.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::{
    packet::Framing,
    scan::PacketScanner,
    scrambled::{Clear, clear_videos, media_from},
    tables::{Tables, Video},
};
use crate::{
    Error,
    container::{
        GARBAGE,
        pes::{Clock, Pes},
        search::Scanner,
    },
    reader::{Reader, Reason},
};

/// Bytes from the start in which tables and first times are looked for, one after the other: what
/// is held, then a keyframe's worth more since audio may come only after it, then more where
/// pictures of several videos must be found, at last as much as libav reads to learn of streams.
const HEADS: [u64; 4] = [64 << 10, 384 << 10, 2 << 20, 5 << 20];
/// Bytes of the head that a demuxer is opened on: far more than it needs to tell the framing.
const OPENING: u64 = 64 << 10;

/// Bytes behind the first packet that make sure of it.
const SURE: usize = 5 * 204;

/// What the start of the file says.
pub(super) struct Head {
    pub(super) framing: Framing,
    /// Where the first whole packet lies that tells of the film.
    pub(super) start: u64,
    pub(super) tables: Tables,
    /// The videos whose pictures need no key and have begun, in the order of the tables.
    pub(super) videos: Vec<Video>,
    /// Where the bytes end that tell this.
    end: u64,
    /// The first time of all.
    pub(super) first_time: i64,
    /// The first time of each packet id.
    pub(super) times: BTreeMap<u16, i64>,
}

impl Head {
    pub(super) async fn read(reader: &Reader) -> Result<Option<Self>, Error> {
        let Some((framing, first)) = first_packet(reader).await? else {
            return Ok(None);
        };
        let (start, sound) = start_in_clear(reader, framing, first).await?;
        let mut found = None;
        for len in HEADS {
            let bytes = reader.read(start..start + len, Reason::Index).await?;
            let tables = tables_in(framing, &bytes, start);
            let clear = clear_videos(framing, &bytes, &tables)?;
            let (first_time, mut times) = first_times(framing, &bytes, &tables.media);
            let has_begun = |video: &&Video| times.contains_key(&video.pid);
            let begun: Vec<_> = clear.iter().filter(has_begun).cloned().collect();
            let Some(first_time) = first_time.filter(|_| !begun.is_empty()) else {
                continue;
            };
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
            times.extend(sound.1.iter().map(|(pid, time)| (*pid, *time)));
            found = Some(Self {
                framing,
                start,
                tables,
                videos: begun,
                end: start + len,
                first_time: sound.0.unwrap_or(first_time),
                times,
            });
            if is_done {
                break;
            }
        }
        Ok(found)
    }

    /// Where the bytes end that tell libav the streams: the sizes of all videos, where there are
    /// several.
    pub(super) fn opening(&self) -> u64 {
        let tables = self.videos.iter().map(Video::end).max();
        let sizes = Some(self.end).filter(|_| self.videos.len() > 1);
        let least = self.start + OPENING;
        least.max(tables.max(sizes).unwrap_or(0))
    }
}

/// The framing, and the first packet's place, which other bytes may come before.
async fn first_packet(reader: &Reader) -> Result<Option<(Framing, u64)>, Error> {
    for len in [HEADS[0], GARBAGE] {
        let bytes = reader.read(0..len, Reason::Index).await?;
        let found = Framing::detect(&bytes);
        // Near the end of what was read, less tells a packet.
        let is_sure = |start: usize| bytes.len() - start > SURE || reader.len() <= len;
        if let Some((framing, start)) = found.filter(|(_, start)| is_sure(*start)) {
            return Ok(Some((framing, start as u64)));
        }
    }
    Ok(None)
}

/// First times: of all, and by packet id.
type FirstTimes = (Option<i64>, BTreeMap<u16, i64>);

/// Where the film's packets begin that need no key, at `first` or behind it; and the times of what
/// can be read before.
async fn start_in_clear(
    reader: &Reader,
    framing: Framing,
    first: u64,
) -> Result<(u64, FirstTimes), Error> {
    let head = first..first + HEADS[0];
    let bytes = reader.read(head, Reason::Index).await?;
    let tables = tables_in(framing, &bytes, first);
    let Err(error) = clear_videos(framing, &bytes, &tables) else {
        return Ok((first, FirstTimes::default()));
    };
    let clear = Clear {
        reader,
        framing,
        videos: tables.videos.iter().map(|video| video.pid).collect(),
    };
    let media = media_from(reader, first).await?;
    let start = clear.start(media).await?.ok_or(error)?;
    // Sound may come after the first picture.
    let head = first..(first + HEADS[1]).min(start);
    let bytes = reader.read(head, Reason::Index).await?;
    Ok((start, first_times(framing, &bytes, &tables.media)))
}

/// The first time of all in `bytes`, and of each packet id among `media`.
fn first_times(framing: Framing, bytes: &[u8], media: &[u16]) -> FirstTimes {
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

/// The tables of a stream in `bytes`, which lie at `start`.
pub(super) fn tables_in(framing: Framing, bytes: &[u8], start: u64) -> Tables {
    let mut tables = Tables::default();
    for (offset, packet) in framing.packets(bytes) {
        let at = start + offset as u64;
        tables.push(&packet, at..at + framing.stride as u64);
    }
    tables
}
