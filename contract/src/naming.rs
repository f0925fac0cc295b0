//! Which keys are videos, and under which keys their pictures live.
//!
//! `uploads/a/b.mp4` becomes `thumbnails/a/b_1.jpg`, `_2`, `_3` and the manifest
//! `thumbnails/a/b.json`. Two videos that differ only in their extension want the same names: the
//! second one tries the next of [`Prefixes::candidates`], `thumbnails/a/b.mov_1.jpg`. Whether a
//! name is taken is for the caller to find out, from the object's [`metadata`](crate::metadata).

use std::fmt;

use crate::{digest, journal::RECENT};

/// The file extensions of the videos the pipeline processes, in lower case.
pub const VIDEO_EXTENSIONS: [&str; 10] = [
    "mp4", "mov", "mkv", "avi", "webm", "wmv", "flv", "m4v", "ts", "3gp",
];

/// Longest key S3 accepts, in bytes of UTF-8.
pub const MAX_KEY_BYTES: usize = 1024;

/// Room kept for what follows an [`OutputName`]: `_`, two digits, a dot and `webp`.
const SUFFIX_BYTES: usize = 8;

/// The extension of `key` as it is written there, if it is one of [`VIDEO_EXTENSIONS`] in any case.
///
/// A name that is nothing but an extension (`.mp4`) is a hidden file and has none.
///
/// ```
/// assert_eq!(contract::video_extension("uploads/Clip.MP4"), Some("MP4"));
/// assert_eq!(contract::video_extension("uploads/notes.txt"), None);
/// ```
#[must_use]
pub fn video_extension(key: &str) -> Option<&str> {
    let (stem, extension) = file_name(key).rsplit_once('.')?;
    let known = VIDEO_EXTENSIONS
        .iter()
        .any(|known| known.eq_ignore_ascii_case(extension));
    (known && !stem.is_empty()).then_some(extension)
}

/// Whether the bucket tells of an object of this key: its extension is that of a video, in lower or
/// in upper case. S3's rules are for suffixes, whose case matters, so that nobody hears of a
/// `.Mp4`.
///
/// ```
/// assert!(contract::is_announced("uploads/a.mp4") && contract::is_announced("uploads/a.MP4"));
/// assert!(!contract::is_announced("uploads/a.Mp4"));
/// ```
#[must_use]
pub fn is_announced(key: &str) -> bool {
    video_extension(key).is_some_and(|extension| {
        let has = |unwanted: fn(&u8) -> bool| extension.as_bytes().iter().any(unwanted);
        !(has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase))
    })
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
    #[error("{key:?} has no supported video extension")]
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
    pub(crate) thumbnails: String,
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

    /// The names that the pictures of `key` may take, in the order to try them: the plain one, one
    /// with the extension, and one with a digest of the key that no other upload will want.
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

/// `.` and `..` are ordinary S3 keys, but no client that maps keys to paths or URLs handles them
/// well, so they are escaped; so is a folder that would be the journal's.
fn without_dot_segments(path: &str) -> String {
    let segments: Vec<&str> = path
        .split('/')
        .enumerate()
        .map(|(index, segment)| match segment {
            "." => "%2E",
            ".." => "%2E%2E",
            RECENT if index == 0 => "%2Erecent",
            other => other,
        })
        .collect();
    segments.join("/")
}

/// The common beginning of the keys of one video's outputs.
///
/// ```
/// let [plain, extended, _] = contract::Prefixes::default().candidates("uploads/a/b.mov")?;
/// assert_eq!(plain.thumbnail(1, "jpg"), "thumbnails/a/b_1.jpg");
/// assert_eq!(plain.manifest(), "thumbnails/a/b.json");
/// assert_eq!(extended.thumbnail(1, "jpg"), "thumbnails/a/b.mov_1.jpg");
/// # Ok::<(), contract::NamingError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OutputName(pub(crate) String);

impl OutputName {
    /// The key of picture `number`, which counts from 1, in a format with this file extension.
    #[must_use]
    pub fn thumbnail(&self, number: usize, extension: &str) -> String {
        format!("{}_{number}.{extension}", self.0)
    }

    /// The key of the manifest.
    #[must_use]
    pub fn manifest(&self) -> String {
        format!("{}.json", self.0)
    }
}

impl fmt::Display for OutputName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A thumbnail's key, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThumbnailKey {
    /// The name it shares with its manifest and the other pictures.
    pub name: OutputName,
    /// Which picture it is, from 1.
    pub number: usize,
    /// `jpg`, `webp` or `avif`.
    pub extension: String,
}

impl ThumbnailKey {
    /// Reads a key; `None` if it is not that of a picture.
    ///
    /// ```
    /// let key = contract::ThumbnailKey::parse("thumbnails/a/b_2.jpg").unwrap();
    /// assert_eq!((key.number, key.name.manifest().as_str()), (2, "thumbnails/a/b.json"));
    /// assert!(contract::ThumbnailKey::parse("thumbnails/a/b.json").is_none());
    /// ```
    #[must_use]
    pub fn parse(key: &str) -> Option<Self> {
        let (path, extension) = key.rsplit_once('.')?;
        if !matches!(extension, "jpg" | "webp" | "avif") {
            return None;
        }
        let (name, number) = path.rsplit_once('_')?;
        let canonical = number.bytes().all(|b| b.is_ascii_digit()) && !number.starts_with('0');
        if !canonical || file_name(name).is_empty() {
            return None;
        }
        Some(Self {
            name: OutputName(name.to_owned()),
            number: number.parse().ok()?,
            extension: extension.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(key: &str) -> String {
        let [plain, ..] = Prefixes::default().candidates(key).unwrap();
        plain.thumbnail(1, "jpg")
    }

    #[test]
    fn names_follow_the_upload() {
        for (key, thumbnail) in [
            ("uploads/b.mp4", "thumbnails/b_1.jpg"),
            ("uploads/a/b.mp4", "thumbnails/a/b_1.jpg"),
            ("uploads/a.b.c.mp4", "thumbnails/a.b.c_1.jpg"),
            ("uploads/B.MP4", "thumbnails/B_1.jpg"),
            ("uploads/my holiday.mkv", "thumbnails/my holiday_1.jpg"),
            ("uploads/ünï/日本 語.ts", "thumbnails/ünï/日本 語_1.jpg"),
            ("uploads/a..b.mp4", "thumbnails/a..b_1.jpg"),
            ("uploads/x_1.3gp", "thumbnails/x_1_1.jpg"),
            ("uploads/../b.mp4", "thumbnails/%2E%2E/b_1.jpg"),
            ("uploads/...mp4", "thumbnails/%2E%2E_1.jpg"),
            ("uploads/.recent/b.mp4", "thumbnails/%2Erecent/b_1.jpg"),
            ("uploads/a/.recent/b.mp4", "thumbnails/a/.recent/b_1.jpg"),
        ] {
            assert_eq!(first(key), thumbnail, "{key}");
        }
    }

    #[test]
    fn all_ten_extensions_in_any_case() {
        for extension in VIDEO_EXTENSIONS {
            for spelling in [extension.to_owned(), extension.to_uppercase()] {
                assert_eq!(
                    first(&format!("uploads/v.{spelling}")),
                    "thumbnails/v_1.jpg"
                );
            }
        }
    }

    #[test]
    fn what_is_no_video_or_no_upload_is_named() {
        let prefixes = Prefixes::default();
        for key in [
            "uploads/notes.txt",
            "uploads/mp4",
            "uploads/.mp4",
            "uploads/dir.mp4/",
            "uploads/",
            "uploads/a.mp4.part",
        ] {
            let error = prefixes.candidates(key).unwrap_err();
            assert!(matches!(error, NamingError::NotAVideo { .. }), "{key}");
            assert!(error.to_string().contains(key), "{error}");
        }
        for key in ["other/a.mp4", "a.mp4", "thumbnails/a.mp4", "uploads.mp4"] {
            let error = prefixes.candidates(key).unwrap_err();
            assert!(matches!(error, NamingError::NotAnUpload { .. }), "{key}");
        }
        let long = format!("uploads/{}.mp4", "x".repeat(992));
        assert!(matches!(
            prefixes.candidates(&long),
            Err(NamingError::TooLong { .. })
        ));
    }

    #[test]
    fn videos_that_differ_in_extension_have_a_way_out() {
        let prefixes = Prefixes::default();
        let mp4 = prefixes.candidates("uploads/b.mp4").unwrap();
        let mov = prefixes.candidates("uploads/b.mov").unwrap();
        assert_eq!(mp4[0], mov[0]);
        assert_eq!(mov[1].thumbnail(3, "webp"), "thumbnails/b.mov_3.webp");
        // `b.mov.mp4` may have taken that one too.
        assert_eq!(prefixes.candidates("uploads/b.mov.mp4").unwrap()[0], mov[1]);
        assert!(mov[2].to_string().starts_with("thumbnails/b.mov-"));
    }

    #[test]
    fn prefixes_are_checked() {
        let prefixes = Prefixes::new("in/videos", "out").unwrap();
        assert_eq!(
            (prefixes.uploads(), prefixes.thumbnails()),
            ("in/videos/", "out/")
        );
        assert_eq!(
            prefixes.candidates("in/videos/a.ts").unwrap()[0].manifest(),
            "out/a.json"
        );

        let everything = Prefixes::new("", "thumbnails/").unwrap();
        assert_eq!(
            everything.candidates("a.ts").unwrap()[0].manifest(),
            "thumbnails/a.json"
        );
        assert!(everything.candidates("thumbnails/a.ts").is_err());

        for (uploads, thumbnails) in [
            ("uploads/", ""),
            ("/uploads", "thumbnails/"),
            ("uploads//", "thumbnails/"),
            ("uploads/", "../thumbnails/"),
            ("uploads/", "a/./b"),
            ("same/", "same"),
            ("thumbnails/uploads/", "thumbnails/"),
            ("a\nb", "thumbnails/"),
        ] {
            assert!(
                Prefixes::new(uploads, thumbnails).is_err(),
                "{uploads:?} {thumbnails:?}"
            );
        }
    }

    #[test]
    fn thumbnail_keys_read_back() {
        for key in [
            "t/b_0.jpg",
            "t/b_01.jpg",
            "t/b_.jpg",
            "t/_1.jpg",
            "t/b_1.png",
            "b",
            "t/b_+1.jpg",
        ] {
            assert_eq!(ThumbnailKey::parse(key), None, "{key}");
        }
    }
}
