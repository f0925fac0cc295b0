//! One cell of the gallery: a video, or one of its pictures.

use std::rc::Rc;

use contract::{Cost, api::Thumbnail};
use web_sys::{HtmlElement, PointerEvent};
use yew::prelude::*;

use super::{
    picture::use_another_try,
    play::{Play, use_play, use_steps},
    session::{Session, use_session},
    storyboard::TilePicture,
};
use crate::{
    model::{
        address::{Address, Presigned},
        cells::Cell,
        current::Current,
        format,
        names::{manifest_key, video_name},
    },
    page::{self, use_style},
    task::Task,
};

/// Places along a cell that a pointer can be at.
const PLACES: f64 = 60.0;

#[derive(Properties, PartialEq)]
pub(crate) struct Props {
    pub(crate) cell: Rc<Cell>,
    /// Its first picture.
    pub(crate) first: Rc<Thumbnail>,
    pub(crate) index: usize,
    /// How many cells there are, loaded or not; `None` where nobody knows.
    pub(crate) total: Option<u64>,
    pub(crate) now: f64,
    pub(crate) style: String,
    pub(crate) reachable: bool,
    /// Hears of the picture that was shown.
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
    let again = {
        let address = address.setter();
        use_callback((), move |(), ()| address.set(Address::Listed))
    };
    use_another_try(*address == Address::Gone, again);
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
        let (session, item, address) = (session.clone(), item.clone(), address.clone());
        use_effect_with(is_asked, move |is_asked| {
            let task = is_asked.then(|| Task::spawn(renew(session, item, address)));
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
async fn renew(session: Session, item: Rc<Thumbnail>, address: UseStateHandle<Address>) {
    let renewals = &session.renewals;
    let video = renewals.video(&session.api, manifest_key(&item.key)).await;
    let answer = video.and_then(|video| {
        let mut pictures = video.manifest.thumbnails.iter().zip(&video.urls);
        let (_, url) = pictures.find(|(thumbnail, _)| thumbnail.key == item.key)?;
        Some(Presigned {
            url: url.clone(),
            ends_at: js_sys::Date::parse(&video.expires_at),
        })
    });
    address.set(address.after_answer(answer));
}

#[component]
pub(crate) fn GalleryCell(props: &Props) -> Html {
    // Where the pointer is, as a share of the width.
    let pointer = use_state_eq(|| None::<f64>);
    let is_focused = use_state_eq(|| false);
    let looks = pointer.is_some() || *is_focused;
    // What nobody has looked at yet has no player.
    let looked_at = use_mut_ref(|| false);
    *looked_at.borrow_mut() |= looks;
    let has_player = *looked_at.borrow();
    let pictures = props.cell.pictures.len();
    let item = props
        .cell
        .at(pointer.unwrap_or(0.0))
        .unwrap_or(&props.first);
    let picture = use_picture(item, props.now);
    let cell = use_node_ref();
    use_style(&cell, props.style.clone());
    let name = video_name(&item.key).to_owned();
    let place = item
        .frame
        .map_or_else(String::new, |frame| format!("{frame} %"));
    let label = match (pictures, place.as_str()) {
        (1, "") => name.clone(),
        (1, place) => format!("{name} at {place}"),
        (pictures, _) => format!("{name}, {}", format::plural(pictures as u64, "picture")),
    };
    let open = {
        let item = item.clone();
        props.open.reform(move |_: MouseEvent| item.clone())
    };
    let onfocus = {
        let (focus, index, key) = (props.focus.clone(), props.index, props.cell.key.clone());
        let is_focused = is_focused.setter();
        Callback::from(move |event: FocusEvent| {
            let key = key.clone();
            focus.set(Current { index, key });
            let element = event.target_dyn_into::<HtmlElement>();
            let is_seen = element.is_some_and(|it| it.matches(":focus-visible") == Ok(true));
            is_focused.set(is_seen);
        })
    };
    let onblur = {
        let is_focused = is_focused.setter();
        Callback::from(move |_: FocusEvent| is_focused.set(false))
    };
    let moved = {
        let (pointer, cell) = (pointer.setter(), cell.clone());
        Callback::from(move |event: PointerEvent| {
            let width = cell.cast::<HtmlElement>().map(|cell| cell.client_width());
            let width = f64::from(width.unwrap_or(1).max(1));
            // Not every pixel is drawn.
            let place = (f64::from(event.offset_x()) / width * PLACES).floor();
            pointer.set(Some((place + 0.5) / PLACES));
        })
    };
    let left = {
        let pointer = pointer.setter();
        Callback::from(move |_: PointerEvent| pointer.set(None))
    };
    let follows = pictures > 1 && pointer.is_some();
    // Telling a time in the viewer's language takes longer than all else here.
    let written = looks.then(|| page::local_time(js_sys::Date::parse(&item.last_modified)));
    html! {
        <div
            ref={cell}
            class="cell"
            role="listitem"
            aria-setsize={props.total.map_or_else(|| "-1".to_owned(), |total| total.to_string())}
            aria-posinset={(props.index + 1).to_string()}
            data-pictures={pictures.to_string()}
        >
            <button
                type="button"
                data-index={props.index.to_string()}
                data-key={props.cell.key.clone()}
                tabindex={if props.reachable { "0" } else { "-1" }}
                aria-label={label}
                onclick={open}
                {onfocus}
                {onblur}
                onpointerdown={moved.clone()}
                onpointermove={moved}
                onpointerleave={left.clone()}
                onpointercancel={left}
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
                    if has_player { <Player name={props.cell.video()} {looks} pointer={*pointer} /> }
                    if !place.is_empty() { <span class="place">{ place }</span> }
                    if follows { { marks(&props.cell, item) } }
                </span>
                <span class="name" title={name.clone()}>{ name }</span>
                <span class="meta" title={written}>
                    { age(item, props.now) }{ size(&props.cell, item) }
                </span>
            </button>
        </div>
    }
}

#[derive(Properties, PartialEq)]
struct PlayerProps {
    /// The name that the pictures of the video share.
    name: String,
    looks: bool,
    /// Where the pointer is, as a share of the width.
    pointer: Option<f64>,
}

/// What is played over the picture: the storyboard's tile under the pointer or, without a pointer,
/// one after the other; else the preview, which moves by itself.
#[component]
fn Player(props: &PlayerProps) -> Html {
    let play = use_play(props.name.clone(), props.looks);
    let step = use_steps(props.pointer.is_none() && matches!(play, Some(Play::Board(_))));
    let playing = match play {
        None => None,
        Some(Play::Preview(url)) => Some(html! { <img src={url} alt="" draggable="false" /> }),
        Some(Play::Board(board)) => {
            let tiles = &board.storyboard.tiles;
            let tile = match props.pointer {
                Some(share) => board.storyboard.at_share(share),
                None => tiles.get(step % tiles.len().max(1)),
            };
            tile.copied()
                .map(|tile| html! { <TilePicture {board} {tile} fills=true /> })
        }
    };
    html! {
        if let Some(playing) = playing { <span class="playing">{ playing }</span> }
    }
}

/// One mark for each picture of a video; that of the one that is shown stands out.
fn marks(cell: &Cell, shown: &Rc<Thumbnail>) -> Html {
    let marks = cell.pictures.iter().map(|picture| {
        let class = Rc::ptr_eq(picture, shown).then_some("shown");
        html! { <span {class} /> }
    });
    html! { <span class="marks">{ for marks }</span> }
}

/// What was read of a video; the size of a picture. Where there is little room, without what it is
/// of.
fn size(cell: &Cell, item: &Thumbnail) -> Html {
    let (Some(fetched), Some(size), 2..) =
        (item.bytes_fetched, item.source_bytes, cell.pictures.len())
    else {
        return html! { format::bytes(item.size) };
    };
    let all = format::bytes(size);
    if (Cost { fetched, size }).is_whole() {
        return html! { <><span class="roomy">{ all }{ ", " }</span>{ "read whole" }</> };
    }
    html! { <>{ format::bytes(fetched) }<span class="roomy">{ " of " }{ all }</span>{ " read" }</> }
}

fn age(item: &Thumbnail, now: f64) -> String {
    let seconds = (now - js_sys::Date::parse(&item.last_modified)) / 1000.0;
    if seconds.is_finite() {
        format!("{} ago · ", format::span(seconds))
    } else {
        String::new()
    }
}
