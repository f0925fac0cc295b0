//! The uploads of this page: how far each is, giving one up, and trying again.

use std::rc::Rc;

use gloo_events::{EventListener, EventListenerOptions};
use web_sys::{File, HtmlInputElement, SubmitEvent};
use yew::prelude::*;

use super::{
    icon::{Icon, icon},
    session::use_session,
};
use crate::{
    model::{
        format,
        uploads::{Section, Upload, UploadState, Uploads, next_name},
    },
    net::{
        api::{Api, ApiError},
        uploader::Uploader,
    },
    page,
};

/// Windows that are lower, in pixels, begin with a folded tray.
const LOW: f64 = 420.0;
/// A control of the tray that takes the focus.
const IN_TRAY: &str = ".tray button:not(:disabled)";

/// The uploads, and what a person may do with them.
pub(crate) struct UploadsHandle {
    pub(crate) list: Uploads,
    pub(crate) add: Callback<Vec<(String, File)>>,
    pub(crate) act: Callback<Act>,
}

/// What a person may do with uploads.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    Cancel(u32),
    Retry(u32),
    RetryAll,
    Rename(u32, String),
    Clear,
}

/// The uploads of this page. `refused` hears of a token that the API does not take.
#[hook]
pub(crate) fn use_uploads(api: &Rc<Api>, refused: Callback<Rc<Api>>) -> UploadsHandle {
    let list = use_state(Uploads::default);
    let uploader = {
        let list = list.setter();
        use_memo((), move |()| {
            Uploader::new(Callback::from(move |uploads| list.set(uploads)), refused)
        })
    };
    use_leave_warning(list.unfinished() > 0);
    {
        let uploader = uploader.clone();
        use_effect_with(api.clone(), move |api| uploader.authorize(api));
    }
    UploadsHandle {
        list: (*list).clone(),
        add: use_callback(uploader.clone(), |files, uploader| uploader.add(files)),
        act: use_callback(uploader, |act, uploader| match act {
            Act::Cancel(id) => uploader.cancel(id),
            Act::Retry(id) => uploader.retry(id),
            Act::RetryAll => uploader.retry_all(),
            Act::Rename(id, name) => uploader.rename(id, &name),
            Act::Clear => uploader.clear(),
        }),
    }
}

/// Lets the browser ask whoever leaves the page while something is on its way.
#[hook]
fn use_leave_warning(is_wanted: bool) {
    use_effect_with(is_wanted, |is_wanted| {
        let window = web_sys::window().filter(|_| *is_wanted);
        let listener = window.map(|window| {
            let options = EventListenerOptions::enable_prevent_default();
            EventListener::new_with_options(&window, "beforeunload", options, |event| {
                event.prevent_default();
            })
        });
        move || drop(listener)
    });
}

#[derive(Properties, PartialEq)]
pub(crate) struct Props {
    pub(crate) uploads: Uploads,
    pub(crate) act: Callback<Act>,
}

#[component]
pub(crate) fn Tray(props: &Props) -> Html {
    let session = use_session();
    // A low window, or one that is zoomed a lot, is needed for the page.
    let folded = use_state(|| page::height() < LOW);
    let uploads = &props.uploads;
    let list = &uploads.list;
    if list.is_empty() {
        return Html::default();
    }
    let has = |wanted: fn(&UploadState) -> bool| list.iter().any(|upload| wanted(&upload.state));
    let wants_token = has(|state| *state == UploadState::Unauthorized);
    let has_failed = has(|state| matches!(state, UploadState::Failed(_)));
    let (shape, label) = if *folded {
        (Icon::Unfold, "Show the uploads")
    } else {
        (Icon::Fold, "Fold the uploads")
    };
    let fold = {
        let folded = folded.clone();
        Callback::from(move |_: MouseEvent| folded.set(!*folded))
    };
    // A control that goes with what it did hands the focus on.
    let and_go_on = |act: Act| {
        props.act.reform(move |_: MouseEvent| {
            page::focus_soon([IN_TRAY, page::FIRST_ACTION].map(str::to_owned));
            act.clone()
        })
    };
    html! {
        <section class="tray" aria-labelledby="tray-title">
            <header class="card-head">
                <h2 id="tray-title">{ "Uploads" }</h2>
                <span class="card-note" role="status">{ summary(uploads) }</span>
                if wants_token {
                    <button type="button" class="button small" onclick={session.sign_in.reform(|_: MouseEvent| ())}>{ "Sign in" }</button>
                }
                if has_failed {
                    <button type="button" class="button small" onclick={and_go_on(Act::RetryAll)}>{ "Try all again" }</button>
                }
                <button type="button" class="button small" disabled={uploads.unfinished() == list.len()} onclick={and_go_on(Act::Clear)}>
                    { "Clear" }
                </button>
                <button type="button" class="button quiet square small" aria-label={label} title={label} aria-expanded={(!*folded).to_string()} onclick={fold}>
                    { icon(shape) }
                </button>
            </header>
            if !*folded {
                { overall(uploads) }
                <div class="tray-list" key="list">
                    { for Section::ALL.into_iter().map(|section| draw_section(section, props)) }
                </div>
            }
        </section>
    }
}

/// How many are to go, and how many did not get there.
fn summary(uploads: &Uploads) -> String {
    let unfinished = uploads.unfinished();
    let count = |section| uploads.section(section).len();
    let is_missing =
        |upload: &&&Upload| matches!(upload.state, UploadState::Failed(_) | UploadState::Taken);
    let unsent = uploads.section(Section::Unsent);
    let missing = unsent.iter().filter(is_missing).count() + count(Section::Refused);
    match (unfinished, missing) {
        (0, 0) if !unsent.is_empty() => "Nothing to go".to_owned(),
        (0, 0) => "All done".to_owned(),
        (0, missing) => format!("{missing} not uploaded"),
        (unfinished, 0) => format!("{unfinished} to go"),
        (unfinished, missing) => format!("{unfinished} to go, {missing} not uploaded"),
    }
}

/// The progress of all together, while there is something to send.
fn overall(uploads: &Uploads) -> Html {
    let Some(overall) = uploads.overall() else {
        return Html::default();
    };
    let percent = 100.0 * overall.sent as f64 / overall.size.max(1) as f64;
    let left = match overall.seconds_left {
        _ if uploads.paused => {
            "; paused, as the API cannot be reached: goes on by itself".to_owned()
        }
        Some(seconds) => format!(", {} left", format::minutes(seconds)),
        None => String::new(),
    };
    html! {
        <div class="overall">
            <progress max="100" value={format!("{percent:.1}")} aria-label="All uploads" />
            <p class="card-note" role={uploads.paused.then_some("status")}>
                { format!("{} of {}{left}", format::bytes(overall.sent), format::bytes(overall.size)) }
            </p>
        </div>
    }
}

/// More of one section are counted and not drawn.
const MOST_DRAWN: usize = 50;

fn draw_section(section: Section, props: &Props) -> Html {
    let uploads = props.uploads.section(section);
    if uploads.is_empty() {
        return Html::default();
    }
    let more = uploads.len().saturating_sub(MOST_DRAWN);
    let list = html! {
        <>
            <ul>{ for uploads.iter().take(MOST_DRAWN).map(|upload| draw(upload, props)) }</ul>
            if more > 0 {
                <p class="card-note">{ format!("and {} more", format::count(more as u64)) }</p>
            }
        </>
    };
    match section {
        Section::Active | Section::Unsent => html! { <div key={section as u8}>{ list }</div> },
        Section::Waiting | Section::Done | Section::Refused => {
            let name = match section {
                Section::Waiting => "Waiting",
                Section::Done => "Uploaded",
                _ => "No videos",
            };
            html! {
                <details key={section as u8} open={section != Section::Refused}>
                    <summary>{ name }{ " " }<span class="chip">{ format::count(uploads.len() as u64) }</span></summary>
                    { list }
                </details>
            }
        }
    }
}

fn draw(upload: &Upload, props: &Props) -> Html {
    let id = upload.id;
    let (class, words) = match &upload.state {
        UploadState::Waiting => ("", format!("Waiting, {}", format::bytes(upload.size))),
        UploadState::Sending(sent) => (
            "",
            format!("{} of {}", format::bytes(*sent), format::bytes(upload.size)),
        ),
        UploadState::Completing => ("", "Finishing".to_owned()),
        UploadState::Done => ("good", format!("{} uploaded", format::bytes(upload.size))),
        UploadState::Refused(reason) | UploadState::Failed(reason) => {
            ("bad", format!("Not uploaded: {reason}."))
        }
        UploadState::Taken => (
            "bad",
            "Not uploaded: there is a video of this name.".to_owned(),
        ),
        UploadState::Unauthorized => ("bad", format!("Waiting: {}.", ApiError::SignIn)),
        UploadState::Cancelled => ("", "Cancelled".to_owned()),
    };
    let percent = (upload.share() * 100.0).round();
    let act = |act: Act| {
        props.act.reform(move |_: MouseEvent| {
            page::focus_soon([format!("#upload-{id} button"), IN_TRAY.to_owned()]);
            act.clone()
        })
    };
    html! {
        <li class={classes!("upload", class)} key={id} id={format!("upload-{id}")}>
            <div class="upload-text">
                <strong title={upload.name.clone()}>{ &upload.name }</strong>
                <span>{ words }</span>
            </div>
            // With keys, as the second of two clicks would hit the other button in the same place.
            if upload.can_be_cancelled() {
                <button key="cancel" type="button" class="button quiet square small" aria-label={format!("Cancel {}", upload.name)} onclick={act(Act::Cancel(id))}>
                    { icon(Icon::Close) }
                </button>
            } else if upload.can_be_tried_again() {
                <button key="retry" type="button" class="button small" aria-label={format!("Try {} again", upload.name)} onclick={act(Act::Retry(id))}>
                    { "Try again" }
                </button>
            }
            if upload.state == UploadState::Taken {
                <NewName {id} name={upload.name.clone()} act={props.act.clone()} />
            }
            if !upload.is_over() && upload.state != UploadState::Waiting {
                <progress key="progress" max="100" value={percent.to_string()} aria-label={format!("{} sent", upload.name)} />
            }
        </li>
    }
}

#[derive(Properties, PartialEq)]
struct NewNameProps {
    id: u32,
    /// The name that is taken.
    name: String,
    act: Callback<Act>,
}

/// Asks for another name.
#[component]
fn NewName(props: &NewNameProps) -> Html {
    let input = use_node_ref();
    let submit = {
        let (input, id) = (input.clone(), props.id);
        props.act.reform(move |event: SubmitEvent| {
            event.prevent_default();
            page::focus_soon([IN_TRAY, page::FIRST_ACTION].map(str::to_owned));
            let input = input.cast::<HtmlInputElement>();
            Act::Rename(id, input.map_or_else(String::new, |input| input.value()))
        })
    };
    html! {
        <form class="new-name" onsubmit={submit}>
            <input
                ref={input}
                type="text"
                autocomplete="off"
                spellcheck="false"
                aria-label={format!("Another name for {}", props.name)}
                value={next_name(&props.name)}
            />
            <button type="submit" class="button small">{ "Upload under this name" }</button>
        </form>
    }
}
