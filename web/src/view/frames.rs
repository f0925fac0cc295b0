//! The frames of a video that follow a pointer: tiles of its storyboard or, without one, keyframes
//! while it moves, the exact frame once it rests.
//!
//! A keyframe takes a fraction of the work of an exact frame, so it can be shown at once. One
//! request for a keyframe is under way at a time, each for the pointer's newest place. When the
//! pointer rests, that request is aborted and the exact frame is asked for; when the pointer moves
//! again, so is the request for the exact frame.

use std::{cell::Cell, rc::Rc};

use contract::api::Video;
use gloo_timers::future::TimeoutFuture;
use yew::prelude::*;

use super::{
    object_url::ObjectUrl,
    session::{Session, use_session},
    storyboard::Board,
};
use crate::{
    model::storyboard::Tile,
    net::api::{ApiError, Frame, FrameMode},
    task::Task,
};

/// A pointer that has not moved for so long rests.
const RESTS_MS: u32 = 180;
/// Width of the frames in pixels.
const WIDTH: u32 = 960;

/// A frame to show.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Shown {
    /// The time of the picture, in seconds.
    pub(crate) seconds: f64,
    /// The time that was asked for, where this is exactly what is shown then.
    pub(crate) exact: Option<f64>,
    pub(crate) still: Still,
}

/// The content of a frame.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Still {
    /// The URL of a picture.
    Picture(String),
    /// What the storyboard has.
    Tile(Rc<Board>, Tile),
}

/// What there is to say while frames are asked for.
pub(crate) struct Progress {
    /// Whether the exact frame is waited for.
    pub(crate) is_busy: bool,
    /// Why there is no exact frame.
    pub(crate) problem: Option<String>,
}

/// Asks for frames of one video, and shows them.
#[derive(Clone)]
struct Screen {
    session: Session,
    video: Rc<Video>,
    show: Callback<Option<Shown>>,
    /// The frame that is shown.
    content: Rc<Cell<Option<ObjectUrl>>>,
}

impl Screen {
    async fn fetch(&self, seconds: f64, mode: FrameMode) -> Result<(), ApiError> {
        let manifest = &self.video.manifest;
        let frame = self.session.api.frame(manifest, seconds, WIDTH, mode);
        let exact = (mode == FrameMode::Exact).then_some(seconds);
        let Frame { content, seconds } = frame.await?;
        let url = ObjectUrl::new(&content)?;
        let still = Still::Picture(url.as_str().to_owned());
        self.show.emit(Some(Shown {
            seconds,
            exact,
            still,
        }));
        self.content.set(Some(url));
        Ok(())
    }

    /// Shows the storyboard's tile of `seconds`. Whether there is one.
    fn show_tile(&self, board: Option<&Rc<Board>>, seconds: f64) -> bool {
        let tile = board.and_then(|board| Some((board, board.storyboard.at(seconds)?)));
        if let Some((board, tile)) = tile {
            self.show.emit(Some(Shown {
                seconds: tile.actual_s,
                exact: None,
                still: Still::Tile(Rc::clone(board), *tile),
            }));
        }
        tile.is_some()
    }

    /// Shows keyframes while there is a newer place than the last. An error ends it: the exact
    /// frame tells whether the error lasts.
    async fn follow(self, newest: Rc<Cell<Option<f64>>>) {
        while let Some(seconds) = newest.take() {
            if self.fetch(seconds, FrameMode::Keyframe).await.is_err() {
                return;
            }
        }
    }
}

/// Shows the frames of `video`, whose storyboard is `board`, at `at` by `show`.
#[hook]
pub(crate) fn use_frames(
    video: &Rc<Video>,
    board: Option<&Rc<Board>>,
    at: Option<f64>,
    show: &Callback<Option<Shown>>,
) -> Progress {
    let session = use_session();
    let problem = use_state(|| None::<String>);
    let is_busy = use_state(|| false);
    let content = use_memo((), |()| Cell::new(None::<ObjectUrl>));
    let newest = use_memo((), |()| Cell::new(None::<f64>));
    let following = use_mut_ref(|| None::<Following>);
    let screen = Screen {
        session: session.clone(),
        video: video.clone(),
        show: show.clone(),
        content,
    };
    let (told, busy) = (problem.setter(), is_busy.setter());
    let board = board.cloned();
    // A sign-in may show what was refused before.
    use_effect_with((at, session.sign_ins), move |(at, _)| {
        told.set(None);
        busy.set(at.is_some());
        newest.set(*at);
        let is_idle = following.borrow().as_ref().is_none_or(Following::is_done);
        if at.is_none_or(|seconds| screen.show_tile(board.as_ref(), seconds)) {
            following.replace(None);
        } else if is_idle {
            following.replace(Some(Following::start(screen.clone(), newest)));
        }
        let exact = at.map(|seconds| {
            Task::spawn(async move {
                TimeoutFuture::new(RESTS_MS).await;
                following.replace(None);
                let answer = screen.fetch(seconds, FrameMode::Exact).await;
                busy.set(false);
                if let Err(error) = answer {
                    told.set(Some(error.to_string()));
                    screen.session.sign_in_after(&error);
                }
            })
        });
        move || drop(exact)
    });
    Progress {
        is_busy: *is_busy,
        problem: (*problem).clone(),
    }
}

/// The requests for keyframes. Dropping this aborts the one under way.
struct Following {
    done: Rc<Cell<bool>>,
    _task: Task,
}

impl Following {
    fn start(screen: Screen, newest: Rc<Cell<Option<f64>>>) -> Self {
        let done = Rc::new(Cell::new(false));
        let ended = done.clone();
        Self {
            done,
            _task: Task::spawn(async move {
                screen.follow(newest).await;
                ended.set(true);
            }),
        }
    }

    fn is_done(&self) -> bool {
        self.done.get()
    }
}
