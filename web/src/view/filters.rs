//! Which thumbnails are wanted: by their place in the video, and by name.

use gloo_timers::callback::Timeout;
use web_sys::HtmlInputElement;
use yew::prelude::*;

use super::icon::{Icon, icon};
use crate::model::gallery::Filter;

/// A name that is typed is asked for when the typing rests.
const TYPING_MS: u32 = 250;

#[derive(Properties, PartialEq)]
pub(crate) struct Props {
    pub(crate) filter: Filter,
    pub(crate) change: Callback<Filter>,
}

#[component]
pub(crate) fn Filters(props: &Props) -> Html {
    let typing = use_mut_ref(|| None::<Timeout>);
    let by_frame = |frame: Option<u32>, label: &'static str| {
        let (filter, change) = (props.filter.clone(), props.change.clone());
        let pressed = filter.frame == frame;
        let choose = Callback::from(move |_: MouseEvent| {
            change.emit(Filter {
                frame,
                ..filter.clone()
            });
        });
        html! {
            <button type="button" class="segment" aria-pressed={pressed.to_string()} onclick={choose}>{ label }</button>
        }
    };
    let named = {
        let (filter, change) = (props.filter.clone(), props.change.clone());
        Callback::from(move |event: InputEvent| {
            let name = event.target_unchecked_into::<HtmlInputElement>().value();
            let (filter, change) = (filter.clone(), change.clone());
            let later = Timeout::new(TYPING_MS, move || change.emit(Filter { name, ..filter }));
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
