//! What happened, told once: good news goes by itself, bad news stays until read.

use gloo_timers::callback::Timeout;
use yew::prelude::*;

use super::icon::{Icon, icon};
use super::shell::use_shell;
use crate::model::state::{Action, Notice};

const SHOWN_MS: u32 = 7_000;

#[derive(Properties, PartialEq)]
pub(crate) struct Props {
    pub(crate) notices: Vec<Notice>,
}

#[component]
pub(crate) fn Notices(props: &Props) -> Html {
    html! {
        <div class="notices" aria-live="polite">
            { for props.notices.iter().map(|notice| html! {
                <Toast key={notice.id} notice={notice.clone()} />
            }) }
        </div>
    }
}

#[derive(Properties, PartialEq)]
struct ToastProps {
    notice: Notice,
}

#[component]
fn Toast(props: &ToastProps) -> Html {
    let shell = use_shell();
    let Notice { id, bad, text } = props.notice.clone();
    let dismiss = shell.dispatch.reform(move |()| Action::Dismiss(id));
    {
        let dismiss = dismiss.clone();
        use_effect_with((), move |()| {
            let timeout = (!bad).then(|| Timeout::new(SHOWN_MS, move || dismiss.emit(())));
            move || drop(timeout)
        });
    }
    html! {
        <div class={classes!("notice", bad.then_some("bad"))} role={bad.then_some("alert")}>
            <p>{ text }</p>
            <button
                type="button"
                class="button quiet square small"
                aria-label="Dismiss"
                onclick={dismiss.reform(|_: MouseEvent| ())}
            >
                { icon(Icon::Close) }
            </button>
        </div>
    }
}
