//! Segments without Cues: live recordings, and files cut short.
//!
//! Bytes are in the order of time, so a time is estimated as a place, and read from there on until
//! a cluster with a keyframe comes. Clusters tell their length, mostly, so the next ones are then
//! looked at by small reads.

use super::{
    File, LOOK,
    cluster::{Block, CLUSTER_HEAD, Cluster, Step, find},
};
use crate::{
    Error,
    container::{
        Around, Keyframe,
        search::{Anchor, interpolate},
    },
    reader::{Reader, Reason},
};

/// A file up to this long is read whole, in about the time of a first byte, and every keyframe
/// known: 2 MiB.
pub(super) const WHOLE: u64 = 2 << 20;
/// Reads for one target at most; with the ends and the keyframe it makes 13 round trips.
const MAX_READS: u32 = 11;
/// Clusters looked at behind one found.
const MAX_HOPS: u32 = 3;
/// Bytes read on at most in search of a keyframe: 24 MiB, ten seconds at 20 Mb/s.
const MAX_SWEEP: u64 = 24 << 20;
/// What a step of a sweep may grow to: 1 MiB, so that three targets waste little beyond their
/// groups of pictures.
const MAX_STEP: u64 = 1 << 20;
/// Read at a cluster that was not searched for: 4 KiB, past a few packets of sound.
const HOP: u64 = 4 << 10;
/// What is read from the end where the duration is nowhere stated and the tail holds no cluster.
const LAST_CLUSTER: [u64; 2] = [1 << 20, 8 << 20];

/// How to search one file.
#[derive(Debug)]
pub(super) struct Unindexed {
    first: Anchor,
    last: Anchor,
    /// Bytes of a cluster.
    typical: u64,
    /// The file's first keyframe, if the head holds its start.
    opening: Option<Keyframe>,
}

/// A keyframe that was seen.
#[derive(Debug, Clone, Copy)]
struct Found {
    cluster: Cluster,
    block: Block,
}

/// What one look at some bytes came to.
#[derive(Debug, Clone, Copy)]
enum Look {
    Found(Found),
    /// Nothing before this place, from which to look on.
    From(u64),
    /// The bytes must reach to the second place to tell what is at the first.
    Until(u64, u64),
}

/// All keyframes of a small file whose first cluster is at `first`, and the time of the last
/// packet, in microseconds.
pub(super) async fn read_whole(
    file: &File,
    first: u64,
    reader: &Reader,
) -> Result<(Vec<Keyframe>, Option<i64>), Error> {
    let bytes = reader.read(first..file.len, Reason::Index).await?;
    let mut keyframes = Vec::new();
    let mut last_us = None;
    for_each_block(&bytes, first, file.len, |cluster, block| {
        last_us = last_us.max(Some(file.info.micros(block.time)));
        if block.track == file.track && block.is_keyframe == Some(true) && block.end <= file.len {
            keyframes.push(file.keyframe(cluster, block));
        }
    });
    keyframes.sort_by_key(|keyframe| keyframe.time_us);
    Ok((keyframes, last_us))
}

/// Calls `visit` with each block of each cluster in `bytes`.
fn for_each_block(bytes: &[u8], at: u64, len: u64, mut visit: impl FnMut(&Cluster, &Block)) {
    let mut position = at;
    while let Some(rest) = bytes.get((position - at) as usize..)
        && let Some(cluster) = find(rest, position, len)
    {
        position = cluster.body;
        for block in cluster.blocks(&bytes[(cluster.body - at) as usize..], cluster.body) {
            visit(&cluster, &block);
            position = block.end;
        }
    }
}

impl Unindexed {
    /// Prepares a search of `file`, whose first cluster is at `first` and whose segment ends at
    /// `end`. The second value is the time of the last packet. `None` where its length in time
    /// cannot be told.
    pub(super) async fn open(
        file: &File,
        first: u64,
        end: u64,
        (start_us, stated): (i64, Option<i64>),
        reader: &Reader,
    ) -> Result<Option<(Self, i64)>, Error> {
        let head = reader
            .read(first..first + CLUSTER_HEAD, Reason::Index)
            .await?;
        let Some(cluster) = Cluster::parse(&head, first) else {
            return Ok(None);
        };
        let typical = cluster
            .end
            .map_or(LOOK, |end| end - first)
            .min(MAX_SWEEP / 2);
        let tail = reader.config().tail;
        let more = if stated.is_some() {
            &[]
        } else {
            &LAST_CLUSTER[..]
        };
        let mut last = None;
        for size in std::iter::once(&tail).chain(more) {
            let from = file.len.saturating_sub(*size).max(first);
            let bytes = reader.read(from..file.len, Reason::Index).await?;
            for_each_block(&bytes, from, file.len, |_, block| {
                last = last.max(Some(file.info.micros(block.time)));
            });
            if last.is_some() {
                break;
            }
        }
        let anchor = match (last, stated) {
            (Some(time_us), _) => Anchor {
                position: file.len,
                time_us,
            },
            (None, Some(duration)) => Anchor {
                position: end.max(file.len),
                time_us: start_us.saturating_add(duration),
            },
            (None, None) => return Ok(None),
        };
        let head = reader.cached(first).unwrap_or_default();
        let opening = match look(file, &head, first) {
            Look::Found(found) => Some(file.keyframe(&found.cluster, &found.block)),
            Look::From(_) | Look::Until(..) => None,
        };
        let search = Self {
            first: Anchor {
                position: first,
                time_us: start_us,
            },
            last: anchor,
            typical,
            opening,
        };
        Ok(Some((search, anchor.time_us)))
    }

    /// The keyframes around a time, as near as the effort allows.
    pub(super) async fn around(
        &self,
        file: &File,
        reader: &Reader,
        time_us: i64,
    ) -> Result<Around, Error> {
        let mut reads = 0;
        let (mut low, mut high) = (self.first, self.last);
        let span = high.time_us.saturating_sub(low.time_us);
        let mut around = Around::default();
        // Near enough: a fiftieth of the video, or a few groups of pictures.
        let share = self.typical as f64 / (high.position - low.position).max(1) as f64;
        let near = (span / 50).max((span as f64 * share * 1.5) as i64);
        // Counted even where nothing is read.
        for _ in 0..MAX_READS {
            if reads >= MAX_READS {
                break;
            }
            // The segment may say that it goes on beyond the end of the file.
            let end = high.position.min(file.len);
            // A cluster that starts here most likely contains the time.
            let aim = interpolate(low, high, time_us)
                .min(end)
                .saturating_sub(self.typical)
                .max(low.position);
            let found = self.sweep(file, reader, aim..end, &mut reads).await?;
            let Some(found) = found else {
                // What lies behind `aim` holds none.
                if aim <= low.position {
                    break;
                }
                high.position = aim;
                continue;
            };
            let keyframe = file.keyframe(&found.cluster, &found.block);
            let anchor = Anchor {
                position: found.cluster.start,
                time_us: keyframe.time_us,
            };
            let distance = keyframe.time_us.saturating_sub(time_us);
            if distance <= 0 {
                low = anchor;
                around.before = Some(keyframe);
                if distance >= -near {
                    self.hop(file, reader, found, time_us, &mut around, &mut reads)
                        .await?;
                    break;
                }
            } else {
                around.after = Some(keyframe);
                let is_stuck = aim <= low.position || anchor.position >= high.position;
                if distance <= near || is_stuck {
                    break;
                }
                high = Anchor {
                    position: aim,
                    time_us: anchor.time_us,
                };
            }
        }
        if around == Around::default() {
            // Better than decoding all that is before the time.
            around.before = self.opening.clone();
        }
        Ok(around)
    }

    /// Reads on from `range.start` until a keyframe comes.
    async fn sweep(
        &self,
        file: &File,
        reader: &Reader,
        range: std::ops::Range<u64>,
        reads: &mut u32,
    ) -> Result<Option<Found>, Error> {
        let limit = range.end.min(range.start.saturating_add(MAX_SWEEP));
        let mut step = reader.config().window;
        let (mut from, mut end) = (range.start, range.start);
        while end < limit && *reads < MAX_READS {
            end = end.max(from).saturating_add(step).min(limit);
            if from >= end {
                break;
            }
            step = (step * 2).min(MAX_STEP);
            *reads += 1;
            let bytes = reader.read(from..end, Reason::Search).await?;
            match look(file, &bytes, from) {
                Look::Found(found) => return Ok(Some(found)),
                Look::From(next) => from = next,
                Look::Until(next, needed) => {
                    from = next;
                    step = step.max(needed.saturating_sub(end));
                }
            }
        }
        Ok(None)
    }

    /// Looks at the clusters behind `found`, which is before the time, for nearer keyframes.
    async fn hop(
        &self,
        file: &File,
        reader: &Reader,
        found: Found,
        time_us: i64,
        around: &mut Around,
        reads: &mut u32,
    ) -> Result<(), Error> {
        let mut next = found.cluster.end;
        for _ in 0..MAX_HOPS {
            let Some(at) = next.filter(|at| at + CLUSTER_HEAD < file.len && *reads < MAX_READS)
            else {
                break;
            };
            *reads += 1;
            let bytes = reader.read(at..at + HOP, Reason::Search).await?;
            let Some(cluster) = Cluster::parse(&bytes, at) else {
                break;
            };
            let body = &bytes[(cluster.body - at) as usize..];
            let keyframe = cluster
                .blocks(body, cluster.body)
                .find(|block| block.track == file.track)
                .filter(|block| block.is_keyframe == Some(true))
                .map(|block| file.keyframe(&cluster, &block));
            let Some(keyframe) = keyframe else { break };
            if keyframe.time_us > time_us {
                around.after = Some(keyframe);
                break;
            }
            around.before = Some(keyframe);
            next = cluster.end;
        }
        Ok(())
    }
}

/// Looks for a keyframe of the video track in `bytes`, which lie at `at` and may begin anywhere.
fn look(file: &File, bytes: &[u8], at: u64) -> Look {
    let mut position = at;
    while let Some(rest) = bytes.get((position - at) as usize..)
        && let Some(cluster) = find(rest, position, file.len)
    {
        position = cluster.body;
        while cluster.end.is_none_or(|end| position < end) {
            let offset = usize::try_from(position - at).unwrap_or(usize::MAX);
            match cluster.step(bytes.get(offset..).unwrap_or_default(), position) {
                Step::Block(block) => {
                    if block.track == file.track && block.start < file.len {
                        match block.is_keyframe {
                            Some(true) => return Look::Found(Found { cluster, block }),
                            Some(false) => {}
                            None => return Look::Until(cluster.start, block.end),
                        }
                    }
                    position = block.end;
                }
                Step::Other(end) => position = end,
                Step::CutShort => return Look::Until(cluster.start, position),
                Step::Foreign => break,
            }
        }
    }
    // A cluster's header may begin in the last bytes.
    let end = at + bytes.len() as u64;
    Look::From(position.max(end.saturating_sub(CLUSTER_HEAD)))
}
