//! Light and dark: what the system prefers, until the switch says otherwise; that is remembered.

use web_sys::{MediaQueryList, Storage, Window};
use yew::prelude::*;

const STORED: &str = "theme";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Theme {
    Light,
    Dark,
}

impl Theme {
    fn name(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    pub(crate) fn other(self) -> Self {
        match self {
            Self::Light => Self::Dark,
            Self::Dark => Self::Light,
        }
    }
}

/// The theme, and the switch.
#[hook]
pub(crate) fn use_theme() -> (Theme, Callback<()>) {
    let chosen = use_state(stored);
    let preferred = use_media("(prefers-color-scheme: dark)");
    let theme = chosen.unwrap_or(if preferred { Theme::Dark } else { Theme::Light });
    use_effect_with(*chosen, |chosen| {
        if let (Some(root), Some(theme)) = (root(), chosen) {
            // Only a broken page has no attributes.
            let _ = root.set_attribute("data-theme", theme.name());
        }
    });
    let switch = use_callback((theme, chosen.setter()), |(), (theme, chosen)| {
        let other = theme.other();
        if let Some(storage) = storage() {
            // Where it may not be stored the choice holds for this page.
            let _ = storage.set_item(STORED, other.name());
        }
        chosen.set(Some(other));
    });
    (theme, switch)
}

/// Whether a media query holds, now and later.
#[hook]
pub(crate) fn use_media(query: &'static str) -> bool {
    let holds = use_state(|| list(query).is_some_and(|list| list.matches()));
    {
        let holds = holds.clone();
        use_effect_with(query, move |query| {
            let listener = list(query).map(|list| {
                let target = list.clone();
                gloo_events::EventListener::new(&target, "change", move |_| {
                    holds.set(list.matches());
                })
            });
            move || drop(listener)
        });
    }
    *holds
}

fn list(query: &str) -> Option<MediaQueryList> {
    web_sys::window()?.match_media(query).ok()?
}

fn stored() -> Option<Theme> {
    match storage()?.get_item(STORED).ok()??.as_str() {
        "light" => Some(Theme::Light),
        "dark" => Some(Theme::Dark),
        _ => None,
    }
}

fn storage() -> Option<Storage> {
    web_sys::window()
        .as_ref()
        .map(Window::local_storage)?
        .ok()?
}

fn root() -> Option<web_sys::Element> {
    web_sys::window()?.document()?.document_element()
}
