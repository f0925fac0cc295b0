//! The workers' pods.

use std::rc::Rc;

use contract::api::{Pod, Source, SourceState};
use yew::prelude::*;

use super::outage::Outage;
use crate::{
    model::format,
    page::{self, use_now},
};

#[derive(Properties, PartialEq)]
pub(crate) struct Props {
    pub(crate) pods: Option<Rc<Vec<Pod>>>,
    pub(crate) source: Option<Source>,
}

#[component]
pub(crate) fn Pods(props: &Props) -> Html {
    let now = use_now(1000);
    let pods = props.pods.as_deref().map(Vec::as_slice).unwrap_or_default();
    let ready = pods.iter().filter(|pod| pod.ready).count();
    let why = props
        .source
        .as_ref()
        .map_or("Not known yet.", |source| match source.state {
            SourceState::Absent | SourceState::Unavailable => "No pod is known.",
            SourceState::Pending => "Not known yet.",
            SourceState::Available => "No worker runs.",
        });
    html! {
        <section class="card" aria-labelledby="pods-title">
            <header class="card-head">
                <h2 id="pods-title">{ "Pods" }</h2>
                if !pods.is_empty() {
                    <span class="card-note">{ format!("{ready} of {} ready", pods.len()) }</span>
                }
            </header>
            if pods.is_empty() {
                <p class="empty">{ why }</p>
            } else {
                // It may scroll, and has nothing in it that takes the focus.
                <ul class="pods" tabindex="0" role="list" aria-labelledby="pods-title">
                    { for pods.iter().map(|pod| draw(pod, now)) }
                </ul>
            }
            <Outage name="The cluster" source={props.source.clone()} />
        </section>
    }
}

fn draw(pod: &Pod, now: f64) -> Html {
    let state = match (pod.ready, pod.status.as_str()) {
        (true, _) => "good",
        (false, "Pending" | "Running" | "Terminating" | "ContainerCreating" | "Succeeded") => {
            "pending"
        }
        _ => "bad",
    };
    let started = pod.started_at.as_deref().map(js_sys::Date::parse);
    let uptime = started
        .filter(|at| at.is_finite())
        .map(|at| format::span((now - at) / 1000.0));
    let exact = started.map(page::local_time);
    let requests = [(&pod.cpu, "CPU"), (&pod.memory, "memory")];
    let requests = requests.into_iter().filter_map(|(amount, of)| {
        let amount = amount.as_ref()?;
        Some(format!("{amount} {of}"))
    });
    let requests = requests.collect::<Vec<_>>().join(", ");
    let facts = [
        ("Up", uptime),
        ("Restarts", Some(format::count(u64::from(pod.restarts)))),
        ("Node", pod.node.clone()),
        (
            "Requests",
            Some(requests).filter(|requests| !requests.is_empty()),
        ),
    ];
    // Pods of one deployment differ in the end of their names only: that part always shows.
    let (start, end) = pod.name.split_at(pod.name.rfind('-').unwrap_or(0));
    html! {
        <li class="pod" key={pod.name.clone()}>
            <div class="pod-head">
                <strong title={pod.name.clone()}><span>{ start }</span><span>{ end }</span></strong>
                <span class={classes!("chip", state)}>
                    { &pod.status }{ if pod.ready { ", ready" } else { ", not ready" } }
                </span>
            </div>
            <dl>
                { for facts.into_iter().filter_map(|(name, value)| value.map(|value| html! {
                    <div><dt>{ name }</dt><dd title={exact.clone().filter(|_| name == "Up")}>{ value }</dd></div>
                })) }
            </dl>
        </li>
    }
}
