//! The list of thumbnails: pages from the API, with what is new put before them.

use std::{collections::HashMap, rc::Rc};

use contract::api::Thumbnail;

use super::{
    cells::{Cell, cells, extended},
    filter::{Filter, Sort},
};

/// What comes after the thumbnails that are there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Rest {
    /// Not asked yet: from the newest on.
    #[default]
    Everything,
    /// The page that this cursor leads to.
    Page(String),
    /// Nothing.
    Nothing,
}

/// The list as far as it is loaded, in the order of its filter.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Gallery {
    pub(crate) filter: Filter,
    pub(crate) items: Rc<Vec<Rc<Thumbnail>>>,
    /// The items as they are shown.
    pub(crate) cells: Rc<Vec<Rc<Cell>>>,
    pub(crate) rest: Rest,
    /// Why the next page could not be loaded.
    pub(crate) error: Option<String>,
    /// Counts beginnings, so that an answer to an earlier one is known.
    pub(crate) generation: u32,
    /// Thumbnails are missing: more came at once than are told of, or they are older than those
    /// that were loaded before them, or they were held back.
    pub(crate) has_gap: bool,
    /// The bucket's newest when it was last told.
    newest: Option<String>,
    /// How many the bucket had then.
    total: Option<u64>,
    /// How many the bucket had when the whole list was last found to be shorter: if starting
    /// over does not fix that, it is not retried until another number is told.
    short_of: Option<u64>,
}

impl Gallery {
    /// Starts over with another filter. Where names alone are filtered in another way, what is
    /// there and fits is shown until the first page has come: names change with each letter.
    pub(crate) fn filtered(&self, filter: Filter) -> Self {
        let stays = filter.show == self.filter.show && filter.sort == self.filter.sort;
        let fitting = self
            .items
            .iter()
            .filter(|item| stays && filter.matches(item));
        let items: Vec<_> = fitting.cloned().collect();
        let list = Self {
            filter,
            generation: self.generation + 1,
            ..Self::default()
        };
        list.with_items(items)
    }

    /// Starts over; what is there is shown until the first page has come.
    pub(crate) fn restarted(&self) -> Self {
        Self {
            rest: Rest::Everything,
            error: None,
            generation: self.generation + 1,
            has_gap: false,
            newest: None,
            total: None,
            ..self.clone()
        }
    }

    /// The same list with other items.
    fn with_items(self, items: Vec<Rc<Thumbnail>>) -> Self {
        let same = items.len() == self.items.len()
            && items
                .iter()
                .zip(self.items.iter())
                .all(|(a, b)| Rc::ptr_eq(a, b));
        if same {
            return self;
        }
        Self {
            cells: Rc::new(cells(&items, self.filter.show, &self.cells)),
            items: Rc::new(items),
            ..self
        }
    }

    /// Appends the page that was asked for in `generation`; `next` is the cursor of the one after
    /// it.
    pub(crate) fn with_page(
        &self,
        generation: u32,
        page: Vec<Thumbnail>,
        next: Option<String>,
    ) -> Self {
        if generation != self.generation {
            return self.clone();
        }
        let list = Self {
            rest: next.map_or(Rest::Nothing, Rest::Page),
            error: None,
            ..self.clone()
        };
        if self.rest == Rest::Everything {
            return list.with_items(page.iter().map(|item| self.shared(item)).collect());
        }
        // What is there stays as it is, however much that is.
        let page = page.into_iter().map(Rc::new);
        let (cells, fresh) = extended(&self.cells, page, self.filter.show);
        Self {
            items: Rc::new(self.items.iter().cloned().chain(fresh).collect()),
            cells: Rc::new(cells),
            ..list
        }
    }

    /// Notes that a page of `generation` could not be had.
    pub(crate) fn with_error(&self, generation: u32, error: String) -> Self {
        if generation != self.generation {
            return self.clone();
        }
        Self {
            error: Some(error),
            ..self.clone()
        }
    }

    /// Lets the page be asked for again.
    pub(crate) fn retried(&self) -> Self {
        Self {
            error: None,
            ..self.clone()
        }
    }

    /// Takes over the newest thumbnails of the bucket, which has `total`: new ones are put first,
    /// and what would have to be among them but is not, is gone. With `holds`, new ones are
    /// held back, so that nothing moves under whoever reads further down.
    pub(crate) fn with_newest(&self, newest: &[Thumbnail], total: u64, holds: bool) -> Self {
        // None told of some means that the API could not tell them just now.
        if self.rest == Rest::Everything || (newest.is_empty() && total > 0) {
            return self.clone();
        }
        if self.filter.sort != Sort::Newest && total > 0 {
            return self.with_news_elsewhere(newest, total);
        }
        let whole = newest.len() as u64 >= total;
        let told: HashMap<&str, &Thumbnail> = newest
            .iter()
            .map(|item| (item.key.as_str(), item))
            .collect();
        let oldest = newest.last().filter(|_| !whole);
        let older = |item: &Thumbnail| {
            oldest.is_some_and(|oldest| item.last_modified <= oldest.last_modified)
        };
        let wanted = newest.iter().filter(|item| self.filter.matches(item));
        let mut held = 0;
        let items: Vec<_> = if holds {
            held = wanted.count();
            let kept = self.items.iter().filter_map(|item| {
                if let Some(now) = told.get(item.key.as_str()) {
                    held = held.saturating_sub(1);
                    return Some(if **item == **now {
                        Rc::clone(item)
                    } else {
                        Rc::new((*now).clone())
                    });
                }
                older(item).then(|| Rc::clone(item))
            });
            kept.collect()
        } else {
            let rest = self.items.iter();
            let rest = rest.filter(|item| older(item) && !told.contains_key(item.key.as_str()));
            wanted
                .map(|item| self.shared(item))
                .chain(rest.cloned())
                .collect()
        };
        let rest = if whole {
            Rest::Nothing
        } else {
            self.rest.clone()
        };
        let is_cut_off = !whole
            && self
                .newest
                .as_ref()
                .is_some_and(|key| !told.contains_key(key.as_str()));
        let short_of = if rest == Rest::Nothing && self.filter.is_empty() && held == 0 {
            ((items.len() as u64) < total).then_some(total)
        } else {
            self.short_of
        };
        let is_short = short_of.is_some() && short_of != self.short_of;
        let list = Self {
            rest,
            has_gap: self.has_gap || is_cut_off || is_short || held > 0,
            newest: newest.first().map(|item| item.key.clone()),
            total: Some(total),
            short_of,
            ..self.clone()
        };
        list.with_items(items)
    }

    /// Notes the newest thumbnails in an order other than that of time, in which nobody knows their
    /// places: the list is to start over where they changed.
    fn with_news_elsewhere(&self, newest: &[Thumbnail], total: u64) -> Self {
        let first = newest.first().map(|item| item.key.clone());
        let is_known = self.total.is_none() || (self.total, &self.newest) == (Some(total), &first);
        Self {
            has_gap: self.has_gap || !is_known,
            newest: first,
            total: Some(total),
            ..self.clone()
        }
    }

    /// The copy that is there already, so that what did not change is not drawn again.
    fn shared(&self, item: &Thumbnail) -> Rc<Thumbnail> {
        // The newest are the first.
        let near = self.items.iter().take(512);
        near.into_iter()
            .find(|known| ***known == *item)
            .map_or_else(|| Rc::new(item.clone()), Rc::clone)
    }
}

#[cfg(test)]
mod tests;
