//! The page's address as the place where someone is: Back, reload and links keep it.

use std::{cell::Cell, rc::Rc};

use gloo_events::EventListener;
use wasm_bindgen::JsValue;
use web_sys::{History, ScrollRestoration};
use yew::prelude::*;

use crate::model::{
    filter::Filter,
    location::{Dialog, Place},
};

/// The state of the history's entries that this page made.
const OURS: &str = "dialog";

/// The place, and ways to another one. The address is read anew for each change: it may be of later
/// than the last drawing.
#[derive(Clone, PartialEq)]
pub(crate) struct Places {
    shown: UseStateHandle<Place>,
    /// The way back was begun, and the browser has not told yet that it is done.
    leaving: Rc<Cell<bool>>,
}

/// The place that the address tells, followed through Back and Forward.
#[hook]
pub(crate) fn use_places() -> Places {
    let places = Places {
        shown: use_state_eq(current),
        leaving: use_memo((), |()| Cell::new(false)),
    };
    {
        let places = places.clone();
        use_effect_with((), move |()| {
            if let Some(history) = history() {
                // The list is shorter at first than it was: the gallery scrolls itself.
                let _ = history.set_scroll_restoration(ScrollRestoration::Manual);
            }
            let listener = web_sys::window().map(|window| {
                EventListener::new(&window, "popstate", move |_| {
                    places.leaving.set(false);
                    places.shown.set(current());
                })
            });
            move || drop(listener)
        });
    }
    places
}

impl Places {
    pub(crate) fn place(&self) -> &Place {
        &self.shown
    }

    /// Opens a dialog, which Back closes. In place of another one it takes that one's entry.
    pub(crate) fn open(&self, dialog: Dialog) {
        let before = current();
        let adds = before.dialog == Dialog::None;
        let place = Place { dialog, ..before };
        if adds {
            write(&place, History::push_state_with_url, &OURS.into());
        } else {
            replace(&place);
        }
        self.shown.set(place);
    }

    /// Closes the dialog.
    pub(crate) fn close(&self) {
        let place = current().behind();
        let is_ours = history().and_then(|history| history.state().ok());
        if is_ours.is_some_and(|state| state == OURS) {
            if !self.leaving.replace(true)
                && let Some(history) = history()
            {
                // Only a page that is not shown refuses.
                let _ = history.back();
            }
        } else {
            replace(&place);
        }
        self.shown.set(place);
    }

    /// Changes the gallery's filter.
    pub(crate) fn filter(&self, change: impl FnOnce(&Filter) -> Filter) {
        let before = current();
        let filter = change(&before.filter);
        let place = Place { filter, ..before };
        replace(&place);
        self.shown.set(place);
    }
}

fn history() -> Option<History> {
    web_sys::window()?.history().ok()
}

/// The place that the address tells now.
pub(crate) fn current() -> Place {
    let query = web_sys::window().and_then(|window| window.location().search().ok());
    Place::parse(&query.unwrap_or_default())
}

/// Gives the present entry another address; what it is stays.
fn replace(place: &Place) {
    let state = history().and_then(|history| history.state().ok());
    let state = state.unwrap_or(JsValue::NULL);
    write(place, History::replace_state_with_url, &state);
}

fn write(
    place: &Place,
    how: fn(&History, &JsValue, &str, Option<&str>) -> Result<(), JsValue>,
    state: &JsValue,
) {
    let path = web_sys::window().and_then(|window| window.location().pathname().ok());
    let url = path.unwrap_or_default() + &place.query();
    if let Some(history) = history() {
        // Browsers refuse what comes too often: the page goes on without.
        let _ = how(&history, state, "", Some(&url));
    }
}
