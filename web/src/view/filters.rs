//! Which thumbnails are wanted: by their place in the video, and by name.

use gloo_timers::callback::Timeout;
use web_sys::HtmlInputElement;
use yew::prelude::*;

use super::icon::{Icon, icon};
use crate::model::filter::Filter;

/// A name that is typed is asked for when the typing rests.
const TYPING_MS: u32 = 250;

#[derive(Properties, PartialEq)]
pub(crate) struct Props {
    pub(crate) filter: Filter,
    pub(crate) change: Callback<Change>,
}

/// One part of the filter. The other is that of the moment when it is applied, which may be later.
pub(crate) enum Change {
    /// The place in the video, in percent.
    Frame(Option<u32>),
    /// What names begin with.
    Name(String),
}

impl Change {
    pub(crate) fn applied_to(self, filter: &Filter) -> Filter {
        let mut filter = filter.clone();
        match self {
            Self::Frame(frame) => filter.frame = frame,
            Self::Name(name) => filter.name = name,
        }
        filter
    }
}

#[component]
pub(crate) fn Filters(props: &Props) -> Html {
    let typing = use_mut_ref(|| None::<Timeout>);
    let by_frame = |frame: Option<u32>, label: &'static str| {
        let pressed = props.filter.frame == frame;
        let choose = props
            .change
            .reform(move |_: MouseEvent| Change::Frame(frame));
        html! {
            <button type="button" class="segment" aria-pressed={pressed.to_string()} onclick={choose}>{ label }</button>
        }
    };
    let named = {
        let change = props.change.clone();
        Callback::from(move |event: InputEvent| {
            let name = event.target_unchecked_into::<HtmlInputElement>().value();
            let change = change.clone();
            let later = Timeout::new(TYPING_MS, move || change.emit(Change::Name(name)));
            // The one before is dropped, and does not happen.
            typing.replace(Some(later));
        })
    };
    html! {
        <>
            <div class="segments" role="group" aria-label="Place in the video">
                { by_frame(None, "All") }
                { by_frame(Some(10), "10 %") }
                { by_frame(Some(50), "50 %") }
                { by_frame(Some(95), "95 %") }
            </div>
            <label class="search">
                <span class="hidden">{ "Name begins with" }</span>
                { icon(Icon::Search) }
                <input type="search" placeholder="Name begins with…" autocomplete="off" spellcheck="false" oninput={named} />
            </label>
        </>
    }
}
