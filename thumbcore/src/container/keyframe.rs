//! Where keyframes lie.

use std::ops::Range;

use super::Stretch;
use crate::reader::Piece;

/// A keyframe that can be read.
#[derive(Debug, Clone)]
pub(crate) struct Keyframe {
    /// Its time in the container's timeline, in microseconds; a decoding time in mp4, so a few
    /// frames off the time of the picture.
    pub(crate) time_us: i64,
    pub(crate) place: Place,
}

/// Keyframes at one time are the same, however much of their places is known.
impl PartialEq for Keyframe {
    fn eq(&self, other: &Self) -> bool {
        self.time_us == other.time_us
            && match (&self.place, &other.place) {
                (Place::Counted(a), Place::Counted(b)) => a == b,
                (Place::Indexed { stretch: a, .. }, Place::Indexed { stretch: b, .. }) => a == b,
                _ => true,
            }
    }
}

impl Eq for Keyframe {}

/// A keyframe as an index lists it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ListedKeyframe {
    /// In microseconds of the container's timeline.
    pub(crate) time_us: i64,
    /// Where in the file a demuxer must begin to read it.
    pub(crate) position: u64,
    /// Bytes of the coded picture; `None` where the index does not say.
    pub(crate) size: Option<u64>,
}

/// The bytes of a video by which a player shows one of its keyframes, as an HLS I-frame playlist
/// names them.
///
/// Source: RFC 8216, sections 3 and 4.3.3.6.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(sandbox, derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct IFrame {
    /// What declares the stream: the Media Initialization Section.
    pub init: Range<u64>,
    /// The keyframe, and no other picture.
    pub bytes: Range<u64>,
}

/// How the packets from a keyframe on are reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// In libav's index: a timestamp that seeks to it, and its bytes. An edit list may hide it: it
    /// is decoded for what follows, and not shown. `stretch` is what an edit list that the demuxer
    /// does not heed shows there.
    Indexed {
        seek: i64,
        bytes: Range<u64>,
        is_hidden: bool,
        stretch: Option<Stretch>,
    },
    /// Any picture in libav's index, keyframe or not: the timestamp of its entry, and its bytes.
    Sample {
        timestamp: i64,
        bytes: Range<u64>,
        stretch: Option<Stretch>,
    },
    /// Found by a [`Locator`](super::Locator): a demuxer of its own reads `pieces` one after the
    /// other as if they were the file (headers first, then from the keyframe on; the last piece
    /// may reach to the end of the file). `bytes` are what the keyframe needs of them; `iframe` is
    /// what players need, where they can show it by bytes of the file alone.
    Spliced {
        pieces: Vec<Piece>,
        bytes: Range<u64>,
        entry: Entry,
        iframe: Option<IFrame>,
    },
    /// The nth video packet from the start.
    Counted(usize),
}

/// What a demuxer gives first when it reads a splice, and what its times are worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entry {
    /// The keyframe, at its time.
    Exact,
    /// The keyframe, at a time that counts from the splice's start: the container's packets carry
    /// none. All times are shifted so that the first is the keyframe's.
    Untimed,
    /// Perhaps the end of what was before the keyframe, which is the first packet marked as one.
    Early,
}

impl Place {
    /// A keyframe whose packets a demuxer reads from `start` of a file of `len` bytes on, after
    /// `headers`; `end` is one past what the keyframe itself needs.
    pub(crate) fn spliced(headers: &[Range<u64>], start: u64, end: u64, len: u64) -> Self {
        let mut pieces: Vec<_> = headers.iter().cloned().map(Piece::File).collect();
        pieces.push(Piece::File(start..len));
        Self::Spliced {
            pieces,
            bytes: start..end.min(len),
            entry: Entry::Exact,
            iframe: None,
        }
    }

    /// Whether the keyframe itself is a picture of the film.
    pub(crate) fn is_shown(&self) -> bool {
        !matches!(
            self,
            Self::Indexed {
                is_hidden: true,
                ..
            }
        )
    }

    /// Whether its packets carry no times.
    pub(crate) fn is_untimed(&self) -> bool {
        matches!(
            self,
            Self::Spliced {
                entry: Entry::Untimed,
                ..
            }
        )
    }

    /// What players need to show the keyframe, where bytes of the file do.
    pub(crate) fn iframe(&self) -> Option<&IFrame> {
        match self {
            Self::Spliced { iframe, .. } => iframe.as_ref(),
            Self::Indexed { .. } | Self::Sample { .. } | Self::Counted(_) => None,
        }
    }

    /// The bytes to fetch before the keyframe is read, where they are known.
    pub(crate) fn bytes(&self) -> Option<Range<u64>> {
        match self {
            Self::Indexed { bytes, .. }
            | Self::Sample { bytes, .. }
            | Self::Spliced { bytes, .. } => Some(bytes.clone()),
            Self::Counted(_) => None,
        }
    }
}

/// The keyframes on either side of a time, as near as could be found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Around {
    /// At or before the time.
    pub(crate) before: Option<Keyframe>,
    /// After the time.
    pub(crate) after: Option<Keyframe>,
}

impl Around {
    /// The keyframes around `time_us` among `sorted` ones.
    pub(crate) fn among(sorted: &[Keyframe], time_us: i64) -> Self {
        let after = sorted.partition_point(|keyframe| keyframe.time_us <= time_us);
        Self {
            before: after.checked_sub(1).and_then(|i| sorted.get(i)).cloned(),
            after: sorted.get(after).cloned(),
        }
    }

    /// The keyframe of the two that is not `chosen`.
    pub(crate) fn other_than(&self, chosen: Option<&Keyframe>) -> Option<Keyframe> {
        [&self.before, &self.after]
            .into_iter()
            .flatten()
            .find(|keyframe| Some(*keyframe) != chosen)
            .cloned()
    }
}
