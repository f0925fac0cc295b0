//! The uploads of this page: how far each is, giving one up, and trying again.

use std::rc::Rc;

use gloo_events::{EventListener, EventListenerOptions};
use web_sys::FileList;
use yew::prelude::*;

use super::{
    icon::{Icon, icon},
    session::use_session,
};
use crate::{
    model::{
        format,
        uploads::{Upload, UploadState, Uploads},
    },
    net::{
        api::{Api, ApiError},
        uploader::Uploader,
    },
    page,
};

/// A control of the tray that takes the focus.
const IN_TRAY: &str = ".tray button:not(:disabled)";

/// The uploads, and what a person may do with them.
pub(crate) struct UploadsHandle {
    pub(crate) list: Uploads,
    pub(crate) add: Callback<FileList>,
    pub(crate) cancel: Callback<u32>,
    pub(crate) retry: Callback<u32>,
    pub(crate) clear: Callback<()>,
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
        add: use_callback(uploader.clone(), |files, uploader| uploader.add(&files)),
        cancel: use_callback(uploader.clone(), |id, uploader| uploader.cancel(id)),
        retry: use_callback(uploader.clone(), |id, uploader| uploader.retry(id)),
        clear: use_callback(uploader, |(), uploader| uploader.clear()),
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
    pub(crate) cancel: Callback<u32>,
    pub(crate) retry: Callback<u32>,
    pub(crate) clear: Callback<()>,
}

#[component]
pub(crate) fn Tray(props: &Props) -> Html {
    let session = use_session();
    let folded = use_state(|| false);
    let list = &props.uploads.list;
    if list.is_empty() {
        return Html::default();
    }
    let unfinished = props.uploads.unfinished();
    let failed = list.iter().filter(|upload| {
        matches!(
            upload.state,
            UploadState::Failed(_) | UploadState::Refused(_)
        )
    });
    let failed = failed.count();
    let wants_token = list
        .iter()
        .any(|upload| upload.state == UploadState::Unauthorized);
    let summary = match (unfinished, failed) {
        (0, 0)
            if list
                .iter()
                .any(|upload| upload.state == UploadState::Cancelled) =>
        {
            "Nothing to go".to_owned()
        }
        (0, 0) => "All done".to_owned(),
        (0, failed) => format!("{failed} not uploaded"),
        (unfinished, 0) => format!("{unfinished} to go"),
        (unfinished, failed) => format!("{unfinished} to go, {failed} not uploaded"),
    };
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
    let clear = props.clear.reform(|_: MouseEvent| {
        page::focus_soon([IN_TRAY, page::FIRST_ACTION].map(str::to_owned));
    });
    html! {
        <section class="tray" aria-labelledby="tray-title">
            <header class="card-head">
                <h2 id="tray-title">{ "Uploads" }</h2>
                <span class="card-note" role="status">{ summary }</span>
                if wants_token {
                    <button type="button" class="button small" onclick={session.sign_in.reform(|_: MouseEvent| ())}>{ "Sign in" }</button>
                }
                <button type="button" class="button small" disabled={unfinished == list.len()} onclick={clear}>
                    { "Clear" }
                </button>
                <button type="button" class="button quiet square small" aria-label={label} title={label} aria-expanded={(!*folded).to_string()} onclick={fold}>
                    { icon(shape) }
                </button>
            </header>
            if !*folded {
                <ul>
                    { for list.iter().rev().map(|upload| draw(upload, props)) }
                </ul>
            }
        </section>
    }
}

fn draw(upload: &Upload, props: &Props) -> Html {
    let id = upload.id;
    let (class, words) = match &upload.state {
        UploadState::Waiting => ("", "Waiting".to_owned()),
        UploadState::Sending(sent) => (
            "",
            format!("{} of {}", format::bytes(*sent), format::bytes(upload.size)),
        ),
        UploadState::Completing => ("", "Finishing".to_owned()),
        UploadState::Done => ("good", format!("{} uploaded", format::bytes(upload.size))),
        UploadState::Refused(reason) | UploadState::Failed(reason) => {
            ("bad", format!("Not uploaded: {reason}."))
        }
        UploadState::Unauthorized => ("bad", format!("Waiting: {}.", ApiError::SignIn)),
        UploadState::Cancelled => ("", "Cancelled".to_owned()),
    };
    let percent = (upload.share() * 100.0).round();
    let act = |act: &Callback<u32>| {
        act.reform(move |_: MouseEvent| {
            page::focus_soon([format!("#upload-{id} button"), IN_TRAY.to_owned()]);
            id
        })
    };
    let (cancel, retry) = (act(&props.cancel), act(&props.retry));
    html! {
        <li class={classes!("upload", class)} key={id} id={format!("upload-{id}")}>
            <div class="upload-text">
                <strong title={upload.name.clone()}>{ &upload.name }</strong>
                <span>{ words }</span>
            </div>
            // With keys, as the second of two clicks would hit the other button in the same place.
            if upload.can_be_cancelled() {
                <button key="cancel" type="button" class="button quiet square small" aria-label={format!("Cancel {}", upload.name)} onclick={cancel}>
                    { icon(Icon::Close) }
                </button>
            } else if upload.can_be_tried_again() {
                <button key="retry" type="button" class="button small" aria-label={format!("Try {} again", upload.name)} onclick={retry}>
                    { "Try again" }
                </button>
            }
            if !upload.is_over() {
                <progress key="progress" max="100" value={percent.to_string()} aria-label={format!("{} sent", upload.name)} />
            }
        </li>
    }
}
