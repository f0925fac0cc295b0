//! Which pictures, and how they are made.

use super::{pick::Pick, tiling::Tiling};
use crate::{Error, ImageFormat, Position, error::check};

/// Most positions of one request.
const MAX_POSITIONS: usize = 200;
/// Most widths of one request.
const MAX_WIDTHS: usize = 16;
/// Widest picture, in pixels.
const MAX_WIDTH: u32 = 16_384;

/// Which pictures are wanted, and how they are made.
///
/// The defaults are 10, 50 and 95 %, at most 640 pixels wide, JPEG at quality 85, of the nearest
/// keyframe. Options are checked when the request is used, or by [`check`](Self::check).
///
/// ```
/// use thumbcore::{ImageFormat, Position, Request};
///
/// let request = Request::new()
///     .positions([Position::Fraction(0.5)])
///     .widths([640, 320])
///     .format(ImageFormat::WebP);
/// assert!(request.check().is_ok());
/// assert!(request.quality(0).check().is_err());
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(sandbox, derive(serde::Serialize, serde::Deserialize))]
pub struct Request {
    pub(super) positions: Vec<Position>,
    pub(super) widths: Vec<u32>,
    pub(super) format: ImageFormat,
    pub(super) quality: u8,
    pub(super) exact: bool,
    pub(super) tolerance: f64,
    pub(super) pick: Pick,
    /// The pictures become the tiles of a sheet.
    pub(super) tiling: Option<Tiling>,
}

impl Default for Request {
    fn default() -> Self {
        Self {
            positions: vec![
                Position::Fraction(0.10),
                Position::Fraction(0.50),
                Position::Fraction(0.95),
            ],
            widths: vec![640],
            format: ImageFormat::Jpeg,
            quality: 85,
            exact: false,
            tolerance: 0.05,
            pick: Pick::Nearest,
            tiling: None,
        }
    }
}

impl Request {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Where to take pictures, one each: 1 to 200 positions, each of which may cost a request or
    /// two.
    #[must_use]
    pub fn positions(mut self, positions: impl IntoIterator<Item = Position>) -> Self {
        self.positions = positions.into_iter().collect();
        self
    }

    /// The widest that pictures may be, in pixels: 1 to 16 different widths. Each picture is
    /// decoded once and rendered in each width, in this order; a narrower video is never enlarged.
    #[must_use]
    pub fn widths(mut self, pixels: impl IntoIterator<Item = u32>) -> Self {
        self.widths = pixels.into_iter().collect();
        self
    }

    /// The pictures' format.
    #[must_use]
    pub fn format(mut self, format: ImageFormat) -> Self {
        self.format = format;
        self
    }

    /// Quality from 1 to 100.
    #[must_use]
    pub fn quality(mut self, quality: u8) -> Self {
        self.quality = quality;
        self
    }

    /// Decode forward to the exact time instead of taking the nearest keyframe. Costs the packets
    /// from the keyframe before to the target. Where that is more than the budgets of
    /// [`Limits`](crate::Limits) allow, the picture is another one, whose
    /// [`origin`](super::Thumbnail::origin) says so; more packets than
    /// [`Limits::max_packets`](crate::Limits::max_packets) are an error.
    #[must_use]
    pub fn exact(mut self, exact: bool) -> Self {
        self.exact = exact;
        self
    }

    /// How far a keyframe may lie from its target, as a fraction of the duration (default 0.05),
    /// before the video is decoded forward to the target instead. With 1.0 the nearest keyframe
    /// always does: the cheapest picture there is.
    #[must_use]
    pub fn tolerance(mut self, fraction: f64) -> Self {
        self.tolerance = fraction;
        self
    }

    /// Which frame near a position becomes its picture. An exact time leaves nothing to choose, so
    /// [`exact`](Self::exact) goes with [`Pick::Nearest`] only.
    #[must_use]
    pub fn pick(mut self, pick: Pick) -> Self {
        self.pick = pick;
        self
    }

    /// Makes tiles, which are left as planes: see [`Tiling`].
    #[must_use]
    pub(crate) fn tiling(mut self, tiling: Tiling) -> Self {
        self.widths = vec![tiling.tile.0];
        self.tiling = Some(tiling);
        self
    }

    /// Checks the options.
    ///
    /// # Errors
    /// [`Error::Invalid`] names the option that is wrong.
    pub fn check(&self) -> Result<(), Error> {
        let count = self.positions.len();
        let counts = 1..=MAX_POSITIONS;
        check(counts.contains(&count), "positions", "1 to 200 are needed")?;
        let fractions_are_valid = self.positions.iter().all(|position| match position {
            Position::Fraction(fraction) => (0.0..=1.0).contains(fraction),
            Position::Time(_) | Position::Best => true,
        });
        check(
            fractions_are_valid,
            "positions",
            "a fraction lies outside 0 to 1",
        )?;
        check(
            cfg!(feature = "avif") || self.format != ImageFormat::Avif,
            "format",
            "avif: built without the feature",
        )?;
        self.check_widths()?;
        self.pick.check()?;
        check(
            !self.exact || self.pick == Pick::Nearest,
            "pick",
            "an exact time leaves nothing to choose",
        )?;
        check(
            !self.exact || !self.positions.contains(&Position::Best),
            "positions",
            "the best frame has no exact time",
        )?;
        let has_quality = (1..=100).contains(&self.quality);
        check(has_quality, "quality", "not within 1 to 100")?;
        let has_tolerance = (0.0..=1.0).contains(&self.tolerance);
        check(has_tolerance, "tolerance", "not within 0 to 1")
    }

    /// The tolerance in microseconds, in a video of `duration_us`.
    pub(super) fn tolerance_us(&self, duration_us: Option<i64>) -> u64 {
        if let Some(tiling) = &self.tiling {
            return tiling.tolerance_us();
        }
        if self.tolerance >= 1.0 {
            return u64::MAX;
        }
        (duration_us.unwrap_or(0) as f64 * self.tolerance) as u64
    }

    fn check_widths(&self) -> Result<(), Error> {
        let count = self.widths.len();
        let counts = 1..=MAX_WIDTHS;
        check(counts.contains(&count), "widths", "1 to 16 are needed")?;
        let are_widths = self
            .widths
            .iter()
            .all(|width| (1..=MAX_WIDTH).contains(width));
        check(are_widths, "widths", "not within 1 to 16384")?;
        let mut sorted = self.widths.clone();
        sorted.sort_unstable();
        sorted.dedup();
        check(sorted.len() == count, "widths", "one is given twice")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_option_is_named() {
        let refused = |request: Request| match request.check() {
            Err(Error::Invalid { option, .. }) => option,
            result => panic!("{result:?}"),
        };
        let default = Request::new;
        assert!(default().check().is_ok());
        assert_eq!(refused(default().positions([])), "positions");
        let far = [Position::Fraction(1.5)];
        assert_eq!(refused(default().positions(far)), "positions");
        assert_eq!(refused(default().widths([])), "widths");
        assert_eq!(refused(default().widths([640, 0])), "widths");
        assert_eq!(refused(default().widths([640, 320, 640])), "widths");
        assert_eq!(refused(default().quality(101)), "quality");
        assert_eq!(refused(default().tolerance(f64::NAN)), "tolerance");
        assert_eq!(refused(default().pick(Pick::BEST).exact(true)), "pick");
        let best = |within, candidates| Pick::Best { within, candidates };
        assert_eq!(refused(default().pick(best(1.5, 4))), "pick");
        assert_eq!(refused(default().pick(best(0.1, 9))), "pick");
        let cover = default().positions([Position::Best]);
        assert_eq!(refused(cover.exact(true)), "positions");
    }
}
