//! The keys of a video's outputs, written and read.

use std::fmt;

use super::{STORYBOARD, file_name};

/// Most pictures of one video. Their numbers have at most two digits, the widths of further
/// renditions at least three ([`MIN_RENDITION_WIDTH`]): that tells `b_1_320.jpg`, picture 1 of `b`
/// at a width of 320 pixels, from a picture of `b_1`.
pub const MAX_NUMBER: usize = 99;

/// Smallest width, in pixels, of a further rendition; see [`MAX_NUMBER`].
pub const MIN_RENDITION_WIDTH: u32 = 100;

/// The common beginning of the keys of one video's outputs.
///
/// ```
/// let [plain, extended, _] = contract::Prefixes::default().candidates("uploads/a/b.mov")?;
/// assert_eq!(plain.thumbnail(1, "jpg"), "thumbnails/a/b_1.jpg");
/// assert_eq!(plain.rendition(1, 320, "jpg"), "thumbnails/a/b_1_320.jpg");
/// assert_eq!(plain.manifest(), "thumbnails/a/b.json");
/// assert_eq!(plain.storyboard("0.jpg"), "thumbnails/a/b.storyboard/0.jpg");
/// assert_eq!(plain.preview(), "thumbnails/a/b_preview.webp");
/// assert_eq!(extended.thumbnail(1, "jpg"), "thumbnails/a/b.mov_1.jpg");
/// # Ok::<(), contract::NamingError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OutputName(pub(crate) String);

impl OutputName {
    /// The key of picture `number`, from 1 to [`MAX_NUMBER`], in the first of the widths, in a
    /// format with this file extension.
    #[must_use]
    pub fn thumbnail(&self, number: usize, extension: &str) -> String {
        format!("{}_{number}.{extension}", self.0)
    }

    /// The key of the same picture in one of the further widths, in pixels as the setting has them
    /// and at least [`MIN_RENDITION_WIDTH`]. A video narrower than that keeps its own width.
    #[must_use]
    pub fn rendition(&self, number: usize, width: u32, extension: &str) -> String {
        format!("{}_{number}_{width}.{extension}", self.0)
    }

    /// The key of a file of the storyboard.
    #[must_use]
    pub fn storyboard(&self, file: &str) -> String {
        format!("{}{STORYBOARD}/{file}", self.0)
    }

    /// The key of the animated preview.
    #[must_use]
    pub fn preview(&self) -> String {
        format!("{}_preview.webp", self.0)
    }

    /// The key of the film's cover in the first of the widths, and, where a width is given as in
    /// [`rendition`](Self::rendition), in a further one.
    ///
    /// ```
    /// let [name, ..] = contract::Prefixes::default().candidates("uploads/a/b.mov")?;
    /// assert_eq!(name.cover(None, "jpg"), "thumbnails/a/b_cover.jpg");
    /// assert_eq!(name.cover(Some(320), "jpg"), "thumbnails/a/b_cover_320.jpg");
    /// # Ok::<(), contract::NamingError>(())
    /// ```
    #[must_use]
    pub fn cover(&self, width: Option<u32>, extension: &str) -> String {
        match width {
            Some(width) => format!("{}_cover_{width}.{extension}", self.0),
            None => format!("{}_cover.{extension}", self.0),
        }
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
    /// The picture's number, from 1 to [`MAX_NUMBER`].
    pub number: usize,
    /// The width of a further rendition, in pixels as the setting has it; `None` for the picture
    /// in the first width.
    pub width: Option<u32>,
    /// `jpg`, `webp` or `avif`.
    pub extension: String,
}

impl ThumbnailKey {
    /// Reads a key; `None` if it is not that of a picture.
    ///
    /// ```
    /// use contract::ThumbnailKey;
    ///
    /// let key = ThumbnailKey::parse("thumbnails/a/b_2.jpg").unwrap();
    /// assert_eq!((key.number, key.width), (2, None));
    /// assert_eq!(key.name.manifest(), "thumbnails/a/b.json");
    ///
    /// let smaller = ThumbnailKey::parse("thumbnails/a/b_2_320.jpg").unwrap();
    /// assert_eq!((smaller.number, smaller.width), (2, Some(320)));
    /// assert_eq!(smaller.name, key.name);
    /// assert!(ThumbnailKey::parse("thumbnails/a/b.json").is_none());
    /// ```
    #[must_use]
    pub fn parse(key: &str) -> Option<Self> {
        let (path, extension) = key.rsplit_once('.')?;
        if !matches!(extension, "jpg" | "webp" | "avif") {
            return None;
        }
        let (before, last) = path.rsplit_once('_')?;
        let (name, number, width) = if let Some(number) = picture_number(last) {
            (before, number, None)
        } else {
            let (name, number) = before.rsplit_once('_')?;
            let width = decimal(last).filter(|width| *width >= MIN_RENDITION_WIDTH)?;
            (name, picture_number(number)?, Some(width))
        };
        if file_name(name).is_empty() {
            return None;
        }
        Some(Self {
            name: OutputName(name.to_owned()),
            number,
            width,
            extension: extension.to_owned(),
        })
    }
}

fn picture_number(text: &str) -> Option<usize> {
    let number = decimal(text)? as usize;
    (number <= MAX_NUMBER).then_some(number)
}

/// A number from 1, in the one way to write it.
fn decimal(text: &str) -> Option<u32> {
    let canonical = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
    canonical.then_some(text)?.parse().ok()
}
