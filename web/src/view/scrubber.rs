//! Any frame of a video, by moving along it.

use std::rc::Rc;

use contract::api::Video;
use gloo_timers::callback::Timeout;
use web_sys::{HtmlInputElement, Url};
use yew::prelude::*;

use super::shell::use_shell;
use crate::model::format;
use crate::net::api::ApiError;

/// A frame is asked for when the hand rests.
const RESTS_MS: u32 = 180;
const WIDTH: u32 = 960;

#[derive(Properties, PartialEq)]
pub(crate) struct Props {
    pub(crate) video: Rc<Video>,
    /// The time of the picture that was chosen last, in seconds, and how many were chosen before it: each choice starts
    /// over from there.
    pub(crate) chosen: (f64, u32),
    /// In seconds.
    pub(crate) duration: f64,
    /// Takes the frame that is to be shown: its time and the URL of its content.
    pub(crate) framed: Callback<Option<(f64, String)>>,
}

/// The content of a frame. Dropping it frees it.
struct Content(String);

impl Drop for Content {
    fn drop(&mut self) {
        // Fails only where there is none.
        let _ = Url::revoke_object_url(&self.0);
    }
}

#[component]
pub(crate) fn Scrubber(props: &Props) -> Html {
    let shell = use_shell();
    let at = use_state(|| None::<f64>);
    let problem = use_state(|| None::<String>);
    let busy = use_state(|| false);
    let resting = use_mut_ref(|| None::<Timeout>);
    let content = use_mut_ref(|| None::<Content>);
    let asked = use_mut_ref(|| 0_u32);
    {
        let (at, problem, busy) = (at.setter(), problem.setter(), busy.setter());
        let (resting, asked) = (resting.clone(), asked.clone());
        use_effect_with(props.chosen.1, move |_| {
            // A frame that is still on its way comes too late.
            *asked.borrow_mut() += 1;
            resting.take();
            at.set(None);
            problem.set(None);
            busy.set(false);
        });
    }
    let moved = {
        let (at, problem, busy) = (at.clone(), problem.clone(), busy.clone());
        let (video, framed, shell) = (props.video.clone(), props.framed.clone(), shell.clone());
        Callback::from(move |event: InputEvent| {
            let seconds = event
                .target_unchecked_into::<HtmlInputElement>()
                .value_as_number();
            at.set(Some(seconds));
            busy.set(true);
            *asked.borrow_mut() += 1;
            let number = *asked.borrow();
            let (asked, content, problem, busy) = (
                asked.clone(),
                content.clone(),
                problem.setter(),
                busy.setter(),
            );
            let (video, framed, shell) = (video.clone(), framed.clone(), shell.clone());
            let ask = move || {
                wasm_bindgen_futures::spawn_local(async move {
                    let answer = shell.api.frame(&video.manifest, seconds, WIDTH).await;
                    // Someone has moved on.
                    if *asked.borrow() != number {
                        return;
                    }
                    busy.set(false);
                    let url = answer.and_then(|blob| {
                        Url::create_object_url_with_blob(&blob)
                            .map_err(|_| ApiError::Unreadable("no picture".to_owned()))
                    });
                    match url {
                        Ok(url) => {
                            problem.set(None);
                            framed.emit(Some((seconds, url.clone())));
                            content.replace(Some(Content(url)));
                        }
                        Err(error) => {
                            problem.set(Some(error.to_string()));
                            if error == ApiError::SignIn {
                                shell.sign_in.emit(());
                            }
                        }
                    }
                });
            };
            resting.replace(Some(Timeout::new(RESTS_MS, ask)));
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
