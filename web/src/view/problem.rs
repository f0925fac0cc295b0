//! What could not be had, and trying again.

use yew::prelude::*;

/// Says `what` went wrong, with a button to try again.
pub(crate) fn problem(what: &str, retry: Callback<MouseEvent>) -> Html {
    html! {
        <p class="problem" role="alert">
            { what }{ " " }
            <button type="button" class="button small" onclick={retry}>{ "Try again" }</button>
        </p>
    }
}
