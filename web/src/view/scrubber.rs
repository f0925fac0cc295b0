//! Any frame of a video, by moving along it.

use std::rc::Rc;

use contract::api::Video;
use gloo_timers::future::TimeoutFuture;
use web_sys::{HtmlInputElement, Url};
use yew::prelude::*;

use super::session::use_session;
use crate::{model::format, net::api::ApiError, task::Task};

/// A frame is asked for when the hand rests.
const RESTS_MS: u32 = 180;
const WIDTH: u32 = 960;

#[derive(Properties, PartialEq)]
pub(crate) struct Props {
    pub(crate) video: Rc<Video>,
    /// The time of the picture that was chosen last, in seconds, and how many were chosen before
    /// it: each choice starts over from there.
    pub(crate) chosen: (f64, u32),
    /// In seconds.
    pub(crate) duration: f64,
    /// Takes the frame that is to be shown: its time and the URL of its content.
    pub(crate) framed: Callback<Option<(f64, String)>>,
}

/// The address of a frame in memory. Dropping it frees the frame.
struct ObjectUrl(String);

impl Drop for ObjectUrl {
    fn drop(&mut self) {
        // Fails only where there is none.
        let _ = Url::revoke_object_url(&self.0);
    }
}

#[component]
pub(crate) fn Scrubber(props: &Props) -> Html {
    let session = use_session();
    let at = use_state(|| None::<f64>);
    let problem = use_state(|| None::<String>);
    let busy = use_state(|| false);
    let content = use_mut_ref(|| None::<ObjectUrl>);
    {
        let at = at.setter();
        use_effect_with(props.chosen.1, move |_| at.set(None));
    }
    {
        let (problem, busy) = (problem.setter(), busy.setter());
        let (video, framed, session) = (props.video.clone(), props.framed.clone(), session.clone());
        // Whoever signs in may see what was refused before.
        use_effect_with((*at, session.sign_ins), move |(at, _)| {
            problem.set(None);
            busy.set(at.is_some());
            let task = at.map(|seconds| {
                // Given up when someone has moved on.
                Task::spawn(async move {
                    TimeoutFuture::new(RESTS_MS).await;
                    let answer = session.api.frame(&video.manifest, seconds, WIDTH).await;
                    busy.set(false);
                    let url = answer.and_then(|blob| {
                        Url::create_object_url_with_blob(&blob)
                            .map_err(|_| ApiError::Unreadable("no picture".to_owned()))
                    });
                    match url {
                        Ok(url) => {
                            framed.emit(Some((seconds, url.clone())));
                            content.replace(Some(ObjectUrl(url)));
                        }
                        Err(error) => {
                            problem.set(Some(error.to_string()));
                            session.sign_in_after(&error);
                        }
                    }
                })
            });
            move || drop(task)
        });
    }
    let moved = {
        let at = at.setter();
        Callback::from(move |event: InputEvent| {
            let input = event.target_unchecked_into::<HtmlInputElement>();
            at.set(Some(input.value_as_number()));
        })
    };
    let now = at.unwrap_or(props.chosen.0);
    let ticks = props.video.manifest.thumbnails.iter().map(|thumbnail| {
        let at = 1000.0 * (thumbnail.actual_s / props.duration.max(0.001)).clamp(0.0, 1.0);
        html! { <rect x={format!("{:.1}", at - 1.5)} width="3" height="22" /> }
    });
    html! {
        <div class="scrubber">
            <label>
                <span class="hidden">{ "Any frame" }</span>
                <svg class="ticks" viewBox="0 0 1000 22" preserveAspectRatio="none" aria-hidden="true">{ for ticks }</svg>
                <input
                    type="range"
                    min="0"
                    max={format!("{:.2}", props.duration)}
                    step="0.1"
                    value={format!("{now:.2}")}
                    aria-valuetext={format!("{} of {}", format::timecode(now), format::timecode(props.duration))}
                    oninput={moved}
                />
            </label>
            <p class="card-note">
                <span class="time">{ format!("{} / {}", format::timecode(now), format::timecode(props.duration)) }</span>
                if *busy { <span role="status">{ "fetching the frame…" }</span> }
                else if at.is_none() { <span>{ "drag for any frame" }</span> }
            </p>
            if let Some(problem) = &*problem {
                <p class="problem" role="alert">{ format!("No frame: {problem}.") }</p>
            }
        </div>
    }
}
