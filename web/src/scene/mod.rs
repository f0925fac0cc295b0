//! The pipeline in three dimensions: uploads, queue, workers, thumbnails. Each particle is a video
//! or a picture that really moved.
//!
//! - `world`: what there is and where, without a browser; tested natively.
//! - `particles`: what moves; tested natively.
//! - `shaders`, `renderer`: drawing it with WebGL2.
//! - `stage`: when to draw, and from where.
//! - `card`: whether there is a graphics card to draw with.
//! - `still`: the same as a plain picture, where there is none, or no WebGL2.

mod card;
mod matrix;
mod particles;
mod renderer;
mod shaders;
mod stage;
mod still;
mod world;

use std::{cell::RefCell, rc::Rc};

use contract::api::{Metrics, SourceState};
use gloo_render::request_animation_frame;
use gloo_timers::callback::Timeout;
use stage::Stage;
use web_sys::{HtmlCanvasElement, HtmlElement};
use world::{Facts, NODES};
use yew::prelude::*;

use crate::model::{flow::Flow, format, theme::Theme};

#[derive(Properties, PartialEq)]
pub(crate) struct Props {
    pub(crate) metrics: Option<Rc<Metrics>>,
    /// What moved last, and its number.
    pub(crate) flow: (u32, Flow),
    pub(crate) theme: Theme,
}

/// A card that is lost more often in a row is let be.
const MOST_LOSSES: u32 = 2;
/// It takes a while to come back, in milliseconds.
const PAUSE: u32 = 2_000;
/// After this long, in milliseconds, another loss is none in a row: computers sleep.
const ROW: f64 = 60_000.0;

/// How often the graphics card was lost in a row, and when last, in milliseconds since 1970.
#[derive(Clone, Copy, Default)]
struct Losses {
    count: u32,
    last: f64,
}

impl Losses {
    /// Notes another one; whether it is worth another try.
    fn note(&mut self, now: f64) -> bool {
        if now - self.last > ROW {
            self.count = 0;
        }
        *self = Self {
            count: self.count + 1,
            last: now,
        };
        self.count <= MOST_LOSSES
    }
}

/// How far the drawing has come.
#[derive(Clone, Copy, PartialEq)]
enum Drawing {
    /// The page is painted first.
    Awaited,
    Works,
    /// There is no graphics card or no WebGL2, or no longer.
    Impossible,
}

#[component]
pub(crate) fn Scene(props: &Props) -> Html {
    let canvas = use_node_ref();
    let labels = use_node_ref();
    // Each has a canvas of its own.
    let attempt = use_state(|| 0_u32);
    let losses = use_mut_ref(Losses::default);
    let pause = use_mut_ref(|| None::<Timeout>);
    let drawing = use_state(|| Drawing::Awaited);
    let stage = use_mut_ref(|| None::<Rc<RefCell<Stage>>>);
    {
        let (canvas, labels, drawing, stage) = (
            canvas.clone(),
            labels.clone(),
            drawing.setter(),
            stage.clone(),
        );
        let next = attempt.setter();
        use_effect_with(*attempt, move |attempt| {
            let attempt = *attempt;
            drawing.set(Drawing::Awaited);
            let start = {
                let (stage, pause) = (stage.clone(), pause.clone());
                move || {
                    let elements = canvas
                        .cast::<HtmlCanvasElement>()
                        .zip(labels.cast::<HtmlElement>());
                    let lost = {
                        let (drawing, pause) = (drawing.clone(), pause.clone());
                        Callback::from(move |()| {
                            drawing.set(Drawing::Impossible);
                            if losses.borrow_mut().note(js_sys::Date::now()) {
                                let next = next.clone();
                                let again = Timeout::new(PAUSE, move || next.set(attempt + 1));
                                pause.replace(Some(again));
                            }
                        })
                    };
                    let made = elements
                        .and_then(|(canvas, labels)| Stage::start(canvas, labels, lost.clone()));
                    let works = made.is_some();
                    stage.replace(made);
                    if works {
                        drawing.set(Drawing::Works);
                    } else if attempt > 0 {
                        // It was there before.
                        lost.emit(());
                    } else {
                        drawing.set(Drawing::Impossible);
                    }
                }
            };
            // Making shaders takes longer than all the rest: a task of its own, behind the first
            // frame.
            let task = Rc::new(RefCell::new(None));
            let frame = {
                let task = Rc::clone(&task);
                request_animation_frame(move |_| {
                    task.replace(Some(Timeout::new(0, start)));
                })
            };
            move || {
                drop(frame);
                drop(task.take());
                drop(pause.take());
                // Frees everything that the graphics card holds.
                drop(stage.take());
            }
        });
    }
    {
        let stage = stage.clone();
        use_effect_with(*drawing, move |drawing| {
            // With the card gone there is nothing to draw on; its listeners go, too.
            if *drawing == Drawing::Impossible {
                drop(stage.take());
            }
        });
    }
    let facts = props.metrics.as_deref().map(facts).unwrap_or_default();
    {
        let stage = stage.clone();
        use_effect_with((facts, props.theme, *drawing), move |(facts, theme, _)| {
            if let Some(stage) = &*stage.borrow() {
                stage.borrow_mut().show(*facts, *theme);
            }
        });
    }
    use_effect_with(props.flow, move |(_, flow)| {
        if let Some(stage) = &*stage.borrow() {
            stage.borrow_mut().emit(*flow);
        }
    });
    let words = props.metrics.as_deref().map(words).unwrap_or_default();
    let described = format!(
        "The pipeline: {}. Drag or use the arrow keys to look from another side.",
        NODES
            .iter()
            .zip(&words)
            .map(|(node, words)| format!("{}, {words}", node.name))
            .collect::<Vec<_>>()
            .join("; "),
    );
    html! {
        <section class="card scene" aria-label="Pipeline">
            if *drawing == Drawing::Impossible {
                { still::picture(&facts, &words) }
            } else {
                <canvas
                    key={*attempt}
                    ref={canvas}
                    tabindex="0"
                    role="application"
                    aria-roledescription="3D view"
                    aria-label={described}
                />
                // They have no place before the first drawing.
                <div ref={labels} class="labels" aria-hidden="true" hidden={*drawing == Drawing::Awaited}>
                    { for NODES.iter().zip(words).map(|(node, words)| html! {
                        <div class="label-3d"><strong>{ node.name }</strong><span>{ words }</span></div>
                    }) }
                </div>
            }
        </section>
    }
}

fn facts(metrics: &Metrics) -> Facts {
    let pods = metrics.sources.pods.state == SourceState::Available;
    Facts {
        waiting: metrics.queue_depth,
        in_flight: metrics.in_flight,
        workers: pods.then_some(metrics.running_pods),
        thumbnails: metrics.total_thumbnails,
    }
}

/// What is said below each node's name.
fn words(metrics: &Metrics) -> [String; 4] {
    let workers = match facts(metrics).workers {
        Some(count) => format!(
            "{} running, {} in flight",
            format::count(count),
            format::count(metrics.in_flight)
        ),
        None => format!("{} in flight", format::count(metrics.in_flight)),
    };
    [
        "S3 bucket".to_owned(),
        format!("{} waiting", format::count(metrics.queue_depth)),
        workers,
        format::count(metrics.total_thumbnails),
    ]
}
