//! A person decides: the frame that is seen becomes one of the video's pictures, and what the
//! worker found beside its own is offered.

use std::rc::Rc;

use contract::{PictureName, api::Video};
use yew::prelude::*;

use super::{object_url::ObjectUrl, session::use_session};
use crate::{model::format, net::api::FrameMode, page, task::Task};

/// Width of the candidates in pixels.
const WIDTH: u32 = 160;

#[derive(Properties, PartialEq)]
pub(crate) struct Props {
    /// The name that the pictures' keys begin with.
    pub(crate) name: String,
    pub(crate) video: Rc<Video>,
    /// The picture that was selected last.
    pub(crate) selected: PictureName,
    /// The time of the frame that is seen, in seconds; `None` while it is one of the pictures.
    pub(crate) seen: Option<f64>,
    /// Where the scrubber is.
    pub(crate) at: UseStateHandle<Option<f64>>,
    /// Whether other pictures are offered.
    pub(crate) offers: UseStateHandle<bool>,
    /// Hears of the picture that was replaced, and the video with it.
    pub(crate) changed: Callback<(PictureName, Rc<Video>)>,
}

/// What a picture is called.
pub(crate) fn label(name: PictureName) -> String {
    match name {
        PictureName::Number(number) => format!("Picture {number}"),
        PictureName::Cover => "Cover".to_owned(),
    }
}

#[component]
pub(crate) fn Choice(props: &Props) -> Html {
    let session = use_session();
    let is_busy = use_state_eq(|| false);
    let manifest = &props.video.manifest;
    let choose = |picture: PictureName, seconds: Option<f64>| {
        let (session, is_busy, name) = (session.clone(), is_busy.clone(), props.name.clone());
        let changed = props.changed.clone();
        Callback::from(move |_: MouseEvent| {
            if *is_busy {
                return;
            }
            is_busy.set(true);
            let (session, is_busy, name) = (session.clone(), is_busy.clone(), name.clone());
            let changed = changed.clone();
            wasm_bindgen_futures::spawn_local(async move {
                match session.api.choose(&name, picture, seconds).await {
                    Ok(video) => {
                        session.tell(format!("{} is replaced.", label(picture)));
                        changed.emit((picture, Rc::new(video)));
                    }
                    Err(error) => session.failed("The choice", &error),
                }
                is_busy.set(false);
            });
        })
    };
    let disabled = is_busy.to_string();
    let selected = manifest.picture(props.selected);
    let choice = selected.and_then(|picture| picture.choice.as_ref());
    let candidates = selected.map_or(&[][..], |picture| &picture.candidates);
    let offer = {
        let offers = props.offers.clone();
        Callback::from(move |_: MouseEvent| offers.set(!*offers))
    };
    html! {
        <div class="choice">
            if let Some(seconds) = props.seen {
                <div role="group" aria-label="Use this picture">
                    <span>{ "Use this picture as" }</span>
                    { for manifest.pictures().map(|(name, _)| html! {
                        <button type="button" class="button small" aria-disabled={disabled.clone()} onclick={choose(name, Some(seconds))}>
                            { label(name) }
                        </button>
                    }) }
                </div>
            } else if let Some(choice) = choice {
                <p class="card-note">
                    <span title={page::local_time(js_sys::Date::parse(&choice.at))}>
                        { format!("{} was chosen by {}, {} ago", label(props.selected), choice.by, page::age(&choice.at)) }
                    </span>
                    <button type="button" class="button small" aria-disabled={disabled} onclick={choose(props.selected, None)}>{ "Undo" }</button>
                </p>
            }
            <button type="button" class="button small quiet" aria-expanded={props.offers.to_string()} onclick={offer}>
                { "Other pictures" }
            </button>
            if *props.offers && !candidates.is_empty() {
                <div class="strip" role="group" aria-label="Candidates">
                    { for candidates.iter().map(|candidate| html! {
                        <Candidate video={props.video.clone()} seconds={candidate.time_s} score={candidate.score} at={props.at.clone()} />
                    }) }
                </div>
            }
        </div>
    }
}

#[derive(Properties, PartialEq)]
struct CandidateProps {
    video: Rc<Video>,
    seconds: f64,
    score: f64,
    at: UseStateHandle<Option<f64>>,
}

/// What competed for a picture, with its score.
#[component]
fn Candidate(props: &CandidateProps) -> Html {
    let session = use_session();
    let picture = use_state(|| None::<ObjectUrl>);
    // The API takes milliseconds, and shows what comes next.
    let seconds = (props.seconds * 1e3).floor() / 1e3;
    {
        let (video, picture) = (props.video.clone(), picture.setter());
        let wanted = (
            props.video.manifest.source_etag.clone(),
            props.seconds.to_bits(),
        );
        use_effect_with((wanted, session.sign_ins), move |_| {
            let task = Task::spawn(async move {
                let frame = session
                    .api
                    .frame(&video.manifest, seconds, WIDTH, FrameMode::Keyframe);
                match frame.await {
                    Ok(frame) => picture.set(ObjectUrl::new(&frame.content).ok()),
                    Err(error) => session.sign_in_after(&error),
                }
            });
            move || drop(task)
        });
    }
    let time = format::timecode(props.seconds);
    let score = format!("{:.0}", props.score * 100.0);
    let go = {
        let at = props.at.clone();
        Callback::from(move |_: MouseEvent| at.set(Some(seconds)))
    };
    html! {
        <button type="button" aria-pressed={(*props.at == Some(seconds)).to_string()} aria-label={format!("Go to {time}, score {score} of 100")} onclick={go}>
            if let Some(picture) = &*picture {
                <img src={picture.as_str().to_owned()} alt="" />
            } else {
                <span class="gone">{ "…" }</span>
            }
            <span>{ time }{ " · " }{ score }</span>
        </button>
    }
}
