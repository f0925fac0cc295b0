//! What tells two versions of a file apart.

use super::super::{Stat, Validator};

/// What tells two versions of a file apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::source) struct Version {
    /// `ETag`, with its quotes and its `W/` if it is weak.
    pub etag: Option<String>,
    /// `Last-Modified`, as sent.
    pub modified: Option<String>,
}

impl Version {
    /// The `ETag` if it may stand in an `If-Match`, which compares strongly.
    pub(in crate::source) fn strong_etag(&self) -> Option<&str> {
        self.etag.as_deref().filter(|etag| !etag.starts_with("W/"))
    }

    /// Whether an answer that shows `other` may be of another version.
    pub(super) fn differs(&self, other: &Self) -> bool {
        match (&self.etag, &other.etag) {
            (Some(ours), Some(theirs)) => ours != theirs,
            _ => {
                matches!((&self.modified, &other.modified), (Some(ours), Some(theirs)) if ours != theirs)
            }
        }
    }
}

/// The version that the first successful answer showed.
#[derive(Debug, Clone)]
pub(in crate::source) struct Pin {
    pub len: u64,
    pub version: Version,
}

impl Pin {
    /// What a caller says of the file. A validator that is no date is an `ETag`, which listings
    /// quote and events do not.
    pub(super) fn of(stat: &Stat) -> Self {
        let text = stat.validator.as_ref().map(|validator| validator.0.clone());
        let (modified, etag): (Option<_>, Option<_>) = match text {
            Some(date) if date.ends_with("GMT") => (Some(date), None),
            Some(etag) if etag.ends_with('"') => (None, Some(etag)),
            Some(bare) => (None, Some(format!("\"{bare}\""))),
            None => (None, None),
        };
        Self {
            len: stat.len,
            version: Version { etag, modified },
        }
    }

    /// Whether `seen` may be of another version.
    pub(super) fn differs(&self, seen: &Self) -> bool {
        self.len != seen.len || self.version.differs(&seen.version)
    }

    pub(super) fn stat(&self) -> Stat {
        let Version { etag, modified } = self.version.clone();
        Stat {
            len: self.len,
            validator: etag.or(modified).map(Validator),
        }
    }
}
