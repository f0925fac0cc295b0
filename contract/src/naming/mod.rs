//! Which keys are videos, and under which keys their pictures live.
//!
//! `uploads/a/b.mp4` becomes `thumbnails/a/b_1.jpg`, `_2`, `_3` and the manifest
//! `thumbnails/a/b.json`; in further widths also `thumbnails/a/b_1_320.jpg` and so on. A cover is
//! `thumbnails/a/b_cover.jpg`, a storyboard `thumbnails/a/b.storyboard/`, a preview
//! `thumbnails/a/b_preview.webp`.
//!
//! Two videos that differ only in their extension want the same names: the second one tries the
//! next of [`Prefixes::candidates`], `thumbnails/a/b.mov_1.jpg`. Whether a name is taken the caller
//! finds out from the object's [`metadata`](crate::metadata).

mod output;
mod video;

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

pub use self::{
    output::{MAX_NUMBER, MIN_RENDITION_WIDTH, OutputName, ThumbnailKey},
    video::{VIDEO_EXTENSIONS, VIDEO_TYPES, video_extension, video_type},
};
use crate::digest;

/// Longest key S3 accepts, in bytes of UTF-8.
pub const MAX_KEY_BYTES: usize = 1024;

/// Room kept for what follows an [`OutputName`]: `_cover_`, a width of four digits, a dot and
/// `webp`.
const SUFFIX_BYTES: usize = 16;

/// The folder below the thumbnail prefix that the [`journal`](crate::journal) has for itself.
pub(crate) const JOURNAL: &str = ".recent";

/// The object below the thumbnail prefix that all instances of the API share. Outputs have longer
/// names.
const SHARED: &str = ".shared";

/// What the names of storyboards' folders end with. No folder of uploads has such a name below the
/// thumbnail prefix.
pub(crate) const STORYBOARD: &str = ".storyboard";

/// A key as the path of a URL, its folders included.
///
/// ```
/// assert_eq!(contract::naming::as_path("uploads/a #1.mp4"), "uploads/a%20%231.mp4");
/// ```
#[must_use]
pub fn as_path(key: &str) -> String {
    /// What a path holds unescaped. Source: RFC 3986, section 2.3.
    const PATH: &AsciiSet = &NON_ALPHANUMERIC
        .remove(b'/')
        .remove(b'-')
        .remove(b'_')
        .remove(b'.')
        .remove(b'~');
    utf8_percent_encode(key, PATH).to_string()
}

/// Whether `key` is that of a file of a storyboard.
///
/// ```
/// assert!(contract::is_in_storyboard("thumbnails/a.storyboard/index.json"));
/// assert!(!contract::is_in_storyboard("thumbnails/a.storyboard"));
/// ```
#[must_use]
pub fn is_in_storyboard(key: &str) -> bool {
    let folder = key.rsplit_once('/').map(|(folder, _)| folder);
    folder.is_some_and(|folder| folder.ends_with(STORYBOARD))
}

fn file_name(key: &str) -> &str {
    key.rsplit_once('/').map_or(key, |(_, name)| name)
}

/// Why a key or a prefix has no place in the naming scheme.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NamingError {
    /// A prefix that cannot be used.
    #[error("prefix {prefix:?}: {reason}")]
    Prefix {
        /// The prefix as given.
        prefix: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The key is not below the upload prefix, or is below the thumbnail prefix.
    #[error("{key:?} is not an upload")]
    NotAnUpload {
        /// The key.
        key: String,
    },
    /// The key does not end in one of [`VIDEO_EXTENSIONS`].
    #[error("{key:?} does not end as a video's name does: {}", VIDEO_EXTENSIONS.join(", "))]
    NotAVideo {
        /// The key.
        key: String,
    },
    /// The keys of the pictures would be longer than S3 allows.
    #[error("{key:?}: the thumbnails' keys would be longer than {MAX_KEY_BYTES} bytes")]
    TooLong {
        /// The key.
        key: String,
    },
}

/// Where uploads are found and thumbnails are put. Both prefixes end in `/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefixes {
    uploads: String,
    thumbnails: String,
}

impl Default for Prefixes {
    /// `uploads/` and `thumbnails/`.
    fn default() -> Self {
        Self {
            uploads: "uploads/".to_owned(),
            thumbnails: "thumbnails/".to_owned(),
        }
    }
}

impl Prefixes {
    /// Checks both prefixes; a missing `/` at the end is added. An empty upload prefix means the
    /// whole bucket except the thumbnails.
    ///
    /// # Errors
    /// [`NamingError::Prefix`] for an empty thumbnail prefix, a leading `/`, an empty, `.` or `..`
    /// segment, or uploads inside the thumbnails (none would ever be processed).
    pub fn new(uploads: &str, thumbnails: &str) -> Result<Self, NamingError> {
        let error = |prefix: &str, reason| NamingError::Prefix {
            prefix: prefix.to_owned(),
            reason,
        };
        if thumbnails.is_empty() {
            return Err(error(thumbnails, "the thumbnail prefix must not be empty"));
        }
        let prefixes = Self {
            uploads: normalise(uploads).map_err(|reason| error(uploads, reason))?,
            thumbnails: normalise(thumbnails).map_err(|reason| error(thumbnails, reason))?,
        };
        if prefixes.uploads.starts_with(&prefixes.thumbnails) {
            return Err(error(
                uploads,
                "the upload prefix must not lie within the thumbnail prefix",
            ));
        }
        Ok(prefixes)
    }

    /// The upload prefix; empty or ending in `/`.
    #[must_use]
    pub fn uploads(&self) -> &str {
        &self.uploads
    }

    /// The thumbnail prefix, ending in `/`.
    #[must_use]
    pub fn thumbnails(&self) -> &str {
        &self.thumbnails
    }

    /// The key of what all instances of the API share: no output has it.
    ///
    /// ```
    /// assert_eq!(contract::Prefixes::default().shared(), "thumbnails/.shared");
    /// ```
    #[must_use]
    pub fn shared(&self) -> String {
        format!("{}{SHARED}", self.thumbnails)
    }

    /// The names that the pictures of `key` may take, in the order to try them: the plain one, one
    /// with the extension, and one with a digest of the key, which no other upload can want.
    ///
    /// # Errors
    /// [`NamingError::NotAnUpload`], [`NamingError::NotAVideo`] or [`NamingError::TooLong`].
    pub fn candidates(&self, key: &str) -> Result<[OutputName; 3], NamingError> {
        let not_an_upload = || NamingError::NotAnUpload {
            key: key.to_owned(),
        };
        if key.starts_with(&self.thumbnails) {
            return Err(not_an_upload());
        }
        let path = key.strip_prefix(&self.uploads).ok_or_else(not_an_upload)?;
        let extension = video_extension(path).ok_or_else(|| NamingError::NotAVideo {
            key: key.to_owned(),
        })?;
        let stem = &path[..path.len() - extension.len() - 1];
        let plain = format!("{}{}", self.thumbnails, without_dot_segments(stem));
        let extended = format!("{plain}.{extension}");
        let unique = format!("{extended}-{}", digest::short(key));
        if unique.len() + SUFFIX_BYTES > MAX_KEY_BYTES {
            return Err(NamingError::TooLong {
                key: key.to_owned(),
            });
        }
        Ok([plain, extended, unique].map(OutputName))
    }
}

fn normalise(prefix: &str) -> Result<String, &'static str> {
    if prefix.is_empty() {
        return Ok(String::new());
    }
    let trimmed = prefix.strip_suffix('/').unwrap_or(prefix);
    if prefix.chars().any(char::is_control) {
        return Err("control characters are not allowed");
    }
    if trimmed.split('/').any(|s| matches!(s, "" | "." | "..")) {
        return Err("empty, '.' and '..' segments are not allowed");
    }
    Ok(format!("{trimmed}/"))
}

/// Escapes `.` and `..`: both are ordinary in S3 keys, but clients that map keys to paths or URLs
/// mishandle them. A first folder of the journal's name, and folders that are named as those of
/// storyboards, are escaped as well.
fn without_dot_segments(path: &str) -> String {
    let folders = path.matches('/').count();
    let segments: Vec<Cow<'_, str>> = path
        .split('/')
        .enumerate()
        .map(|(index, segment)| match segment {
            "." => "%2E".into(),
            ".." => "%2E%2E".into(),
            JOURNAL if index == 0 => "%2Erecent".into(),
            other => match other.strip_suffix(STORYBOARD) {
                Some(before) if index < folders => format!("{before}%2Estoryboard").into(),
                _ => other.into(),
            },
        })
        .collect();
    segments.join("/")
}

#[cfg(test)]
mod tests;
