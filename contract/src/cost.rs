//! What it cost to look into videos, computed in one place.

use std::ops::{AddAssign, SubAssign};

use crate::Manifest;

/// The bytes that were fetched of a video, or of several, and the bytes there are.
///
/// More may be fetched than there are: the first two ranges of a small file overlap, and ranges
/// are fetched again after errors. Nothing is rounded down to hide that.
///
/// ```
/// use contract::Cost;
///
/// let part = Cost { fetched: 20, size: 100 };
/// assert_eq!((part.saved(), part.excess()), (80, 0));
/// let twice = Cost { fetched: 200, size: 100 };
/// assert_eq!((twice.saved(), twice.excess()), (0, 100));
/// assert!(twice.is_whole() && !part.is_whole());
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cost {
    /// Bytes that were fetched.
    pub fetched: u64,
    /// Bytes of the videos.
    pub size: u64,
}

impl Cost {
    /// Bytes that a whole download would have fetched on top.
    #[must_use]
    pub const fn saved(self) -> u64 {
        self.size.saturating_sub(self.fetched)
    }

    /// Bytes that were fetched on top of a whole download.
    #[must_use]
    pub const fn excess(self) -> u64 {
        self.fetched.saturating_sub(self.size)
    }

    /// Whether no less was fetched than a whole download would have.
    #[must_use]
    pub const fn is_whole(self) -> bool {
        self.fetched >= self.size
    }
}

impl From<&Manifest> for Cost {
    fn from(manifest: &Manifest) -> Self {
        Self {
            fetched: manifest.bytes_fetched,
            size: manifest.source_bytes,
        }
    }
}

impl AddAssign for Cost {
    fn add_assign(&mut self, other: Self) {
        self.fetched = self.fetched.saturating_add(other.fetched);
        self.size = self.size.saturating_add(other.size);
    }
}

impl SubAssign for Cost {
    fn sub_assign(&mut self, other: Self) {
        self.fetched = self.fetched.saturating_sub(other.fetched);
        self.size = self.size.saturating_sub(other.size);
    }
}
