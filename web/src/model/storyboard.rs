//! A storyboard as the API tells it: which part of which sheet shows what lies at a time.

use serde::Deserialize;

/// The storyboard of a video.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Storyboard {
    /// Of every tile, in pixels.
    pub(crate) tile: Size,
    grid: Grid,
    pub(crate) sheets: Vec<Sheet>,
    /// In the order of their times.
    pub(crate) tiles: Vec<Tile>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) struct Size {
    pub(crate) width: u32,
    pub(crate) height: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
struct Grid {
    columns: u32,
    rows: u32,
}

/// A picture of many tiles.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Sheet {
    /// Its URL.
    pub(crate) file: String,
}

/// What stands for a stretch of the video.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub(crate) struct Tile {
    pub(crate) sheet: usize,
    /// Its left edge on the sheet, in pixels.
    pub(crate) x: u32,
    /// Its top edge on the sheet, in pixels.
    pub(crate) y: u32,
    /// When the stretch begins, in seconds.
    target_s: f64,
    /// The time of the picture, in seconds.
    pub(crate) actual_s: f64,
}

impl Storyboard {
    /// Of a sheet, in pixels.
    pub(crate) fn sheet_size(&self) -> Size {
        Size {
            width: self.tile.width * self.grid.columns,
            height: self.tile.height * self.grid.rows,
        }
    }

    /// The tile of what is shown at `seconds`.
    pub(crate) fn at(&self, seconds: f64) -> Option<&Tile> {
        let begun = self.tiles.partition_point(|tile| tile.target_s <= seconds);
        self.tiles.get(begun.saturating_sub(1))
    }

    /// The tile under a pointer that is at this share of a picture's width.
    pub(crate) fn at_share(&self, share: f64) -> Option<&Tile> {
        let nth = (share.clamp(0.0, 1.0) * self.tiles.len() as f64) as usize;
        self.tiles.get(nth.min(self.tiles.len().checked_sub(1)?))
    }

    /// At most `count` tiles, evenly spread.
    pub(crate) fn spread(&self, count: usize) -> Vec<&Tile> {
        let count = count.min(self.tiles.len());
        let shares = (0..count).map(|nth| (nth as f64 + 0.5) / count as f64);
        shares.filter_map(|share| self.at_share(share)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn storyboard(tiles: u32) -> Storyboard {
        let tiles: Vec<_> = (0..tiles)
            .map(|nth| {
                serde_json::json!({"sheet": nth / 4, "x": nth % 2 * 64, "y": nth % 4 / 2 * 36,
                    "target_s": nth * 2, "actual_s": nth * 2 + 1, "origin": "keyframe"})
            })
            .collect();
        serde_json::from_value(serde_json::json!({
            "version": 1, "tile": {"width": 64, "height": 36}, "grid": {"columns": 2, "rows": 2},
            "interval_s": 2.0, "duration_s": 10.0, "format": "jpg", "count": tiles.len(),
            "sheets": [{"file": "0.jpg", "bytes": 1}, {"file": "1.jpg", "bytes": 1}],
            "tiles": tiles,
        }))
        .unwrap()
    }

    #[test]
    fn a_time_has_the_tile_of_its_stretch() {
        let storyboard = storyboard(5);
        let at = |seconds| storyboard.at(seconds).map(|tile| tile.actual_s);
        for (seconds, actual) in [(0.0, 1.0), (1.99, 1.0), (2.0, 3.0), (9.0, 9.0), (99.0, 9.0)] {
            assert_eq!(at(seconds), Some(actual), "{seconds}");
        }
        assert_eq!(at(-1.0), Some(1.0));
        let size = storyboard.sheet_size();
        assert_eq!((size.width, size.height), (128, 72));
    }

    #[test]
    fn a_pointer_passes_every_tile() {
        let storyboard = storyboard(5);
        let at = |share| storyboard.at_share(share).map(|tile| tile.actual_s);
        for (share, actual) in [(-1.0, 1.0), (0.0, 1.0), (0.5, 5.0), (1.0, 9.0), (2.0, 9.0)] {
            assert_eq!(at(share), Some(actual), "{share}");
        }
        let spread: Vec<_> = storyboard.spread(2).iter().map(|it| it.actual_s).collect();
        assert_eq!(spread, [3.0, 7.0]);
        assert_eq!(storyboard.spread(9).len(), 5);
    }

    #[test]
    fn without_tiles_there_is_nothing_to_show() {
        let empty = storyboard(0);
        assert!(empty.at(1.0).is_none() && empty.at_share(0.5).is_none());
        assert!(empty.spread(3).is_empty());
    }
}
