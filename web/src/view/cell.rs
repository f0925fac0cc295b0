//! One thumbnail of the gallery.

use std::rc::Rc;

use contract::api::Thumbnail;
use yew::prelude::*;

use super::session::use_session;
use crate::{
    model::{
        address::{Address, Presigned},
        current::Current,
        format,
        names::{manifest_key, video_name},
    },
    net::api::Api,
    page::use_style,
    task::Task,
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

/// What a cell does about its picture.
struct Picture {
    /// The URL to show.
    url: Option<String>,
    /// Whether a new URL is being asked for.
    is_asked: bool,
    loaded: Callback<Event>,
    failed: Callback<Event>,
}

/// The picture of a cell. Its URL is renewed before it ends, and after it showed nothing.
#[hook]
fn use_picture(item: &Rc<Thumbnail>, now: f64) -> Picture {
    let session = use_session();
    let listed = Presigned {
        url: item.url.clone(),
        ends_at: js_sys::Date::parse(&item.expires_at),
    };
    let address = use_state_eq(Address::default);
    let loaded = use_state_eq(|| None::<String>);
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
    {
        let is_due = address.is_due(&listed, now, loaded.as_deref());
        let address = address.setter();
        use_effect_with((item.url.clone(), is_due), move |(_, is_due)| {
            if *is_due {
                address.set(Address::Asked);
            }
        });
    }
    let is_asked = *address == Address::Asked;
    {
        let (api, item, address) = (session.api.clone(), item.clone(), address.clone());
        use_effect_with(is_asked, move |is_asked| {
            let task = is_asked.then(|| Task::spawn(renew(api, item, address)));
            move || drop(task)
        });
    }
    let url = address.url(&listed).map(|shown| shown.url.clone());
    Picture {
        loaded: {
            let (loaded, url) = (loaded.setter(), url.clone());
            Callback::from(move |_: Event| loaded.set(url.clone()))
        },
        failed: {
            let address = address.clone();
            Callback::from(move |_: Event| {
                address.set(address.after_failure(js_sys::Date::now()));
            })
        },
        url,
        is_asked,
    }
}

/// Asks for a new URL of the picture.
async fn renew(api: Rc<Api>, item: Rc<Thumbnail>, address: UseStateHandle<Address>) {
    let video = api.video(&manifest_key(&item.key)).await.ok();
    let answer = video.and_then(|video| {
        let mut pictures = video.manifest.thumbnails.iter().zip(video.urls);
        let (_, url) = pictures.find(|(thumbnail, _)| thumbnail.key == item.key)?;
        let ends_at = js_sys::Date::parse(&video.expires_at);
        Some(Presigned { url, ends_at })
    });
    address.set(address.after_answer(answer));
}

#[component]
pub(crate) fn Cell(props: &Props) -> Html {
    let item = &props.item;
    let picture = use_picture(item, props.now);
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
                    if let Some(url) = picture.url {
                        <img
                            src={url}
                            alt=""
                            loading="lazy"
                            decoding="async"
                            draggable="false"
                            onload={picture.loaded}
                            onerror={picture.failed}
                        />
                    } else {
                        <span class="gone">{ if picture.is_asked { "…" } else { "no picture" } }</span>
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
