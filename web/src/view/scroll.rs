//! The place in the gallery, kept through a reload and through leaving the page.

use std::rc::Rc;

use gloo_events::EventListener;
use web_sys::{HtmlElement, ScrollBehavior, ScrollToOptions};
use yew::prelude::*;

use crate::page::{self, document, session_storage};

/// Holds the filter, and how far down the gallery was.
const STORED: &str = "scroll";

/// Keeps the place in the list `frame`, which has a `height` by now, and all of it where it is
/// `whole`; after a reload scrolls there once that much is loaded. Until then: how far the list is
/// wanted, in pixels from its top.
#[hook]
pub(crate) fn use_kept_scroll(frame: &NodeRef, height: f64, whole: bool) -> Option<f64> {
    let wanted = use_state(stored);
    {
        let frame = frame.clone();
        use_effect_with((), move |()| {
            let keep = Rc::new(move || store(&frame));
            let listeners = [
                web_sys::window().map(|window| listen(&window, "pagehide", &keep)),
                document().map(|document| listen(&document, "visibilitychange", &keep)),
            ];
            move || drop(listeners)
        });
    }
    {
        let (frame, wanted) = (frame.clone(), wanted.clone());
        let is_there = wanted.is_some_and(|top| whole || top + page::height() <= height);
        use_effect_with(is_there, move |is_there| {
            if let Some(top) = wanted.filter(|_| *is_there) {
                scroll(&frame, top);
                wanted.set(None);
            }
        });
    }
    wanted.map(|top| top + page::height())
}

fn listen(
    target: &web_sys::EventTarget,
    event: &'static str,
    keep: &Rc<impl Fn() + 'static>,
) -> EventListener {
    let keep = Rc::clone(keep);
    EventListener::new(target, event, move |_| keep())
}

/// The list's address, which another filter does not have.
fn filter() -> String {
    page::history::current().behind().query()
}

fn store(frame: &NodeRef) {
    let (Some(frame), Some(storage)) = (frame.cast::<HtmlElement>(), session_storage()) else {
        return;
    };
    let top = -frame.get_bounding_client_rect().top();
    // Where it may not be stored it is not kept.
    let _ = storage.set_item(STORED, &format!("{top:.0} {}", filter()));
}

/// How far down the gallery was when this page was left; nothing where it was not in sight.
fn stored() -> Option<f64> {
    let stored = session_storage()?.get_item(STORED).ok()??;
    let (top, of) = stored.split_once(' ')?;
    let top: f64 = top.parse().ok()?;
    (of == filter() && top > 0.0).then_some(top)
}

fn scroll(frame: &NodeRef, top: f64) {
    let (Some(frame), Some(window)) = (frame.cast::<HtmlElement>(), web_sys::window()) else {
        return;
    };
    let options = ScrollToOptions::new();
    options.set_top(frame.get_bounding_client_rect().top() + top);
    options.set_behavior(ScrollBehavior::Instant);
    window.scroll_by_with_scroll_to_options(&options);
}
