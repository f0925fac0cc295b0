//! Which thumbnails the gallery shows.

use contract::api::Thumbnail;

/// Which thumbnails are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    /// Their place in the video, in percent.
    pub(crate) frame: Option<u32>,
    /// What their names begin with, below the thumbnail prefix.
    pub(crate) name: String,
}

impl Filter {
    /// Whether a thumbnail is wanted.
    pub(crate) fn matches(&self, thumbnail: &Thumbnail) -> bool {
        let name = thumbnail.key.split_once('/').map_or("", |(_, name)| name);
        self.frame
            .is_none_or(|frame| thumbnail.frame == Some(frame))
            && name.starts_with(&self.name)
    }

    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
