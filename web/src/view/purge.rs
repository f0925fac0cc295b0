//! Deleting everything: what it would be first, and a word to type.

use contract::api::{Operation, OperationKind, Purged};
use web_sys::{HtmlInputElement, SubmitEvent};
use yew::prelude::*;

use super::dialog::Dialog;
use super::shell::{self, use_shell};
use crate::model::format;
use crate::net::api::{ApiError, Result};

/// What has to be typed.
const WORD: &str = "purge";

#[derive(Properties, PartialEq)]
pub(crate) struct Props {
    pub(crate) close: Callback<()>,
    pub(crate) operation: Option<Operation>,
}

#[component]
pub(crate) fn Purge(props: &Props) -> Html {
    let shell = use_shell();
    let would = use_state(|| None::<Result<Purged>>);
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
        let (shell, would) = (shell.clone(), would.clone());
        use_effect_with(shell.api.clone(), move |api| {
            let api = api.clone();
            wasm_bindgen_futures::spawn_local(async move {
                let answer = api.purge(true).await;
                if answer == Err(ApiError::SignIn) {
                    shell.sign_in.emit(());
                }
                would.set(Some(answer));
            });
        });
    }
    let input = {
        let typed = typed.clone();
        Callback::from(move |event: InputEvent| {
            typed.set(event.target_unchecked_into::<HtmlInputElement>().value());
        })
    };
    let submit = {
        let (shell, running, failed) = (shell.clone(), running.clone(), failed.clone());
        let close = {
            let close = props.close.clone();
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
            let (shell, close, running, failed) = (
                shell.clone(),
                close.clone(),
                running.clone(),
                failed.clone(),
            );
            wasm_bindgen_futures::spawn_local(async move {
                match shell.api.purge(false).await {
                    Ok(Purged {
                        deleted, failed: 0, ..
                    }) => {
                        shell.tell(format!("{} deleted", format::plural(deleted, "object")));
                        close.emit(());
                    }
                    Ok(Purged {
                        deleted, failed, ..
                    }) => {
                        let (deleted, left) =
                            (format::count(deleted), format::plural(failed, "object"));
                        shell.warn(format!(
                            "{deleted} deleted, {left} could not be: purge once more"
                        ));
                        close.emit(());
                    }
                    Err(error) => {
                        if error == ApiError::SignIn {
                            shell.sign_in.emit(());
                        }
                        failed.set(Some(error));
                    }
                }
                running.set(false);
            });
        })
    };
    let ready = matches!(&*would, Some(Ok(_))) && typed.trim() == WORD && !*running;
    let progress = props
        .operation
        .as_ref()
        .filter(|o| o.kind == OperationKind::Purge && !o.dry_run && *running);
    html! {
        <Dialog title="Purge" close={props.close.clone()}>
            <form onsubmit={submit}>
                <p id="purge-what">
                    { match &*would {
                        None => html! { "Counting what there is…" },
                        Some(Ok(would)) => html! {
                            <>
                                { "This deletes " }
                                <strong class="dry-run">{ format::plural(would.deleted, "object") }</strong>
                                { format!(" ({}): every video, every thumbnail and all their versions. Nothing brings them back.", format::bytes(would.bytes)) }
                            </>
                        },
                        Some(Err(error)) => html! { <span class="problem" role="alert">{ format!("It cannot be told what there is: {error}.") }</span> },
                    } }
                </p>
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
                if let Some(operation) = progress {
                    <p class="card-note" role="status">
                        { match operation.total {
                            Some(total) => format!("{} of {}", format::count(operation.done), format::count(total)),
                            None => format!("{} so far", format::count(operation.done)),
                        } }
                    </p>
                }
                if let Some(error) = &*failed {
                    <p class="problem" role="alert">{ shell::unfinished("It was not purged", error) }</p>
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
