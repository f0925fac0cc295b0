//! What can be done about failures: redriving them, or dismissing them, which can be undone for a
//! while.

use contract::api::{Dismiss, Redrive};
use gloo_timers::callback::Timeout;
use yew::prelude::*;

use super::session::use_session;
use crate::{
    model::{failures::Selection, format},
    page,
};

/// How long a dismissal can be undone: it is sent only then.
const UNDO_MS: u32 = 8_000;

/// What can be done about failures.
#[derive(Clone, PartialEq)]
pub(crate) struct Remedies {
    /// Sends those with these ids back to the queue; all without.
    pub(crate) redrive: Callback<Option<Vec<String>>>,
    pub(crate) dismiss: Callback<Vec<String>>,
    /// Those that are dismissed and can still be had back, and having them back.
    pub(crate) undo: Option<(Vec<String>, Callback<()>)>,
    pub(crate) is_busy: bool,
    /// How often something was done: the list is another one then.
    pub(crate) done: u32,
}

/// Redriving and dismissing; failures that are being dismissed are hidden in `selection`.
#[hook]
pub(crate) fn use_remedies(selection: &UseStateHandle<Selection>) -> Remedies {
    let session = use_session();
    let is_busy = use_state(|| false);
    let done = use_state(|| 0_u32);
    let pending = use_state(|| None::<Vec<String>>);
    let redrive = {
        let (session, is_busy, done) = (session.clone(), is_busy.clone(), done.clone());
        Callback::from(move |ids: Option<Vec<String>>| {
            if *is_busy {
                return;
            }
            is_busy.set(true);
            let (session, is_busy, done) = (session.clone(), is_busy.clone(), done.clone());
            wasm_bindgen_futures::spawn_local(async move {
                match session.api.redrive(&Redrive { ids }).await {
                    Ok(answer) => session.tell(told(
                        &format::plural(answer.redriven, "message"),
                        "back in the queue",
                        answer.missing.len(),
                    )),
                    Err(error) => session.failed("The redrive", &error),
                }
                is_busy.set(false);
                done.set(*done + 1);
            });
        })
    };
    let send = {
        let (session, selection, done) = (session.clone(), selection.clone(), done.clone());
        Callback::from(move |ids: Vec<String>| {
            let (session, selection, done) = (session.clone(), selection.clone(), done.clone());
            wasm_bindgen_futures::spawn_local(async move {
                let dismiss = Dismiss { ids };
                match session.api.dismiss(&dismiss).await {
                    Ok(answer) if answer.missing.is_empty() => {}
                    Ok(answer) => {
                        session.tell(told(
                            &format::plural(answer.dismissed, "failure"),
                            "dismissed",
                            answer.missing.len(),
                        ));
                        selection.set(selection.with(&answer.missing));
                    }
                    Err(error) => {
                        session.failed("The dismissal", &error);
                        selection.set(selection.with(&dismiss.ids));
                    }
                }
                done.set(*done + 1);
            });
        })
    };
    // Sent when the time for undoing is over, or another dismissal follows.
    {
        let (send, pending) = (send.clone(), pending.clone());
        use_effect_with((*pending).clone(), move |ids| {
            let timer = ids.clone().map(|ids| {
                Timeout::new(UNDO_MS, move || {
                    pending.set(None);
                    send.emit(ids);
                })
            });
            move || drop(timer)
        });
    }
    let dismiss = {
        let (selection, pending) = (selection.clone(), pending.clone());
        Callback::from(move |ids: Vec<String>| {
            if let Some(before) = &*pending {
                send.emit(before.clone());
            }
            selection.set(selection.without(&ids));
            pending.set(Some(ids));
            page::focus_soon([".undo button", page::FIRST_ACTION].map(str::to_owned));
        })
    };
    let undo = (*pending).clone().map(|ids| {
        let (selection, pending, back) = (selection.clone(), pending.clone(), ids.clone());
        let undo = Callback::from(move |()| {
            selection.set(selection.with(&back));
            pending.set(None);
            page::focus_soon(["#failures .failure button", page::FIRST_ACTION].map(str::to_owned));
        });
        (ids, undo)
    });
    Remedies {
        redrive,
        dismiss,
        undo,
        is_busy: *is_busy,
        done: *done,
    }
}

/// What was done, and what could not be.
fn told(count: &str, what: &str, missing: usize) -> String {
    match missing {
        0 => format!("{count} {what}"),
        missing => format!("{count} {what}; {missing} could not be taken just now, try again"),
    }
}
