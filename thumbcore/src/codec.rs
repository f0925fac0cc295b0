//! The video codecs that may be decoded.

pub(crate) mod cinepak;
mod ffv1;
mod list;
pub(crate) mod sei;

use std::fmt;

pub use self::list::Codec;
use crate::confined;

/// How it is known that a picture needs no other, so that decoding can begin with it. What a
/// container says of that is a hint: AVI files often call every picture a keyframe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RandomAccess {
    /// The codec has no other pictures.
    Every,
    /// The decoder reads the picture's type; those of type I need no other.
    Type,
    /// The decoder reads a flag; the type says nothing.
    Flag,
    /// The decoder marks pictures as corrupt until it has seen an IDR picture, or as much as a
    /// recovery point asks for.
    Recovery,
    /// Neither the bitstream nor the decoder says. A block that does not change is left out, so
    /// that a picture whose every pixel was written needs no other.
    Filled,
    /// The headers of a packet's strips say so: see [`cinepak`].
    Strips,
    /// Neither the bitstream nor the decoder says, and nothing else does: only the first picture of
    /// the film needs no other for certain.
    Start,
}

impl RandomAccess {
    /// Neither container nor decoder tells which pictures need no other.
    pub(crate) fn is_unmarked(self) -> bool {
        matches!(self, Self::Filled | Self::Strips | Self::Start)
    }
}

impl Codec {
    /// The codec that libav calls `name`; `None` where it is decoded nowhere.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|codec| codec.as_str() == name)
    }

    /// Whether long runs of zeros are part of sound pictures: where a picture is stored as it is,
    /// or padded to a constant rate.
    pub(crate) fn may_hold_zeros(self) -> bool {
        let access = self.random_access();
        let is_padded = matches!(self, Self::Mpeg1 | Self::Mpeg2);
        is_padded || access == RandomAccess::Every || access.is_unmarked()
    }

    /// Whether a coded picture shows that it is damaged, which the decoder does not say.
    pub(crate) fn sees_damage(self, packet: &[u8]) -> bool {
        self == Self::Ffv1 && ffv1::is_damaged(packet)
    }

    /// Whether it may be decoded in this process.
    pub(crate) fn is_allowed_here(self) -> bool {
        !self.needs_sandbox() || confined::is_confined()
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
