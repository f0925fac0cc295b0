//! What of a long list is in sight, and bringing something into it.

use gloo_events::EventListener;
use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, ScrollBehavior, ScrollToOptions};
use yew::prelude::*;

use crate::{model::grid::Grid, page};

/// The part of the list that is in sight, in pixels from its top to the next [`STEP`], and its width.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Viewport {
    pub(crate) top: f64,
    pub(crate) bottom: f64,
    pub(crate) width: f64,
}

/// The list is drawn anew after so many pixels of scrolling, less than a row's height.
const STEP: f64 = 48.0;

/// What of the list is in sight, followed through scrolling and resizing.
#[hook]
pub(crate) fn use_viewport(frame: &NodeRef) -> Viewport {
    let viewport = use_state_eq(Viewport::default);
    {
        let (frame, viewport) = (frame.clone(), viewport.setter());
        use_effect_with((), move |()| {
            let measure = move || {
                let Some(frame) = frame.cast::<HtmlElement>() else {
                    return;
                };
                let bounds = frame.get_bounding_client_rect();
                let top = -bounds.top();
                let bottom = top + page::height();
                viewport.set(Viewport {
                    top: (top / STEP).floor() * STEP,
                    bottom: (bottom / STEP).ceil() * STEP,
                    width: bounds.width(),
                });
            };
            measure();
            let listeners: Vec<_> = web_sys::window()
                .map(|window| {
                    ["scroll", "resize"]
                        .map(|event| {
                            let measure = measure.clone();
                            EventListener::new(&window, event, move |_| measure())
                        })
                        .into()
                })
                .unwrap_or_default();
            // What is above the list may change its height without either.
            let interval = gloo_timers::callback::Interval::new(1000, measure);
            move || drop((listeners, interval))
        });
    }
    *viewport
}

/// Scrolls a cell into sight.
pub(crate) fn show(frame: &NodeRef, grid: &Grid, index: usize) {
    /// The header covers the upper edge.
    const HEADER: f64 = 80.0;
    let (Some(frame), Some(window)) = (frame.cast::<HtmlElement>(), web_sys::window()) else {
        return;
    };
    let (_, top) = grid.place(index);
    let from_window = frame.get_bounding_client_rect().top() + top;
    let by = if from_window < HEADER {
        from_window - HEADER
    } else {
        (from_window + grid.cell_height + grid.gap - page::height()).max(0.0)
    };
    if by != 0.0 {
        let options = ScrollToOptions::new();
        options.set_top(by);
        options.set_behavior(ScrollBehavior::Instant);
        window.scroll_by_with_scroll_to_options(&options);
    }
}

/// Gives a cell the focus; whether it exists.
pub(crate) fn focus(frame: &NodeRef, index: usize) -> bool {
    let cell = frame.cast::<HtmlElement>().and_then(|frame| {
        frame
            .query_selector(&format!("[data-index=\"{index}\"]"))
            .ok()?
    });
    cell.and_then(|cell| cell.dyn_into::<HtmlElement>().ok())
        .is_some_and(|cell| cell.focus().is_ok())
}
