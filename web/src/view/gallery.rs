//! Every thumbnail, newest first. Only the cells in sight exist; pages are loaded before they are
//! reached.

use std::rc::Rc;

use contract::api::{Source, Thumbnail};
use yew::prelude::*;

use super::{
    cell::Cell,
    filters::{Change, Filters},
    listing::{use_listing, use_pages},
    outage::Outage,
    problem::problem,
    viewport::{Viewport, focus, show, use_viewport},
};
use crate::{
    model::{
        current::Current,
        format,
        gallery::{Gallery as List, Rest},
        grid::Grid,
    },
    page::{self, use_now, use_style},
};

/// Pixels below a picture for its name and facts.
const CAPTION: f64 = 46.0;
/// Pages are loaded this many pixels before their place is reached.
const AHEAD: f64 = 2500.0;

#[derive(Properties, PartialEq)]
pub(crate) struct Props {
    /// The newest of the bucket.
    pub(crate) newest: Option<Rc<Vec<Thumbnail>>>,
    /// How many the bucket has.
    pub(crate) total: u64,
    /// The bucket; nothing is known of it before the first message.
    pub(crate) source: Option<Source>,
    pub(crate) open: Callback<Rc<Thumbnail>>,
}

#[component]
pub(crate) fn Gallery(props: &Props) -> Html {
    let frame = use_node_ref();
    let viewport = use_viewport(&frame);
    let grid = fit(&viewport);
    // The first row is still there to be read.
    let at_top = viewport.top < grid.cell_height / 2.0;
    let listing = use_listing(props.newest.clone(), props.total, !at_top);
    let list = listing.list();
    let current = use_state(Current::default);
    let current_index = current.index_in(list);
    let wanted = use_mut_ref(|| None::<usize>);
    let count = list.items.len();
    let height = grid.height(count);
    use_style(&frame, format!("height:{height:.0}px"));
    // Before it is measured it is nowhere.
    let near = list.rest == Rest::Everything || viewport.bottom + AHEAD > height;
    use_pages(&listing, near && viewport.width > 0.0);

    let filter_by = {
        let (listing, current, wanted) = (listing.clone(), current.setter(), wanted.clone());
        Callback::from(move |change: Change| {
            current.set(Current::default());
            wanted.replace(None);
            listing.change(|list| list.filtered(change.applied_to(&list.filter)));
        })
    };
    let retry = {
        let listing = listing.clone();
        Callback::from(move |_: MouseEvent| {
            listing.change(List::retried);
        })
    };

    let found = use_state_eq(String::new);
    {
        let (found, list) = (found.setter(), list.clone());
        let loaded = list.rest != Rest::Everything;
        use_effect_with((list.filter.clone(), loaded), move |(filter, loaded)| {
            if !filter.is_empty() && *loaded {
                found.set(summary(&list, 0));
            }
        });
    }
    let visible = grid.visible(count, viewport.top, viewport.bottom);
    {
        let listing = listing.clone();
        use_effect_with((list.has_gap, at_top), move |(has_gap, at_top)| {
            // Whoever is further down would lose the place.
            if *has_gap && *at_top {
                listing.change(List::restarted);
            }
        });
    }
    let restart = {
        let (listing, current, frame) = (listing.clone(), current.setter(), frame.clone());
        Callback::from(move |_: MouseEvent| {
            listing.change(List::restarted);
            current.set(Current::default());
            show(&frame, &grid, 0);
            page::focus_soon(["#gallery".to_owned()]);
        })
    };

    let keys = {
        let (current, frame, wanted) = (current.setter(), frame.clone(), wanted.clone());
        let list = list.clone();
        let rows = ((viewport.bottom - viewport.top) / (grid.cell_height + grid.gap)) as usize;
        Callback::from(move |event: KeyboardEvent| {
            let to = grid.step(current_index, &event.key(), count, rows);
            let Some(to) = to.filter(|_| page::is_alone(&event)) else {
                return;
            };
            event.prevent_default();
            if to == current_index {
                return;
            }
            wanted.replace(Some(to));
            current.set(Current::at(&list, to));
            show(&frame, &grid, to);
        })
    };
    // Ages of so many cells need not change each second.
    let now = use_now(5000);
    // The cell that a key led to gets the focus, once it exists.
    {
        let frame = frame.clone();
        use_effect_with((current_index, visible.clone()), move |_| {
            let led_to = *wanted.borrow();
            if led_to.is_some_and(|index| focus(&frame, index)) {
                wanted.replace(None);
            }
        });
    }
    let cells = visible.clone().filter_map(|index| {
        let item = list.items.get(index)?;
        let (left, top) = grid.place(index);
        let style = format!(
            "transform:translate({left:.1}px,{top:.1}px);width:{:.1}px;height:{:.1}px",
            grid.cell_width, grid.cell_height
        );
        // Something must be reachable by Tab even where the current one is out of sight.
        let reachable =
            index == current_index || (index == visible.start && !visible.contains(&current_index));
        Some(html! {
            <Cell
                key={item.key.clone()}
                item={item.clone()}
                {index}
                {style}
                {reachable}
                total={count}
                {now}
                open={props.open.clone()}
                focus={current.setter()}
            />
        })
    });
    html! {
        <section id="gallery" class="gallery" aria-labelledby="gallery-title" tabindex="-1">
            <header class="gallery-head">
                <h2 id="gallery-title">{ "Thumbnails" }</h2>
                <Filters filter={list.filter.clone()} change={filter_by} />
                <span class="card-note">{ summary(list, props.total) }</span>
                // Only what a new filter finds is announced, not each picture that comes.
                <span class="hidden" role="status">{ (*found).clone() }</span>
            </header>
            <Outage name="The bucket" source={props.source.clone()} />
            if list.has_gap && !at_top {
                <button type="button" class="button small news" onclick={restart}>{ "Show new thumbnails" }</button>
            }
            <div ref={frame} class="grid" role="list" onkeydown={keys}>
                { for cells }
            </div>
            { below(list, retry) }
        </section>
    }
}

fn fit(viewport: &Viewport) -> Grid {
    let least = if viewport.width < 560.0 { 150.0 } else { 208.0 };
    Grid::fit(viewport.width, least, CAPTION, 14.0)
}

/// What is said where the pictures end.
fn below(list: &List, retry: Callback<MouseEvent>) -> Html {
    if let Some(error) = &list.error {
        return problem(&format!("The thumbnails cannot be loaded: {error}."), retry);
    }
    let nothing = if list.filter.is_empty() {
        "No thumbnails yet. Drop a video anywhere on this page to make some."
    } else {
        "No thumbnail matches."
    };
    match (&list.rest, list.items.is_empty()) {
        (Rest::Nothing, true) => html! { <p class="empty tall">{ nothing }</p> },
        (Rest::Nothing, false) => Html::default(),
        _ => html! { <p class="empty">{ "Loading…" }</p> },
    }
}

fn summary(list: &List, total: u64) -> String {
    let loaded = list.items.len() as u64;
    match (&list.rest, list.filter.is_empty()) {
        (Rest::Nothing, true) => format::count(loaded),
        (Rest::Nothing, false) => format!("{} match", format::count(loaded)),
        (_, true) => format::count(total.max(loaded)),
        (_, false) => format!("{} and more match", format::count(loaded)),
    }
}
