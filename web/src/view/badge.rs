//! LIVE or DOWN, and how old the data is.

use yew::prelude::*;

use crate::{
    model::{format, state::Link},
    page::use_now,
};

#[derive(Properties, PartialEq)]
pub(crate) struct Props {
    pub(crate) link: Link,
    pub(crate) data_at: Option<f64>,
}

#[component]
pub(crate) fn Badge(props: &Props) -> Html {
    let now = use_now(1000);
    let (state, word, reason) = match &props.link {
        Link::Connecting => ("connecting", "…", "connecting to the API".to_owned()),
        Link::Live => ("live", "LIVE", "connected to the API".to_owned()),
        Link::Down {
            reason,
            polling: true,
        } => ("down", "DOWN", format!("{reason}; asking by HTTP instead")),
        Link::Down { reason, .. } => ("down", "DOWN", format!("{reason}; trying again")),
    };
    let age = props.data_at.map_or_else(
        || "no data yet".to_owned(),
        |at| format!("{} ago", format::span((now - at) / 1000.0)),
    );
    html! {
        <div class="status" title={reason.clone()}>
            // Only the word is announced when it changes: an age that is read out each second helps
            // nobody.
            <span class={classes!("badge", state)} role="status">
                <span class="dot" aria-hidden="true" />
                { word }
                <span class="hidden">{ format!(": {reason}") }</span>
            </span>
            <span class="age">{ age }</span>
        </div>
    }
}
