//! What a cell of the gallery plays while someone looks closer: the storyboard of its video, or its
//! animated preview.

use std::rc::Rc;

use gloo_timers::{callback::Interval, future::TimeoutFuture};
use yew::prelude::*;

use super::{
    session::{Session, use_session},
    storyboard::Board,
};
use crate::{page::use_media, task::Task};

/// Whoever only passes by is shown nothing.
const LINGERS_MS: u32 = 200;
/// How long a tile stands where no pointer chooses one.
const STEP_MS: u32 = 450;

/// What can be played of a video.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Play {
    Board(Rc<Board>),
    /// The URL of the animated preview.
    Preview(String),
}

/// What can be played of the video whose pictures' keys begin with `name`, once `looks`.
///
/// Asks for what a worker has made only: a storyboard made on demand costs more than a glance is
/// worth.
#[hook]
pub(super) fn use_play(name: String, looks: bool) -> Option<Play> {
    let session = use_session();
    let is_still = use_media("(prefers-reduced-motion: reduce)");
    let play = use_state(|| None::<Play>);
    {
        let play = play.clone();
        use_effect_with((name, looks), move |(name, looks)| {
            let is_wanted = *looks && play.is_none();
            let name = name.clone();
            let task = is_wanted.then(|| {
                Task::spawn(async move {
                    TimeoutFuture::new(LINGERS_MS).await;
                    play.set(find(&session, &name).await);
                })
            });
            move || drop(task)
        });
    }
    let play = (*play).clone().filter(|_| looks);
    play.filter(|play| !is_still || matches!(play, Play::Board(_)))
}

async fn find(session: &Session, name: &str) -> Option<Play> {
    let (api, renewals) = (&session.api, &session.renewals);
    let video = renewals.video(api, format!("{name}.json")).await?;
    let storyboard = video.manifest.storyboard.as_ref();
    if storyboard.is_some_and(contract::ManifestStoryboard::is_made) {
        let board = Board::of(api, name).await.ok()?;
        return Some(Play::Board(Rc::new(board)));
    }
    video.preview_url.clone().map(Play::Preview)
}

/// A number that grows while `runs`, unless motion is unwelcome.
#[hook]
pub(super) fn use_steps(runs: bool) -> usize {
    let is_still = use_media("(prefers-reduced-motion: reduce)");
    let runs = runs && !is_still;
    let steps = use_reducer(Steps::default);
    {
        let steps = steps.dispatcher();
        use_effect_with(runs, move |runs| {
            let interval = runs.then(|| Interval::new(STEP_MS, move || steps.dispatch(())));
            move || drop(interval)
        });
    }
    steps.0
}

#[derive(Default, PartialEq)]
struct Steps(usize);

impl Reducible for Steps {
    type Action = ();

    fn reduce(self: Rc<Self>, (): ()) -> Rc<Self> {
        Rc::new(Self(self.0 + 1))
    }
}
