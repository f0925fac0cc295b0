//! The two indexes a fragmented file may have: `sidx` at its start, `mfra` at its end.

use std::ops::Range;

use bytes::Buf;

use crate::container::mp4::boxes::{BoxHeader, children};

/// Where the media from a time on starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct IndexEntry {
    /// Presentation time, in ticks of the track.
    pub(super) time: i64,
    /// A box boundary, at or shortly before the fragment.
    pub(super) at: u64,
    /// The index says that a keyframe is shown at that time.
    pub(super) is_keyframe: bool,
}

/// A segment index box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SegmentIndex {
    pub(super) track: u32,
    pub(super) entries: Vec<IndexEntry>,
    /// Further segment indexes, where this one is an index of indexes.
    pub(super) nested: Vec<Range<u64>>,
    /// When what it describes ends, in ticks of the track.
    pub(super) end_time: i64,
    /// One past the last byte it describes.
    pub(super) end: u64,
}

impl SegmentIndex {
    /// Reads the payload of a `sidx` box that ends at `at`; `timescale` gives that of its track.
    pub(super) fn parse(
        mut sidx: &[u8],
        at: u64,
        timescale: impl Fn(u32) -> Option<u32>,
    ) -> Option<Self> {
        let long = sidx.try_get_u32().ok()? >> 24 >= 1;
        let track = sidx.try_get_u32().ok()?;
        let own_scale = sidx.try_get_u32().ok().filter(|scale| *scale > 0)?;
        let scale = timescale(track)?;
        let (mut time, first) = if long {
            (sidx.try_get_u64().ok()?, sidx.try_get_u64().ok()?)
        } else {
            let time = sidx.try_get_u32().ok()?;
            (u64::from(time), u64::from(sidx.try_get_u32().ok()?))
        };
        let in_track = |time: u64| {
            let ticks = u128::from(time) * u128::from(scale) / u128::from(own_scale);
            i64::try_from(ticks).ok().filter(|ticks| *ticks < 1 << 60)
        };
        let mut position = at.checked_add(first)?;
        let count = sidx.try_get_u32().ok()? & 0xffff;
        let (mut entries, mut nested) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let size = sidx.try_get_u32().ok()?;
            let duration = sidx.try_get_u32().ok()?;
            let starts_with_access_point = sidx.try_get_u32().ok()? >> 31 == 1;
            let end = position.checked_add(u64::from(size & 0x7fff_ffff))?;
            if size >> 31 == 1 {
                nested.push(position..end);
            } else {
                entries.push(IndexEntry {
                    time: in_track(time)?,
                    at: position,
                    is_keyframe: starts_with_access_point,
                });
            }
            position = end;
            time = time.checked_add(u64::from(duration))?;
        }
        Some(Self {
            track,
            entries,
            nested,
            end_time: in_track(time)?,
            end: position,
        })
    }
}

/// Length of the `mfra` box that ends a file, told by its last bytes.
pub(super) fn random_access_len(tail: &[u8]) -> Option<u64> {
    let mut offset = tail.get(tail.len().checked_sub(16)?..)?;
    let header = BoxHeader::parse(offset)?;
    if header.kind != *b"mfro" || header.size != Some(16) {
        return None;
    }
    offset = offset.get(12..)?;
    offset.try_get_u32().ok().map(u64::from)
}

/// The entries of `track` in a whole `mfra` box, one a fragment, in the order of time.
pub(super) fn random_access(
    mfra: &[u8],
    track: u32,
    moofs: &Range<u64>,
) -> Option<Vec<IndexEntry>> {
    let mut entries = Vec::new();
    for table in tables(mfra)? {
        let table = table?;
        if table.track == track {
            entries.extend(table);
        }
    }
    let is_placed = |entry: &IndexEntry| moofs.contains(&entry.at) && entry.time < 1 << 60;
    entries.iter().all(is_placed).then(|| in_order(entries))?
}

/// What is told of a track's pictures before it is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) track: u32,
    /// Pictures in the first fragments, or fragments that an index names where those are more.
    pub(super) samples: u64,
    /// The last time that an index names, in ticks of the track.
    pub(super) last: Option<i64>,
}

impl Tally {
    pub(super) fn of(track: u32) -> Self {
        Self {
            track,
            samples: 0,
            last: None,
        }
    }
}

/// What a whole `mfra` box tells of its tracks.
pub(super) fn tallies(mfra: &[u8]) -> Vec<Tally> {
    let tables = tables(mfra).into_iter().flatten().flatten();
    let tally = |table: Table<'_>| Tally {
        track: table.track,
        samples: table.clone().count() as u64,
        last: table.map(|entry| entry.time).max(),
    };
    tables.take(MAX_TABLES).map(tally).collect()
}

/// Tables of tracks in a `mfra` box that are believed.
const MAX_TABLES: usize = 64;

/// The entries of one track in a `mfra` box: those of a `tfra` box.
#[derive(Debug, Clone)]
struct Table<'a> {
    track: u32,
    /// Times and places have 64 bits.
    is_long: bool,
    /// Bytes of the numbers of fragment, run and sample behind each.
    skipped: usize,
    left: u32,
    rest: &'a [u8],
}

impl<'a> Table<'a> {
    fn parse(mut tfra: &'a [u8]) -> Option<Self> {
        let is_long = tfra.try_get_u32().ok()? >> 24 == 1;
        let track = tfra.try_get_u32().ok()?;
        let lengths = tfra.try_get_u32().ok()?;
        // Of one to four bytes each.
        let skipped = [4, 2, 0].map(|shift| (lengths >> shift & 3) as usize + 1);
        Some(Self {
            track,
            is_long,
            skipped: skipped.iter().sum(),
            left: tfra.try_get_u32().ok()?,
            rest: tfra,
        })
    }
}

impl Iterator for Table<'_> {
    type Item = IndexEntry;

    fn next(&mut self) -> Option<IndexEntry> {
        self.left = self.left.checked_sub(1)?;
        let mut value = || {
            if self.is_long {
                self.rest.try_get_u64().ok()
            } else {
                self.rest.try_get_u32().ok().map(u64::from)
            }
        };
        let (time, at) = (value()?, value()?);
        self.rest = self.rest.get(self.skipped..)?;
        Some(IndexEntry {
            time: i64::try_from(time).unwrap_or(i64::MAX),
            at,
            is_keyframe: true,
        })
    }
}

/// The tables in a whole `mfra` box; `None` in place of one that is cut short.
fn tables(mfra: &[u8]) -> Option<impl Iterator<Item = Option<Table<'_>>>> {
    let header = BoxHeader::parse(mfra).filter(|header| header.kind == *b"mfra")?;
    let boxes = children(mfra.get(header.header_len as usize..)?);
    let tables = boxes.filter(|(kind, _)| kind == b"tfra");
    Some(tables.map(|(_, tfra)| Table::parse(tfra)))
}

/// One entry a place; `None` where times and places are not in the same order.
pub(super) fn in_order(mut entries: Vec<IndexEntry>) -> Option<Vec<IndexEntry>> {
    entries.dedup_by_key(|entry| entry.at);
    let sorted = entries.is_sorted_by(|a, b| a.time <= b.time && a.at < b.at);
    (sorted && !entries.is_empty()).then_some(entries)
}

/// Fragments before a time that may hold its keyframe.
const NEAR: usize = 4;

/// The entries on either side of a time that may be `slack` ticks off.
pub(super) fn neighbours(entries: &[IndexEntry], time: i64, slack: i64) -> Range<usize> {
    let after = entries.partition_point(|entry| entry.time <= time);
    let surely_before = entries.partition_point(|entry| entry.time <= time.saturating_sub(slack));
    // Entries of one time would be all of them.
    let start = surely_before
        .saturating_sub(1)
        .max(after.saturating_sub(NEAR));
    start..(after + 1).min(entries.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    #[test]
    fn a_segment_index_tells_times_and_places() {
        // Track 1 in 500 ticks a second from tick 100 on, 8 bytes behind the index.
        let sidx = words(&[0, 1, 500, 100, 8, 2, 1000, 250, 0x9000_0000, 2000, 500, 0]);
        let index = SegmentIndex::parse(&sidx, 64, |_| Some(1000)).unwrap();
        let entries = [(200, 72, true), (700, 1072, false)];
        let entries = entries.map(|(time, at, is_keyframe)| IndexEntry {
            time,
            at,
            is_keyframe,
        });
        assert_eq!(index.entries, entries);
        assert_eq!((index.end_time, index.end), (1700, 3072));
        let nested = words(&[0, 1, 500, 0, 0, 1, 0x8000_03e8, 250, 0]);
        let index = SegmentIndex::parse(&nested, 64, |_| Some(1000)).unwrap();
        assert_eq!(index.nested, [64..1064]);
    }

    #[test]
    fn a_random_access_box_tells_each_fragment_once() {
        let mut tfra = words(&[24 + 3 * 11, u32::from_be_bytes(*b"tfra"), 0, 7, 0, 3]);
        for (time, at) in [(0, 100), (40, 100), (80, 900)] {
            tfra.extend(words(&[time, at]));
            tfra.extend([1, 1, 1]);
        }
        let mut mfra = words(&[8 + tfra.len() as u32 + 16, u32::from_be_bytes(*b"mfra")]);
        mfra.extend(tfra);
        let len = mfra.len() as u32 + 16;
        mfra.extend(words(&[16, u32::from_be_bytes(*b"mfro"), 0, len]));
        assert_eq!(random_access_len(&mfra), Some(u64::from(len)));
        let entries = random_access(&mfra, 7, &(100..1000)).unwrap();
        let expected = [(0, 100), (80, 900)].map(|(time, at)| IndexEntry {
            time,
            at,
            is_keyframe: true,
        });
        assert_eq!(entries, expected);
        assert_eq!(random_access(&mfra, 7, &(100..800)), None);
        assert_eq!(random_access(&mfra, 8, &(100..1000)), None);
    }

    proptest! {
        #[test]
        fn any_bytes_end(bytes in prop::collection::vec(any::<u8>(), 0..200), at in any::<u64>()) {
            if let Some(index) = SegmentIndex::parse(&bytes, at, |_| Some(90_000)) {
                prop_assert!(index.end >= at);
            }
            let _ = random_access_len(&bytes);
            let mfra = [&b"\0\0\0\xc0mfra\0\0\0\xb8tfra"[..], &bytes].concat();
            if let Some(entries) = random_access(&mfra, 0, &(0..1 << 30)) {
                prop_assert!(entries.is_sorted_by_key(|entry| entry.at));
            }
        }
    }
}
