//! Any frame of a video, by moving along it.

use std::rc::Rc;

use contract::api::Video;
use web_sys::HtmlInputElement;
use yew::prelude::*;

use super::{
    frames::{Shown, use_frames},
    storyboard::{Board, TilePicture, use_board},
};
use crate::model::format;

/// Tiles of the filmstrip.
const FILMSTRIP: usize = 12;

#[derive(Properties, PartialEq)]
pub(crate) struct Props {
    /// The name that the pictures' keys begin with.
    pub(crate) name: String,
    pub(crate) video: Rc<Video>,
    /// The time of the picture that was selected last, in seconds.
    pub(crate) selected: f64,
    /// Where someone has moved it, in seconds; at the selected picture unless someone has.
    pub(crate) at: UseStateHandle<Option<f64>>,
    /// Whether a storyboard is wanted before someone moves it.
    pub(crate) offers: bool,
    /// In seconds.
    pub(crate) duration: f64,
    /// Shows a frame.
    pub(crate) framed: Callback<Option<Shown>>,
}

#[component]
pub(crate) fn Scrubber(props: &Props) -> Html {
    let at = &props.at;
    // One that a worker has made costs nothing; another is made for whoever looks for a frame.
    let made = props.video.manifest.storyboard.as_ref();
    let is_wanted =
        at.is_some() || props.offers || made.is_some_and(contract::ManifestStoryboard::is_made);
    let board = use_board(is_wanted.then(|| props.name.clone()));
    let progress = use_frames(&props.video, board.as_ref(), **at, &props.framed);
    let moved = {
        let at = at.setter();
        Callback::from(move |event: InputEvent| {
            let input = event.target_unchecked_into::<HtmlInputElement>();
            at.set(Some(input.value_as_number()));
        })
    };
    let now = at.unwrap_or(props.selected);
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
                if progress.is_busy { <span role="status">{ "fetching the frame…" }</span> }
                else if at.is_none() { <span>{ "drag for any frame" }</span> }
            </p>
            if let Some(board) = &board { { filmstrip(board, now, at) } }
            if let Some(problem) = &progress.problem {
                <p class="problem" role="alert">{ format!("No frame: {problem}.") }</p>
            }
        </div>
    }
}

/// Tiles along the whole video; each leads to its time. One alone leads nowhere.
fn filmstrip(board: &Rc<Board>, now: f64, at: &UseStateHandle<Option<f64>>) -> Html {
    let tiles = board.storyboard.spread(FILMSTRIP);
    if tiles.len() < 2 {
        return Html::default();
    }
    let shown = board.storyboard.at(now);
    html! {
        <div class="filmstrip" role="group" aria-label="Storyboard">
            { for tiles.into_iter().map(|tile| {
                // The API takes milliseconds, and shows what comes next.
                let seconds = (tile.actual_s * 1e3).floor() / 1e3;
                let at = at.setter();
                let pressed = shown == Some(tile);
                html! {
                    <button
                        type="button"
                        aria-pressed={pressed.to_string()}
                        aria-label={format!("Go to {}", format::timecode(seconds))}
                        onclick={Callback::from(move |_: MouseEvent| at.set(Some(seconds)))}
                    >
                        <TilePicture {board} tile={*tile} fills=true />
                    </button>
                }
            }) }
        </div>
    }
}
