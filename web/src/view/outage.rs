//! A source of figures that does not answer.

use contract::api::{Source, SourceState};
use yew::prelude::*;

use crate::{
    model::format,
    page::{self, use_now},
};

#[derive(Properties, PartialEq)]
pub(crate) struct Props {
    /// What the source is called.
    pub(crate) name: &'static str,
    pub(crate) source: Option<Source>,
}

/// Says why a source does not answer, and how old what it said is. Nothing while it does.
#[component]
pub(crate) fn Outage(props: &Props) -> Html {
    let now = use_now(5000);
    let Some(source) = props.source.as_ref().filter(|source| is_out(source)) else {
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
    let exact = last.map(page::local_time);
    html! {
        <p class="problem">
            // Announced once: not each time that the age grows.
            <span role="status">{ format!("{} is not available now: {reason}.", props.name) }</span>
            { " " }<span title={exact}>{ age }</span>
        </p>
    }
}

pub(crate) fn is_out(source: &Source) -> bool {
    source.state == SourceState::Unavailable
}
