//! The gallery's list as it grows: page after page from the API, and what is new from the
//! WebSocket.

use std::{cell::RefCell, rc::Rc};

use contract::api::Thumbnail;
use yew::prelude::*;

use super::session::use_session;
use crate::model::{
    filter::Filter,
    gallery::{Gallery, Rest},
};

/// The list, and changing it. Answers come later than the list they were asked for: a change is
/// always made to the newest one.
#[derive(Clone)]
pub(crate) struct Listing {
    shown: UseStateHandle<Gallery>,
    latest: Rc<RefCell<Gallery>>,
}

impl Listing {
    pub(crate) fn list(&self) -> &Gallery {
        &self.shown
    }

    pub(crate) fn change(&self, change: impl FnOnce(&Gallery) -> Gallery) {
        let next = change(&self.latest.borrow());
        if *self.latest.borrow() != next {
            self.latest.replace(next.clone());
            self.shown.set(next);
        }
    }
}

/// What the API tells of the bucket by itself.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct News {
    /// The newest thumbnails.
    pub(crate) newest: Option<Rc<Vec<Thumbnail>>>,
    /// How many thumbnails there are.
    pub(crate) total: u64,
}

/// The list of the bucket's thumbnails that `filter` wants. What is new is put before it, or, with
/// `holds`, held back.
#[hook]
pub(crate) fn use_listing(filter: &Filter, news: News, holds: bool) -> Listing {
    let first = || Gallery::default().filtered(filter.clone());
    let listing = Listing {
        shown: use_state(first),
        latest: use_mut_ref(first),
    };
    {
        let listing = listing.clone();
        use_effect_with(filter.clone(), move |filter| {
            listing.change(|list| {
                if list.filter == *filter {
                    list.clone()
                } else {
                    list.filtered(filter.clone())
                }
            });
        });
    }
    let session = use_session();
    {
        let listing = listing.clone();
        use_effect_with(session.recoveries, move |_| {
            listing.change(Gallery::retried);
        });
    }
    let list = listing.list();
    // Also when the first page is there, or the last: it may have been asked for before the news
    // came.
    let (first, last) = (list.rest == Rest::Everything, list.rest == Rest::Nothing);
    let key = (news, first, last, list.generation);
    {
        let listing = listing.clone();
        use_effect_with(key, move |(news, ..)| {
            if let Some(newest) = &news.newest {
                listing.change(|list| list.with_newest(newest, news.total, holds));
            }
        });
    }
    listing
}

/// Loads the next page while the end of the list is `near`.
#[hook]
pub(crate) fn use_pages(listing: &Listing, near: bool) {
    let session = use_session();
    let asked = use_mut_ref(|| None::<(u32, Rest)>);
    let list = listing.list();
    let wanted = near && list.rest != Rest::Nothing && list.error.is_none();
    let listing = listing.clone();
    let key = (wanted, list.generation, list.rest.clone());
    use_effect_with(key, move |(wanted, generation, rest)| {
        let (generation, rest) = (*generation, rest.clone());
        let question = Some((generation, rest.clone()));
        if !wanted || *asked.borrow() == question {
            return;
        }
        asked.replace(question);
        wasm_bindgen_futures::spawn_local(async move {
            let filter = listing.latest.borrow().filter.clone();
            let cursor = match &rest {
                Rest::Page(cursor) => Some(cursor.as_str()),
                Rest::Everything | Rest::Nothing => None,
            };
            let answer = session.api.thumbnails(&filter, cursor).await;
            asked.replace(None);
            listing.change(|list| match answer {
                Ok(page) => list.with_page(generation, page.thumbnails, page.next),
                Err(error) => list.with_error(generation, error.to_string()),
            });
        });
    });
}
