//! What could not be made, why, and sending it back to the queue.

use contract::api::{Failure, Redrive, Source, SourceState};
use yew::prelude::*;

use super::{
    answer::use_answer,
    icon::{Icon, icon},
    outage::Outage,
    problem::problem,
    session::use_session,
};
use crate::{model::format, page::use_now};

#[derive(Properties, PartialEq)]
pub(crate) struct Props {
    /// How many there are; a change reads the list again.
    pub(crate) count: Option<u64>,
    /// The dead-letter queue; nothing is known of it before the first message.
    pub(crate) source: Option<Source>,
}

#[component]
pub(crate) fn Failures(props: &Props) -> Html {
    let session = use_session();
    let now = use_now(1000);
    let busy = use_state(|| false);
    let again = use_state(|| 0_u32);
    let list = {
        let api = session.api.clone();
        use_answer((props.count, *again), move |(count, ..)| {
            let some = count.is_some_and(|count| count > 0);
            some.then_some(async move { api.failures().await })
        })
    };
    let redrive = {
        let (session, busy, again) = (session.clone(), busy.clone(), again.clone());
        Callback::from(move |ids: Option<Vec<String>>| {
            if *busy {
                return;
            }
            busy.set(true);
            let (session, busy, again) = (session.clone(), busy.clone(), again.clone());
            wasm_bindgen_futures::spawn_local(async move {
                match session.api.redrive(&Redrive { ids }).await {
                    Ok(done) if done.missing.is_empty() => {
                        session.tell(format!(
                            "{} back in the queue",
                            format::plural(done.redriven, "message")
                        ));
                    }
                    Ok(done) => session.tell(format!(
                        "{} back in the queue; {} could not be taken just now, try again",
                        format::plural(done.redriven, "message"),
                        done.missing.len(),
                    )),
                    Err(error) => session.failed("The redrive", &error),
                }
                busy.set(false);
                again.set(*again + 1);
            });
        })
    };
    let all = redrive.reform(|_: MouseEvent| None);
    let state = props.source.as_ref().map(|source| source.state);
    let content = match (list.get(), props.count) {
        (Some(Ok(list)), Some(1..)) => html! {
            <>
                <ul class="failures">
                    { for list.failures.iter().map(|failure| draw(failure, now, &redrive, *busy)) }
                </ul>
                if list.total > list.failures.len() as u64 {
                    <p class="card-foot">
                        { format!("{} of {} shown: the queue tells a sample at a time.", list.failures.len(), format::count(list.total)) }
                    </p>
                }
            </>
        },
        (Some(Err(error)), Some(1..)) => problem(
            &format!("The failures cannot be read: {error}."),
            list.retry(),
        ),
        (None, Some(1..)) => html! { <p class="empty">{ "Reading…" }</p> },
        (_, Some(0) | None) => match state {
            Some(SourceState::Available) => {
                html! { <p class="empty">{ "Every video so far has its thumbnails." }</p> }
            }
            Some(SourceState::Absent) => {
                html! { <p class="empty">{ "No dead-letter queue is configured." }</p> }
            }
            Some(SourceState::Pending) | None => {
                html! { <p class="empty">{ "Not known yet." }</p> }
            }
            // Said below.
            Some(SourceState::Unavailable) => Html::default(),
        },
    };
    html! {
        <section class="card" id="failures" aria-labelledby="failures-title">
            <header class="card-head">
                <h2 id="failures-title">{ "Failures" }</h2>
                if let Some(count @ 1..) = props.count {
                    <span class="chip bad">{ format::count(count) }</span>
                    <button type="button" class="button small" onclick={all} aria-disabled={busy.to_string()}>
                        { icon(Icon::Redrive) }{ "Redrive all" }
                    </button>
                }
            </header>
            { content }
            <Outage name="The dead-letter queue" source={props.source.clone()} />
        </section>
    }
}

fn draw(failure: &Failure, now: f64, redrive: &Callback<Option<Vec<String>>>, busy: bool) -> Html {
    let name = match failure.keys.as_slice() {
        [] => "a message that names no video".to_owned(),
        [key] => key.clone(),
        [key, rest @ ..] => format!("{key} and {} more", rest.len()),
    };
    let sent = failure
        .sent_at
        .as_deref()
        .map(js_sys::Date::parse)
        .filter(|at| at.is_finite());
    let age = sent.map(|at| format!("{} ago", format::span((now - at) / 1000.0)));
    let reason = failure
        .message
        .clone()
        .unwrap_or_else(|| "was tried too often without an answer".to_owned());
    let one = {
        let id = failure.id.clone();
        redrive.reform(move |_: MouseEvent| Some(vec![id.clone()]))
    };
    html! {
        <li class="failure" key={failure.id.clone()}>
            <div class="failure-text">
                <strong title={name.clone()}>{ &name }</strong>
                <p>
                    if let Some(kind) = &failure.kind { <span class="chip bad">{ kind }</span> }
                    { reason }
                </p>
            </div>
            if let Some(age) = age { <span class="card-note">{ age }</span> }
            <button type="button" class="button small" onclick={one} aria-disabled={busy.to_string()} aria-label={format!("Redrive {name}")}>
                { icon(Icon::Redrive) }{ "Redrive" }
            </button>
        </li>
    }
}
