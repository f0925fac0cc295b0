//! The figures.

use std::rc::Rc;

use contract::api::{Metrics, Source, SourceState};
use yew::prelude::*;

use crate::model::format;

#[derive(Properties, PartialEq)]
pub(crate) struct Props {
    pub(crate) metrics: Option<Rc<Metrics>>,
}

/// One figure: what it is, how much, and what else there is to know.
struct Tile<'a> {
    label: &'static str,
    value: String,
    note: String,
    source: Option<&'a Source>,
    bad: bool,
}

#[component]
pub(crate) fn Tiles(props: &Props) -> Html {
    let Some(metrics) = &props.metrics else {
        return html! {
            <section class="tiles" aria-label="Overview" aria-busy="true">
                { for (0..9).map(|_| html! { <div class="tile ghost" /> }) }
            </section>
        };
    };
    html! {
        <section class="tiles" aria-label="Overview">
            { for tiles(metrics).into_iter().map(draw) }
        </section>
    }
}

fn tiles(m: &Metrics) -> [Tile<'_>; 9] {
    let sources = &m.sources;
    let tile = |label, value, note: String, source| Tile {
        label,
        value,
        note,
        source,
        bad: false,
    };
    let counting = if m.index_complete { "" } else { ", counting" };
    let failed = m.videos_failed.unwrap_or(0);
    let all = m.bytes_fetched + m.bytes_saved;
    [
        tile(
            "Thumbnails",
            format::count(m.total_thumbnails),
            format!(
                "of {}{counting}",
                format::plural(m.videos_processed, "video")
            ),
            Some(&sources.bucket),
        ),
        tile(
            "Videos a minute",
            format::rate(m.videos_per_minute),
            "over 5 min".to_owned(),
            Some(&sources.bucket),
        ),
        tile(
            "Bytes saved",
            format::bytes(m.bytes_saved),
            format!("{} of all", format::percent(m.bytes_saved, all)),
            Some(&sources.bucket),
        ),
        tile(
            "Queue",
            format::count(m.queue_depth),
            "waiting".to_owned(),
            Some(&sources.queue),
        ),
        tile(
            "In flight",
            format::count(m.in_flight),
            "in hand".to_owned(),
            Some(&sources.queue),
        ),
        Tile {
            label: "Failures",
            value: m
                .videos_failed
                .map_or_else(|| "–".to_owned(), format::count),
            note: if failed > 0 { "see below" } else { "none" }.to_owned(),
            source: Some(&sources.dlq),
            bad: failed > 0,
        },
        tile(
            "Storage",
            format::bytes(m.storage_bytes),
            "in the bucket".to_owned(),
            Some(&sources.bucket),
        ),
        tile(
            "Running pods",
            format::count(m.running_pods),
            "workers".to_owned(),
            Some(&sources.pods),
        ),
        tile(
            "Total pods",
            format::count(m.total_pods),
            "in the cluster".to_owned(),
            Some(&sources.pods),
        ),
    ]
}

fn draw(tile: Tile<'_>) -> Html {
    let Tile {
        label,
        mut value,
        mut note,
        source,
        mut bad,
    } = tile;
    let mut stale = false;
    let mut title = None;
    match source.map(|source| (source.state, source)) {
        Some((SourceState::Unavailable, source)) => {
            stale = true;
            "not available now".clone_into(&mut note);
            title.clone_from(&source.reason);
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
