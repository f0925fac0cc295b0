//! The dashboard: what the pipeline does, live, and what a person can do about it. It talks to the
//! API only, in the words of `contract`.
//!
//! - `model`: what is known and computed, without a browser; tested natively.
//! - `net`: the API, its WebSocket, and uploads to the bucket.
//! - `page`: the browser's window around it all.
//! - `task`: work that ends with whoever wants it.
//! - `scene`: the pipeline in three dimensions.
//! - `view`: the components, one a file.

mod model;
mod net;
mod page;
mod scene;
mod task;
mod view;

use wasm_bindgen::prelude::wasm_bindgen;

/// Puts the dashboard into the page. Called when the program is loaded.
#[wasm_bindgen(start)]
pub fn start() {
    let root = page::document().and_then(|document| document.get_element_by_id("app"));
    if let Some(root) = root {
        yew::Renderer::<view::app::App>::with_root(root).render();
    }
}
