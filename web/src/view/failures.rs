//! What could not be made, why, and what to do about it: sending it back to the queue, or
//! dismissing it.

use contract::api::{Failure, Failures as List, Source, SourceState};
use yew::prelude::*;

use super::{
    answer::use_answer,
    icon::{Icon, icon},
    outage::Outage,
    problem::problem,
    remedies::{Remedies, use_remedies},
    session::use_session,
};
use crate::{
    model::{
        failures::{Kind, PAGE, Selection, advice},
        format,
    },
    page::{self, use_now},
};

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
    let selection = use_state(Selection::default);
    let remedies = use_remedies(&selection);
    let list = {
        let api = session.api.clone();
        use_answer((props.count, remedies.done), move |(count, ..)| {
            let some = count.is_some_and(|count| count > 0);
            some.then_some(async move { api.failures().await })
        })
    };
    let all = remedies.redrive.reform(|_: MouseEvent| None);
    let content = match (list.get(), props.count) {
        (Some(Ok(list)), Some(1..)) => html! {
            <Listed list={list.clone()} selection={selection.clone()} remedies={remedies.clone()} />
        },
        (Some(Err(error)), Some(1..)) => problem(
            &format!("The failures cannot be read: {error}."),
            list.retry(),
        ),
        (None, Some(count @ 1..)) => awaited(count),
        (_, Some(0) | None) => nothing(props.source.as_ref()),
    };
    html! {
        <section class="card" id="failures" aria-labelledby="failures-title">
            <header class="card-head">
                <h2 id="failures-title">{ "Failures" }</h2>
                if let Some(count @ 1..) = props.count {
                    <span class="chip bad">{ format::count(count) }</span>
                    <button type="button" class="button small" onclick={all} aria-disabled={remedies.is_busy.to_string()}>
                        { icon(Icon::Redrive) }{ "Redrive all" }
                    </button>
                }
            </header>
            if let Some((ids, undo)) = &remedies.undo {
                <p class="undo" role="status">
                    { format!("{} dismissed", format::plural(ids.len() as u64, "failure")) }
                    <button type="button" class="button small" onclick={undo.reform(|_: MouseEvent| ())}>{ "Undo" }</button>
                </p>
            }
            { content }
            <Outage name="The dead-letter queue" source={props.source.clone()} />
        </section>
    }
}

/// What is shown until the list is read: as high as the list will be, so that nothing moves.
fn awaited(count: u64) -> Html {
    let page = PAGE as u64;
    html! {
        <>
            <p class="chosen">{ "Reading…" }</p>
            <ul class="failures" aria-hidden="true">
                { for (0..count.min(page)).map(|_| html! { <li class="failure awaited" /> }) }
            </ul>
            if count > page { <p class="pager" /> }
        </>
    }
}

/// What is said where there is no failure.
fn nothing(source: Option<&Source>) -> Html {
    let words = match source.map(|source| source.state) {
        Some(SourceState::Available) => "Every video so far has its thumbnails.",
        Some(SourceState::Absent) => "No dead-letter queue is configured.",
        Some(SourceState::Pending) | None => "Not known yet.",
        // Said below.
        Some(SourceState::Unavailable) => return Html::default(),
    };
    html! { <p class="empty">{ words }</p> }
}

#[derive(Properties, PartialEq)]
struct ListedProps {
    list: List,
    selection: UseStateHandle<Selection>,
    remedies: Remedies,
}

/// The failures, a page at a time, and what is chosen of them.
#[component]
fn Listed(props: &ListedProps) -> Html {
    let now = use_now(1000);
    let ListedProps {
        list,
        selection,
        remedies,
    } = props;
    let all = &list.failures;
    let shown = selection.shown(all);
    html! {
        <>
            { filters(all, selection) }
            { chosen(all, selection, remedies) }
            <ul class="failures">
                { for shown.failures.iter().map(|failure| draw(failure, now, selection, remedies)) }
            </ul>
            if shown.pages > 1 { { pager(shown.page, shown.pages, selection) } }
            if list.total > all.len() as u64 {
                <p class="card-foot">
                    { format!("{} of {} read: the queue tells a sample at a time.", format::count(all.len() as u64), format::count(list.total)) }
                </p>
            }
        </>
    }
}

/// The kinds, each with how many there are of it; nothing where there is one kind only.
fn filters(all: &[Failure], selection: &UseStateHandle<Selection>) -> Html {
    let kinds = selection.kinds(all);
    if kinds.len() < 2 && selection.kind.is_none() {
        return Html::default();
    }
    let button = |kind: Option<Kind>, words: String| {
        let pressed = selection.kind == kind;
        let choose = {
            let selection = selection.clone();
            Callback::from(move |_: MouseEvent| selection.set(selection.with_kind(kind.clone())))
        };
        html! {
            <button type="button" class="segment" aria-pressed={pressed.to_string()} onclick={choose}>{ words }</button>
        }
    };
    html! {
        <div class="segments kinds" role="group" aria-label="Kind of failure">
            { button(None, "All".to_owned()) }
            { for kinds.into_iter().map(|(kind, count)| {
                let words = format!("{} {count}", kind.name());
                button(Some(kind), words)
            }) }
        </div>
    }
}

/// What can be done with those that are chosen.
fn chosen(all: &[Failure], selection: &UseStateHandle<Selection>, remedies: &Remedies) -> Html {
    let ids = selection.chosen(all);
    let toggle = {
        let (selection, all) = (selection.clone(), all.to_vec());
        Callback::from(move |_: MouseEvent| selection.set(selection.toggled_all(&all)))
    };
    let is_busy = remedies.is_busy.to_string();
    let (to_redrive, to_dismiss) = (ids.clone(), ids.clone());
    html! {
        <div class="chosen">
            <button type="button" class="button small" onclick={toggle}>
                { if ids.is_empty() { "Select all" } else { "Select all or none" } }
            </button>
            if !ids.is_empty() {
                <span class="card-note" role="status">{ format!("{} selected", format::count(ids.len() as u64)) }</span>
                <button type="button" class="button small" aria-disabled={is_busy.clone()} onclick={remedies.redrive.reform(move |_: MouseEvent| Some(to_redrive.clone()))}>
                    { icon(Icon::Redrive) }{ "Redrive selected" }
                </button>
                <button type="button" class="button small" aria-disabled={is_busy} onclick={remedies.dismiss.reform(move |_: MouseEvent| to_dismiss.clone())}>
                    { icon(Icon::Close) }{ "Dismiss selected" }
                </button>
            }
        </div>
    }
}

fn pager(page: usize, pages: usize, selection: &UseStateHandle<Selection>) -> Html {
    let go = |label: &'static str, to: Option<usize>| {
        let selection = selection.clone();
        let turn = to.map(move |to| {
            Callback::from(move |_: MouseEvent| selection.set(selection.with_page(to)))
        });
        html! {
            <button type="button" class="button small" aria-disabled={to.is_none().to_string()} onclick={turn}>{ label }</button>
        }
    };
    let (previous, next) = (
        page.checked_sub(1),
        Some(page + 1).filter(|next| *next < pages),
    );
    html! {
        <nav class="pager" aria-label="Pages of failures">
            { go("Previous", previous) }
            <span class="card-note">{ format!("Page {} of {}", page + 1, pages) }</span>
            { go("Next", next) }
        </nav>
    }
}

fn draw(
    failure: &Failure,
    now: f64,
    selection: &UseStateHandle<Selection>,
    remedies: &Remedies,
) -> Html {
    let name = match failure.keys.as_slice() {
        [] => "a message that names no video".to_owned(),
        [key] => key.clone(),
        [key, rest @ ..] => format!("{key} and {} more", rest.len()),
    };
    let kind = failure.kind.as_deref();
    let reason = failure
        .message
        .clone()
        .unwrap_or_else(|| "was tried too often without an answer".to_owned());
    let toggle = {
        let (selection, id) = (selection.clone(), failure.id.clone());
        Callback::from(move |_: Event| selection.set(selection.toggled(&id)))
    };
    let id = || vec![failure.id.clone()];
    let (to_redrive, to_dismiss) = (id(), id());
    let is_busy = remedies.is_busy.to_string();
    html! {
        <li class="failure" key={failure.id.clone()}>
            <input type="checkbox" aria-label={format!("Select {name}")} checked={selection.is_chosen(&failure.id)} onchange={toggle} />
            <div class="failure-text">
                <strong title={name.clone()}>{ &name }</strong>
                <p>
                    if let Some(kind) = kind { <span class="chip bad">{ kind }</span> }
                    { reason }
                </p>
                <p class="advice">{ advice(kind) }</p>
            </div>
            { age(failure, now) }
            <div class="failure-actions">
                if let Some(key) = failure.keys.first() {
                    <CopyKey key_of_video={key.clone()} />
                }
                <button type="button" class="button small" onclick={remedies.redrive.reform(move |_: MouseEvent| Some(to_redrive.clone()))} aria-disabled={is_busy.clone()} aria-label={format!("Redrive {name}")}>
                    { icon(Icon::Redrive) }{ "Redrive" }
                </button>
                <button type="button" class="button quiet square small" onclick={remedies.dismiss.reform(move |_: MouseEvent| to_dismiss.clone())} aria-disabled={is_busy} aria-label={format!("Dismiss {name}")} title="Dismiss">
                    { icon(Icon::Close) }
                </button>
            </div>
        </li>
    }
}

fn age(failure: &Failure, now: f64) -> Html {
    let sent = failure.sent_at.as_deref().map(js_sys::Date::parse);
    let Some(sent) = sent.filter(|at| at.is_finite()) else {
        return Html::default();
    };
    let ago = format!("{} ago", format::span((now - sent) / 1000.0));
    html! { <span class="card-note" title={page::local_time(sent)}>{ ago }</span> }
}

#[derive(Properties, PartialEq)]
struct CopyProps {
    key_of_video: String,
}

#[component]
fn CopyKey(props: &CopyProps) -> Html {
    let session = use_session();
    let copy = {
        let key = props.key_of_video.clone();
        Callback::from(move |_: MouseEvent| session.copy("key", key.clone()))
    };
    html! {
        <button type="button" class="button quiet square small" onclick={copy} aria-label={format!("Copy {}", props.key_of_video)} title="Copy the key">
            { icon(Icon::Copy) }
        </button>
    }
}
