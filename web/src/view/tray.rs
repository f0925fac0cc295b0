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
use super::shell::{Shell, use_shell};
use crate::model::format;
use crate::model::uploads::{self, Upload, UploadAction, UploadState, Uploads};
use crate::net::api::ApiError;
use crate::net::transfer::{self, Progress, SendError};

/// Files that wait behind the one that is sent; adding more waits too.
const QUEUE: usize = 64;

/// What the page has in hand, beside what is shown of it.
#[derive(Default)]
struct Hands {
    next: u32,
    aborts: HashMap<u32, AbortHandle>,
    line: Option<mpsc::Sender<(u32, File, Shell)>>,
}

/// The uploads, a way to add some, and one to give one up.
#[hook]
pub(crate) fn use_uploads() -> (
    UseReducerHandle<Uploads>,
    Callback<(FileList, Shell)>,
    Callback<u32>,
) {
    let uploads = use_reducer(Uploads::default);
    let hands = use_mut_ref(Hands::default);
    let add = {
        let (dispatch, hands) = (uploads.dispatcher(), hands.clone());
        use_callback((), move |(files, shell): (FileList, Shell), ()| {
            let mut line = line(&hands, &dispatch);
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
                    sendable.push((id, file, shell.clone()));
                }
            }
            wasm_bindgen_futures::spawn_local(async move {
                for item in sendable {
                    // It ends with the page only.
                    let _ = line.send(item).await;
                }
            });
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

/// Where files wait for their turn: one is sent at a time, in parts side by side where it is large.
fn line(
    hands: &Rc<RefCell<Hands>>,
    dispatch: &UseReducerDispatcher<Uploads>,
) -> mpsc::Sender<(u32, File, Shell)> {
    if let Some(line) = &hands.borrow().line {
        return line.clone();
    }
    let (sender, mut files) = mpsc::channel::<(u32, File, Shell)>(QUEUE);
    hands.borrow_mut().line = Some(sender.clone());
    let (hands, dispatch) = (hands.clone(), dispatch.clone());
    wasm_bindgen_futures::spawn_local(async move {
        while let Some((id, file, shell)) = files.next().await {
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
            let sending = transfer::send(&shell.api, &file, progress);
            match Abortable::new(sending, registration).await {
                Ok(Ok(())) => set(UploadState::Done),
                Ok(Err(SendError::Api(ApiError::SignIn))) => set(UploadState::Unauthorized),
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
