//! Objects of the bucket as listings show them, and the pictures among them.

use std::{cmp::Reverse, sync::Arc};

use contract::{ThumbnailKey, is_in_storyboard};

/// An object as a listing shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Object {
    /// The key without the thumbnail prefix and without number and extension.
    pub(super) name: String,
    /// The picture's number and format; `None` for a manifest.
    pub(super) picture: Option<(u16, Format)>,
    /// Seconds since 1970.
    pub(super) modified: u32,
    pub(super) size: u32,
}

/// The image format of a picture, by its extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Format {
    Jpg,
    Webp,
    Avif,
}

/// Where a picture stands in the order of time: newest first, then by name and number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) modified: Reverse<u32>,
    pub(super) name: Arc<str>,
    pub(super) number: u16,
    pub(super) format: Format,
}

/// One picture of a video.
#[derive(Debug, Clone, Copy)]
pub(super) struct Picture {
    pub(super) modified: u32,
    pub(super) size: u32,
    pub(super) number: u16,
    pub(super) format: Format,
}

impl Object {
    /// Reads a key without the thumbnail prefix; `None` if it is neither that of a picture in the
    /// first width nor that of a manifest. Manifests list the pictures in further widths,
    /// storyboards and previews.
    pub(super) fn parse(key: &str, modified: u32, size: u64) -> Option<Self> {
        if is_in_storyboard(key) {
            return None;
        }
        let size = u32::try_from(size).unwrap_or(u32::MAX);
        if let Some(name) = key.strip_suffix(".json") {
            return (!name.is_empty()).then(|| Self {
                name: name.to_owned(),
                picture: None,
                modified,
                size,
            });
        }
        let key = ThumbnailKey::parse(key).filter(|key| key.width.is_none())?;
        let format = match key.extension.as_str() {
            "jpg" => Format::Jpg,
            "webp" => Format::Webp,
            _ => Format::Avif,
        };
        Some(Self {
            name: key.name.to_string(),
            picture: Some((u16::try_from(key.number).ok()?, format)),
            modified,
            size,
        })
    }
}

impl Format {
    pub(super) fn extension(self) -> &'static str {
        match self {
            Self::Jpg => "jpg",
            Self::Webp => "webp",
            Self::Avif => "avif",
        }
    }
}

impl Picture {
    /// Its key without the thumbnail prefix.
    pub(super) fn key(&self, name: &str) -> String {
        format!("{name}_{}.{}", self.number, self.format.extension())
    }

    pub(super) fn place(&self, name: &Arc<str>) -> Place {
        Place {
            modified: Reverse(self.modified),
            name: name.clone(),
            number: self.number,
            format: self.format,
        }
    }
}
