//! What a storyboard holds.

use std::time::Duration;

use super::{Layout, Sheet};
use crate::{IFrame, Origin};

/// What a storyboard holds: its layout, its sheets and its tiles, of which players' files are
/// written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    pub(super) layout: Layout,
    pub(super) sheets: Vec<SheetEntry>,
    pub(super) tiles: Vec<Tile>,
}

/// One sheet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SheetEntry {
    /// Bytes of the encoded picture.
    pub bytes: usize,
}

/// One tile.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tile {
    /// The number of its sheet.
    pub sheet: usize,
    /// Its left edge on the sheet in pixels.
    pub x: u32,
    /// Its top edge on the sheet in pixels.
    pub y: u32,
    /// When the stretch begins that the tile stands for, from the start of the video.
    pub target: Duration,
    /// The time of the picture, from the start of the video.
    pub actual: Duration,
    /// How the picture was made. A fallback shows the picture of a neighbour, as nothing of the
    /// tile's own stretch could be decoded.
    pub origin: Origin,
    /// The bytes of the video by which a player shows the tile's keyframe, where there are such:
    /// see [`Thumbnail::iframe`](crate::Thumbnail::iframe).
    pub iframe: Option<IFrame>,
}

impl Index {
    /// An index without sheets.
    #[must_use]
    pub fn new(layout: Layout) -> Self {
        Self {
            layout,
            sheets: Vec::new(),
            tiles: Vec::new(),
        }
    }

    /// Adds the next sheet.
    pub fn push(&mut self, sheet: &Sheet) {
        self.sheets.push(SheetEntry {
            bytes: sheet.image.len(),
        });
        self.tiles.extend_from_slice(&sheet.tiles);
    }

    /// Where tiles lie.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The sheets, in order.
    #[must_use]
    pub fn sheets(&self) -> &[SheetEntry] {
        &self.sheets
    }

    /// The tiles, in the order of time.
    #[must_use]
    pub fn tiles(&self) -> &[Tile] {
        &self.tiles
    }

    /// Whether every sheet of the layout is there.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.tiles.len() == self.layout.tiles && self.sheets.len() == self.layout.sheets()
    }

    /// Highest bit rate, in bits a second, of the sheets over the time that each one is for.
    pub(super) fn bandwidth(&self) -> u64 {
        let rates = self.sheets.iter().enumerate().map(|(nth, sheet)| {
            let tiles = self.layout.tiles_of(nth).len().max(1);
            let seconds = self.layout.interval.as_secs_f64() * tiles as f64;
            (sheet.bytes as f64 * 8.0 / seconds).ceil() as u64
        });
        rates.max().unwrap_or(0).max(1)
    }
}
