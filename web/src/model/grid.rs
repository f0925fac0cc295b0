//! Which cells of a long grid are in sight. Only those exist in the page.

use std::ops::Range;

/// The measures of a grid of equal cells.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Grid {
    pub(crate) columns: usize,
    /// Width of a cell in pixels, without the gap.
    pub(crate) cell_width: f64,
    /// Height of a cell in pixels, without the gap.
    pub(crate) cell_height: f64,
    pub(crate) gap: f64,
}

impl Grid {
    /// Fits as many columns of at least `least` pixels into `width`; below a picture of 16:9 there
    /// are `caption` pixels of text.
    pub(crate) fn fit(width: f64, least: f64, caption: f64, gap: f64) -> Self {
        let columns = (((width + gap) / (least + gap)).floor() as usize).max(1);
        let cell_width = ((width - gap * (columns - 1) as f64) / columns as f64).max(1.0);
        Self {
            columns,
            cell_width,
            cell_height: (cell_width * 9.0 / 16.0).round() + caption,
            gap,
        }
    }

    /// Height of `count` cells.
    pub(crate) fn height(&self, count: usize) -> f64 {
        let rows = count.div_ceil(self.columns);
        (rows as f64 * self.pitch() - self.gap).max(0.0)
    }

    /// The cells of `count` that are between `top` and `bottom`, and those of the rows next to
    /// them.
    pub(crate) fn visible(&self, count: usize, top: f64, bottom: f64) -> Range<usize> {
        const SPARE_ROWS: f64 = 2.0;
        let first = ((top / self.pitch()).floor() - SPARE_ROWS).max(0.0) as usize;
        let last = ((bottom / self.pitch()).ceil() + SPARE_ROWS).max(0.0) as usize;
        let start = (first * self.columns).min(count);
        start..(last * self.columns).clamp(start, count)
    }

    /// Where a cell lies: its left and its top edge.
    pub(crate) fn place(&self, index: usize) -> (f64, f64) {
        let (row, column) = (index / self.columns, index % self.columns);
        (
            column as f64 * (self.cell_width + self.gap),
            row as f64 * self.pitch(),
        )
    }

    /// The cell that an arrow, Home, End or a page key leads to from `index`; `page` is how many
    /// rows are in sight.
    pub(crate) fn step(&self, index: usize, key: &str, count: usize, page: usize) -> Option<usize> {
        let last = count.checked_sub(1)?;
        let rows = self.columns * page.max(1);
        let to = match key {
            "ArrowLeft" => index.saturating_sub(1),
            "ArrowRight" => index + 1,
            "ArrowUp" => index.checked_sub(self.columns).unwrap_or(index),
            "ArrowDown" => index + self.columns,
            "PageUp" => index.saturating_sub(rows),
            "PageDown" => index + rows,
            "Home" => 0,
            "End" => last,
            _ => return None,
        };
        Some(to.min(last))
    }

    fn pitch(&self) -> f64 {
        self.cell_height + self.gap
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid() -> Grid {
        Grid::fit(1000.0, 190.0, 40.0, 10.0)
    }

    #[test]
    fn columns_fill_the_width() {
        let grid = grid();
        assert_eq!(grid.columns, 5);
        let total = grid.cell_width * 5.0 + grid.gap * 4.0;
        assert!((total - 1000.0).abs() < 1e-9);
        assert_eq!(Grid::fit(10.0, 190.0, 40.0, 10.0).columns, 1);
    }

    #[test]
    fn few_cells_of_many_exist() {
        let grid = grid();
        let count = 100_000;
        let middle = grid.height(count) / 2.0;
        let visible = grid.visible(count, middle, middle + 800.0);
        assert!(visible.len() < 60, "{visible:?}");
        let (_, first) = grid.place(visible.start);
        let (_, last) = grid.place(visible.end - 1);
        assert!(first <= middle && last >= middle + 800.0);
        assert_eq!(grid.visible(count, -500.0, 0.0).start, 0);
        assert_eq!(grid.visible(3, 0.0, 5000.0), 0..3);
        assert_eq!(grid.visible(3, 9000.0, 9500.0), 3..3);
    }

    #[test]
    fn keys_move_within_the_grid() {
        let grid = grid();
        let step = |index, key| grid.step(index, key, 12, 2);
        assert_eq!(step(0, "ArrowLeft"), Some(0));
        assert_eq!(step(3, "ArrowUp"), Some(3));
        assert_eq!(step(3, "ArrowDown"), Some(8));
        assert_eq!(step(8, "ArrowDown"), Some(11));
        assert_eq!(step(0, "PageDown"), Some(10));
        assert_eq!(step(4, "End"), Some(11));
        assert_eq!(step(4, "x"), None);
        assert_eq!(grid.step(0, "End", 0, 2), None);
    }
}
