//! How the dashboard hears from the API, in a word, and how old the data is.

use yew::prelude::*;

use crate::{
    model::{
        format,
        state::{Link, Standing},
    },
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
    let standing = props.link.standing(props.data_at.map(|at| now - at));
    let (state, word) = match standing {
        Standing::Connecting => ("connecting", "CONNECTING"),
        Standing::Live => ("live", "LIVE"),
        Standing::Polling => ("polling", "POLLING"),
        Standing::Down => ("down", "DOWN"),
    };
    let reason = match &props.link {
        Link::Live => "connected to the API".to_owned(),
        Link::Connecting(None) => "connecting to the API".to_owned(),
        Link::Connecting(Some(reason)) | Link::Down(reason) => format!("{reason}; trying again"),
        Link::Polling(reason) => format!("{reason}; asking by HTTP instead"),
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
