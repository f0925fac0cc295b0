//! One thumbnail of the gallery.

use std::rc::Rc;

use contract::api::Thumbnail;
use yew::prelude::*;

use super::session::use_session;
use crate::{
    model::{
        current::Current,
        format,
        names::{manifest_key, video_name},
    },
    page::use_style,
};

#[derive(Properties, PartialEq)]
pub(crate) struct Props {
    pub(crate) item: Rc<Thumbnail>,
    pub(crate) index: usize,
    pub(crate) total: usize,
    pub(crate) now: f64,
    pub(crate) style: String,
    pub(crate) reachable: bool,
    pub(crate) open: Callback<Rc<Thumbnail>>,
    pub(crate) focus: UseStateSetter<Current>,
}

/// How a cell comes to its picture.
#[derive(Debug, Clone, PartialEq)]
enum Address {
    /// By the URL that came with the list.
    Listed,
    /// That one has ended, or never worked: another is asked for.
    Asked,
    /// By this one.
    Fresh(String),
    /// Not at all.
    Gone,
}

/// The URL to show, whether another is asked for, and what to do when one shows nothing: presigned
/// URLs end, and pages stay open.
#[hook]
fn use_picture(item: &Rc<Thumbnail>) -> (Option<String>, bool, Callback<Event>) {
    let session = use_session();
    let address = use_state_eq(|| Address::Listed);
    {
        let address = address.setter();
        use_effect_with(item.url.clone(), move |_| address.set(Address::Listed));
    }
    {
        let address = address.clone();
        use_effect_with(session.recoveries, move |_| {
            if *address == Address::Gone {
                address.set(Address::Listed);
            }
        });
    }
    let is_asked = *address == Address::Asked;
    let url = match &*address {
        Address::Listed => Some(item.url.clone()),
        Address::Fresh(url) => Some(url.clone()),
        Address::Asked | Address::Gone => None,
    };
    let item = item.clone();
    let failed = Callback::from(move |_: Event| {
        if *address != Address::Listed {
            return address.set(Address::Gone);
        }
        address.set(Address::Asked);
        let (api, item, address) = (session.api.clone(), item.clone(), address.clone());
        wasm_bindgen_futures::spawn_local(async move {
            let video = api.video(&manifest_key(&item.key)).await.ok();
            let url = video.and_then(|video| {
                let mut pictures = video.manifest.thumbnails.iter().zip(video.urls);
                pictures.find_map(|(thumbnail, url)| (thumbnail.key == item.key).then_some(url))
            });
            // A list may have come meanwhile, with another one.
            if *address == Address::Asked {
                address.set(url.map_or(Address::Gone, Address::Fresh));
            }
        });
    });
    (url, is_asked, failed)
}

#[component]
pub(crate) fn Cell(props: &Props) -> Html {
    let item = &props.item;
    let (url, is_asked, failed) = use_picture(item);
    let cell = use_node_ref();
    use_style(&cell, props.style.clone());
    let name = video_name(&item.key).to_owned();
    let place = item
        .frame
        .map_or_else(String::new, |frame| format!("{frame} %"));
    let label = if place.is_empty() {
        name.clone()
    } else {
        format!("{name} at {place}")
    };
    let open = {
        let item = item.clone();
        props.open.reform(move |_: MouseEvent| item.clone())
    };
    let onfocus = {
        let (focus, index, key) = (props.focus.clone(), props.index, item.key.clone());
        Callback::from(move |_: FocusEvent| {
            let key = key.clone();
            focus.set(Current { index, key });
        })
    };
    html! {
        <div ref={cell} class="cell" role="listitem" aria-setsize={props.total.to_string()} aria-posinset={(props.index + 1).to_string()}>
            <button
                type="button"
                data-index={props.index.to_string()}
                data-key={item.key.clone()}
                tabindex={if props.reachable { "0" } else { "-1" }}
                aria-label={label}
                onclick={open}
                {onfocus}
            >
                <span class="picture">
                    if let Some(url) = url {
                        <img src={url} alt="" loading="lazy" decoding="async" draggable="false" onerror={failed} />
                    } else {
                        <span class="gone">{ if is_asked { "…" } else { "no picture" } }</span>
                    }
                    if !place.is_empty() { <span class="place">{ place }</span> }
                </span>
                <span class="name" title={name.clone()}>{ name }</span>
                <span class="meta">{ age(item, props.now) }{ format::bytes(item.size) }</span>
            </button>
        </div>
    }
}

fn age(item: &Thumbnail, now: f64) -> String {
    let seconds = (now - js_sys::Date::parse(&item.last_modified)) / 1000.0;
    if seconds.is_finite() {
        format!("{} ago · ", format::span(seconds))
    } else {
        String::new()
    }
}
