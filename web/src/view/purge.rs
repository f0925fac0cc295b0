//! Deleting everything: what it would be first, and a word to type.

use contract::api::Purged;
use web_sys::{HtmlInputElement, SubmitEvent};
use yew::prelude::*;

use super::{
    answer::use_answer,
    dialog::Dialog,
    problem::problem,
    session::{self, use_session},
};
use crate::{model::format, net::api::ApiError};

/// What has to be typed.
const WORD: &str = "purge";

#[derive(Properties, PartialEq)]
pub(crate) struct Props {
    pub(crate) close: Callback<()>,
}

#[component]
pub(crate) fn Purge(props: &Props) -> Html {
    let session = use_session();
    let preview = {
        let api = session.api.clone();
        use_answer((), move |()| Some(async move { api.purge(true).await }))
    };
    let typed = use_state(String::new);
    let running = use_state(|| false);
    let failed = use_state(|| None::<ApiError>);
    // Answers may come when this dialog is gone and another one is open.
    let shown = use_mut_ref(|| true);
    {
        let shown = shown.clone();
        use_effect_with((), move |()| move || *shown.borrow_mut() = false);
    }
    {
        let failed = failed.setter();
        use_effect_with(session.sign_ins, move |_| failed.set(None));
    }
    let input = {
        let typed = typed.clone();
        Callback::from(move |event: InputEvent| {
            typed.set(event.target_unchecked_into::<HtmlInputElement>().value());
        })
    };
    let submit = {
        let (session, running, failed) = (session.clone(), running.clone(), failed.clone());
        let close = {
            let (close, shown) = (props.close.clone(), shown.clone());
            Callback::from(move |()| {
                if *shown.borrow() {
                    close.emit(());
                }
            })
        };
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            running.set(true);
            failed.set(None);
            let (session, close, shown) = (session.clone(), close.clone(), shown.clone());
            let (running, failed) = (running.clone(), failed.clone());
            wasm_bindgen_futures::spawn_local(async move {
                match session.api.purge(false).await {
                    Ok(Purged {
                        deleted, failed: 0, ..
                    }) => {
                        session.tell(format!("{} deleted", format::plural(deleted, "object")));
                        close.emit(());
                    }
                    Ok(Purged {
                        deleted, failed, ..
                    }) => {
                        let (deleted, left) =
                            (format::count(deleted), format::plural(failed, "object"));
                        session.warn(format!(
                            "{deleted} deleted, {left} could not be: purge once more"
                        ));
                        close.emit(());
                    }
                    Err(error) if *shown.borrow() => {
                        session.sign_in_after(&error);
                        failed.set(Some(error));
                    }
                    Err(error) => session.failed("The purge", &error),
                }
                running.set(false);
            });
        })
    };
    let ready = matches!(preview.get(), Some(Ok(_))) && typed.trim() == WORD && !*running;
    html! {
        <Dialog title="Purge" close={props.close.clone()}>
            <form onsubmit={submit}>
                <div id="purge-what">
                    { match preview.get() {
                        None => html! { <p>{ "Counting what there is…" }</p> },
                        Some(Ok(preview)) => html! {
                            <p>
                                { "This deletes " }
                                <strong class="dry-run">{ format::plural(preview.deleted, "object") }</strong>
                                { format!(" ({}): every video, every thumbnail and all their versions. Nothing brings them back.", format::bytes(preview.bytes)) }
                            </p>
                        },
                        Some(Err(error)) => problem(
                            &format!("What there is could not be counted: {error}."),
                            preview.retry(),
                        ),
                    } }
                </div>
                <label class="field">
                    <span>{ "Type " }<kbd>{ WORD }</kbd>{ " to go on" }</span>
                    <input
                        type="text"
                        name="confirmation"
                        autocomplete="off"
                        autocapitalize="off"
                        spellcheck="false"
                        autofocus=true
                        aria-describedby="purge-what"
                        value={(*typed).clone()}
                        oninput={input}
                    />
                </label>
                if *running {
                    <p class="card-note" role="status">{ "It goes on when this is closed; the header shows how far it is." }</p>
                }
                if let Some(error) = &*failed {
                    <p class="problem" role="alert">{ session::unfinished("The purge", error) }</p>
                }
                <div class="dialog-foot">
                    <button type="button" class="button" onclick={props.close.reform(|_: MouseEvent| ())}>{ if *running { "Close" } else { "Cancel" } }</button>
                    <button type="submit" class="button danger" disabled={!ready}>
                        { if *running { "Deleting…" } else { "Delete everything" } }
                    </button>
                </div>
            </form>
        </Dialog>
    }
}
