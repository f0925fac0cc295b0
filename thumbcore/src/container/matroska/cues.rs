//! Cues: the index of a segment.

use std::ops::Range;

use super::{
    cluster::Cluster,
    ebml::{children, id, uint},
};

/// One entry of the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cue {
    /// In ticks.
    pub(super) time: i64,
    /// Where the cluster starts in the file.
    pub(super) cluster: u64,
    /// Where in the cluster's body the block starts, where the writer said.
    pub(super) relative: Option<u64>,
}

impl Cue {
    /// Whether `cluster`, which lies where the entry says, may hold its block, whose time is told
    /// from the cluster's in 16 bits.
    pub(super) fn fits(&self, cluster: Option<Cluster>) -> bool {
        cluster.is_some_and(|cluster| cluster.time.abs_diff(self.time) <= 1 << 15)
    }
}

/// The entries for `track` in a payload of Cues, by time; positions count from `segment`, and
/// those beyond `len` lead nowhere.
pub(super) fn parse(payload: &[u8], track: u64, segment: u64, len: u64) -> Vec<Cue> {
    let mut cues: Vec<Cue> = children(payload)
        .filter(|(id, _)| *id == id::CUE_POINT)
        .filter_map(|(_, point)| cue(point, track, segment))
        .filter(|cue| cue.cluster < len)
        .collect();
    cues.sort_by_key(|cue| cue.time);
    cues.dedup_by_key(|cue| cue.time);
    cues
}

/// The last time that a payload of Cues names for `track`, in ticks.
pub(super) fn last_time(payload: &[u8], track: u64) -> Option<i64> {
    let last = parse(payload, track, 0, u64::MAX).pop()?;
    Some(last.time)
}

/// How much of a file an index names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Coverage {
    /// No stretch is left out. An index of a single entry, of times that are all alike, or half of
    /// one is of no use.
    pub(super) is_whole: bool,
    /// When the film ends by the index, where the last entry is near the end of the file.
    pub(super) end: Option<End>,
}

/// The end of a film that goes on behind the last entry of its index, in ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct End {
    /// The last entry.
    pub(super) earliest: i64,
    /// The next entry, were there one more: what follows the last entry is as long as usual.
    pub(super) likely: i64,
}

impl Coverage {
    /// What `cues`, which are in the order of time, name of `media`, the part of the file from the
    /// first cluster on.
    pub(super) fn of(cues: &[Cue], media: Range<u64>) -> Self {
        let places = cues.iter().map(|cue| cue.cluster);
        // Nothing lies in front of the first entry of most indexes, which says nothing of the rest.
        let first = places.clone().next().unwrap_or(media.end);
        let front = Some(media.start).filter(|start| *start < first);
        let places = front.into_iter().chain(places);
        let ends = places.clone().skip(1).chain([media.end]);
        let media = media.end.saturating_sub(media.start);
        let mut gaps: Vec<_> = places
            .zip(ends)
            .map(|(at, next)| next.saturating_sub(at))
            .collect();
        let at_end = gaps.last().copied().unwrap_or(media);
        gaps.sort_unstable();
        let middle = gaps.len().saturating_sub(1) / 2;
        let usual = gaps.get(middle).copied().unwrap_or(0);
        let widest = gaps.last().copied().unwrap_or(media);
        // Some distance is normal: groups of pictures differ, and attachments may lie between.
        let is_left_out = |gap: u64| gap > media / 8 && (gaps.len() < 2 || gap / 4 > usual);
        let end = match cues {
            [first, .., last] if !is_left_out(at_end) => {
                let spacing = (last.time - first.time) / (cues.len() as i64 - 1);
                Some(End {
                    earliest: last.time,
                    likely: last.time.saturating_add(spacing),
                })
            }
            _ => None,
        };
        Self {
            is_whole: !is_left_out(widest),
            end,
        }
    }
}

fn cue(point: &[u8], track: u64, segment: u64) -> Option<Cue> {
    let find = |wanted| {
        children(point)
            .find(|(id, _)| *id == wanted)
            .map(|(_, value)| uint(value))
    };
    let time = i64::try_from(find(id::CUE_TIME)?).ok()?;
    children(point)
        .filter(|(id, _)| *id == id::CUE_TRACK_POSITIONS)
        .find_map(|(_, positions)| {
            let find = |wanted| {
                children(positions)
                    .find(|(id, _)| *id == wanted)
                    .map(|(_, value)| uint(value))
            };
            if find(id::CUE_TRACK)? != track {
                return None;
            }
            Some(Cue {
                time,
                cluster: segment.checked_add(find(id::CUE_CLUSTER_POSITION)?)?,
                relative: find(id::CUE_RELATIVE_POSITION),
            })
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{
        super::ebml::build::{element, number},
        *,
    };

    fn point(time: u64, track: u64, cluster: u64, relative: Option<u64>) -> Vec<u8> {
        let mut positions = number(id::CUE_TRACK, track);
        positions.extend(number(id::CUE_CLUSTER_POSITION, cluster));
        if let Some(relative) = relative {
            positions.extend(number(id::CUE_RELATIVE_POSITION, relative));
        }
        let mut point = number(id::CUE_TIME, time);
        point.extend(element(id::CUE_TRACK_POSITIONS, &positions, 1));
        element(id::CUE_POINT, &point, 2)
    }

    #[test]
    fn other_tracks_and_places_beyond_the_end_are_left_out() {
        let payload = [
            point(7, 1, 500, None),
            point(3, 1, 100, Some(9)),
            point(4, 2, 100, Some(9)),
            point(9, 1, 5000, None),
        ];
        let cue = |time, cluster, relative| Cue {
            time,
            cluster,
            relative,
        };
        assert_eq!(
            parse(&payload.concat(), 1, 40, 2000),
            [cue(3, 140, Some(9)), cue(7, 540, None)]
        );
    }

    #[test]
    fn an_index_that_leaves_out_a_stretch_is_not_whole() {
        let cues = |seconds: &[i64]| {
            let cue = |second: &i64| Cue {
                time: second * 1000,
                cluster: 100 + second.unsigned_abs() * 1000,
                relative: None,
            };
            let cues: Vec<_> = seconds.iter().map(cue).collect();
            Coverage::of(&cues, 100..100_100)
        };
        let each: Vec<i64> = (0..100).collect();
        let whole = |last: i64| Coverage {
            is_whole: true,
            end: Some(End {
                earliest: last * 1000,
                likely: 100_000,
            }),
        };
        assert_eq!(cues(&each), whole(99));
        assert_eq!(cues(&[0, 25, 50, 75]), whole(75));
        for useless in [
            &each[..1],
            &each[..50],
            &each[50..],
            &[&each[..30], &each[70..]].concat(),
            &each[99..],
        ] {
            assert!(!cues(useless).is_whole, "{useless:?}");
        }
        assert_eq!(cues(&each[..50]).end, None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            entries in prop::collection::btree_map(0i64..1 << 40, (0u64..1 << 40, any::<Option<u64>>()), 0..50),
        ) {
            let payload: Vec<u8> = entries
                .iter()
                .flat_map(|(time, (cluster, relative))| point(*time as u64, 1, *cluster, *relative))
                .collect();
            let read: Vec<_> = parse(&payload, 1, 48, u64::MAX)
                .into_iter()
                .map(|cue| (cue.time, (cue.cluster - 48, cue.relative)))
                .collect();
            prop_assert_eq!(read, entries.into_iter().collect::<Vec<_>>());
        }

        #[test]
        fn any_bytes_end(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            parse(&bytes, 1, 0, u64::MAX);
        }
    }
}
