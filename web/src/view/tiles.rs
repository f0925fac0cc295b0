//! The figures.

use std::rc::Rc;

use contract::{
    Cost,
    api::{Metrics, Source, SourceState},
};
use yew::prelude::*;

use crate::model::format;

#[derive(Properties, PartialEq)]
pub(crate) struct Props {
    pub(crate) metrics: Option<Rc<Metrics>>,
    /// Nothing comes any more.
    pub(crate) outdated: bool,
}

/// One figure: what it is, how much, and what else there is to know.
struct Tile<'a> {
    label: &'static str,
    value: String,
    /// The whole figure, where `value` is a short one.
    exact: Option<String>,
    note: String,
    source: Option<&'a Source>,
    bad: bool,
}

#[component]
pub(crate) fn Tiles(props: &Props) -> Html {
    let Some(metrics) = &props.metrics else {
        return html! {
            <section key="awaited" class="tiles awaited" aria-label="Overview" aria-busy="true" />
        };
    };
    // Without a cluster there is nothing to say of its pods, which come last.
    let has_pods = metrics.sources.pods.state != SourceState::Absent;
    html! {
        <section key="known" class={classes!("tiles", props.outdated.then_some("outdated"), (!has_pods).then_some("seven"))} aria-label="Overview">
            { for tiles(metrics).into_iter().take(if has_pods { 9 } else { 7 }).map(draw) }
        </section>
    }
}

fn tiles(m: &Metrics) -> [Tile<'_>; 9] {
    let sources = &m.sources;
    let tile = |label, value, note: &str, source| Tile {
        label,
        value,
        exact: None,
        note: note.to_owned(),
        source: Some(source),
        bad: false,
    };
    let counted = |label, count: u64, note: &str, source| Tile {
        exact: (count >= LONG).then(|| format::count(count)),
        ..tile(label, figure(count), note, source)
    };
    let counting = if m.index_complete { "" } else { ", counting" };
    let failed = m.videos_failed.unwrap_or(0);
    let videos = format::plural(m.videos_processed, "video");
    let cost = Cost {
        fetched: m.bytes_fetched,
        size: m.source_bytes,
    };
    [
        counted(
            "Thumbnails",
            m.total_thumbnails,
            &format!("of {videos}{counting}"),
            &sources.bucket,
        ),
        tile(
            "Videos a minute",
            format::rate(m.videos_per_minute),
            "over 5 min",
            &sources.bucket,
        ),
        tile(
            "Bytes saved",
            format::bytes(m.bytes_saved),
            &saved_of(cost, m.videos_measured),
            &sources.bucket,
        ),
        counted("Queue depth", m.queue_depth, "waiting", &sources.queue),
        counted("In flight", m.in_flight, "being processed", &sources.queue),
        Tile {
            bad: failed > 0,
            ..counted(
                "Failures",
                failed,
                if failed > 0 { "see below" } else { "none" },
                &sources.dlq,
            )
        },
        tile(
            "Storage",
            format::bytes(m.storage_bytes),
            "of thumbnails",
            &sources.bucket,
        ),
        counted("Running pods", m.running_pods, "workers", &sources.pods),
        counted("Total pods", m.total_pods, "in any state", &sources.pods),
    ]
}

/// Over what bytes were saved.
fn saved_of(cost: Cost, videos: u64) -> String {
    let whole = format!(
        "{} in {}",
        format::bytes(cost.size),
        format::plural(videos, "video")
    );
    match cost.excess() {
        0 => format!("{} of {whole}", format::percent(cost.saved(), cost.size)),
        _ => format!("{} read of {whole}", format::bytes(cost.fetched)),
    }
}

/// Longer figures do not fit.
const LONG: u64 = 10_000_000;

fn figure(count: u64) -> String {
    if count < LONG {
        format::count(count)
    } else {
        format::short(count)
    }
}

fn draw(tile: Tile<'_>) -> Html {
    let Tile {
        label,
        mut value,
        exact,
        mut note,
        source,
        mut bad,
    } = tile;
    let mut stale = false;
    let mut title = exact;
    match source.map(|source| (source.state, source)) {
        Some((SourceState::Unavailable, source)) => {
            stale = true;
            "not available now".clone_into(&mut note);
            title = source.reason.clone().or(title);
        }
        Some((SourceState::Pending, _)) => {
            stale = true;
            "not known yet".clone_into(&mut note);
        }
        Some((SourceState::Absent, _)) => {
            "–".clone_into(&mut value);
            "not set up here".clone_into(&mut note);
            bad = false;
        }
        _ => {}
    }
    html! {
        <div class={classes!("tile", bad.then_some("bad"), stale.then_some("stale"))} {title}>
            <span class="tile-label">{ label }</span>
            <strong class="tile-value">{ value }</strong>
            <span class="tile-note">{ note }</span>
        </div>
    }
}
