//! One video: its pictures, its facts, the ranges that were read of it, and any other frame.

use std::rc::Rc;

use contract::api::{Thumbnail, Video};
use gloo_timers::callback::Timeout;
use yew::prelude::*;

use super::{
    answer::{Answer, use_answer},
    dialog::Dialog,
    facts::Facts,
    frames::Shown,
    problem::problem,
    scrubber::Scrubber,
    session::use_session,
};
use crate::model::{
    address::MARGIN_MS,
    format,
    names::{manifest_key, video_name},
};

#[derive(Properties, PartialEq)]
pub(crate) struct Props {
    pub(crate) thumbnail: Rc<Thumbnail>,
    pub(crate) close: Callback<()>,
}

#[component]
pub(crate) fn Detail(props: &Props) -> Html {
    let session = use_session();
    let video = {
        let key = manifest_key(&props.thumbnail.key);
        let api = session.api.clone();
        use_answer(key, move |key| {
            let key = key.clone();
            Some(async move { api.video(&key).await.map(Rc::new) })
        })
    };
    use_renewal(&video);
    // One of the pictures, and how many were chosen before it.
    let chosen = use_state(|| (props.thumbnail.key.clone(), 0_u32));
    // A frame that is none of the pictures.
    let frame = use_state(|| None::<Shown>);
    let choose = {
        let (chosen, frame) = (chosen.clone(), frame.setter());
        Callback::from(move |key: String| {
            chosen.set((key, chosen.1 + 1));
            frame.set(None);
        })
    };
    let framed = {
        let frame = frame.setter();
        Callback::from(move |shown| frame.set(shown))
    };
    let name = video_name(&props.thumbnail.key).to_owned();
    let found = video.get().and_then(|answer| answer.as_ref().ok());
    let (url, alt) = match (&*frame, found) {
        (Some(Shown { seconds, url }), _) => (
            url.clone(),
            format!("{name} at {}", format::timecode(*seconds)),
        ),
        (None, Some(video)) => picture(video, &chosen.0).map_or_else(
            || (props.thumbnail.url.clone(), name.clone()),
            |(url, at)| (url, format!("{name} at {}", format::timecode(at))),
        ),
        (None, None) => (props.thumbnail.url.clone(), name.clone()),
    };
    html! {
        <Dialog title={name} class="wide" close={props.close.clone()}>
            <div class="detail">
                <div class="detail-stage">
                    <div class="screen"><img src={url} {alt} /></div>
                    if let Some(video) = found {
                        if let Some(duration) = video.manifest.media.duration_s {
                            <Scrubber
                                video={video.clone()}
                                chosen={(picture(video, &chosen.0).map_or(0.0, |(_, at)| at), chosen.1)}
                                {duration}
                                {framed}
                            />
                        }
                        { strip(video, &chosen.0, frame.is_none(), &choose) }
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

/// The URL and the time of one of the pictures.
fn picture(video: &Video, key: &str) -> Option<(String, f64)> {
    let mut pictures = video.manifest.thumbnails.iter().zip(&video.urls);
    let (thumbnail, url) = pictures.find(|(thumbnail, _)| thumbnail.key == key)?;
    Some((url.clone(), thumbnail.actual_s))
}

/// All pictures in a row.
fn strip(video: &Video, chosen: &str, shown: bool, choose: &Callback<String>) -> Html {
    let pictures = video.manifest.thumbnails.iter().zip(&video.urls);
    html! {
        <div class="strip" role="group" aria-label="Thumbnails">
            { for pictures.map(|(thumbnail, url)| {
                let key = thumbnail.key.clone();
                let pressed = shown && key == chosen;
                let at = format::timecode(thumbnail.actual_s);
                html! {
                    <button type="button" aria-pressed={pressed.to_string()} onclick={choose.reform(move |_: MouseEvent| key.clone())}>
                        <img src={url.clone()} alt="" />
                        <span>{ at }</span>
                    </button>
                }
            }) }
        </div>
    }
}
