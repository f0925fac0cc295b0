//! Packets that need a key: all of an encrypted video, or a part of a film, as of a recording that
//! begins before its receiver has the key; bit errors mark a few of any film's.

use std::{collections::BTreeMap, ops::Range};

use bytes::Bytes;
use futures::future::try_join_all;

use super::{
    packet::Framing,
    tables::{Tables, Video},
};
use crate::{
    Error,
    container::{blank::data_end, encrypted},
    reader::{Reader, Reason},
};

/// Bytes of a look at a place.
const LOOK: u64 = 64 << 10;
/// Places looked at at once: a round trip costs more than so few bytes.
const WAYS: u64 = 8;

/// How many packets of each id have a payload, and how many of these need a key.
struct Shares(BTreeMap<u16, (u32, u32)>);

impl Shares {
    fn of(framing: Framing, bytes: &[u8]) -> Self {
        let mut shares: BTreeMap<_, (u32, u32)> = BTreeMap::new();
        for (_, packet) in framing.packets(bytes) {
            if !packet.payload.is_empty() {
                let (all, scrambled) = shares.entry(packet.pid).or_default();
                *all += 1;
                *scrambled += u32::from(packet.is_scrambled);
            }
        }
        Self(shares)
    }

    fn of_pid(&self, pid: u16) -> (u64, u64) {
        let (all, scrambled) = self.0.get(&pid).copied().unwrap_or_default();
        (all.into(), scrambled.into())
    }

    /// Whether nearly all packets of `pid` need a key.
    fn is_locked(&self, pid: u16) -> bool {
        let (all, scrambled) = self.of_pid(pid);
        scrambled * 10 > all * 9
    }

    /// Whether there are packets of `pid`, most of which need no key.
    fn is_clear(&self, pid: u16) -> bool {
        let (all, scrambled) = self.of_pid(pid);
        all > scrambled * 2
    }

    /// Whether most packets of all ids need a key.
    fn are_scrambled(&self) -> bool {
        let all: u64 = self.0.values().map(|(all, _)| u64::from(*all)).sum();
        let scrambled: u64 = self.0.values().map(|(_, nth)| u64::from(*nth)).sum();
        scrambled > all - scrambled
    }
}

/// The videos among `tables` whose pictures need no key in `bytes`.
///
/// # Errors
/// [`Error::Unsupported`] where all need one, or most packets do where no table names a video.
pub(super) fn clear_videos(
    framing: Framing,
    bytes: &[u8],
    tables: &Tables,
) -> Result<Vec<Video>, Error> {
    if tables.is_encrypted && tables.videos.is_empty() {
        return Err(encrypted("HLS SAMPLE-AES"));
    }
    let shares = Shares::of(framing, bytes);
    let is_clear = |video: &&Video| !shares.is_locked(video.pid);
    let clear: Vec<_> = tables.videos.iter().filter(is_clear).cloned().collect();
    let is_scrambled = if tables.videos.is_empty() {
        shares.are_scrambled()
    } else {
        clear.is_empty()
    };
    if is_scrambled {
        return Err(encrypted("a scrambled transport stream"));
    }
    Ok(clear)
}

/// The part of a stream whose head is scrambled, or its tail.
pub(super) struct Clear<'a> {
    pub(super) reader: &'a Reader,
    pub(super) framing: Framing,
    /// The packet ids of the videos.
    pub(super) videos: Vec<u16>,
}

impl Clear<'_> {
    /// Where packets of `media`, whose start is scrambled, begin that need no key. `None` where
    /// none were seen.
    pub(super) async fn start(&self, media: Range<u64>) -> Result<Option<u64>, Error> {
        let places = places_in(&media);
        let looks = self.looks(&places).await?;
        let Some(nth) = looks.iter().position(|bytes| self.is_clear(bytes)) else {
            return Ok(None);
        };
        let before = nth.checked_sub(1).map_or(media.start, |nth| places[nth]);
        let (low, high) = self.edge(before, places[nth], false).await?;
        let bytes = self.reader.read(low..high + LOOK, Reason::Search).await?;
        let first = self.framing.packets(&bytes).find(|(_, packet)| {
            packet.starts && !packet.is_scrambled && self.videos.contains(&packet.pid)
        });
        Ok(first.map(|(offset, _)| low + offset as u64))
    }

    /// Where packets of `media`, whose end is scrambled, end that need no key. `None` where none
    /// were seen.
    pub(super) async fn end(&self, media: Range<u64>) -> Result<Option<u64>, Error> {
        let places = places_in(&media);
        let looks = self.looks(&places).await?;
        let Some(nth) = looks.iter().rposition(|bytes| self.is_clear(bytes)) else {
            return Ok(None);
        };
        let behind = places.get(nth + 1).copied().unwrap_or(media.end);
        let (low, _) = self.edge(places[nth], behind, true).await?;
        Ok(Some(low.saturating_add(LOOK).min(media.end)))
    }

    async fn looks(&self, places: &[u64]) -> Result<Vec<Bytes>, Error> {
        let look = |at: &u64| self.reader.read(*at..*at + LOOK, Reason::Search);
        try_join_all(places.iter().map(look)).await
    }

    fn is_clear(&self, bytes: &[u8]) -> bool {
        let shares = Shares::of(self.framing, bytes);
        self.videos.iter().any(|pid| shares.is_clear(*pid))
    }

    /// Two places, at most a look apart, between `low` and `high`, the first of which is clear if
    /// the start is, and the second if not.
    async fn edge(&self, low: u64, high: u64, start: bool) -> Result<(u64, u64), Error> {
        let (mut low, mut high) = (low, high);
        while high.saturating_sub(low) > LOOK {
            let middle = low + (high - low) / 2;
            let bytes = self
                .reader
                .read(middle..middle + LOOK, Reason::Search)
                .await?;
            if self.is_clear(&bytes) == start {
                low = middle;
            } else {
                high = middle;
            }
        }
        Ok((low, high))
    }
}

/// Places all over `media`.
fn places_in(media: &Range<u64>) -> Vec<u64> {
    let last = media.end.saturating_sub(LOOK).max(media.start);
    let step = (last - media.start) / WAYS;
    (0..=WAYS).map(|nth| media.start + nth * step).collect()
}

/// What of a stream that begins at `start` may be read.
pub(super) async fn media_from(reader: &Reader, start: u64) -> Result<Range<u64>, Error> {
    Ok(start..data_end(reader).await?.max(start))
}
