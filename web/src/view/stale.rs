//! Figures whose source does not answer.

use contract::api::{Source, SourceState};
use yew::prelude::*;

use super::shell::use_now;
use crate::model::format;

#[derive(Properties, PartialEq)]
pub(crate) struct Props {
    pub(crate) source: Option<Source>,
}

/// Says why a source does not answer, and how old what it said is. Nothing while it does.
#[component]
pub(crate) fn Stale(props: &Props) -> Html {
    let now = use_now(5000);
    let Some(source) = props.source.as_ref().filter(|source| is_stale(source)) else {
        return Html::default();
    };
    let reason = source.reason.as_deref().unwrap_or("it does not answer");
    let last = source.last_answer.as_deref().map(js_sys::Date::parse);
    let age = last.filter(|at| at.is_finite()).map_or_else(
        || "It has not answered yet.".to_owned(),
        |at| {
            format!(
                "What is shown is from {} ago.",
                format::span((now - at) / 1000.0)
            )
        },
    );
    html! { <p class="problem" role="status">{ format!("Not available now: {reason}. {age}") }</p> }
}

pub(crate) fn is_stale(source: &Source) -> bool {
    source.state == SourceState::Unavailable
}
