//! Signing in: the API's token, kept until the tab is closed.

use web_sys::{HtmlInputElement, SubmitEvent};
use yew::prelude::*;

use super::dialog::Dialog;
use crate::{
    net::api::{Api, ApiError, is_sendable},
    page::session_storage,
    task::Task,
};

const STORED: &str = "token";

/// The token of this tab's session.
pub(crate) fn stored() -> Option<String> {
    let token = session_storage()?.get_item(STORED).ok()?;
    token.filter(|token| is_sendable(token))
}

/// Keeps the token for the session; `None` forgets it.
pub(crate) fn store(token: Option<&str>) {
    let Some(storage) = session_storage() else {
        return;
    };
    // Where it may not be stored it holds for this page.
    let _ = match token {
        Some(token) => storage.set_item(STORED, token),
        None => storage.remove_item(STORED),
    };
}

#[derive(Properties, PartialEq)]
pub(crate) struct Props {
    pub(crate) signed_in: bool,
    pub(crate) close: Callback<()>,
    /// Takes the token, or its absence.
    pub(crate) signed: Callback<Option<String>>,
}

#[component]
pub(crate) fn SignIn(props: &Props) -> Html {
    let input = use_node_ref();
    let busy = use_state(|| false);
    let problem = use_state(|| None::<String>);
    // It ends with the dialog: whoever closed that does not want to be signed in.
    let check = use_mut_ref(|| None::<Task>);
    {
        let check = check.clone();
        use_effect_with((), move |()| move || drop(check.take()));
    }
    let submit = {
        let (input, busy, problem) = (input.clone(), busy.clone(), problem.clone());
        let (close, signed) = (props.close.clone(), props.signed.clone());
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            let token = input
                .cast::<HtmlInputElement>()
                .map(|input| input.value())
                .unwrap_or_default();
            let token = token.trim().to_owned();
            if token.is_empty() {
                problem.set(Some("The token is empty.".to_owned()));
                return;
            }
            if !is_sendable(&token) {
                let reason = "A token has ASCII letters, digits and signs only, and no spaces.";
                problem.set(Some(reason.to_owned()));
                return;
            }
            busy.set(true);
            problem.set(None);
            let (busy, problem, close, signed) =
                (busy.clone(), problem.clone(), close.clone(), signed.clone());
            let task = Task::spawn(async move {
                let api = Api {
                    token: Some(token.clone()),
                };
                match api.check().await {
                    Ok(()) => {
                        signed.emit(Some(token));
                        close.emit(());
                    }
                    Err(ApiError::SignIn) => {
                        problem.set(Some("The API does not know this token.".to_owned()));
                    }
                    Err(error) => {
                        problem.set(Some(format!("The token could not be checked: {error}.")));
                    }
                }
                busy.set(false);
            });
            check.replace(Some(task));
        })
    };
    let sign_out = {
        let (close, signed) = (props.close.clone(), props.signed.clone());
        Callback::from(move |_: MouseEvent| {
            signed.emit(None);
            close.emit(());
        })
    };
    html! {
        <Dialog title={if props.signed_in { "Signed in" } else { "Sign in" }} close={props.close.clone()}>
            <form onsubmit={submit}>
                <p>{ "Everyone may look. Uploading, testing, purging and redriving take the token that the API was started with." }</p>
                <label class="field">
                    <span>{ "Token" }</span>
                    <input ref={input} type="password" name="token" autocomplete="current-password" autofocus=true />
                </label>
                <p class="card-note">{ "It is kept in this tab, until the tab is closed." }</p>
                if let Some(problem) = &*problem {
                    <p class="problem" role="alert">{ problem }</p>
                }
                <div class="dialog-foot">
                    if props.signed_in {
                        <button type="button" class="button" onclick={sign_out}>{ "Sign out" }</button>
                    }
                    <button type="submit" class="button primary" disabled={*busy}>
                        { if *busy { "Checking…" } else { "Sign in" } }
                    </button>
                </div>
            </form>
        </Dialog>
    }
}
