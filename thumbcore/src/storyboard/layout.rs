//! Where tiles lie, in time and on sheets.

use std::{ops::Range, time::Duration};

use super::request::{MAX_TILES, Spacing, StoryboardRequest};
use crate::{Error, ImageFormat, error::check};

/// A last stretch shorter than a tenth of the others, and than this, belongs to the one before: it
/// may have no frame.
const SHORTEST: Duration = Duration::from_millis(100);

/// Most pixels of a sheet: 32 Mi, 100 tiles of 568 x 568.
const MAX_SHEET_PIXELS: u64 = 32 << 20;
/// Longest side of a sheet in pixels: what `WebP` can hold, the least of the formats.
const MAX_SHEET_SIDE: u32 = 16_383;

/// Where the tiles of a storyboard lie, in time and on sheets.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Layout {
    /// Width of a tile in pixels, even.
    pub tile_width: u32,
    /// Height of a tile in pixels, even.
    pub tile_height: u32,
    /// Tiles in a row of a sheet.
    pub columns: u32,
    /// Rows of a sheet.
    pub rows: u32,
    /// Length of the stretch that a tile stands for, in whole microseconds.
    pub interval: Duration,
    /// Number of tiles, at least 1.
    pub tiles: usize,
    /// Duration of the video.
    pub duration: Duration,
    /// Format of the sheets.
    pub format: ImageFormat,
}

impl Layout {
    /// The layout of `request` for a video shown at `width` x `height`, whose pictures last `film`
    /// and which lasts `duration` in all.
    pub(super) fn new(
        request: &StoryboardRequest,
        (width, height): (u32, u32),
        film: Duration,
        duration: Duration,
    ) -> Result<Self, Error> {
        let micros = |duration: Duration| duration.as_micros() as u64;
        let interval_us = match request.spacing {
            Spacing::Interval(interval) => micros(interval),
            Spacing::Count(count) => micros(film) / count as u64,
        };
        // A film of no length has one tile.
        let interval_us = interval_us.max(1);
        let tiles = match request.spacing {
            Spacing::Interval(_) => count(micros(film), interval_us),
            Spacing::Count(count) => count,
        };
        check(
            tiles <= MAX_TILES,
            "interval",
            "gives more than 100,000 tiles",
        )?;
        let even = |side: u32| (side & !1).max(2);
        let tile_width = even(request.tile_width.min(width));
        let scaled = f64::from(height) * f64::from(tile_width) / f64::from(width.max(1));
        let layout = Self {
            tile_width,
            tile_height: ((scaled / 2.0).round() as u32 * 2).max(2),
            columns: request.columns,
            rows: request.rows,
            interval: Duration::from_micros(interval_us),
            tiles,
            duration: duration.max(film),
            format: request.format,
        };
        let (width, height) = (
            u64::from(tile_width) * u64::from(request.columns),
            u64::from(layout.tile_height) * u64::from(request.rows),
        );
        let fits =
            width.max(height) <= u64::from(MAX_SHEET_SIDE) && width * height <= MAX_SHEET_PIXELS;
        check(
            fits,
            "grid",
            "a sheet would have more than 16,383 pixels a side or 32 Mi in all",
        )?;
        Ok(layout)
    }

    /// Number of sheets.
    #[must_use]
    pub fn sheets(&self) -> usize {
        self.tiles.div_ceil(self.tiles_a_sheet())
    }

    /// Tiles of a full sheet.
    #[must_use]
    pub fn tiles_a_sheet(&self) -> usize {
        (self.columns * self.rows).max(1) as usize
    }

    /// Numbers of the tiles of a sheet; none where there is no such sheet.
    #[must_use]
    pub fn tiles_of(&self, sheet: usize) -> Range<usize> {
        let each = self.tiles_a_sheet();
        let start = sheet.saturating_mul(each).min(self.tiles);
        start..start.saturating_add(each).min(self.tiles)
    }

    /// Width and height of every sheet in pixels. The last one is padded with black.
    #[must_use]
    pub fn sheet_size(&self) -> (u32, u32) {
        (self.tile_width * self.columns, self.tile_height * self.rows)
    }

    /// The sheet of a tile, and the tile's left and top edge there in pixels.
    #[must_use]
    pub fn place(&self, tile: usize) -> (usize, u32, u32) {
        let each = self.tiles_a_sheet();
        let (column, row) = (
            (tile % each) as u32 % self.columns,
            (tile % each) as u32 / self.columns,
        );
        (
            tile / each,
            column * self.tile_width,
            row * self.tile_height,
        )
    }

    /// When the stretch of a tile begins, from the start of the video.
    #[must_use]
    pub fn start(&self, tile: usize) -> Duration {
        let tile = u32::try_from(tile).unwrap_or(u32::MAX);
        self.interval.saturating_mul(tile)
    }

    /// When the stretch of a tile ends. The last one's ends with the video.
    #[must_use]
    pub fn end(&self, tile: usize) -> Duration {
        let end = self.start(tile.saturating_add(1));
        if tile + 1 >= self.tiles {
            end.max(self.duration)
        } else {
            end
        }
    }

    /// The time in the middle of a tile's stretch, as long as others are.
    pub(super) fn middle(&self, tile: usize) -> Duration {
        let half = Duration::from_micros((self.interval.as_micros() / 2) as u64);
        self.start(tile) + half
    }

    /// The file name of a sheet: `0.jpg`, `1.jpg`, and so on.
    #[must_use]
    pub fn file_name(&self, sheet: usize) -> String {
        format!("{sheet}.{}", self.format)
    }
}

/// Stretches of `interval_us` in `film_us`, the last of which may be shorter.
fn count(film_us: u64, interval_us: u64) -> usize {
    let (whole, rest) = (film_us / interval_us, film_us % interval_us);
    let shortest = (interval_us / 10).min(SHORTEST.as_micros() as u64);
    let is_stretch = rest >= shortest.max(1);
    (whole + u64::from(is_stretch)).max(1) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(request: &StoryboardRequest, film: f64) -> Layout {
        let film = Duration::from_secs_f64(film);
        Layout::new(request, (1920, 1080), film, film).unwrap()
    }

    #[test]
    fn tiles_lie_row_by_row_on_sheets_of_one_size() {
        let layout = layout(&StoryboardRequest::new(), 1234.0);
        assert_eq!((layout.tiles, layout.sheets()), (124, 2));
        assert_eq!(layout.sheet_size(), (3200, 1800));
        assert_eq!(layout.tiles_of(1), 100..124);
        assert_eq!(layout.tiles_of(2), 124..124);
        assert_eq!(layout.place(0), (0, 0, 0));
        assert_eq!(layout.place(99), (0, 2880, 1620));
        assert_eq!(layout.place(112), (1, 640, 180));
        assert_eq!(layout.start(123), Duration::from_secs(1230));
        assert_eq!(layout.end(123), Duration::from_secs(1240));
        assert_eq!(layout.file_name(1), "1.jpg");
    }

    #[test]
    fn a_rest_that_may_hold_no_frame_is_no_stretch() {
        let every_ten = StoryboardRequest::new();
        for (film, tiles) in [
            (0.0, 1),
            (9.0, 1),
            (10.0, 1),
            (10.05, 1),
            (10.1, 2),
            (20.0, 2),
        ] {
            assert_eq!(layout(&every_ten, film).tiles, tiles, "{film}");
        }
        let short = StoryboardRequest::new().interval(Duration::from_millis(100));
        assert_eq!(layout(&short, 1.005).tiles, 10);
        assert_eq!(layout(&short, 1.02).tiles, 11);
        let five = layout(&StoryboardRequest::new().count(5), 7.0);
        assert_eq!(
            (five.tiles, five.interval),
            (5, Duration::from_millis(1400))
        );
    }

    #[test]
    fn sides_are_even_and_nothing_is_enlarged() {
        let size = |shown, width| {
            let request = StoryboardRequest::new().tile_width(width);
            let second = Duration::from_secs(1);
            let layout = Layout::new(&request, shown, second, second)?;
            Ok::<_, Error>((layout.tile_width, layout.tile_height))
        };
        assert_eq!(size((1998, 1080), 320).unwrap(), (320, 172));
        assert_eq!(size((161, 91), 320).unwrap(), (160, 90));
        assert_eq!(size((1080, 1920), 321).unwrap(), (320, 568));
        let error = size((1080, 19_200), 320).unwrap_err();
        assert!(error.to_string().contains("grid"), "{error}");
    }
}
