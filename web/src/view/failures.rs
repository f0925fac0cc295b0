//! What could not be made, why, and sending it back to the queue.

use contract::api::{Failure, Failures as List, Redrive, Source, SourceState};
use yew::prelude::*;

use super::icon::{Icon, icon};
use super::shell::{use_now, use_shell};
use super::stale::Stale;
use crate::model::format;
use crate::net::api::Result;

#[derive(Properties, PartialEq)]
pub(crate) struct Props {
    /// How many there are; a change reads the list again.
    pub(crate) count: Option<u64>,
    /// The dead-letter queue; nothing is known of it before the first message.
    pub(crate) source: Option<Source>,
}

#[component]
pub(crate) fn Failures(props: &Props) -> Html {
    let shell = use_shell();
    let now = use_now(1000);
    let list = use_state(|| None::<Result<List>>);
    let busy = use_state(|| false);
    let again = use_state(|| 0_u32);
    {
        let (api, list) = (shell.api.clone(), list.clone());
        use_effect_with(
            (props.count, *again, shell.api.clone()),
            move |(count, ..)| {
                if count.is_some_and(|count| count > 0) {
                    wasm_bindgen_futures::spawn_local(async move {
                        list.set(Some(api.failures().await));
                    });
                } else {
                    list.set(None);
                }
            },
        );
    }
    let redrive = {
        let (shell, busy, again) = (shell.clone(), busy.clone(), again.clone());
        Callback::from(move |ids: Option<Vec<String>>| {
            if *busy {
                return;
            }
            busy.set(true);
            let (shell, busy, again) = (shell.clone(), busy.clone(), again.clone());
            wasm_bindgen_futures::spawn_local(async move {
                match shell.api.redrive(&Redrive { ids }).await {
                    Ok(done) if done.missing.is_empty() => {
                        shell.tell(format!(
                            "{} back in the queue",
                            format::plural(done.redriven, "message")
                        ));
                    }
                    Ok(done) => shell.tell(format!(
                        "{} back in the queue; {} in someone else's hands just now, try again",
                        format::plural(done.redriven, "message"),
                        done.missing.len(),
                    )),
                    Err(error) => shell.failed("Nothing was sent back", &error),
                }
                busy.set(false);
                again.set(*again + 1);
            });
        })
    };
    let all = redrive.reform(|_: MouseEvent| None);
    let state = props.source.as_ref().map(|source| source.state);
    let retry = {
        let (list, again) = (list.clone(), again.clone());
        Callback::from(move |_: MouseEvent| {
            list.set(None);
            again.set(*again + 1);
        })
    };
    let content = match (&*list, props.count) {
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
        (Some(Err(error)), Some(1..)) => html! {
            <p class="problem" role="alert">
                { format!("The failures cannot be read: {error}. ") }
                <button type="button" class="button small" onclick={retry}>{ "Try again" }</button>
            </p>
        },
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
                    <button type="button" class="button small" onclick={all} disabled={*busy}>
                        { icon(Icon::Redrive) }{ "Redrive all" }
                    </button>
                }
            </header>
            { content }
            <Stale source={props.source.clone()} />
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
                <strong>{ format::file_name(&name) }</strong>
                <p>
                    if let Some(kind) = &failure.kind { <span class="chip bad">{ kind }</span> }
                    { reason }
                </p>
            </div>
            if let Some(age) = age { <span class="card-note">{ age }</span> }
            <button type="button" class="button small" onclick={one} disabled={busy} aria-label={format!("Redrive {}", format::file_name(&name))}>
                { icon(Icon::Redrive) }{ "Redrive" }
            </button>
        </li>
    }
}
