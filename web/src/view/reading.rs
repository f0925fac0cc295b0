//! How little of a video was read: where in the file, what for, and how long it took.

use contract::{Cost, Manifest, ReadReason, api::Video};
use yew::prelude::*;

use crate::model::{
    format,
    ranges::{self, Bar, Trip},
};

/// The share that was read, the map over the file, and the round trips.
pub(super) fn reading(video: &Video) -> Html {
    let manifest = &video.manifest;
    let bars = ranges::bars(&manifest.reads, manifest.source_bytes);
    let trips = ranges::trips(&manifest.reads);
    let cost = Cost::from(manifest);
    let headline = if cost.is_whole() {
        "Read whole".to_owned()
    } else {
        format!("{} read", format::percent(cost.fetched, cost.size))
    };
    html! {
        <figure class="reading">
            <figcaption>
                <strong>{ headline }</strong>
                <span>{ summary(manifest, cost) }</span>
            </figcaption>
            if !bars.is_empty() {
                { map(&bars) }
                <div class="ends" aria-hidden="true"><span>{ "0" }</span><span>{ format::bytes(manifest.source_bytes) }</span></div>
            }
            if !trips.is_empty() {
                { table(&trips) }
            }
        </figure>
    }
}

fn summary(manifest: &Manifest, cost: Cost) -> String {
    let words = format!(
        "{} of {} fetched, in {} and {}",
        format::bytes(cost.fetched),
        format::bytes(cost.size),
        format::plural(manifest.requests, "request"),
        format::plural(manifest.round_trips, "round trip"),
    );
    if cost.excess() == 0 {
        return words;
    }
    let twice = format::bytes(cost.excess());
    format!("{words}: {twice} more than there are, by ranges that overlap or were fetched again")
}

/// Where in the file was read.
fn map(bars: &[Bar]) -> Html {
    html! {
        <svg viewBox="0 0 1000 36" preserveAspectRatio="none" role="img" aria-label="Where in the file was read">
            <rect class="file" width="1000" height="36" />
            { for bars.iter().map(|bar| html! {
                <rect class={classes!("read", bar.reason.map(class))} x={format!("{:.2}", bar.start)} width={format!("{:.2}", bar.width)} height="36">
                    if let Some(reason) = bar.reason {
                        <title>{ word(reason) }</title>
                    }
                </rect>
            }) }
        </svg>
    }
}

fn table(trips: &[Trip]) -> Html {
    html! {
        <table class="trips">
            <thead>
                <tr><th scope="col">{ "Round trip" }</th><th scope="col">{ "Read for" }</th><th scope="col">{ "Bytes" }</th><th scope="col">{ "Took" }</th></tr>
            </thead>
            <tbody>{ for trips.iter().map(row) }</tbody>
        </table>
    }
}

fn row(trip: &Trip) -> Html {
    let (first, last) = trip.numbers;
    let numbers = if first == last {
        first.to_string()
    } else {
        format!("{first} to {last}")
    };
    html! {
        <tr>
            <th scope="row">{ numbers }</th>
            <td>
                { for trip.reasons.iter().map(|reason| html! {
                    <span class={classes!("reason", class(*reason))}>{ word(*reason) }</span>
                }) }
            </td>
            <td>{ format::bytes(trip.bytes) }</td>
            <td>{ format!("{} ms", trip.waited_ms) }</td>
        </tr>
    }
}

fn word(reason: ReadReason) -> &'static str {
    match reason {
        ReadReason::Ends => "start and end",
        ReadReason::Index => "index",
        ReadReason::Search => "search",
        ReadReason::Keyframe => "keyframes",
        ReadReason::Demux => "more frames",
        ReadReason::Other => "other",
    }
}

/// The class that gives a reason its colour.
fn class(reason: ReadReason) -> &'static str {
    match reason {
        ReadReason::Ends => "at-ends",
        ReadReason::Index => "of-index",
        ReadReason::Search => "by-search",
        ReadReason::Keyframe => "of-keyframe",
        ReadReason::Demux => "of-demuxer",
        ReadReason::Other => "of-other",
    }
}
