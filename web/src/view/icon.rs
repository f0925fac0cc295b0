//! Icons, drawn in the colour of the text around them.

use yew::prelude::*;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Icon {
    Upload,
    Test,
    Purge,
    Key,
    Sun,
    Moon,
    Close,
    Search,
    Redrive,
    Table,
    Chart,
    Fold,
    Unfold,
    Spinner,
    Previous,
    Next,
    Copy,
    Download,
}

/// The icon for a control whose words say what it does: hidden from screen readers.
pub(crate) fn icon(icon: Icon) -> Html {
    let path = match icon {
        Icon::Upload => "M12 16V4m0 0L7 9m5-5 5 5M4 16v3a1 1 0 0 0 1 1h14a1 1 0 0 0 1-1v-3",
        Icon::Test => "M9 3h6m-5 0v6L5 18a2 2 0 0 0 2 3h10a2 2 0 0 0 2-3l-5-9V3M7.5 14h9",
        Icon::Purge => "M4 7h16M9 7V4h6v3m-8 0 1 13h8l1-13m-7 4v6m4-6v6",
        Icon::Key => "M15 9a5 5 0 1 0-4.6 5L12 12.5h2V11h1.5ZM8.5 9h.01M14 11l6 6v3h-3v-2h-2v-2",
        Icon::Sun => {
            "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8Zm0-5v2m0 14v2M3 12h2m14 0h2M5.6 5.6 7 7m10 10 1.4 1.4M5.6 18.4 7 17M17 7l1.4-1.4"
        }
        Icon::Moon => "M20 14.5A8 8 0 0 1 9.5 4 8 8 0 1 0 20 14.5Z",
        Icon::Close => "m6 6 12 12M18 6 6 18",
        Icon::Search => "M11 5a6 6 0 1 0 0 12 6 6 0 0 0 0-12Zm4.5 10.5L20 20",
        Icon::Redrive => {
            "M4 12a8 8 0 0 1 13.7-5.7L20 8.5M20 4v4.5h-4.5M20 12a8 8 0 0 1-13.7 5.7L4 15.5M4 20v-4.5h4.5"
        }
        Icon::Table => "M4 5h16v14H4ZM4 10h16M4 14.5h16M10 5v14",
        Icon::Chart => "M4 4v16h16M7 15l4-5 3 3 5-7",
        Icon::Spinner => "M12 4a8 8 0 1 0 8 8",
        Icon::Previous => "m15 6-6 6 6 6",
        Icon::Next => "m9 6 6 6-6 6",
        Icon::Copy => "M9 9h11v11H9ZM5 15H4V4h11v1",
        Icon::Download => "M12 4v12m0 0-5-5m5 5 5-5M4 20h16",
        Icon::Fold => "m6 9 6 6 6-6",
        Icon::Unfold => "m6 15 6-6 6 6",
    };
    let turns = (icon == Icon::Spinner).then_some("spinner");
    html! {
        <svg class={classes!("icon", turns)} viewBox="0 0 24 24" aria-hidden="true"><path d={path} /></svg>
    }
}
