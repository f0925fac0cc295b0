//! Every thumbnail, by video or one by one. Only the cells in sight exist; pages are loaded before
//! they are reached.

use std::rc::Rc;

use contract::api::{Metrics, Thumbnail};
use yew::prelude::*;

use super::{
    cell::GalleryCell,
    detail::Detail,
    filters::{Change, Filters},
    listing::{News, use_listing, use_pages},
    outage::Outage,
    problem::problem,
    scroll::use_kept_scroll,
    viewport::{Viewport, focus, show, use_viewport},
};
use crate::{
    model::{
        cells::{Neighbours, neighbours},
        current::Current,
        filter::Show,
        format,
        gallery::{Gallery as List, Rest},
        grid::Grid,
        location::Dialog,
        names::manifest_key,
    },
    page::{self, history::Places, use_now, use_style},
};

/// Pixels below a picture for its name and facts.
const CAPTION: f64 = 46.0;
/// Pages are loaded this many pixels before their place is reached.
const AHEAD: f64 = 2500.0;

#[derive(Properties, PartialEq)]
pub(crate) struct Props {
    /// The newest of the bucket.
    pub(crate) newest: Option<Rc<Vec<Thumbnail>>>,
    /// Tells how many the bucket has.
    pub(crate) metrics: Option<Rc<Metrics>>,
    pub(crate) places: Places,
}

#[component]
pub(crate) fn Gallery(props: &Props) -> Html {
    let places = &props.places;
    let filter = &places.place().filter;
    let metrics = props.metrics.as_deref();
    let frame = use_node_ref();
    let viewport = use_viewport(&frame);
    let grid = fit(&viewport);
    // The first row is still there to be read.
    let at_top = viewport.top < grid.cell_height / 2.0;
    let news = News {
        newest: props.newest.clone(),
        total: metrics.map_or(0, |metrics| metrics.total_thumbnails),
    };
    let listing = use_listing(filter, news, !at_top);
    let list = listing.list();
    let current = use_state(Current::default);
    let current_index = current.index_in(list);
    let wanted = use_mut_ref(|| None::<usize>);
    let count = list.cells.len();
    let height = grid.height(count);
    use_style(&frame, format!("height:{height:.0}px"));
    let bottom = use_kept_scroll(&frame, height, list.rest == Rest::Nothing);
    let bottom = viewport.bottom.max(bottom.unwrap_or(0.0));
    // Before it is measured it is nowhere.
    let near = list.rest == Rest::Everything || bottom + AHEAD > height;
    use_pages(&listing, near && viewport.width > 0.0);

    // A short list would let the page shrink under whoever filters, and the filters move away.
    let holds_place = use_state_eq(|| false);
    // Callbacks that stay the same: what hears of them is not drawn anew with each scrolling.
    let filter_by = {
        let (places, holds_place) = (places.clone(), holds_place.setter());
        use_callback((), move |change: Change, ()| {
            holds_place.set(true);
            places.filter(|filter| change.applied_to(filter));
        })
    };
    {
        let (current, wanted) = (current.setter(), wanted.clone());
        use_effect_with(filter.clone(), move |_| {
            current.set(Current::default());
            wanted.replace(None);
        });
    }
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
                found.set(summary(&list, None));
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
        Callback::from(move |event: KeyboardEvent| {
            let rows = (page::height() / (grid.cell_height + grid.gap)) as usize;
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
    // The picture that was opened.
    let opened = use_state(|| None::<Rc<Thumbnail>>);
    let open = {
        let (places, opened) = (places.clone(), opened.setter());
        use_callback((), move |picture: Rc<Thumbnail>, ()| {
            places.open(Dialog::Video(video_of(&picture)));
            opened.set(Some(picture));
        })
    };
    let dialog = match &places.place().dialog {
        Dialog::Video(name) => {
            let Neighbours {
                own,
                previous,
                next,
            } = neighbours(&list.cells, name);
            // What is in the list is there already, and in the browser's cache where it was seen.
            let picture = opened.as_ref().filter(|picture| video_of(picture) == *name);
            let picture = picture.or_else(|| own?.first());
            let (go, close) = (places.clone(), places.clone());
            html! {
                <Detail
                    key={name.clone()}
                    name={name.clone()}
                    picture={picture.cloned()}
                    {previous}
                    {next}
                    show={Callback::from(move |name| go.open(Dialog::Video(name)))}
                    close={Callback::from(move |()| close.close())}
                />
            }
        }
        Dialog::None | Dialog::Purge => Html::default(),
    };
    let total = total(list, metrics);
    let cells = visible.clone().filter_map(|index| {
        let cell = list.cells.get(index)?;
        let first = cell.first()?;
        let (left, top) = grid.place(index);
        let style = format!(
            "transform:translate({left:.1}px,{top:.1}px);width:{:.1}px;height:{:.1}px",
            grid.cell_width, grid.cell_height
        );
        // Something must be reachable by Tab even where the current one is out of sight.
        let reachable =
            index == current_index || (index == visible.start && !visible.contains(&current_index));
        Some(html! {
            <GalleryCell
                key={cell.key.clone()}
                cell={cell.clone()}
                first={first.clone()}
                {index}
                {style}
                {reachable}
                {total}
                {now}
                open={open.clone()}
                focus={current.setter()}
            />
        })
    });
    html! {
        <section id="gallery" class={classes!("gallery", holds_place.then_some("holding"))} aria-labelledby="gallery-title" tabindex="-1">
            <header class="gallery-head">
                <h2 id="gallery-title">{ "Thumbnails" }</h2>
                <Filters filter={filter.clone()} change={filter_by} />
                <span class="card-note">{ summary(list, total) }</span>
                // Only what a new filter finds is announced, not each picture that comes.
                <span class="hidden" role="status">{ (*found).clone() }</span>
            </header>
            <Outage name="The bucket" source={metrics.map(|metrics| metrics.sources.bucket.clone())} />
            if list.has_gap && !at_top {
                <button type="button" class="button small news" onclick={restart}>{ "Show new thumbnails" }</button>
            }
            <div ref={frame} class="grid" role="list" onkeydown={keys}>
                { for cells }
            </div>
            { below(list, retry) }
            { dialog }
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

/// How many cells there are, loaded or not; `None` where nobody knows.
fn total(list: &List, metrics: Option<&Metrics>) -> Option<u64> {
    let loaded = list.cells.len() as u64;
    if list.rest == Rest::Nothing {
        return Some(loaded);
    }
    let metrics = metrics.filter(|_| list.filter.is_empty())?;
    let known = match list.filter.show {
        Show::Videos => metrics.videos_processed,
        Show::Frames(_) => metrics.total_thumbnails,
    };
    Some(known.max(loaded))
}

fn summary(list: &List, total: Option<u64>) -> String {
    if list.rest == Rest::Everything && !list.filter.is_empty() {
        return "Searching…".to_owned();
    }
    let loaded = list.cells.len() as u64;
    match (total, list.filter.is_empty()) {
        (Some(total), true) => format::count(total),
        (Some(total), false) => format!("{} match", format::count(total)),
        (None, _) => format!("{} and more match", format::count(loaded)),
    }
}

/// The name that the pictures of a picture's video share.
fn video_of(picture: &Thumbnail) -> String {
    let manifest = manifest_key(&picture.key);
    manifest
        .strip_suffix(".json")
        .unwrap_or(&manifest)
        .to_owned()
}
