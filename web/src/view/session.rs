//! What every component may use: the API as the person who is signed in, and ways to say something.

use std::rc::Rc;

use yew::prelude::*;

use crate::{
    model::state::{Action, failure},
    net::{
        api::{Api, ApiError},
        renewal::Renewals,
    },
    page,
};

#[derive(Clone, PartialEq)]
pub(crate) struct Session {
    pub(crate) api: Rc<Api>,
    pub(crate) dispatch: Callback<Action>,
    /// Opens the dialog for signing in.
    pub(crate) sign_in: Callback<()>,
    /// Forgets a token that the API does not take, or no longer; one that came after it stays.
    pub(crate) forget_token: Callback<Rc<Api>>,
    /// How often someone signed in.
    pub(crate) sign_ins: u32,
    /// How often the API, or a source behind it, came back after it had not answered. What could
    /// not be had is asked for again then.
    pub(crate) recoveries: u32,
    /// New URLs for pictures.
    pub(crate) renewals: Renewals,
}

impl Session {
    pub(crate) fn tell(&self, text: impl Into<String>) {
        let text = text.into();
        self.dispatch.emit(Action::Tell { bad: false, text });
    }

    /// Says something that someone has to see to.
    pub(crate) fn warn(&self, text: impl Into<String>) {
        let text = text.into();
        self.dispatch.emit(Action::Tell { bad: true, text });
    }

    /// Puts a text on the clipboard, and says so.
    pub(crate) fn copy(&self, what: &'static str, text: String) {
        let session = self.clone();
        wasm_bindgen_futures::spawn_local(async move {
            if page::copy(&text).await {
                session.tell(format!("The {what} is on the clipboard."));
            } else {
                session.warn(format!(
                    "The browser does not let the {what} be copied: {text}"
                ));
            }
        });
    }

    /// Says that `what` failed.
    pub(crate) fn failed(&self, what: &str, error: &ApiError) {
        self.warn(unfinished(what, error));
        self.sign_in_after(error);
    }

    /// Asks for a token where that is the reason of `error`.
    pub(crate) fn sign_in_after(&self, error: &ApiError) {
        if *error == ApiError::SignIn {
            self.forget_token.emit(self.api.clone());
            self.sign_in.emit(());
        }
    }
}

/// That `what` failed because of `error`. Where the answer was lost, nobody knows: the API goes on
/// with what it has begun.
pub(crate) fn unfinished(what: &str, error: &ApiError) -> String {
    if error.is_lost() {
        format!("{what} failed, or its answer was lost ({error}); the figures will show which.")
    } else {
        failure(what, &error.to_string())
    }
}

/// The session that [`App`](super::app::App) provides. Nothing is drawn outside of it, so the other
/// case does nothing.
#[hook]
pub(crate) fn use_session() -> Session {
    use_context::<Session>().unwrap_or_else(|| Session {
        api: Rc::default(),
        dispatch: Callback::noop(),
        sign_in: Callback::noop(),
        forget_token: Callback::noop(),
        sign_ins: 0,
        recoveries: 0,
        renewals: Renewals::default(),
    })
}
