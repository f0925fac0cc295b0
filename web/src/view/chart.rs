//! The queue over five minutes: a chart, or the same as a table.

use std::rc::Rc;

use contract::api::{HISTORY_INTERVAL_SECONDS, HISTORY_POINTS, Queue, Source};
use web_sys::{HtmlElement, PointerEvent};
use yew::prelude::*;

use super::{
    icon::{Icon, icon},
    outage::{Outage, is_out},
};
use crate::{
    model::{
        chart::{Sample, Scale},
        format,
    },
    page::{self, use_width},
};

/// In pixels, as all lengths here; the width is what there is.
const HEIGHT: f64 = 244.0;
/// Room for the axes' figures.
const LEFT: f64 = 42.0;
const BELOW: f64 = 22.0;
/// Room for what the figures count.
const ABOVE: f64 = 24.0;
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
    let newest = if props.source.as_ref().is_some_and(is_out) {
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
            <Outage name="The queue" source={props.source.clone()} />
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
    let width = use_width(&frame).unwrap_or(360.0).max(LEFT + 60.0);
    let scale = Scale::new(samples, width - LEFT - 6.0, HEIGHT - BELOW - ABOVE, SECONDS);

    let point = {
        let (frame, chosen, samples) = (frame.clone(), chosen.clone(), samples.clone());
        Callback::from(move |event: PointerEvent| {
            let Some(frame) = frame.cast::<HtmlElement>() else {
                return;
            };
            let bounds = frame.get_bounding_client_rect();
            let x = f64::from(event.client_x()) - bounds.left() - LEFT;
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
            if !page::is_alone(&event) {
                return;
            }
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
            "The queue over five minutes. {}; at most {} waiting. Arrow keys tell the points.",
            words(&sample, props.newest),
            format::count(samples.iter().map(|s| s.depth).max().unwrap_or(0)),
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
            <svg viewBox={format!("0 0 {width} {HEIGHT}")} aria-hidden="true">
                <text class="tick" x="0" y="11">{ "messages" }</text>
                <g transform={format!("translate({LEFT} {ABOVE})")}>
                    { for scale.ticks().into_iter().map(|value| {
                        let y = scale.y(value);
                        html! {
                            <>
                                <line class="rule" x1="0" x2={scale.width.to_string()} y1={y.to_string()} y2={y.to_string()} />
                                <text class="tick" x="-8" y={(y + 4.0).to_string()} text-anchor="end">{ format::short(value) }</text>
                            </>
                        }
                    }) }
                    { for [(300.0, "−5 min", "start"), (150.0, "−2.5 min", "middle"), (0.0, props.newest, "end")].map(|(age, text, anchor)| html! {
                        <text class="tick" x={scale.x(age).to_string()} y={(scale.height + 17.0).to_string()} text-anchor={anchor}>{ text }</text>
                    }) }
                    <path class="area" d={scale.area(samples, |s| s.depth)} />
                    <path class="line depth" d={scale.line(samples, |s| s.depth)} />
                    <path class="line flight" d={scale.line(samples, |s| s.in_flight)} />
                    if let [only] = samples.as_slice() {
                        <circle class="spot depth" cx={scale.x(only.age).to_string()} cy={scale.y(only.depth).to_string()} r="3" />
                    }
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
        format!("{} ago", format::minutes(sample.age))
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

fn table(samples: &[Sample], newest: &str) -> Html {
    html! {
        <div class="table-frame" tabindex="0" role="region" aria-label="Queue, as a table">
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
