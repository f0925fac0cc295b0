//! The pipeline as a plain picture.

use yew::prelude::*;

use super::world::{Facts, NODES};
use crate::model::flow::fullness;

pub(crate) fn picture(facts: &Facts, words: &[String]) -> Html {
    let full = fullness(facts.waiting) * 100.0;
    html! {
        <ol class="still">
            { for NODES.iter().enumerate().map(|(index, node)| html! {
                <li class={node.name.to_lowercase()}>
                    <svg viewBox="0 0 64 64" aria-hidden="true">{ shape(index, full) }</svg>
                    <strong>{ node.name }</strong>
                    <span>{ words.get(index).cloned().unwrap_or_default() }</span>
                </li>
            }) }
        </ol>
    }
}

fn shape(index: usize, full: f32) -> Html {
    match index {
        0 => html! { <path d="M12 16c0-8 40-8 40 0v32c0 8-40 8-40 0Zm0 0c0 8 40 8 40 0" /> },
        1 => html! {
            <>
                <rect x="8" y="18" width="48" height="28" rx="6" />
                <rect class="level" x="8" y="18" width={format!("{:.1}", full * 0.48)} height="28" rx="6" />
            </>
        },
        2 => html! { <path d="M32 8 54 20v24L32 56 10 44V20ZM10 20l22 12 22-12M32 32v24" /> },
        _ => html! { <path d="M8 20h36v28H8Zm8-8h40v28M14 42l10-10 8 7 6-5 6 6" /> },
    }
}
