//! A person's choice of a picture, in place of the worker's.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{Manifest, ManifestThumbnail, Origin};

/// A person's choice of a picture. It holds for the version of the video that it was made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ManifestChoice {
    /// The time that was chosen, in seconds from the start: the picture that is shown then.
    pub time_s: f64,
    /// Who chose, as the API's audit log names people.
    pub by: String,
    /// When: RFC 3339, UTC, to the millisecond.
    pub at: String,
    /// What the worker has taken; undoing the choice takes it again.
    pub instead_of: ManifestPick,
}

/// What a worker has taken where a person has chosen something else.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ManifestPick {
    /// The time of the picture, in seconds from the start.
    pub actual_s: f64,
    /// How it was found.
    pub origin: Origin,
    /// How good it is as a thumbnail, 0 to 1; left out by workers that did not judge.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub score: Option<f64>,
}

/// Which picture of a video: `1`, `2`, … or `cover`.
///
/// ```
/// use contract::PictureName;
///
/// assert_eq!("2".parse(), Ok(PictureName::Number(2)));
/// assert_eq!("cover".parse(), Ok(PictureName::Cover));
/// assert!("0".parse::<PictureName>().is_err() && "+1".parse::<PictureName>().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PictureName {
    /// The picture with this number, from 1.
    Number(usize),
    /// The film's cover.
    Cover,
}

/// A text that names no picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("pictures are called 1, 2, … or cover")]
pub struct NoPictureName;

impl FromStr for PictureName {
    type Err = NoPictureName;

    fn from_str(text: &str) -> Result<Self, NoPictureName> {
        if text == "cover" {
            return Ok(Self::Cover);
        }
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
        let number = is_number.then(|| text.parse().ok()).flatten();
        number.map(Self::Number).ok_or(NoPictureName)
    }
}

impl fmt::Display for PictureName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Cover => f.write_str("cover"),
        }
    }
}

impl ManifestThumbnail {
    /// Tells what a person has chosen from what was under the same key before; `None` for the
    /// worker's own picture.
    #[must_use]
    pub fn revision(&self) -> Option<String> {
        let digits =
            |choice: &ManifestChoice| choice.at.chars().filter(char::is_ascii_digit).collect();
        self.choice.as_ref().map(digits)
    }

    /// What the worker has taken, whether or not a person has chosen something else.
    #[must_use]
    pub fn workers_pick(&self) -> ManifestPick {
        let own = ManifestPick {
            actual_s: self.actual_s,
            origin: self.origin,
            score: self.score,
        };
        self.choice.as_ref().map_or(own, |choice| choice.instead_of)
    }
}

impl Manifest {
    /// The pictures with their names, the cover last.
    pub fn pictures(&self) -> impl Iterator<Item = (PictureName, &ManifestThumbnail)> {
        let numbered = self.thumbnails.iter().zip(1..);
        let numbered = numbered.map(|(picture, number)| (PictureName::Number(number), picture));
        numbered.chain(self.cover.iter().map(|cover| (PictureName::Cover, cover)))
    }

    /// The picture of this name.
    #[must_use]
    pub fn picture(&self, name: PictureName) -> Option<&ManifestThumbnail> {
        self.pictures()
            .find_map(|(other, picture)| (other == name).then_some(picture))
    }

    /// The picture of this name, to be changed.
    pub fn picture_mut(&mut self, name: PictureName) -> Option<&mut ManifestThumbnail> {
        match name {
            PictureName::Number(number) => self.thumbnails.get_mut(number.checked_sub(1)?),
            PictureName::Cover => self.cover.as_mut(),
        }
    }

    /// Whether every picture is the one that the manifest describes.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.pictures().all(|(_, picture)| !picture.pending)
    }
}
