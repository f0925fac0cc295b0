//! Light and dark: what the system prefers, until the switch says otherwise; that is remembered.

use yew::prelude::*;

use crate::{
    model::theme::Theme,
    page::{document, local_storage, use_media},
};

/// `index.html` reads it, too: before the first paint.
const STORED: &str = "theme";

/// The theme, and the switch.
#[hook]
pub(crate) fn use_theme() -> (Theme, Callback<()>) {
    let chosen = use_state(stored);
    let preferred = use_media("(prefers-color-scheme: dark)");
    let theme = chosen.unwrap_or(if preferred { Theme::Dark } else { Theme::Light });
    use_effect_with(*chosen, |chosen| {
        let root = document().and_then(|document| document.document_element());
        if let (Some(root), Some(theme)) = (root, chosen) {
            // Only a broken page has no attributes.
            let _ = root.set_attribute("data-theme", theme.name());
        }
    });
    let switch = use_callback((theme, chosen.setter()), |(), (theme, chosen)| {
        let other = theme.other();
        if let Some(storage) = local_storage() {
            // Where it may not be stored the choice holds for this page.
            let _ = storage.set_item(STORED, other.name());
        }
        chosen.set(Some(other));
    });
    (theme, switch)
}

fn stored() -> Option<Theme> {
    Theme::named(&local_storage()?.get_item(STORED).ok()??)
}
