//! Every thumbnail, newest first. Only the cells in sight exist; pages are loaded before they are reached.

use std::rc::Rc;

use contract::api::Thumbnail;
use gloo_events::EventListener;
use gloo_timers::callback::Timeout;
use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, HtmlInputElement, ScrollBehavior, ScrollToOptions};
use yew::prelude::*;

use super::icon::{Icon, icon};
use super::shell::{use_now, use_shell, use_style};
use crate::model::format;
use crate::model::gallery::{Filter, Gallery as List, Rest, manifest_key, video_name};
use crate::model::grid::Grid;

/// Pixels below a picture for its name and facts.
const CAPTION: f64 = 46.0;
/// Pages are loaded this many pixels before their place is reached.
const AHEAD: f64 = 2500.0;
/// A name that is typed is asked for when the typing rests.
const TYPING_MS: u32 = 250;

#[derive(Properties, PartialEq)]
pub(crate) struct Props {
    /// The newest of the bucket.
    pub(crate) newest: Option<Rc<Vec<Thumbnail>>>,
    /// How many the bucket has.
    pub(crate) total: u64,
    pub(crate) open: Callback<Rc<Thumbnail>>,
}

/// The part of the list that is in sight, in pixels from its top, and its width.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Sight {
    top: f64,
    bottom: f64,
    width: f64,
}

#[component]
pub(crate) fn Gallery(props: &Props) -> Html {
    let shell = use_shell();
    let list = use_state(List::default);
    let frame = use_node_ref();
    let sight = use_sight(&frame);
    let current = use_state(|| 0_usize);
    let wanted = use_mut_ref(|| None::<usize>);
    let loading = use_mut_ref(|| None::<(u32, Rest)>);
    // Answers come later than the list they were asked for: they are put into the newest one.
    let latest = use_mut_ref(List::default);
    let set = {
        let (list, latest) = (list.setter(), latest.clone());
        move |next: List| {
            if *latest.borrow() != next {
                latest.replace(next.clone());
                list.set(next);
            }
        }
    };

    let grid = Grid::fit(
        sight.width,
        if sight.width < 560.0 { 150.0 } else { 208.0 },
        CAPTION,
        14.0,
    );
    let count = list.items.len();
    let height = grid.height(count);

    // The next page, before it is reached.
    {
        let asking = list.rest != Rest::Nothing
            && list.error.is_none()
            && sight.width > 0.0
            && (list.rest == Rest::Everything || sight.bottom + AHEAD > height);
        let (api, set, latest, loading) = (
            shell.api.clone(),
            set.clone(),
            latest.clone(),
            loading.clone(),
        );
        let key = (asking, list.generation, list.rest.clone());
        use_effect_with(key, move |(asking, generation, rest)| {
            let (generation, rest) = (*generation, rest.clone());
            let asked = Some((generation, rest.clone()));
            if !asking || *loading.borrow() == asked {
                return;
            }
            loading.replace(asked);
            wasm_bindgen_futures::spawn_local(async move {
                let filter = latest.borrow().filter.clone();
                let cursor = if let Rest::Page(cursor) = &rest {
                    Some(cursor.as_str())
                } else {
                    None
                };
                let answer = api.thumbnails(&filter, cursor).await;
                loading.replace(None);
                let now = latest.borrow().clone();
                set(match answer {
                    Ok(page) => now.with_page(generation, page.thumbnails, page.next),
                    Err(error) => now.with_error(generation, error.to_string()),
                });
            });
        });
    }
    // What is new.
    {
        let (set, latest, total) = (set.clone(), latest.clone(), props.total);
        // Also when the first page is there: it may have been asked for before the news came.
        let first = list.rest == Rest::Everything;
        use_effect_with(
            (props.newest.clone(), total, first, list.generation),
            move |(newest, ..)| {
                if let Some(newest) = newest {
                    let next = latest.borrow().with_newest(newest, total);
                    set(next);
                }
            },
        );
    }

    use_style(&frame, format!("height:{height:.0}px"));

    let filter_by = {
        let (set, latest, current) = (set.clone(), latest.clone(), current.setter());
        Callback::from(move |filter: Filter| {
            let next = latest.borrow().filtered(filter);
            current.set(0);
            set(next);
        })
    };
    let retry = {
        let (set, latest) = (set, latest);
        Callback::from(move |_: MouseEvent| {
            let now = latest.borrow().clone();
            set(List { error: None, ..now });
        })
    };

    let keys = {
        let (current, frame, wanted) = (current.clone(), frame.clone(), wanted.clone());
        let page = ((sight.bottom - sight.top) / (grid.cell_height + grid.gap)) as usize;
        Callback::from(move |event: KeyboardEvent| {
            let Some(to) = grid.step(*current, &event.key(), count, page) else {
                return;
            };
            event.prevent_default();
            wanted.replace(Some(to));
            current.set(to);
            show(&frame, &grid, to);
        })
    };
    // Ages of so many cells need not change each second.
    let now = (use_now() / 5000.0).floor() * 5000.0;
    let visible = grid.visible(count, sight.top, sight.bottom);
    // The cell that a key led to gets the focus, once it exists.
    {
        let frame = frame.clone();
        use_effect_with((*current, visible.clone()), move |_| {
            let led_to = *wanted.borrow();
            if led_to.is_some_and(|index| focus(&frame, index)) {
                wanted.replace(None);
            }
        });
    }
    let current_index = (*current).min(count.saturating_sub(1));
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
                item={Shared(item.clone())}
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
                <span class="card-note" role="status">{ summary(&list, props.total) }</span>
            </header>
            <div ref={frame} class="grid" role="list" onkeydown={keys}>
                { for cells }
            </div>
            if let Some(error) = &list.error {
                <p class="problem" role="alert">
                    { format!("The thumbnails cannot be loaded: {error}. ") }
                    <button type="button" class="button small" onclick={retry}>{ "Try again" }</button>
                </p>
            } else if count == 0 && list.rest == Rest::Nothing {
                <p class="empty tall">
                    { if list.filter.is_empty() {
                        "No thumbnails yet. Drop a video anywhere on this page to make some."
                    } else {
                        "No thumbnail matches."
                    } }
                </p>
            } else if list.rest != Rest::Nothing {
                <p class="empty">{ "Loading…" }</p>
            }
        </section>
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

#[derive(Properties, PartialEq)]
struct FiltersProps {
    filter: Filter,
    change: Callback<Filter>,
}

#[component]
fn Filters(props: &FiltersProps) -> Html {
    let typing = use_mut_ref(|| None::<Timeout>);
    let by_frame = |frame: Option<u32>, label: &'static str| {
        let (filter, change) = (props.filter.clone(), props.change.clone());
        let pressed = filter.frame == frame;
        let choose = Callback::from(move |_: MouseEvent| {
            change.emit(Filter {
                frame,
                ..filter.clone()
            });
        });
        html! {
            <button type="button" class="segment" aria-pressed={pressed.to_string()} onclick={choose}>{ label }</button>
        }
    };
    let named = {
        let (filter, change) = (props.filter.clone(), props.change.clone());
        Callback::from(move |event: InputEvent| {
            let name = event.target_unchecked_into::<HtmlInputElement>().value();
            let (filter, change) = (filter.clone(), change.clone());
            let later = Timeout::new(TYPING_MS, move || change.emit(Filter { name, ..filter }));
            // The one before is dropped, and does not happen.
            typing.replace(Some(later));
        })
    };
    html! {
        <>
            <div class="segments" role="group" aria-label="Place in the video">
                { by_frame(None, "All") }
                { by_frame(Some(10), "10 %") }
                { by_frame(Some(50), "50 %") }
                { by_frame(Some(95), "95 %") }
            </div>
            <label class="search">
                <span class="hidden">{ "Name begins with" }</span>
                { icon(Icon::Search) }
                <input type="search" placeholder="Name begins with…" autocomplete="off" spellcheck="false" oninput={named} />
            </label>
        </>
    }
}

/// Equal if it is the same: comparing the text of hundreds of cells at each scroll would cost more than drawing them.
#[derive(Clone)]
struct Shared(Rc<Thumbnail>);

impl PartialEq for Shared {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

#[derive(Properties, PartialEq)]
struct CellProps {
    item: Shared,
    index: usize,
    total: usize,
    now: f64,
    style: String,
    reachable: bool,
    open: Callback<Rc<Thumbnail>>,
    focus: UseStateSetter<usize>,
}

/// How a cell comes to its picture.
#[derive(Debug, Clone, PartialEq)]
enum Source {
    /// By the URL that came with the list.
    Listed,
    /// That one has ended, or never worked: another is asked for.
    Asked,
    /// By this one.
    Fresh(String),
    /// Not at all.
    Gone,
}

/// The URL to show, and what to do when it shows nothing: presigned URLs end, and pages stay open.
#[hook]
fn use_picture(item: &Rc<Thumbnail>) -> (Option<String>, Callback<Event>) {
    let shell = use_shell();
    let source = use_state(|| Source::Listed);
    {
        let source = source.setter();
        use_effect_with(item.url.clone(), move |_| source.set(Source::Listed));
    }
    let url = match &*source {
        Source::Listed => Some(item.url.clone()),
        Source::Fresh(url) => Some(url.clone()),
        Source::Asked | Source::Gone => None,
    };
    let item = item.clone();
    let failed = Callback::from(move |_: Event| {
        if *source != Source::Listed {
            return source.set(Source::Gone);
        }
        source.set(Source::Asked);
        let (api, item, source) = (shell.api.clone(), item.clone(), source.setter());
        wasm_bindgen_futures::spawn_local(async move {
            let video = api.video(&manifest_key(&item.key)).await.ok();
            let url = video.and_then(|video| {
                let mut pictures = video.manifest.thumbnails.iter().zip(video.urls);
                pictures.find_map(|(thumbnail, url)| (thumbnail.key == item.key).then_some(url))
            });
            source.set(url.map_or(Source::Gone, Source::Fresh));
        });
    });
    (url, failed)
}

#[component]
fn Cell(props: &CellProps) -> Html {
    let item = &props.item.0;
    let (url, failed) = use_picture(item);
    let cell = use_node_ref();
    use_style(&cell, props.style.clone());
    let name = video_name(&item.key).to_owned();
    let place = item
        .frame
        .map_or_else(String::new, |frame| format!("{frame} %"));
    let label = if place.is_empty() {
        name.clone()
    } else {
        format!("{name} at {place}")
    };
    let open = {
        let item = item.clone();
        props.open.reform(move |_: MouseEvent| item.clone())
    };
    let onfocus = {
        let (focus, index) = (props.focus.clone(), props.index);
        Callback::from(move |_: FocusEvent| focus.set(index))
    };
    html! {
        <div ref={cell} class="cell" role="listitem" aria-setsize={props.total.to_string()} aria-posinset={(props.index + 1).to_string()}>
            <button
                type="button"
                data-index={props.index.to_string()}
                data-key={item.key.clone()}
                tabindex={if props.reachable { "0" } else { "-1" }}
                aria-label={label}
                onclick={open}
                {onfocus}
            >
                <span class="picture">
                    if let Some(url) = url {
                        <img src={url} alt="" loading="lazy" decoding="async" draggable="false" onerror={failed} />
                    } else {
                        <span class="gone">{ "no picture" }</span>
                    }
                    if !place.is_empty() { <span class="place">{ place }</span> }
                </span>
                <span class="name" title={name.clone()}>{ name }</span>
                <span class="meta">{ age(item, props.now) }{ format::bytes(item.size) }</span>
            </button>
        </div>
    }
}

fn age(item: &Thumbnail, now: f64) -> String {
    let seconds = (now - js_sys::Date::parse(&item.last_modified)) / 1000.0;
    if seconds.is_finite() {
        format!("{} ago · ", format::span(seconds))
    } else {
        String::new()
    }
}

/// What of the list is in sight, followed through scrolling and resizing.
#[hook]
fn use_sight(frame: &NodeRef) -> Sight {
    let sight = use_state(Sight::default);
    {
        let (frame, sight) = (frame.clone(), sight.setter());
        use_effect_with((), move |()| {
            let measure = move || {
                let (Some(frame), Some(window)) = (frame.cast::<HtmlElement>(), web_sys::window())
                else {
                    return;
                };
                let bounds = frame.get_bounding_client_rect();
                let height = window
                    .inner_height()
                    .ok()
                    .and_then(|height| height.as_f64());
                let top = -bounds.top();
                sight.set(Sight {
                    top,
                    bottom: top + height.unwrap_or(1000.0),
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
    *sight
}

/// Scrolls a cell into sight.
fn show(frame: &NodeRef, grid: &Grid, index: usize) {
    /// The header covers the upper edge.
    const HEADER: f64 = 80.0;
    let (Some(frame), Some(window)) = (frame.cast::<HtmlElement>(), web_sys::window()) else {
        return;
    };
    let (_, top) = grid.place(index);
    let from_window = frame.get_bounding_client_rect().top() + top;
    let height = window
        .inner_height()
        .ok()
        .and_then(|height| height.as_f64())
        .unwrap_or(1000.0);
    let by = if from_window < HEADER {
        from_window - HEADER
    } else {
        (from_window + grid.cell_height + grid.gap - height).max(0.0)
    };
    if by != 0.0 {
        let options = ScrollToOptions::new();
        options.set_top(by);
        options.set_behavior(ScrollBehavior::Instant);
        window.scroll_by_with_scroll_to_options(&options);
    }
}

/// Gives a cell the focus; whether it exists.
fn focus(frame: &NodeRef, index: usize) -> bool {
    let cell = frame.cast::<HtmlElement>().and_then(|frame| {
        frame
            .query_selector(&format!("[data-index=\"{index}\"]"))
            .ok()?
    });
    cell.and_then(|cell| cell.dyn_into::<HtmlElement>().ok())
        .is_some_and(|cell| cell.focus().is_ok())
}
