//! Who changed something lately, for everyone to see.

use std::rc::Rc;

use contract::api::{Act, ActKind};
use yew::prelude::*;

use crate::page;

#[derive(Properties, PartialEq)]
pub(crate) struct Props {
    /// Oldest first.
    pub(crate) acts: Rc<Vec<Act>>,
}

/// The latest, and behind it the others.
#[component]
pub(crate) fn Acts(props: &Props) -> Html {
    // Ages need not change each second.
    page::use_now(15_000);
    let Some(last) = props.acts.last() else {
        return Html::default();
    };
    html! {
        <details class="card acts">
            <summary><h2>{ "Who did what" }</h2>{ draw(last) }</summary>
            <ul>{ for props.acts.iter().rev().map(|act| html! { <li key={act.id.clone()}>{ draw(act) }</li> }) }</ul>
        </details>
    }
}

fn draw(act: &Act) -> Html {
    let verb = match act.kind {
        ActKind::Test => "tested with",
        ActKind::Purge => "purged",
        ActKind::Redrive => "redrove",
        ActKind::Dismiss => "dismissed",
        ActKind::Choose => "chose",
        ActKind::Undo => "undid",
    };
    html! {
        <span class="card-note">
            <strong>{ &act.who }</strong>{ format!(" {verb} {}, ", act.about) }
            <time datetime={act.at.clone()} title={page::local_time(js_sys::Date::parse(&act.at))}>{ page::age(&act.at) }{ " ago" }</time>
        </span>
    }
}
