//! Which thumbnails are wanted: videos or single pictures, by name, and in which order.

use std::{cell::RefCell, rc::Rc};

use gloo_timers::callback::Timeout;
use web_sys::{HtmlInputElement, HtmlSelectElement};
use yew::prelude::*;

use super::icon::{Icon, icon};
use crate::model::filter::{Filter, Show, Sort};

/// A name that is typed is asked for at once, but no more often than this: who types fast asks for
/// some of the letters together.
const PAUSE_MS: u32 = 50;

#[derive(Properties, PartialEq)]
pub(crate) struct Props {
    pub(crate) filter: Filter,
    pub(crate) change: Callback<Change>,
}

/// One part of the filter. The others are those of the moment when it is applied, which may be
/// later.
pub(crate) enum Change {
    Show(Show),
    /// What names have in them.
    Text(String),
    Sort(Sort),
}

impl Change {
    pub(crate) fn applied_to(self, filter: &Filter) -> Filter {
        let mut filter = filter.clone();
        match self {
            Self::Show(show) => filter.show = show,
            Self::Text(text) => filter.text = text,
            Self::Sort(sort) => filter.sort = sort,
        }
        filter
    }
}

/// What is typed, on its way to the filter.
#[derive(Default)]
struct Typing {
    /// Runs while nothing is asked for.
    pause: Option<Timeout>,
    /// Was typed meanwhile.
    waiting: Option<String>,
}

impl Typing {
    /// Asks for a text now, or when the pause is over.
    fn ask(this: &Rc<RefCell<Self>>, text: String, change: &Callback<Change>) {
        if this.borrow().pause.is_some() {
            this.borrow_mut().waiting = Some(text);
            return;
        }
        change.emit(Change::Text(text));
        let (typing, change) = (Rc::clone(this), change.clone());
        let pause = Timeout::new(PAUSE_MS, move || {
            typing.borrow_mut().pause = None;
            let waiting = typing.borrow_mut().waiting.take();
            if let Some(text) = waiting {
                Self::ask(&typing, text, &change);
            }
        });
        this.borrow_mut().pause = Some(pause);
    }
}

#[component]
pub(crate) fn Filters(props: &Props) -> Html {
    let typing = use_mut_ref(Typing::default);
    // What is typed runs ahead of the filter; a filter from elsewhere, as by Back, replaces it.
    let typed = use_state(|| props.filter.text.clone());
    {
        let typed = typed.setter();
        use_effect_with(props.filter.text.clone(), move |text| {
            typed.set(text.clone());
        });
    }
    let show = |show: Show, label: &'static str| {
        let pressed = props.filter.show == show;
        let choose = props.change.reform(move |_: MouseEvent| Change::Show(show));
        html! {
            <button type="button" class="segment" aria-pressed={pressed.to_string()} onclick={choose}>{ label }</button>
        }
    };
    let named = {
        let (change, typed) = (props.change.clone(), typed.clone());
        Callback::from(move |event: InputEvent| {
            let text = event.target_unchecked_into::<HtmlInputElement>().value();
            typed.set(text.clone());
            Typing::ask(&typing, text, &change);
        })
    };
    let sorted = props.change.reform(|event: Event| {
        let name = event.target_unchecked_into::<HtmlSelectElement>().value();
        Change::Sort(Sort::named(&name).unwrap_or_default())
    });
    html! {
        <>
            <div class="segments" role="group" aria-label="What is shown">
                { show(Show::Videos, "Videos") }
                { show(Show::Frames(None), "All frames") }
                { show(Show::Frames(Some(10)), "10 %") }
                { show(Show::Frames(Some(50)), "50 %") }
                { show(Show::Frames(Some(95)), "95 %") }
            </div>
            <label class="search">
                <span class="hidden">{ "Name contains" }</span>
                { icon(Icon::Search) }
                <input type="search" placeholder="Name contains…" autocomplete="off" spellcheck="false" value={(*typed).clone()} oninput={named} />
            </label>
            <label class="sort">
                <span class="hidden">{ "Order" }</span>
                <select onchange={sorted}>
                    { for Sort::ALL.into_iter().map(|sort| html! {
                        <option value={sort.name()} selected={props.filter.sort == sort}>{ words(sort) }</option>
                    }) }
                </select>
            </label>
        </>
    }
}

fn words(sort: Sort) -> &'static str {
    match sort {
        Sort::Newest => "Newest first",
        Sort::Name => "By name",
        Sort::Size => "Largest video first",
        Sort::Read => "Most bytes read first",
    }
}
