//! One video: its pictures, its facts, the ranges that were read of it, and any other frame.

use std::rc::Rc;

use contract::{
    ManifestThumbnail, PictureName, ThumbnailKey,
    api::{Thumbnail, Video},
};
use gloo_timers::callback::Timeout;
use web_sys::HtmlInputElement;
use yew::prelude::*;

use super::{
    answer::{Answer, use_answer},
    choice::{Choice, label},
    dialog::Dialog,
    facts::Facts,
    frames::{Shown, Still},
    icon::{Icon, icon},
    picture::Picture,
    problem::problem,
    scrubber::Scrubber,
    session::use_session,
    storyboard::TilePicture,
};
use crate::{
    model::{address::MARGIN_MS, format, state::failure},
    net::save::save,
    page,
};

#[derive(Properties, PartialEq)]
pub(crate) struct Props {
    /// The name that the pictures' keys begin with.
    pub(crate) name: String,
    /// A picture of it that is at hand: it is shown at once.
    pub(crate) picture: Option<Rc<Thumbnail>>,
    /// The videos before and after it in the gallery.
    pub(crate) previous: Option<String>,
    pub(crate) next: Option<String>,
    /// Shows another video.
    pub(crate) show: Callback<String>,
    pub(crate) close: Callback<()>,
}

#[component]
pub(crate) fn Detail(props: &Props) -> Html {
    let session = use_session();
    let video = {
        let api = session.api.clone();
        use_answer(format!("{}.json", props.name), move |key| {
            let key = key.clone();
            Some(async move { api.video(&key).await.map(Rc::new) })
        })
    };
    use_renewal(&video);
    let selected = use_state(|| {
        let key = props.picture.as_ref().map(|picture| &picture.key);
        let number = key.and_then(|key| ThumbnailKey::parse(key));
        PictureName::Number(number.map_or(1, |key| key.number))
    });
    // A frame that is none of the pictures, and where someone looks for it.
    let frame = use_state(|| None::<Shown>);
    let at = use_state(|| None::<f64>);
    let offers = use_state_eq(|| false);
    let select = {
        let (selected, frame, at) = (selected.setter(), frame.setter(), at.setter());
        Callback::from(move |name: PictureName| {
            selected.set(name);
            frame.set(None);
            at.set(None);
        })
    };
    let changed = {
        let (select, answer) = (select.clone(), video.set());
        Callback::from(move |(name, video): (PictureName, Rc<Video>)| {
            answer.set(Some(Ok(video)));
            select.emit(name);
        })
    };
    let framed = {
        let frame = frame.setter();
        Callback::from(move |shown| frame.set(shown))
    };
    let name = below_prefix(&props.name).to_owned();
    let found = video.get().and_then(|answer| answer.as_ref().ok());
    let picture = found.and_then(|video| picture(video, *selected));
    let at_hand = props.picture.as_ref().map(|picture| picture.url.clone());
    let (still, seconds) = match (&*frame, &picture) {
        (Some(Shown { seconds, still, .. }), _) => (Some(still.clone()), Some(*seconds)),
        (None, Some(picture)) => {
            let still = Still::Picture(picture.url.clone());
            (Some(still), Some(picture.seconds))
        }
        (None, None) => (at_hand.map(Still::Picture), None),
    };
    let alt = seconds.map_or_else(
        || name.clone(),
        |seconds| format!("{name} at {}", format::timecode(seconds)),
    );
    let keys = {
        let (previous, next) = (props.previous.clone(), props.next.clone());
        let show = props.show.clone();
        Callback::from(move |event: KeyboardEvent| {
            let to = match event.key().as_str() {
                "ArrowLeft" => previous.clone(),
                "ArrowRight" => next.clone(),
                _ => None,
            };
            // The scrubber has arrows of its own.
            let is_free = event.target_dyn_into::<HtmlInputElement>().is_none();
            if let Some(name) = to.filter(|_| is_free && page::is_alone(&event)) {
                event.prevent_default();
                show.emit(name);
            }
        })
    };
    let key = found.map(|video| video.manifest.source_key.clone());
    let actions = html! {
        <Actions
            key_of_video={key}
            picture={picture.as_ref().map(|picture| (picture.url.clone(), picture.file.clone()))}
            previous={props.previous.clone()}
            next={props.next.clone()}
            show={props.show.clone()}
        />
    };
    html! {
        <Dialog title={name} class="wide" close={props.close.clone()} {keys} {actions}>
            <div class="detail">
                <div class="detail-stage">
                    <div class="screen">
                        { match still {
                            Some(Still::Picture(url)) => html! { <Picture {url} {alt} /> },
                            Some(Still::Tile(board, tile)) => html! { <TilePicture {board} {tile} {alt} /> },
                            None => Html::default(),
                        } }
                    </div>
                    if let Some(video) = found {
                        if let Some(duration) = video.manifest.media.duration_s {
                            <Scrubber
                                name={props.name.clone()}
                                video={video.clone()}
                                selected={picture.as_ref().map_or(0.0, |picture| picture.seconds)}
                                at={at.clone()}
                                offers={*offers}
                                {duration}
                                {framed}
                            />
                        }
                        { strip(video, frame.is_none().then_some(*selected), &select) }
                        <Choice
                            name={props.name.clone()}
                            video={video.clone()}
                            selected={*selected}
                            seen={frame.as_ref().and_then(|frame| frame.exact)}
                            {at}
                            {offers}
                            {changed}
                        />
                    }
                </div>
                <div>
                    { match video.get() {
                        None => html! { <p class="empty">{ "Reading the manifest…" }</p> },
                        Some(Ok(video)) => html! { <Facts video={video.clone()} /> },
                        Some(Err(error)) => problem(
                            &format!("Nothing more is known of it: {error}."),
                            video.retry(),
                        ),
                    } }
                </div>
            </div>
        </Dialog>
    }
}

/// A name without the thumbnails' prefix.
fn below_prefix(name: &str) -> &str {
    name.split_once('/').map_or(name, |(_, rest)| rest)
}

/// Asks for the video again before the URLs of its pictures end.
#[hook]
fn use_renewal(video: &Answer<Rc<Video>>) {
    let ends = video.get().and_then(|answer| answer.as_ref().ok());
    let ends = ends.map(|video| video.expires_at.clone());
    let again = video.again();
    // URLs with the same end are not renewed twice: the API has no later ones.
    use_effect_with(ends, move |ends| {
        let ends_at = ends.as_ref().map(|ends| js_sys::Date::parse(ends));
        let left = ends_at.map(|ends_at| ends_at - MARGIN_MS - js_sys::Date::now());
        let timer = left
            .filter(|left| left.is_finite())
            .map(|left| Timeout::new(left.max(0.0) as u32, move || again.emit(())));
        move || drop(timer)
    });
}

/// One of the pictures.
struct Selected {
    url: String,
    /// Its time in the video.
    seconds: f64,
    /// The name of its file.
    file: String,
}

/// The pictures with their names, times and URLs.
fn pictures(video: &Video) -> impl Iterator<Item = (PictureName, &ManifestThumbnail, &String)> {
    let urls = video.urls.iter().chain(&video.cover_url);
    let pictures = video.manifest.pictures().zip(urls);
    pictures.map(|((name, picture), url)| (name, picture, url))
}

/// The picture of a name.
fn picture(video: &Video, name: PictureName) -> Option<Selected> {
    let (_, picture, url) = pictures(video).find(|(other, ..)| *other == name)?;
    Some(Selected {
        file: picture
            .key
            .rsplit('/')
            .next()
            .unwrap_or_default()
            .to_owned(),
        url: url.clone(),
        seconds: picture.actual_s,
    })
}

/// All pictures in a row.
fn strip(video: &Video, shown: Option<PictureName>, select: &Callback<PictureName>) -> Html {
    html! {
        <div class="strip" role="group" aria-label="Thumbnails">
            { for pictures(video).map(|(name, picture, url)| {
                let is_chosen = picture.choice.is_some();
                html! {
                    <button type="button" aria-pressed={(shown == Some(name)).to_string()} title={label(name)} onclick={select.reform(move |_: MouseEvent| name)}>
                        <Picture url={url.clone()} alt="" />
                        if is_chosen { <span class="by-hand" title="Chosen by a person">{ "★" }</span> }
                        <span>{ format::timecode(picture.actual_s) }</span>
                    </button>
                }
            }) }
        </div>
    }
}

#[derive(Properties, PartialEq)]
struct ActionsProps {
    /// The video's key, once it is known.
    key_of_video: Option<String>,
    /// The URL of the picture that is chosen, and the name of its file.
    picture: Option<(String, String)>,
    previous: Option<String>,
    next: Option<String>,
    show: Callback<String>,
}

/// What can be done with a video.
#[component]
fn Actions(props: &ActionsProps) -> Html {
    let session = use_session();
    let copy = |what: &'static str, text: Option<String>| {
        let session = session.clone();
        Callback::from(move |_: MouseEvent| {
            let text = text.clone().or_else(page::address);
            session.copy(what, text.unwrap_or_default());
        })
    };
    let save = {
        let (session, picture) = (session.clone(), props.picture.clone());
        Callback::from(move |_: MouseEvent| {
            let (session, picture) = (session.clone(), picture.clone());
            wasm_bindgen_futures::spawn_local(async move {
                if let Some((url, file)) = picture
                    && let Err(reason) = save(&url, &file).await
                {
                    session.warn(failure("The download", &reason));
                }
            });
        })
    };
    let go = |shape: Icon, label: &'static str, to: &Option<String>| {
        let show = to
            .clone()
            .map(|name| props.show.reform(move |_: MouseEvent| name.clone()));
        html! {
            <button type="button" class="button quiet square" aria-label={label} title={label} aria-disabled={to.is_none().to_string()} onclick={show}>
                { icon(shape) }
            </button>
        }
    };
    html! {
        <>
            { go(Icon::Previous, "Previous video (←)", &props.previous) }
            { go(Icon::Next, "Next video (→)", &props.next) }
            if let Some(key) = &props.key_of_video {
                <button type="button" class="button small" title={key.clone()} onclick={copy("key", Some(key.clone()))}>
                    { icon(Icon::Copy) }<span class="label">{ "Copy key" }</span>
                </button>
            }
            <button type="button" class="button small" title="Copy a link to this video" onclick={copy("link", None)}>
                { icon(Icon::Copy) }<span class="label">{ "Copy link" }</span>
            </button>
            if props.picture.is_some() {
                <button type="button" class="button small" title="Download the picture" onclick={save}>
                    { icon(Icon::Download) }<span class="label">{ "Picture" }</span>
                </button>
            }
        </>
    }
}
