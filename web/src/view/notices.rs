//! What happened, told once: good news goes by itself, bad news stays until read.

use gloo_timers::callback::Timeout;
use yew::prelude::*;

use super::{
    icon::{Icon, icon},
    session::use_session,
};
use crate::{
    model::state::{Action, Notice},
    page,
};

const SHOWN_MS: u32 = 7_000;

#[derive(Properties, PartialEq)]
pub(crate) struct Props {
    pub(crate) notices: Vec<Notice>,
}

#[component]
pub(crate) fn Notices(props: &Props) -> Html {
    html! {
        <div class="notices">
            // Regions that are there before their content are announced by every screen reader.
            <div role="status">{ for draw(&props.notices, false) }</div>
            <div role="alert">{ for draw(&props.notices, true) }</div>
        </div>
    }
}

fn draw(notices: &[Notice], bad: bool) -> impl Iterator<Item = Html> + '_ {
    let wanted = notices.iter().filter(move |notice| notice.bad == bad);
    wanted.map(|notice| html! { <Toast key={notice.id} notice={notice.clone()} /> })
}

#[derive(Properties, PartialEq)]
struct ToastProps {
    notice: Notice,
}

#[component]
fn Toast(props: &ToastProps) -> Html {
    let session = use_session();
    let Notice { id, bad, text } = props.notice.clone();
    let dismiss = session.dispatch.reform(move |()| Action::Dismiss(id));
    {
        let dismiss = dismiss.clone();
        use_effect_with((), move |()| {
            let timeout = (!bad).then(|| Timeout::new(SHOWN_MS, move || dismiss.emit(())));
            move || drop(timeout)
        });
    }
    html! {
        <div class={classes!("notice", bad.then_some("bad"))}>
            <p>{ text }</p>
            <button
                type="button"
                class="button quiet square small"
                aria-label="Dismiss"
                onclick={dismiss.reform(|_: MouseEvent| page::focus_soon([".notice button", page::FIRST_ACTION].map(str::to_owned)))}
            >
                { icon(Icon::Close) }
            </button>
        </div>
    }
}
