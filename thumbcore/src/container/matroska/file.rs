//! One Matroska file, and how a demuxer reads a block of it.

use super::{
    cluster::{Block, CLUSTER_HEAD, Cluster, Step},
    cues::Cue,
    tracks::Info,
};
use crate::{
    Error,
    container::{Entry, Keyframe, ListedKeyframe, Place, Searched},
    reader::{Piece, Reader, Reason},
};

/// Bytes of the first read at a keyframe: 32 KiB hold its header, and all of a small one. Three of
/// them, with head and tail, fit into 256 KiB.
pub(super) const LOOK: u64 = 32 << 10;
/// A block this near to the start of its cluster is its first.
const FIRST_BLOCK: u64 = 32;
/// Bytes planned for a keyframe whose size is not known: 128 KiB.
const KEYFRAME_GUESS: u64 = 128 << 10;
/// Bytes of a cluster read in search of a block that Cues do not place exactly: 8 MiB.
const MAX_CLUSTER_WALK: u64 = 8 << 20;

/// What is known of the file, apart from where its keyframes are.
#[derive(Debug)]
pub(super) struct File {
    pub(super) len: u64,
    pub(super) info: Info,
    /// The video track's number.
    pub(super) track: u64,
    /// Which of libav's streams it is.
    pub(super) searched: Searched,
    /// The video codec's delay, in ticks.
    pub(super) delay: i64,
    pub(super) headers: Vec<Piece>,
}

impl File {
    /// When a block of the video track is shown, in microseconds.
    pub(super) fn micros(&self, ticks: i64) -> i64 {
        self.info.micros(ticks.saturating_sub(self.delay))
    }

    /// The keyframe that `cue` names, whose size Cues do not tell.
    pub(super) fn listed(&self, cue: &Cue) -> ListedKeyframe {
        ListedKeyframe {
            time_us: self.micros(cue.time),
            position: cue.cluster.saturating_add(cue.relative.unwrap_or(0)),
            size: None,
        }
    }

    /// Finds the block of `cue` and its size.
    pub(super) async fn look(&self, cue: &Cue, reader: &Reader) -> Result<Option<Keyframe>, Error> {
        let Some(relative) = cue.relative.filter(|relative| *relative > LOOK / 2) else {
            return self.walk(cue, reader).await;
        };
        let near = cue.cluster.saturating_add(relative);
        let head = cue.cluster..cue.cluster.saturating_add(CLUSTER_HEAD);
        // The block lies behind the cluster's header, too.
        let window = near..near.saturating_add(LOOK);
        reader
            .prefetch([head.clone(), window.clone()], Reason::Index)
            .await?;
        let head = reader.read(head, Reason::Index).await?;
        if let Some(cluster) = Cluster::parse(&head, cue.cluster)
            && let Some(at) = cluster.body.checked_add(relative)
            && let bytes = reader.read(at..window.end, Reason::Index).await?
            && let Step::Block(block) = cluster.step(&bytes, at)
            && self.is_of(&block, cue)
        {
            return Ok(Some(self.keyframe(&cluster, &block)));
        }
        // The writer counted from elsewhere.
        self.walk(cue, reader).await
    }

    /// Finds the block of `cue` by going through its cluster.
    async fn walk(&self, cue: &Cue, reader: &Reader) -> Result<Option<Keyframe>, Error> {
        let mut window = LOOK;
        loop {
            let end = cue.cluster.saturating_add(window);
            let bytes = reader.read(cue.cluster..end, Reason::Index).await?;
            let Some(cluster) = Cluster::parse(&bytes, cue.cluster) else {
                return Ok(None);
            };
            let body = &bytes[(cluster.body - cue.cluster) as usize..];
            let found = cluster
                .blocks(body, cluster.body)
                .find(|block| self.is_of(block, cue));
            if let Some(block) = found {
                return Ok(Some(self.keyframe(&cluster, &block)));
            }
            let is_over = cluster.end.is_some_and(|over| over <= end) || end >= self.len;
            if is_over || window >= MAX_CLUSTER_WALK {
                return Ok(None);
            }
            window *= 4;
        }
    }

    /// Whether `block` is what `cue` means.
    fn is_of(&self, block: &Block, cue: &Cue) -> bool {
        block.track == self.track && block.time == cue.time && block.end > block.start
    }

    /// Places cue `index` without looking at the block; `None` where that takes more than the
    /// cluster's header.
    pub(super) async fn glance(
        &self,
        cues: &[Cue],
        index: usize,
        reader: &Reader,
    ) -> Result<Option<Keyframe>, Error> {
        let cue = &cues[index];
        let place = match cue.relative {
            Some(relative) if relative > FIRST_BLOCK => {
                let head = cue.cluster..cue.cluster.saturating_add(CLUSTER_HEAD);
                let head = reader.read(head, Reason::Index).await?;
                let Some(cluster) = Cluster::parse(&head, cue.cluster) else {
                    return Ok(None);
                };
                let at = cluster.body.saturating_add(relative);
                if at >= self.len {
                    return Ok(None);
                }
                self.place(&cluster, at, at.saturating_add(KEYFRAME_GUESS))
            }
            relative => {
                let is_first = index
                    .checked_sub(1)
                    .is_none_or(|previous| cues[previous].cluster != cue.cluster);
                if !is_first {
                    return Ok(None);
                }
                let mut pieces = self.headers.clone();
                pieces.push(Piece::File(cue.cluster..self.len));
                let end = cue.cluster.saturating_add(KEYFRAME_GUESS).min(self.len);
                Place::Spliced {
                    pieces,
                    bytes: cue.cluster..end,
                    entry: if relative.is_some() {
                        Entry::Exact
                    } else {
                        Entry::Early
                    },
                    iframe: None,
                }
            }
        };
        Ok(Some(Keyframe {
            time_us: self.micros(cue.time),
            place,
        }))
    }

    pub(super) fn keyframe(&self, cluster: &Cluster, block: &Block) -> Keyframe {
        Keyframe {
            time_us: self.micros(block.time),
            place: self.place(cluster, block.start, block.end),
        }
    }

    /// How a demuxer reads the block at `from`, which ends at `end`.
    fn place(&self, cluster: &Cluster, from: u64, end: u64) -> Place {
        let mut pieces = self.headers.clone();
        pieces.push(Piece::Made(cluster.header_from(from, end).into()));
        pieces.push(Piece::File(from..self.len));
        Place::Spliced {
            pieces,
            bytes: from..end.min(self.len),
            entry: Entry::Exact,
            iframe: None,
        }
    }
}
