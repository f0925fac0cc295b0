//! The browser's window around the components: its size, clock, keys, media and storage.

pub(crate) mod dropped;
pub(crate) mod history;

use gloo_events::EventListener;
use wasm_bindgen::{JsCast, prelude::Closure};
use web_sys::{Document, HtmlElement, MediaQueryList, ResizeObserver, Storage, Window};
use yew::prelude::*;

/// Keeps an element's style. A `style` attribute would need a hole in the page's content security
/// policy.
#[hook]
pub(crate) fn use_style(element: &NodeRef, style: String) {
    let element = element.clone();
    use_effect_with(style, move |style| {
        if let Some(element) = element.cast::<HtmlElement>() {
            element.style().set_css_text(style);
        }
    });
}

/// Milliseconds since 1970, again each `every_ms`.
#[hook]
pub(crate) fn use_now(every_ms: u32) -> f64 {
    let now = use_state(js_sys::Date::now);
    {
        let now = now.setter();
        use_effect_with((), move |()| {
            let interval = gloo_timers::callback::Interval::new(every_ms, move || {
                now.set(js_sys::Date::now());
            });
            move || drop(interval)
        });
    }
    *now
}

/// Whether a media query holds, now and later.
#[hook]
pub(crate) fn use_media(query: &'static str) -> bool {
    let holds = use_state_eq(|| matches(query));
    {
        let holds = holds.setter();
        use_effect_with(query, move |query| {
            let listener = media(query).map(|list| {
                let target = list.clone();
                EventListener::new(&target, "change", move |_| holds.set(list.matches()))
            });
            move || drop(listener)
        });
    }
    *holds
}

/// An element's width in pixels, followed; `None` before it is measured.
#[hook]
pub(crate) fn use_width(element: &NodeRef) -> Option<f64> {
    let width = use_state_eq(|| None);
    {
        let (element, width) = (element.clone(), width.setter());
        use_effect_with((), move |()| {
            let element = element.cast::<HtmlElement>();
            let measure = {
                let element = element.clone();
                Closure::<dyn FnMut()>::new(move || {
                    let measured = element.as_ref().map(|e| f64::from(e.client_width()));
                    width.set(measured.filter(|&width| width > 0.0));
                })
            };
            // It tells the first size, too.
            let observer = ResizeObserver::new(measure.as_ref().unchecked_ref()).ok();
            if let (Some(observer), Some(element)) = (&observer, &element) {
                observer.observe(element);
            }
            move || {
                if let Some(observer) = observer {
                    observer.disconnect();
                }
                drop(measure);
            }
        });
    }
    *width
}

/// Whether a media query holds now.
pub(crate) fn matches(query: &str) -> bool {
    media(query).is_some_and(|list| list.matches())
}

fn media(query: &str) -> Option<MediaQueryList> {
    web_sys::window()?.match_media(query).ok()?
}

pub(crate) fn document() -> Option<Document> {
    web_sys::window()?.document()
}

/// Whether nobody sees the page.
pub(crate) fn is_hidden() -> bool {
    document().is_some_and(|document| document.hidden())
}

/// Whether a dialog lies over the page.
pub(crate) fn has_dialog() -> bool {
    let dialog = document().and_then(|document| document.query_selector("dialog[open]").ok()?);
    dialog.is_some()
}

/// The header's first control: where the focus goes when nothing nearer is left.
pub(crate) const FIRST_ACTION: &str = ".top .button.primary";

/// Gives the focus to the first of `selectors` that there is, once what was changed just now is
/// drawn: for a control that goes with what it did.
pub(crate) fn focus_soon<const N: usize>(selectors: [String; N]) {
    gloo_timers::callback::Timeout::new(0, move || {
        let element = document().and_then(|document| {
            let mut found = selectors.iter().map(|s| document.query_selector(s));
            found.find_map(|element| element.ok()?)
        });
        if let Some(element) = element.and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
            // Only a broken page refuses.
            let _ = element.focus();
        }
    })
    .forget();
}

/// The window's height in pixels.
pub(crate) fn height() -> f64 {
    let height = web_sys::window().and_then(|window| window.inner_height().ok()?.as_f64());
    height.unwrap_or(1000.0)
}

/// The page's address.
pub(crate) fn address() -> Option<String> {
    web_sys::window()?.location().href().ok()
}

/// Puts a text on the clipboard; whether the browser lets it.
pub(crate) async fn copy(text: &str) -> bool {
    let Some(window) = web_sys::window().filter(Window::is_secure_context) else {
        return false;
    };
    let written = window.navigator().clipboard().write_text(text);
    wasm_bindgen_futures::JsFuture::from(written).await.is_ok()
}

/// A time in milliseconds since 1970 as the viewer's own clock and language write it, to the
/// second; empty where it is none.
pub(crate) fn local_time(at: f64) -> String {
    if !at.is_finite() {
        return String::new();
    }
    let date = js_sys::Date::new(&at.into());
    String::from(date.to_locale_string("default", &wasm_bindgen::JsValue::UNDEFINED))
}

/// How long ago a time was, in RFC 3339.
pub(crate) fn age(at: &str) -> String {
    let at = js_sys::Date::parse(at);
    crate::model::format::span((js_sys::Date::now() - at) / 1000.0)
}

/// What lasts as long as the tab; `None` where nothing may be stored.
pub(crate) fn session_storage() -> Option<Storage> {
    web_sys::window()
        .as_ref()
        .map(Window::session_storage)?
        .ok()?
}

/// What lasts; `None` where nothing may be stored.
pub(crate) fn local_storage() -> Option<Storage> {
    web_sys::window()
        .as_ref()
        .map(Window::local_storage)?
        .ok()?
}

/// Whether a key was pressed by itself: with others it means something to the browser or to a
/// screen reader.
pub(crate) fn is_alone(event: &KeyboardEvent) -> bool {
    !(event.alt_key() || event.ctrl_key() || event.meta_key() || event.shift_key())
}
