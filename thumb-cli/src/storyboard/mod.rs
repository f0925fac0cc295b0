//! `thumb storyboard`: one storyboard a video, each published whole or not at all.
//!
//! [`work`] is the hidden folder in which a storyboard is made, [`state`] what it and finished
//! folders remember for `--resume`, [`publish`] how folders get their names.

mod args;
mod publish;
mod state;
mod work;

use std::{
    ffi::{OsStr, OsString},
    path::PathBuf,
    sync::Arc,
};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use serde::Serialize;
use thumbcore::{
    Extractor, LimitError, RangeSource, Stats, Video,
    storyboard::{Index, Storyboard, StoryboardRequest},
};
use tokio::task;

pub(crate) use self::args::StoryboardArgs;
use self::work::{IFRAMES, Place, Work};
use crate::{
    progress::Portion,
    report::{Failure, Outcome, Product, seconds},
};

/// Which storyboards are made, and where.
#[derive(Debug)]
pub(crate) struct Maker {
    pub(crate) extractor: Extractor,
    pub(crate) request: StoryboardRequest,
    pub(crate) files: Files,
    pub(crate) out: PathBuf,
    pub(crate) resume: bool,
}

/// What sheets are written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a file of its own, in any combination"
)]
pub(crate) struct Files {
    pub(crate) vtt: bool,
    pub(crate) jellyfin: bool,
    pub(crate) hls: bool,
    pub(crate) dash: bool,
    pub(crate) bif: bool,
    pub(crate) json: bool,
}

/// A storyboard that was written, as the JSON line has it.
#[derive(Debug, Serialize)]
pub(crate) struct Board {
    tile: Size,
    grid: Grid,
    interval_s: f64,
    tiles: Vec<Tile>,
    /// Paths of all files, the sheets first.
    pub(crate) files: Vec<String>,
    /// What was asked for and cannot be.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    left_out: Vec<LeftOut>,
    /// The first budget whose end kept a tile from a picture of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<String>,
}

/// A file that cannot be written of this video.
#[derive(Debug, Serialize)]
struct LeftOut {
    file: &'static str,
    reason: &'static str,
}

#[derive(Debug, Serialize)]
struct Size {
    width: u32,
    height: u32,
}

#[derive(Debug, Serialize)]
struct Grid {
    columns: u32,
    rows: u32,
}

#[derive(Debug, Serialize)]
struct Tile {
    sheet: usize,
    x: u32,
    y: u32,
    target_s: f64,
    actual_s: f64,
    origin: &'static str,
}

impl Maker {
    /// The name of the folder that is made with `base`. The one for Jellyfin differs where this
    /// does.
    pub(crate) fn names(base: &OsStr) -> Vec<OsString> {
        let mut name = base.to_owned();
        name.push(".storyboard");
        vec![name]
    }

    /// Makes the storyboard of `source`, a video of this file name, under names that begin with
    /// `base`.
    pub(crate) async fn make(
        &self,
        source: Arc<dyn RangeSource>,
        (base, film): (OsString, &OsStr),
        progress: &Portion<'_>,
    ) -> Result<Outcome, Failure> {
        let video = self.extractor.open(source).await?;
        let storyboard = video.storyboard(&self.request)?;
        let place = Place {
            out: self.out.clone(),
            base,
            film: beside(film),
            files: self.files,
            fingerprint: self.fingerprint(&video, &storyboard),
        };
        let mut stats = video.opened().clone();
        if self.resume
            && let Some(made) = place.published(storyboard.layout())
        {
            let board = self.board(&made.index, &made.files, None);
            return Ok(outcome(&video, stats, board));
        }
        let (layout, resume) = (storyboard.layout().clone(), self.resume);
        let sheets = layout.sheets();
        let (mut work, mut index) = blocking(move || Work::begin(place, &layout, resume)).await?;
        let first = index.sheets().len();
        let request = self.request.clone().first_sheet(first);
        let mut storyboard = video.storyboard(&request)?;
        progress.reach(first, sheets);
        let mut limit = None;
        while let Some(sheet) = storyboard.next_sheet().await? {
            stats += sheet.stats.clone();
            limit = limit.or_else(|| sheet.limit.clone());
            index.push(&sheet);
            progress.reach(index.sheets().len(), sheets);
            let known = index.clone();
            work = blocking(move || work.add(&sheet, &known)).await?;
        }
        let whole = index.clone();
        let files = blocking(move || work.publish(&whole)).await?;
        let board = self.board(&index, &files, limit.as_ref());
        Ok(outcome(&video, stats, board))
    }

    fn board(&self, index: &Index, files: &[PathBuf], limit: Option<&LimitError>) -> Board {
        let has_iframes = index.tiles().iter().any(|tile| tile.iframe.is_some());
        let left_out = (self.files.hls && !has_iframes).then_some(LeftOut {
            file: IFRAMES,
            reason: NO_IFRAMES,
        });
        let mut board = Board::new(index, files, left_out);
        board.limit = limit.map(ToString::to_string);
        board
    }

    /// What a storyboard depends on: a stopped run is gone on with where it is the same.
    fn fingerprint(&self, video: &Video, storyboard: &Storyboard) -> String {
        let version = env!("CARGO_PKG_VERSION");
        let (request, layout) = (&self.request, storyboard.layout());
        format!("{version} {request:?} {layout:?} {:?}", video.stat())
    }
}

fn outcome(video: &Video, stats: Stats, board: Board) -> Outcome {
    Outcome {
        media: video.facts().clone(),
        stats,
        product: Product::Storyboard(board),
    }
}

impl Board {
    fn new(index: &Index, files: &[PathBuf], left_out: Option<LeftOut>) -> Self {
        let layout = index.layout();
        let tiles = index.tiles().iter().map(|tile| Tile {
            sheet: tile.sheet,
            x: tile.x,
            y: tile.y,
            target_s: seconds(tile.target),
            actual_s: seconds(tile.actual),
            origin: tile.origin.as_str(),
        });
        Self {
            tile: Size {
                width: layout.tile_width,
                height: layout.tile_height,
            },
            grid: Grid {
                columns: layout.columns,
                rows: layout.rows,
            },
            interval_s: seconds(layout.interval),
            tiles: tiles.collect(),
            files: files
                .iter()
                .map(|path| path.to_string_lossy().into_owned())
                .collect(),
            left_out: left_out.into_iter().collect(),
            limit: None,
        }
    }

    /// For people: what was made.
    pub(crate) fn summary(&self) -> String {
        let sheets = self.tiles.last().map_or(0, |tile| tile.sheet + 1);
        let plural = |count: usize| if count == 1 { "" } else { "s" };
        let limit = self.limit.as_ref().map(|limit| format!("; {limit}"));
        format!(
            "{} tile{} of {}x{} on {sheets} sheet{}{}",
            self.tiles.len(),
            plural(self.tiles.len()),
            self.tile.width,
            self.tile.height,
            plural(sheets),
            limit.unwrap_or_default(),
        )
    }
}

/// Why a video has no playlist of keyframes.
const NO_IFRAMES: &str = "no keyframe can be cut out of this file by bytes alone: that takes \
    fragmented mp4 whose fragments begin with keyframes, or a transport stream of more than 2 MiB";

/// A relative URL of the file of this name, in the folder above.
fn beside(name: &OsStr) -> String {
    /// What a path's segment may hold unescaped. Source: RFC 3986, section 2.3.
    const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'.')
        .remove(b'_')
        .remove(b'~');
    format!("../{}", percent_encode(name.as_encoded_bytes(), ESCAPED))
}

/// Does `work` on the file system without blocking the network.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let done = task::spawn_blocking(work).await;
    done.map_err(|error| Failure {
        kind: "output",
        message: error.to_string(),
    })?
}
