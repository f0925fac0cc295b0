//! What every component may use: the API as the person who is signed in, and ways to say something.

use std::rc::Rc;

use web_sys::HtmlElement;
use yew::prelude::*;

use crate::model::state::Action;
use crate::net::api::{Api, ApiError};

#[derive(Clone, PartialEq)]
pub(crate) struct Shell {
    pub(crate) api: Rc<Api>,
    pub(crate) dispatch: Callback<Action>,
    /// Opens the dialog for signing in.
    pub(crate) sign_in: Callback<()>,
}

impl Shell {
    pub(crate) fn tell(&self, text: impl Into<String>) {
        let text = text.into();
        self.dispatch.emit(Action::Tell { bad: false, text });
    }

    /// Says something that someone has to see to.
    pub(crate) fn warn(&self, text: impl Into<String>) {
        let text = text.into();
        self.dispatch.emit(Action::Tell { bad: true, text });
    }

    /// Says that `what` failed, and asks for a token where that is the reason.
    pub(crate) fn failed(&self, what: &str, error: &ApiError) {
        self.warn(unfinished(what, error));
        if *error == ApiError::SignIn {
            self.sign_in.emit(());
        }
    }
}

/// That `what` happened for the reason `error`; where nobody knows, says so: the API goes on with what it has begun when
/// its answer is lost.
pub(crate) fn unfinished(what: &str, error: &ApiError) -> String {
    if error.is_lost() {
        format!("{what}, or the answer was lost ({error}): the figures tell.")
    } else {
        format!("{what}: {error}.")
    }
}

/// The shell that [`App`](super::app::App) provides. Nothing is drawn outside of it, so the other case does nothing.
#[hook]
pub(crate) fn use_shell() -> Shell {
    use_context::<Shell>().unwrap_or_else(|| Shell {
        api: Rc::default(),
        dispatch: Callback::noop(),
        sign_in: Callback::noop(),
    })
}

/// Keeps an element's style. A `style` attribute would need a hole in the page's content security policy.
#[hook]
pub(crate) fn use_style(element: &NodeRef, style: String) {
    let element = element.clone();
    use_effect_with(style, move |style| {
        if let Some(element) = element.cast::<HtmlElement>() {
            element.style().set_css_text(style);
        }
    });
}

/// Milliseconds since 1970, again each `every_ms`.
#[hook]
pub(crate) fn use_now(every_ms: u32) -> f64 {
    let now = use_state(js_sys::Date::now);
    {
        let now = now.clone();
        use_effect_with((), move |()| {
            let interval = gloo_timers::callback::Interval::new(every_ms, move || {
                now.set(js_sys::Date::now());
            });
            move || drop(interval)
        });
    }
    *now
}
