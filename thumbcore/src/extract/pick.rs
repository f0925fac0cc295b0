//! How the frame of a target is chosen.

use std::{fmt, str::FromStr};

use crate::{Error, error::check};

/// Most keyframes that compete for one picture.
const MAX_CANDIDATES: usize = 8;

/// Which of the frames near a position becomes its picture.
///
/// ```
/// use thumbcore::Pick;
///
/// assert_eq!("best".parse::<Pick>()?, Pick::BEST);
/// assert_eq!(Pick::default().to_string(), "nearest");
/// # Ok::<(), thumbcore::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[cfg_attr(sandbox, derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Pick {
    /// The nearest. Where it is blank, or more than half faded to black or white, keyframes on both
    /// sides within the tolerance, and within 5 % of the duration, are tried instead: at most
    /// eight, in two round trips where an index names them. A picture is never refused: where all
    /// are like that, the nearest stays.
    #[default]
    Nearest,
    /// The best by its [`Score`](crate::Score). Keyframes are ranked by the index before anything
    /// is read of them: by their size beside that of their neighbours, which tells their detail,
    /// and by their distance. The foremost are fetched together. Where no index names keyframes,
    /// the two on either side of the position compete. Where the best keyframe is poor, up to four
    /// more are tried, and then pictures between keyframes, within the same distance.
    ///
    /// Beyond what the nearest cost, all of that together takes at most 640 KiB a picture and,
    /// where an index names the keyframes, one round trip: an index that tells no sizes leaves none
    /// for pictures between keyframes. It takes not twice the nearest's work of decoding, so that
    /// fewer keyframes compete where they are large. Small pictures that are poor may take some 80
    /// ms.
    Best {
        /// How far from the position a keyframe may lie, as a fraction of the duration.
        within: f64,
        /// How many keyframes are decoded for a picture at most, 1 to 8, before it turns out to be
        /// poor.
        candidates: usize,
    },
}

impl Pick {
    /// The best of four keyframes within 5 % of the duration.
    pub const BEST: Self = Self::Best {
        within: 0.05,
        candidates: 4,
    };

    /// `"nearest"` or `"best"`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Nearest => "nearest",
            Self::Best { .. } => "best",
        }
    }

    pub(super) fn check(self) -> Result<(), Error> {
        let Self::Best { within, candidates } = self else {
            return Ok(());
        };
        check((0.0..=1.0).contains(&within), "pick", "within: not 0 to 1")?;
        let counts = 1..=MAX_CANDIDATES;
        check(
            counts.contains(&candidates),
            "pick",
            "1 to 8 candidates are needed",
        )
    }
}

impl fmt::Display for Pick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Pick {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "nearest" => Ok(Self::Nearest),
            "best" => Ok(Self::BEST),
            _ => Err(Error::Invalid {
                option: "pick",
                reason: format!("{text:?} is neither nearest nor best"),
            }),
        }
    }
}
