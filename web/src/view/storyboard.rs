//! Storyboards: their tiles, and asking for them.

use std::rc::Rc;

use yew::prelude::*;

use super::{object_url::ObjectUrl, session::use_session};
use crate::{
    model::storyboard::{Size, Storyboard, Tile},
    net::api::{Api, Result},
    task::Task,
};

/// A storyboard with sheets that can be shown.
#[derive(Debug, PartialEq)]
pub(super) struct Board {
    pub(super) storyboard: Storyboard,
    /// The sheets that only the API has.
    _sheets: Vec<ObjectUrl>,
}

impl Board {
    /// The storyboard of the video whose pictures' keys begin with `name`.
    pub(super) async fn of(api: &Api, name: &str) -> Result<Self> {
        let mut storyboard = api.storyboard(name).await?;
        let mut sheets = Vec::new();
        for sheet in &mut storyboard.sheets {
            let is_relative = !sheet.file.contains("://");
            if is_relative {
                let url = ObjectUrl::new(&api.sheet(name, &sheet.file).await?)?;
                url.as_str().clone_into(&mut sheet.file);
                sheets.push(url);
            }
        }
        Ok(Self {
            storyboard,
            _sheets: sheets,
        })
    }
}

/// The storyboard of the video called `name`, once there is a name. Without one to show there is
/// none, and nobody is told: whoever asks for a frame hears the reason.
#[hook]
pub(super) fn use_board(name: Option<String>) -> Option<Rc<Board>> {
    let session = use_session();
    let board = use_state(|| None::<Rc<Board>>);
    {
        let (api, board) = (session.api.clone(), board.setter());
        use_effect_with((name, session.sign_ins), move |(name, _)| {
            board.set(None);
            let task = name.clone().map(|name| {
                Task::spawn(async move {
                    if let Ok(found) = Board::of(&api, &name).await {
                        board.set(Some(Rc::new(found)));
                    }
                })
            });
            move || drop(task)
        });
    }
    (*board).clone()
}

#[derive(Properties, PartialEq)]
pub(super) struct Props {
    pub(super) board: Rc<Board>,
    pub(super) tile: Tile,
    /// Says what it shows; nothing where words beside it do.
    #[prop_or_default]
    pub(super) alt: AttrValue,
    /// Whether the tile fills its place, cut where their shapes differ; else all of it is seen.
    #[prop_or_default]
    pub(super) fills: bool,
}

/// One tile.
#[component]
pub(super) fn TilePicture(props: &Props) -> Html {
    let Board { storyboard, .. } = &*props.board;
    let Tile { sheet, x, y, .. } = props.tile;
    let Some(sheet) = storyboard.sheets.get(sheet) else {
        return Html::default();
    };
    let Size { width, height } = storyboard.tile;
    let all = storyboard.sheet_size();
    let fit = if props.fills { "slice" } else { "meet" };
    let role = if props.alt.is_empty() {
        "presentation"
    } else {
        "img"
    };
    let label = (!props.alt.is_empty()).then(|| props.alt.clone());
    // The inner one cuts the sheet to the tile, also where the outer one leaves space beside it.
    html! {
        <svg class="tile-picture" viewBox={format!("0 0 {width} {height}")} preserveAspectRatio={format!("xMidYMid {fit}")} {role} aria-label={label}>
            <svg width={width.to_string()} height={height.to_string()} viewBox={format!("{x} {y} {width} {height}")}>
                <image href={sheet.file.clone()} width={all.width.to_string()} height={all.height.to_string()} />
            </svg>
        </svg>
    }
}
