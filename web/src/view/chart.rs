//! The queue over five minutes: a chart, or the same as a table.

use std::rc::Rc;

use contract::api::{HISTORY_INTERVAL_SECONDS, HISTORY_POINTS, Queue, Source};
use web_sys::{HtmlElement, PointerEvent};
use yew::prelude::*;

use super::icon::{Icon, icon};
use super::stale::{Stale, is_stale};
use crate::model::chart::{Sample, Scale};
use crate::model::format;

const WIDTH: f64 = 420.0;
const HEIGHT: f64 = 252.0;
/// Room for the axes' figures.
const LEFT: f64 = 34.0;
const BELOW: f64 = 22.0;
const ABOVE: f64 = 8.0;
const SECONDS: f64 = (HISTORY_POINTS as u64 * HISTORY_INTERVAL_SECONDS) as f64;

#[derive(Properties, PartialEq)]
pub(crate) struct Props {
    pub(crate) queue: Option<Rc<Queue>>,
    pub(crate) source: Option<Source>,
}

#[component]
pub(crate) fn QueueChart(props: &Props) -> Html {
    let as_table = use_state(|| false);
    let toggle = {
        let as_table = as_table.clone();
        Callback::from(move |_: MouseEvent| as_table.set(!*as_table))
    };
    let samples = props.queue.as_deref().map(samples).unwrap_or_default();
    // The newest point is of now only while the queue answers.
    let newest = if props.source.as_ref().is_some_and(is_stale) {
        "last"
    } else {
        "now"
    };
    let (shape, label) = if *as_table {
        (Icon::Chart, "Show as chart")
    } else {
        (Icon::Table, "Show as table")
    };
    html! {
        <section class="card queue" aria-labelledby="queue-title">
            <header class="card-head">
                <h2 id="queue-title">{ "Queue" }</h2>
                <span class="legend depth">{ "waiting" }</span>
                <span class="legend flight">{ "in flight" }</span>
                <button type="button" class="button quiet square small" aria-label={label} title={label} onclick={toggle}>
                    { icon(shape) }
                </button>
            </header>
            if samples.is_empty() {
                <p class="empty">{ "No history yet: a point is taken every five seconds." }</p>
            } else if *as_table {
                { table(&samples, newest) }
            } else {
                <Plot {samples} {newest} />
            }
            <Stale source={props.source.clone()} />
        </section>
    }
}

/// Ages are counted from the newest point: the browser's clock may be wrong.
fn samples(queue: &Queue) -> Vec<Sample> {
    let time = |text: &str| js_sys::Date::parse(text) / 1000.0;
    let now = queue.history.last().map_or(0.0, |point| time(&point.time));
    let history = queue.history.iter().map(|point| Sample {
        age: now - time(&point.time),
        depth: point.depth,
        in_flight: point.in_flight,
    });
    history.filter(|sample| sample.age <= SECONDS).collect()
}

#[derive(Properties, PartialEq)]
struct PlotProps {
    samples: Vec<Sample>,
    /// What the time of the newest is called.
    newest: &'static str,
}

#[component]
fn Plot(props: &PlotProps) -> Html {
    let samples = &props.samples;
    let frame = use_node_ref();
    let chosen = use_state(|| None::<usize>);
    let scale = Scale::new(samples, WIDTH - LEFT - 6.0, HEIGHT - BELOW - ABOVE, SECONDS);

    let point = {
        let (frame, chosen, samples) = (frame.clone(), chosen.clone(), samples.clone());
        Callback::from(move |event: PointerEvent| {
            let Some(frame) = frame.cast::<HtmlElement>() else {
                return;
            };
            let bounds = frame.get_bounding_client_rect();
            let x = (f64::from(event.client_x()) - bounds.left()) / bounds.width() * WIDTH - LEFT;
            chosen.set(scale.nearest(&samples, x));
        })
    };
    let leave = {
        let chosen = chosen.clone();
        Callback::from(move |_: PointerEvent| chosen.set(None))
    };
    let key = {
        let (chosen, last) = (chosen.clone(), samples.len().saturating_sub(1));
        Callback::from(move |event: KeyboardEvent| {
            let at = chosen.unwrap_or(last);
            let to = match event.key().as_str() {
                "ArrowLeft" => at.saturating_sub(1),
                "ArrowRight" => (at + 1).min(last),
                "Home" => 0,
                "End" => last,
                "Escape" => return chosen.set(None),
                _ => return,
            };
            event.prevent_default();
            chosen.set(Some(to));
        })
    };
    let tip = chosen.and_then(|index| samples.get(index).copied());
    let newest = samples.last().copied();
    let label = newest.map_or_else(String::new, |sample| {
        format!(
            "The queue over five minutes. {}; at most {}. Arrow keys tell the points.",
            words(&sample, props.newest),
            samples.iter().map(|s| s.depth).max().unwrap_or(0),
        )
    });
    html! {
        // A slider for screen readers: arrows move along the points, and the text is read out.
        <div
            ref={frame}
            class="plot"
            tabindex="0"
            role="slider"
            aria-label={label}
            aria-valuemin="0"
            aria-valuemax={samples.len().saturating_sub(1).to_string()}
            aria-valuenow={chosen.unwrap_or(samples.len().saturating_sub(1)).to_string()}
            aria-valuetext={tip.or(newest).map(|s| words(&s, props.newest))}
            onpointermove={point.clone()}
            onpointerdown={point}
            onpointerleave={leave}
            onkeydown={key}
        >
            <svg viewBox={format!("0 0 {WIDTH} {HEIGHT}")} aria-hidden="true">
                <g transform={format!("translate({LEFT} {ABOVE})")}>
                    { for scale.ticks().into_iter().map(|value| {
                        let y = scale.y(value);
                        html! {
                            <>
                                <line class="rule" x1="0" x2={scale.width.to_string()} y1={y.to_string()} y2={y.to_string()} />
                                <text class="tick" x="-8" y={(y + 4.0).to_string()} text-anchor="end">{ short(value) }</text>
                            </>
                        }
                    }) }
                    { for [(300.0, "5 min", "start"), (150.0, "2.5 min", "middle"), (0.0, props.newest, "end")].map(|(age, text, anchor)| html! {
                        <text class="tick" x={scale.x(age).to_string()} y={(scale.height + 17.0).to_string()} text-anchor={anchor}>{ text }</text>
                    }) }
                    <path class="area" d={scale.area(samples, |s| s.depth)} />
                    <path class="line depth" d={scale.line(samples, |s| s.depth)} />
                    <path class="line flight" d={scale.line(samples, |s| s.in_flight)} />
                    if let Some(sample) = tip {
                        <line class="cursor" x1={scale.x(sample.age).to_string()} x2={scale.x(sample.age).to_string()} y1="0" y2={scale.height.to_string()} />
                        <circle class="spot depth" cx={scale.x(sample.age).to_string()} cy={scale.y(sample.depth).to_string()} r="4" />
                        <circle class="spot flight" cx={scale.x(sample.age).to_string()} cy={scale.y(sample.in_flight).to_string()} r="4" />
                    }
                </g>
            </svg>
            if let Some(sample) = tip {
                <p class="tip" aria-hidden="true">{ words(&sample, props.newest) }</p>
            }
        </div>
    }
}

fn when(sample: &Sample, newest: &str) -> String {
    if sample.age < 1.0 {
        newest.to_owned()
    } else {
        format!("{} ago", format::span(sample.age))
    }
}

fn words(sample: &Sample, newest: &str) -> String {
    let when = when(sample, newest);
    format!(
        "{when}: {} waiting, {} in flight",
        format::count(sample.depth),
        format::count(sample.in_flight)
    )
}

/// A figure that fits beside the axis.
fn short(value: u64) -> String {
    match value {
        0..10_000 => value.to_string(),
        10_000..10_000_000 => format!("{}k", value / 1000),
        _ => format!("{}M", value / 1_000_000),
    }
}

fn table(samples: &[Sample], newest: &str) -> Html {
    html! {
        <div class="table-frame" tabindex="0" role="region" aria-labelledby="queue-title">
            <table>
                <thead>
                    <tr><th scope="col">{ "When" }</th><th scope="col">{ "Waiting" }</th><th scope="col">{ "In flight" }</th></tr>
                </thead>
                <tbody>
                    { for samples.iter().rev().map(|sample| html! {
                        <tr>
                            <th scope="row">{ when(sample, newest) }</th>
                            <td>{ format::count(sample.depth) }</td>
                            <td>{ format::count(sample.in_flight) }</td>
                        </tr>
                    }) }
                </tbody>
            </table>
        </div>
    }
}
