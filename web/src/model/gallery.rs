//! The list of thumbnails: pages from the API, with what is new put before them.

use std::{
    collections::{HashMap, HashSet},
    rc::Rc,
};

use contract::api::Thumbnail;

use super::filter::Filter;

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

/// The list as far as it is loaded, newest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Gallery {
    pub(crate) filter: Filter,
    pub(crate) items: Rc<Vec<Rc<Thumbnail>>>,
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
    /// How many the bucket had when the whole list was last found to be shorter: if starting
    /// over does not fix that, it is not retried until another number is told.
    short_of: Option<u64>,
}

impl Gallery {
    /// Starts over with another filter.
    pub(crate) fn filtered(&self, filter: Filter) -> Self {
        Self {
            filter,
            generation: self.generation + 1,
            ..Self::default()
        }
    }

    /// Starts over; what is there is shown until the first page has come.
    pub(crate) fn restarted(&self) -> Self {
        Self {
            rest: Rest::Everything,
            error: None,
            generation: self.generation + 1,
            has_gap: false,
            newest: None,
            ..self.clone()
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
        let items = if self.rest == Rest::Everything {
            page.iter().map(|item| self.shared(item)).collect()
        } else {
            let known: HashSet<&str> = self.items.iter().map(|item| item.key.as_str()).collect();
            let fresh = page
                .into_iter()
                .filter(|item| !known.contains(item.key.as_str()))
                .map(Rc::new);
            self.items.iter().cloned().chain(fresh).collect()
        };
        Self {
            items: Rc::new(items),
            rest: next.map_or(Rest::Nothing, Rest::Page),
            error: None,
            ..self.clone()
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
        let same = items.len() == self.items.len()
            && items
                .iter()
                .zip(self.items.iter())
                .all(|(a, b)| Rc::ptr_eq(a, b));
        Self {
            items: if same {
                Rc::clone(&self.items)
            } else {
                Rc::new(items)
            },
            rest,
            has_gap: self.has_gap || is_cut_off || is_short || held > 0,
            newest: newest.first().map(|item| item.key.clone()),
            short_of,
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
mod tests {
    use super::*;

    fn item(name: &str, frame: u32, second: u32) -> Thumbnail {
        Thumbnail {
            key: format!("thumbnails/{name}.jpg"),
            url: format!("http://s3/{name}"),
            expires_at: "2026-01-01T01:00:00.000Z".to_owned(),
            frame: Some(frame),
            last_modified: format!("2026-01-01T00:00:{second:02}Z"),
            size: 1,
        }
    }

    fn keys(gallery: &Gallery) -> Vec<&str> {
        gallery
            .items
            .iter()
            .map(|item| video_and_number(&item.key))
            .collect()
    }

    fn video_and_number(key: &str) -> &str {
        key.trim_start_matches("thumbnails/")
            .trim_end_matches(".jpg")
    }

    fn loaded() -> Gallery {
        let page = vec![item("b_2", 50, 20), item("b_1", 10, 20), item("a_1", 10, 5)];
        Gallery::default().with_page(0, page, Some("next".to_owned()))
    }

    #[test]
    fn pages_follow_each_other() {
        let gallery = loaded().with_page(0, vec![item("a_1", 10, 5), item("0_1", 10, 1)], None);
        assert_eq!(keys(&gallery), ["b_2", "b_1", "a_1", "0_1"]);
        assert_eq!(gallery.rest, Rest::Nothing);
    }

    #[test]
    fn an_answer_to_an_earlier_filter_is_dropped() {
        let gallery = loaded().filtered(Filter {
            frame: Some(10),
            ..Filter::default()
        });
        assert_eq!(
            gallery.with_page(0, vec![item("x_1", 10, 9)], None),
            gallery
        );
        assert_eq!(gallery.with_error(0, "late".to_owned()), gallery);
        assert!(gallery.with_error(1, "now".to_owned()).error.is_some());
    }

    #[test]
    fn what_is_new_comes_first() {
        let newest = [
            item("c_1", 10, 30),
            item("b_2", 50, 20),
            item("b_1", 10, 20),
        ];
        let gallery = loaded().with_newest(&newest, 100, false);
        assert_eq!(keys(&gallery), ["c_1", "b_2", "b_1", "a_1"]);
        assert_eq!(gallery.rest, Rest::Page("next".to_owned()));
        let again = gallery.with_newest(&newest, 100, false);
        assert!(Rc::ptr_eq(&again.items, &gallery.items), "nothing changed");
    }

    #[test]
    fn what_is_gone_goes() {
        let newest = [item("b_1", 10, 20), item("z_1", 10, 1)];
        let gallery = loaded().with_newest(&newest, 100, false);
        assert_eq!(keys(&gallery), ["b_1", "z_1"]);
        let purged = gallery.with_newest(&[], 0, false);
        assert!(purged.items.is_empty());
        assert_eq!(purged.rest, Rest::Nothing);
    }

    #[test]
    fn a_gap_is_seen_and_closed_by_starting_over() {
        let one = loaded().with_newest(&[item("c_1", 10, 30), item("b_2", 50, 20)], 100, false);
        assert!(!one.has_gap);
        // More than are told of came since.
        let gap = one.with_newest(&[item("f_1", 10, 50), item("e_1", 10, 45)], 104, false);
        assert!(gap.has_gap);
        let again = gap.restarted();
        assert!(!again.has_gap);
        assert_eq!(keys(&again), keys(&gap), "shown until the page comes");
        assert_eq!(again.with_page(0, Vec::new(), None), again, "an old answer");
        let page = vec![
            item("f_1", 10, 50),
            item("e_1", 10, 45),
            item("d_1", 10, 40),
        ];
        let whole = again.with_page(again.generation, page, Some("next".to_owned()));
        assert_eq!(keys(&whole), ["f_1", "e_1", "d_1"]);
    }

    #[test]
    fn what_is_new_is_held_back_from_whoever_reads_further_down() {
        let newest = [item("c_1", 10, 30), item("b_1", 10, 20), item("a_1", 10, 5)];
        let held = loaded().with_newest(&newest, 100, true);
        assert_eq!(keys(&held), ["b_1", "a_1"], "b_2 is gone, c_1 is held");
        assert!(held.has_gap);
        let again = held.with_newest(&newest, 100, true);
        assert!(Rc::ptr_eq(&again.items, &held.items), "nothing moved");
        let unchanged =
            loaded().with_newest(&[item("b_2", 50, 20), item("b_1", 10, 20)], 100, true);
        assert!(!unchanged.has_gap, "nothing is new");
        assert!(
            held.with_newest(&[], 0, true).items.is_empty(),
            "a purge is not held back"
        );
        let all = Gallery::default().with_page(0, vec![item("a_1", 10, 5)], None);
        let newest = [item("b_1", 10, 20), item("a_1", 10, 5)];
        let all = all.with_newest(&newest, 2, true);
        assert_eq!((keys(&all), all.has_gap), (vec!["a_1"], true));
        let page = newest.to_vec();
        let all = all.restarted().with_page(1, page, None);
        let all = all.with_newest(&newest, 2, false);
        assert_eq!((keys(&all), all.has_gap), (vec!["b_1", "a_1"], false));
    }

    #[test]
    fn thumbnails_that_cannot_be_told_are_not_gone() {
        assert_eq!(loaded().with_newest(&[], 3, false), loaded());
    }

    #[test]
    fn what_was_found_late_is_missed() {
        let page = vec![item("b_1", 10, 20), item("a_1", 10, 5)];
        let all = Gallery::default().with_page(0, page, None);
        let newest = [item("b_1", 10, 20)];
        assert!(!all.with_newest(&newest, 2, false).has_gap);
        let short = all.with_newest(&newest, 3, false);
        assert!(short.has_gap);
        // As many are told of as before, but starting over finds no more: one is gone by now.
        let again = short.restarted();
        let page = vec![item("b_1", 10, 20), item("a_1", 10, 5)];
        let again = again.with_page(again.generation, page, None);
        assert!(!again.with_newest(&newest, 3, false).has_gap, "tried once");
        assert!(again.with_newest(&newest, 4, false).has_gap);
        let filter = Filter {
            frame: Some(10),
            ..Filter::default()
        };
        let some = Gallery::default()
            .filtered(filter)
            .with_page(1, Vec::new(), None);
        assert!(
            !some.with_newest(&newest, 3, false).has_gap,
            "nobody knows how many fit the filter"
        );
    }

    #[test]
    fn the_filter_holds_for_what_is_new() {
        let filter = Filter {
            frame: Some(10),
            name: "c".to_owned(),
        };
        let gallery = Gallery::default()
            .filtered(filter)
            .with_page(1, Vec::new(), None);
        let newest = [
            item("c_2", 50, 30),
            item("c_1", 10, 30),
            item("b_1", 10, 20),
        ];
        assert_eq!(keys(&gallery.with_newest(&newest, 3, false)), ["c_1"]);
    }

    #[test]
    fn nothing_is_shown_before_the_first_page() {
        let gallery = Gallery::default().with_newest(&[item("a_1", 10, 1)], 1, false);
        assert!(gallery.items.is_empty());
    }
}
