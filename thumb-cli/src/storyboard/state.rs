//! What folders remember of the storyboard that is in them, so that `--resume` knows it.

use std::{fs, io, path::Path};

use serde::{Deserialize, Serialize};
use thumbcore::storyboard::{Index, Layout, json};

/// What a file of state holds.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct State {
    /// What the storyboard depends on.
    fingerprint: String,
    /// The sheets that are there: an index, as [`json`] writes it.
    index: String,
    /// Bytes of each tile's own picture, where there are such.
    pub(super) single_tiles: Vec<usize>,
}

impl State {
    pub(super) fn new(fingerprint: &str, index: &Index, single_tiles: Vec<usize>) -> Self {
        Self {
            fingerprint: fingerprint.to_owned(),
            index: json::write(index, |nth| index.layout().file_name(nth)),
            single_tiles,
        }
    }

    /// The state in `path`, and the sheets that it knows, if they are of the same storyboard. What
    /// cannot be read is no state: the storyboard is made anew.
    pub(super) fn read(path: &Path, fingerprint: &str, layout: &Layout) -> Option<(Self, Index)> {
        let text = fs::read_to_string(path).ok()?;
        let state: Self = serde_json::from_str(&text).ok()?;
        let (index, _) = json::read(&state.index).ok()?;
        let is_same = state.fingerprint == fingerprint && index.layout() == layout;
        is_same.then_some((state, index))
    }

    pub(super) fn text(&self) -> io::Result<String> {
        Ok(serde_json::to_string(self)?)
    }
}
