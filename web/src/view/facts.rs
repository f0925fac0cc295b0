//! What a video is, and what it cost to look into it.

use std::rc::Rc;

use contract::{Origin, api::Video};
use yew::prelude::*;

use super::{original::Original, reading::reading};
use crate::{model::format, page};

#[derive(Properties, PartialEq)]
pub(crate) struct Props {
    pub(crate) video: Rc<Video>,
}

#[component]
pub(crate) fn Facts(props: &Props) -> Html {
    let manifest = &props.video.manifest;
    let media = &manifest.media;
    let made = js_sys::Date::parse(&manifest.created_at);
    let unknown = || "unknown".to_owned();
    let facts = [
        (
            "Length",
            media.duration_s.map_or_else(unknown, format::timecode),
        ),
        ("Resolution", format!("{} × {}", media.width, media.height)),
        ("Codec", media.codec.clone()),
        ("Container", media.container.clone()),
        ("File", format::bytes(manifest.source_bytes)),
        ("Frames taken", origins(&props.video)),
        ("Made", when(made)),
        (
            "Processing",
            format!(
                "{} ms, {} ms of CPU",
                manifest.timings.extract_ms, manifest.timings.cpu_ms
            ),
        ),
    ];
    html! {
        <>
            <dl class="facts">
                { for facts.into_iter().map(|(name, value)| html! {
                    <div><dt>{ name }</dt><dd>{ value }</dd></div>
                }) }
            </dl>
            { reading(&props.video) }
            <Original key={manifest.source_key.clone()} of={manifest.source_key.clone()} />
        </>
    }
}

/// How long ago, and the time by the viewer's clock.
fn when(at: f64) -> String {
    if !at.is_finite() {
        return "unknown".to_owned();
    }
    let ago = format::span((js_sys::Date::now() - at) / 1000.0);
    format!("{} ({ago} ago)", page::local_time(at))
}

fn origins(video: &Video) -> String {
    let thumbnails = &video.manifest.thumbnails;
    let kinds = [
        (Origin::Keyframe, "at keyframes"),
        (Origin::Decoded, "decoded forward"),
        (Origin::Fallback, "nearest that could be decoded"),
    ];
    let words = kinds.into_iter().filter_map(|(origin, word)| {
        let count = thumbnails
            .iter()
            .filter(|thumbnail| thumbnail.origin == origin)
            .count();
        (count > 0).then(|| format!("{count} {word}"))
    });
    words.collect::<Vec<_>>().join(", ")
}
