//! The formats a picture can be written in.

use std::{fmt, str::FromStr};

use crate::Error;

/// How a picture is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(sandbox, derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum ImageFormat {
    /// JPEG, 4:2:0.
    Jpeg,
    /// Lossy WebP.
    WebP,
    /// AVIF; needs the feature `avif`.
    Avif,
}

impl ImageFormat {
    /// The file extension without a dot: `jpg`, `webp`, `avif`.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::WebP => "webp",
            Self::Avif => "avif",
        }
    }

    /// The media type: `image/jpeg`, `image/webp`, `image/avif`.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::WebP => "image/webp",
            Self::Avif => "image/avif",
        }
    }
}

impl fmt::Display for ImageFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.extension())
    }
}

impl FromStr for ImageFormat {
    type Err = Error;

    fn from_str(s: &str) -> Result<Self, Error> {
        match s {
            "jpg" | "jpeg" => Ok(Self::Jpeg),
            "webp" => Ok(Self::WebP),
            "avif" => Ok(Self::Avif),
            other => Err(Error::Invalid {
                option: "format",
                reason: format!("{other:?} is none of jpg, webp, avif"),
            }),
        }
    }
}
