//! The uploads of this page: how far each is, and giving one up.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use futures::channel::mpsc;
use futures::future::{AbortHandle, Abortable};
use futures::{SinkExt, StreamExt};
use web_sys::{File, FileList};
use yew::prelude::*;

use super::icon::{Icon, icon};
use super::shell::use_shell;
use crate::model::format;
use crate::model::uploads::{self, Upload, UploadAction, UploadState, Uploads};
use crate::net::api::{Api, ApiError};
use crate::net::transfer::{self, Progress, SendError};

/// Files that wait behind the one that is sent; adding more waits too.
const QUEUE: usize = 64;

/// What the page has in hand, beside what is shown of it.
#[derive(Default)]
struct Hands {
    next: u32,
    aborts: HashMap<u32, AbortHandle>,
    line: Option<mpsc::Sender<(u32, File)>>,
    /// As whoever is signed in by now.
    api: Rc<Api>,
    /// Those that the API wants a token for.
    refused: Vec<(u32, File)>,
}

/// The uploads, a way to add some, and one to give one up.
#[hook]
pub(crate) fn use_uploads(
    api: &Rc<Api>,
) -> (UseReducerHandle<Uploads>, Callback<FileList>, Callback<u32>) {
    let uploads = use_reducer(Uploads::default);
    let hands = use_mut_ref(Hands::default);
    {
        let (dispatch, hands) = (uploads.dispatcher(), hands.clone());
        use_effect_with(api.clone(), move |api| {
            hands.borrow_mut().api = api.clone();
            if api.token.is_some() {
                let refused = std::mem::take(&mut hands.borrow_mut().refused);
                for (id, _) in &refused {
                    dispatch.dispatch(UploadAction::Set(*id, UploadState::Waiting));
                }
                queue(line(&hands, &dispatch), refused);
            }
        });
    }
    let add = {
        let (dispatch, hands) = (uploads.dispatcher(), hands.clone());
        use_callback((), move |files: FileList, ()| {
            let mut sendable = Vec::new();
            for file in (0..files.length()).filter_map(|index| files.get(index)) {
                let (name, size) = (file.name(), file.size() as u64);
                let refusal = uploads::refusal(&name, size);
                let id = {
                    let mut hands = hands.borrow_mut();
                    hands.next += 1;
                    hands.next
                };
                let state = refusal
                    .clone()
                    .map_or(UploadState::Waiting, UploadState::Failed);
                dispatch.dispatch(UploadAction::Add(Upload {
                    id,
                    name,
                    size,
                    state,
                }));
                if refusal.is_none() {
                    sendable.push((id, file));
                }
            }
            queue(line(&hands, &dispatch), sendable);
        })
    };
    let cancel = {
        let (dispatch, hands) = (uploads.dispatcher(), hands.clone());
        use_callback((), move |id: u32, ()| {
            dispatch.dispatch(UploadAction::Set(id, UploadState::Cancelled));
            let mut hands = hands.borrow_mut();
            // One that waits is aborted before it begins.
            hands
                .aborts
                .entry(id)
                .or_insert_with(|| AbortHandle::new_pair().0)
                .abort();
        })
    };
    (uploads, add, cancel)
}

/// Lets files wait for their turn.
fn queue(mut line: mpsc::Sender<(u32, File)>, files: Vec<(u32, File)>) {
    wasm_bindgen_futures::spawn_local(async move {
        for file in files {
            // It ends with the page only.
            let _ = line.send(file).await;
        }
    });
}

/// Where files wait for their turn: one is sent at a time, in parts side by side where it is large.
fn line(
    hands: &Rc<RefCell<Hands>>,
    dispatch: &UseReducerDispatcher<Uploads>,
) -> mpsc::Sender<(u32, File)> {
    if let Some(line) = &hands.borrow().line {
        return line.clone();
    }
    let (sender, mut files) = mpsc::channel::<(u32, File)>(QUEUE);
    hands.borrow_mut().line = Some(sender.clone());
    let (hands, dispatch) = (hands.clone(), dispatch.clone());
    wasm_bindgen_futures::spawn_local(async move {
        while let Some((id, file)) = files.next().await {
            let set = |state| dispatch.dispatch(UploadAction::Set(id, state));
            let (abort, registration) = AbortHandle::new_pair();
            let earlier = hands.borrow_mut().aborts.insert(id, abort.clone());
            if earlier.is_some_and(|earlier| earlier.is_aborted()) {
                continue;
            }
            set(UploadState::Sending(0));
            let progress = |progress| {
                set(match progress {
                    Progress::Sent(bytes) => UploadState::Sending(bytes),
                    Progress::Completing => UploadState::Completing,
                });
            };
            let api = hands.borrow().api.clone();
            let sending = transfer::send(&api, &file, progress);
            match Abortable::new(sending, registration).await {
                Ok(Ok(())) => set(UploadState::Done),
                Ok(Err(SendError::Api(ApiError::SignIn))) => {
                    set(UploadState::Unauthorized);
                    hands.borrow_mut().refused.push((id, file));
                }
                Ok(Err(SendError::Api(error))) => set(UploadState::Failed(error.to_string())),
                Ok(Err(SendError::Bucket(reason))) => set(UploadState::Failed(reason)),
                Err(_) => set(UploadState::Cancelled),
            }
            hands.borrow_mut().aborts.remove(&id);
        }
    });
    sender
}

#[derive(Properties, PartialEq)]
pub(crate) struct Props {
    pub(crate) uploads: Uploads,
    pub(crate) cancel: Callback<u32>,
    pub(crate) clear: Callback<()>,
}

#[component]
pub(crate) fn Tray(props: &Props) -> Html {
    let shell = use_shell();
    let list = &props.uploads.list;
    if list.is_empty() {
        return Html::default();
    }
    let open = list.iter().filter(|upload| !upload.is_over()).count();
    let wants_token = list
        .iter()
        .any(|upload| upload.state == UploadState::Unauthorized);
    html! {
        <section class="tray" aria-labelledby="tray-title">
            <header class="card-head">
                <h2 id="tray-title">{ "Uploads" }</h2>
                <span class="card-note" role="status">
                    { if open > 0 { format!("{open} to go") } else { "all through".to_owned() } }
                </span>
                if wants_token {
                    <button type="button" class="button small" onclick={shell.sign_in.reform(|_: MouseEvent| ())}>{ "Sign in" }</button>
                }
                <button type="button" class="button small" disabled={open == list.len()} onclick={props.clear.reform(|_: MouseEvent| ())}>
                    { "Clear" }
                </button>
            </header>
            <ul>
                { for list.iter().rev().map(|upload| draw(upload, &props.cancel)) }
            </ul>
        </section>
    }
}

fn draw(upload: &Upload, cancel: &Callback<u32>) -> Html {
    let id = upload.id;
    let (class, words) = match &upload.state {
        UploadState::Waiting => ("", "waits".to_owned()),
        UploadState::Sending(sent) => (
            "",
            format!("{} of {}", format::bytes(*sent), format::bytes(upload.size)),
        ),
        UploadState::Completing => ("", "finishing".to_owned()),
        UploadState::Done => ("good", format!("{} uploaded", format::bytes(upload.size))),
        UploadState::Failed(reason) => ("bad", reason.clone()),
        UploadState::Unauthorized => ("bad", ApiError::SignIn.to_string()),
        UploadState::Cancelled => ("", "cancelled".to_owned()),
    };
    let percent = (upload.share() * 100.0).round();
    html! {
        <li class={classes!("upload", class)} key={id}>
            <div class="upload-text">
                <strong title={upload.name.clone()}>{ &upload.name }</strong>
                <span>{ words }</span>
            </div>
            if !upload.is_over() {
                <button type="button" class="button quiet square small" aria-label={format!("Cancel {}", upload.name)} onclick={cancel.reform(move |_: MouseEvent| id)}>
                    { icon(Icon::Close) }
                </button>
                <progress max="100" value={percent.to_string()} aria-label={format!("{} sent", upload.name)} />
            }
        </li>
    }
}
