//! What the tests of the writers share.

use std::time::Duration;

use super::{Index, Layout, SheetEntry, StoryboardRequest, Tile};
use crate::Origin;

/// Tiles of 10 s with frames at these seconds, two a sheet of 1000 bytes.
pub(super) fn index(frames: &[f64]) -> Index {
    let film = Duration::from_secs(10) * frames.len() as u32;
    let request = StoryboardRequest::new().grid(2, 1);
    let layout = Layout::new(&request, (1920, 1080), film, film).unwrap();
    let tiles = frames.iter().enumerate().map(|(nth, seconds)| {
        let (sheet, x, y) = layout.place(nth);
        Tile {
            sheet,
            x,
            y,
            target: layout.start(nth),
            actual: Duration::from_secs_f64(*seconds),
            origin: Origin::Keyframe,
            iframe: None,
        }
    });
    Index {
        tiles: tiles.collect(),
        sheets: vec![SheetEntry { bytes: 1000 }; layout.sheets()],
        layout,
    }
}
