//! Bytes that were lost before a file was stored, as the framing of its container tells.

use std::{fmt, ops::Range};

/// Looks at what a demuxer reads of a file, and notes the packets that lost some of their bytes.
pub(crate) trait Losses: fmt::Debug + Send {
    /// Takes in `bytes`, which were read at `at`.
    fn see(&mut self, at: u64, bytes: &[u8]);

    /// What is read next lies elsewhere in the file.
    fn part(&mut self);

    /// Whether a part of the packet that the demuxer found at `place`, or what came right behind the
    /// packet, was lost.
    fn has_lost(&self, place: &Range<u64>) -> bool;
}

/// Makes what looks at one demuxer's reads.
pub(crate) type MakeLosses = fn() -> Box<dyn Losses>;
