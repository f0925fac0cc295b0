//! The gallery's current cell: the one that Tab leads to.

use std::rc::Rc;

use super::{cells::Cell, gallery::Gallery};

/// The current cell. Its key finds it again when others come before it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Current {
    pub(crate) index: usize,
    pub(crate) key: String,
}

impl Current {
    /// The cell at `index` of `list`.
    pub(crate) fn at(list: &Gallery, index: usize) -> Self {
        let key = list.cells.get(index).map(|cell| cell.key.clone());
        Self {
            index,
            key: key.unwrap_or_default(),
        }
    }

    /// The cell's index in `list` now; its old index, if the cell is gone.
    pub(crate) fn index_in(&self, list: &Gallery) -> usize {
        let is_current = |cell: &Rc<Cell>| cell.key == self.key;
        if list.cells.get(self.index).is_some_and(is_current) {
            return self.index;
        }
        let last = list.cells.len().saturating_sub(1);
        let moved = list.cells.iter().position(is_current);
        moved.unwrap_or(self.index.min(last))
    }
}

#[cfg(test)]
mod tests {
    use contract::api::Thumbnail;

    use super::*;

    fn list(keys: &[&str]) -> Gallery {
        let page = keys.iter().map(|key| Thumbnail {
            key: (*key).to_owned(),
            url: String::new(),
            expires_at: String::new(),
            frame: None,
            last_modified: String::new(),
            size: 1,
            source_bytes: None,
            bytes_fetched: None,
        });
        Gallery::default().with_page(0, page.collect(), None)
    }

    #[test]
    fn the_current_cell_is_followed_by_its_key() {
        let current = Current::at(&list(&["b", "a"]), 1);
        assert_eq!(current.index_in(&list(&["b", "a"])), 1);
        assert_eq!(current.index_in(&list(&["d", "c", "b", "a"])), 3);
        assert_eq!(current.index_in(&list(&["b"])), 0, "a is gone");
        assert_eq!(current.index_in(&list(&[])), 0);
    }
}
