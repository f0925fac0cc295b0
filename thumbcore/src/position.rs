//! Places in a video, as callers name them.

use std::{fmt, str::FromStr, time::Duration};

use crate::Error;

/// A place in a video.
///
/// ```
/// use std::time::Duration;
/// use thumbcore::Position;
///
/// assert_eq!("10%".parse::<Position>()?, Position::Fraction(0.1));
/// assert_eq!("2.5s".parse::<Position>()?, Position::Time(Duration::from_millis(2500)));
/// # Ok::<(), thumbcore::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(sandbox, derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Position {
    /// A fraction of the duration, 0 to 1.
    Fraction(f64),
    /// A time from the start.
    Time(Duration),
    /// Wherever the most telling frame of the film is, without the first and last 3 %. Several of
    /// these in one request share the film: each is the best of a part of it, in the order of time.
    Best,
}

impl Position {
    /// The time this means in a video of `duration`; a fraction of an unknown duration is 0. The
    /// best frame may be anywhere: the middle stands for it.
    #[must_use]
    pub fn resolve(self, duration: Option<Duration>) -> Duration {
        match self {
            Self::Fraction(fraction) => duration
                .unwrap_or_default()
                .mul_f64(fraction.clamp(0.0, 1.0)),
            Self::Time(time) => time,
            Self::Best => duration.unwrap_or_default() / 2,
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fraction(fraction) => write!(f, "{}%", (fraction * 1e9).round() / 1e7),
            Self::Time(time) => write!(f, "{}s", time.as_secs_f64()),
            Self::Best => f.write_str("best"),
        }
    }
}

impl FromStr for Position {
    type Err = Error;

    fn from_str(s: &str) -> Result<Self, Error> {
        let s = s.trim();
        let invalid = || Error::Invalid {
            option: "position",
            reason: format!("{s:?} is neither a percentage (10%), seconds (2.5s) nor best"),
        };
        if s == "best" {
            return Ok(Self::Best);
        }
        if let Some(percent) = s.strip_suffix('%') {
            let percent: f64 = percent.trim().parse().map_err(|_| invalid())?;
            if (0.0..=100.0).contains(&percent) {
                return Ok(Self::Fraction(percent / 100.0));
            }
            return Err(invalid());
        }
        let seconds: f64 = s
            .strip_suffix('s')
            .unwrap_or(s)
            .parse()
            .map_err(|_| invalid())?;
        Duration::try_from_secs_f64(seconds)
            .map(Self::Time)
            .map_err(|_| invalid())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_that_mean_nothing_are_refused_by_name() {
        for bad in [
            "", "%", "101%", "-1%", "NaN%", "-3s", "abc", "1e400", "infs",
        ] {
            let error = bad.parse::<Position>().unwrap_err();
            assert!(error.to_string().contains(&format!("{bad:?}")), "{error}");
        }
    }

    #[test]
    fn display_reads_back() {
        for text in ["10%", "50%", "95%", "33.3333333%", "2.5s", "0s", "best"] {
            assert_eq!(text.parse::<Position>().unwrap().to_string(), text);
        }
    }
}
