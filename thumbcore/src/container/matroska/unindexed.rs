//! Segments without Cues: live recordings, and files cut short.
//!
//! Bytes are in the order of time, so a time is estimated as a place, and read from there on until
//! a cluster with a keyframe comes. Clusters tell their length, mostly, so the next ones are then
//! looked at by small reads.

use std::ops::Range;

use super::{
    cluster::{Block, CLUSTER_HEAD, Cluster, Step, find},
    file::{File, LOOK},
    film_end::film_end,
};
use crate::{
    Error,
    container::{
        Around, Keyframe,
        blank::{behind_blank, ends_blank},
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
/// Bytes that a step of a sweep may grow to: 1 MiB, so that three targets waste little beyond their
/// groups of pictures.
const MAX_STEP: u64 = 1 << 20;
/// Bytes read at a cluster behind one that was found: 4 KiB, past a few audio packets.
const HOP: u64 = 4 << 10;
/// Bytes read from the end where the duration is nowhere stated and the tail holds no cluster.
const LAST_CLUSTER: [u64; 2] = [1 << 20, 8 << 20];

/// What the searches of one file share.
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

/// What a stretch of bytes holds.
#[derive(Debug, Clone, Copy)]
enum Look {
    Found(Found),
    /// Nothing before this place, from which to look on.
    From(u64),
    /// The bytes must reach to the second place to tell what is at the first.
    Until(u64, u64),
}

/// When a file ends, in microseconds, as far as that was seen.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Ends {
    /// The time of the last packet.
    pub(super) last_us: Option<i64>,
    /// The time of the last picture.
    pub(super) picture_us: Option<i64>,
}

/// All keyframes of a small file whose first cluster is at `first`, and when it ends.
pub(super) async fn read_whole(
    file: &File,
    first: u64,
    reader: &Reader,
) -> Result<(Vec<Keyframe>, Ends), Error> {
    let bytes = reader.read(first..file.len, Reason::Index).await?;
    let mut keyframes = Vec::new();
    let mut ends = Ends::default();
    for_each_block(&bytes, first, file.len, |cluster, block| {
        ends.last_us = ends.last_us.max(Some(file.info.micros(block.time)));
        if block.track == file.track {
            ends.picture_us = ends.picture_us.max(Some(file.micros(block.time)));
        }
        if block.track == file.track && block.is_keyframe == Some(true) && block.end <= file.len {
            keyframes.push(file.keyframe(cluster, block));
        }
    });
    keyframes.sort_by_key(|keyframe| keyframe.time_us);
    Ok((keyframes, ends))
}

/// Calls `visit` with each block of each cluster in `bytes`.
pub(super) fn for_each_block(
    bytes: &[u8],
    at: u64,
    len: u64,
    mut visit: impl FnMut(&Cluster, &Block),
) {
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
    /// `end`. The second value is when it ends. `None` where its length in time
    /// cannot be told.
    pub(super) async fn open(
        file: &File,
        first: u64,
        end: u64,
        (start_us, stated): (i64, Option<i64>),
        reader: &Reader,
    ) -> Result<Option<(Self, Ends)>, Error> {
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
        let held = reader.cached(first).unwrap_or_default();
        let is_told = stated.is_some_and(|stated| !is_absurd(file, &cluster, &held, stated));
        let (last_us, film) = last_times(file, first, is_told, reader).await?;
        let last = match (film, last_us, stated) {
            (Some(film), ..) => film,
            (None, Some(time_us), _) => Anchor {
                position: file.len,
                time_us,
            },
            (None, None, Some(duration)) => Anchor {
                position: end.max(file.len),
                time_us: start_us.saturating_add(duration),
            },
            (None, None, None) => return Ok(None),
        };
        let opening = match look(file, &held, first) {
            Look::Found(found) => Some(file.keyframe(&found.cluster, &found.block)),
            Look::From(_) | Look::Until(..) => None,
        };
        let search = Self {
            first: Anchor {
                position: first,
                time_us: start_us,
            },
            last,
            typical,
            opening,
        };
        let ends = Ends {
            last_us: Some(last_us.unwrap_or(last.time_us)),
            picture_us: film.map(|film| film.time_us),
        };
        Ok(Some((search, ends)))
    }

    /// The keyframes around a time, as near as the effort allows.
    pub(super) async fn around(
        &self,
        file: &File,
        reader: &Reader,
        time_us: i64,
    ) -> Result<Around, Error> {
        let mut search = Search {
            index: self,
            file,
            reader,
            time_us,
            reads: 0,
            around: Around::default(),
        };
        search.run().await?;
        let mut around = search.around;
        if around == Around::default() {
            // Better than decoding all that is before the time.
            around.before.clone_from(&self.opening);
        }
        Ok(around)
    }
}

/// Whether a film of `stated` microseconds would have a bit rate of another order than what is held
/// of its first cluster. Keyframes and black leaders are far from the average, but not so far.
fn is_absurd(file: &File, cluster: &Cluster, held: &[u8], stated: i64) -> bool {
    const ABSURD: f64 = 50.0;
    let body = held.get((cluster.body - cluster.start) as usize..);
    let mut blocks = cluster.blocks(body.unwrap_or_default(), cluster.body);
    let (Some(first), Some(last)) = (blocks.next(), blocks.last()) else {
        return false;
    };
    let span_us = file
        .micros(last.time)
        .saturating_sub(file.micros(first.time));
    let share = (last.start - first.start) as f64 / (file.len - cluster.start).max(1) as f64;
    let ratio = stated as f64 * share / span_us as f64;
    span_us > 0 && !(1.0 / ABSURD..ABSURD).contains(&ratio)
}

/// The time of the last packet, in microseconds, and the last picture, where that is seen. Only the
/// tail is read where the duration is stated.
async fn last_times(
    file: &File,
    first: u64,
    is_stated: bool,
    reader: &Reader,
) -> Result<(Option<i64>, Option<Anchor>), Error> {
    let tail = reader.config().tail;
    let more = if is_stated { &[] } else { &LAST_CLUSTER[..] };
    for size in std::iter::once(&tail).chain(more) {
        let from = file.len.saturating_sub(*size).max(first);
        let bytes = reader.read(from..file.len, Reason::Index).await?;
        let mut last = None;
        for_each_block(&bytes, from, file.len, |_, block| {
            last = last.max(Some(file.info.micros(block.time)));
        });
        if last.is_some() {
            let film = film_end(file, first..file.len, (&bytes, from), reader).await?;
            return Ok((last, film));
        }
    }
    Ok((None, None))
}

/// The search for the keyframes around one time.
struct Search<'a> {
    index: &'a Unindexed,
    file: &'a File,
    reader: &'a Reader,
    time_us: i64,
    /// Reads so far.
    reads: u32,
    around: Around,
}

impl Search<'_> {
    async fn run(&mut self) -> Result<(), Error> {
        let (mut low, mut high) = (self.index.first, self.index.last);
        let near_us = self.near_us();
        // Counted even where nothing is read.
        for _ in 0..MAX_READS {
            if self.reads >= MAX_READS {
                break;
            }
            // The segment may say that it goes on beyond the end of the file.
            let end = high.position.min(self.file.len);
            // A cluster that starts here most likely contains the time.
            let aim = interpolate(low, high, self.time_us)
                .min(end)
                .saturating_sub(self.index.typical)
                .max(low.position);
            let Some(found) = self.sweep(aim..end).await? else {
                // What lies behind `aim` holds none.
                if aim <= low.position {
                    break;
                }
                high.position = aim;
                continue;
            };
            let keyframe = self.file.keyframe(&found.cluster, &found.block);
            let anchor = Anchor {
                position: found.cluster.start,
                time_us: keyframe.time_us,
            };
            let distance_us = keyframe.time_us.saturating_sub(self.time_us);
            if distance_us <= 0 {
                low = anchor;
                self.around.before = Some(keyframe);
                if distance_us >= -near_us {
                    return self.hop(found).await;
                }
            } else {
                self.around.after = Some(keyframe);
                let is_stuck = aim <= low.position || anchor.position >= high.position;
                if distance_us <= near_us || is_stuck {
                    break;
                }
                high = Anchor {
                    position: aim,
                    time_us: anchor.time_us,
                };
            }
        }
        Ok(())
    }

    /// Near enough: a fiftieth of the video, or a few groups of pictures.
    fn near_us(&self) -> i64 {
        let (low, high) = (self.index.first, self.index.last);
        let span_us = high.time_us.saturating_sub(low.time_us);
        let bytes = high.position.saturating_sub(low.position).max(1);
        let share = self.index.typical as f64 / bytes as f64;
        (span_us / 50).max((span_us as f64 * share * 1.5) as i64)
    }

    /// Reads on from `range.start` until a keyframe comes.
    async fn sweep(&mut self, range: Range<u64>) -> Result<Option<Found>, Error> {
        let mut limit = range.end.min(range.start.saturating_add(MAX_SWEEP));
        let mut step = self.reader.config().window;
        let (mut from, mut end) = (range.start, range.start);
        while end < limit && self.reads < MAX_READS {
            end = end.max(from).saturating_add(step).min(limit);
            if from >= end {
                break;
            }
            step = (step * 2).min(MAX_STEP);
            self.reads += 1;
            let bytes = self.reader.read(from..end, Reason::Search).await?;
            match look(self.file, &bytes, from) {
                Look::Found(found) => return Ok(Some(found)),
                Look::From(_) if ends_blank(&bytes) => {
                    from = behind_blank(self.reader, end, range.end).await?;
                    end = from;
                    limit = limit.max(from.saturating_add(MAX_STEP)).min(range.end);
                }
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
    async fn hop(&mut self, found: Found) -> Result<(), Error> {
        let mut next = found.cluster.end;
        for _ in 0..MAX_HOPS {
            let is_within = |at: &u64| at.saturating_add(CLUSTER_HEAD) < self.file.len;
            let Some(at) = next.filter(|at| is_within(at) && self.reads < MAX_READS) else {
                break;
            };
            self.reads += 1;
            let bytes = self.reader.read(at..at + HOP, Reason::Search).await?;
            let Some(cluster) = Cluster::parse(&bytes, at) else {
                break;
            };
            let body = &bytes[(cluster.body - at) as usize..];
            let keyframe = cluster
                .blocks(body, cluster.body)
                .find(|block| block.track == self.file.track)
                .filter(|block| block.is_keyframe == Some(true))
                .map(|block| self.file.keyframe(&cluster, &block));
            let Some(keyframe) = keyframe else { break };
            if keyframe.time_us > self.time_us {
                self.around.after = Some(keyframe);
                break;
            }
            self.around.before = Some(keyframe);
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
