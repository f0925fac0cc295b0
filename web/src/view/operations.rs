//! What the API does just now at someone's wish, seen by everyone who looks.

use contract::api::{Operation, OperationKind};
use yew::prelude::*;

use crate::model::format;

#[derive(Properties, PartialEq)]
pub(crate) struct Props {
    pub(crate) operations: Vec<Operation>,
}

/// Below the header, as long as something runs.
#[component]
pub(crate) fn Operations(props: &Props) -> Html {
    html! {
        <ul class="operations" aria-label="Running">
            { for props.operations.iter().map(draw) }
        </ul>
    }
}

fn draw(operation: &Operation) -> Html {
    let (verb, things) = match operation.kind {
        OperationKind::Test => ("Testing", "video"),
        OperationKind::Purge => ("Purging", "object"),
        OperationKind::Redrive => ("Redriving", "message"),
        OperationKind::Upload => ("Finishing an upload", "upload"),
    };
    let progress = match (operation.total, operation.done) {
        (Some(total), done) => format!(
            ": {} of {}",
            format::count(done),
            format::plural(total, things)
        ),
        (None, 0) => "…".to_owned(),
        (None, done) => format!(": {} so far", format::plural(done, things)),
    };
    let (max, value) = match operation.total {
        Some(total) => (
            Some(total.max(1).to_string()),
            Some(operation.done.to_string()),
        ),
        None => (None, None),
    };
    html! {
        <li class="operation" key={operation.id.clone()}>
            <span>{ verb }{ progress }</span>
            <progress {max} {value} aria-label={verb} />
        </li>
    }
}
