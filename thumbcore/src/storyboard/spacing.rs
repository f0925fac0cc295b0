//! How tiles are spread over time and sheets, as people write it.

use std::{fmt, str::FromStr, time::Duration};

use crate::Error;

/// The time between two tiles, read from seconds with or without an `s`.
///
/// ```
/// use std::time::Duration;
/// use thumbcore::storyboard::Interval;
///
/// let interval: Interval = "2.5s".parse()?;
/// assert_eq!(interval, Interval(Duration::from_millis(2500)));
/// # Ok::<(), thumbcore::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval(pub Duration);

impl FromStr for Interval {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let seconds = text.strip_suffix('s').unwrap_or(text).parse().ok();
        let interval = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        interval.map(Self).ok_or_else(|| Error::Invalid {
            option: "interval",
            reason: format!("{text:?} is not seconds, as in 10s or 2.5s"),
        })
    }
}

/// Columns and rows of a sheet, written `10x10`.
///
/// ```
/// use thumbcore::storyboard::Grid;
///
/// let grid: Grid = "10x5".parse()?;
/// assert_eq!((grid.columns, grid.rows), (10, 5));
/// # Ok::<(), thumbcore::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    /// Tiles in a row.
    pub columns: u32,
    /// Rows of a sheet.
    pub rows: u32,
}

impl fmt::Display for Grid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.columns, self.rows)
    }
}

impl FromStr for Grid {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let sides = text.split_once('x').and_then(|(columns, rows)| {
            Some(Self {
                columns: columns.parse().ok()?,
                rows: rows.parse().ok()?,
            })
        });
        sides.ok_or_else(|| Error::Invalid {
            option: "grid",
            reason: format!("{text:?} is not columns and rows, as in 10x10"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_neither_time_nor_grid_is_named() {
        for text in ["", "soon", "-1s", "1m", "inf"] {
            let error = text.parse::<Interval>().unwrap_err().to_string();
            assert!(error.contains(&format!("{text:?}")), "{error}");
        }
        for text in ["", "10", "10x", "x10", "10x10x10", "-1x1"] {
            let error = text.parse::<Grid>().unwrap_err().to_string();
            assert!(error.contains(&format!("{text:?}")), "{error}");
        }
        assert_eq!("4x3".parse::<Grid>().unwrap().to_string(), "4x3");
    }
}
