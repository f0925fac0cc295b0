//! Storyboards: sheets of small pictures by which a player shows what lies under its scrub bar.
//!
//! A storyboard cuts a video into stretches of one length. Each stretch has a tile: the keyframe
//! nearest to its middle or, where it has none, what decoding forward from the keyframe before
//! shows first in it. Tiles lie row by row on sheets. [`Video::storyboard`] gives the sheets one
//! after the other, so that memory is one sheet and a few keyframes however long the video is.
//!
//! ```no_run
//! use std::sync::Arc;
//! use thumbcore::{
//!     Extractor, FileSource,
//!     storyboard::{Index, StoryboardRequest, vtt},
//! };
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let extractor = Extractor::builder().build()?;
//! let video = extractor.open(Arc::new(FileSource::open("film.mp4").await?)).await?;
//! let mut storyboard = video.storyboard(&StoryboardRequest::new())?;
//! let mut index = Index::new(storyboard.layout().clone());
//! while let Some(sheet) = storyboard.next_sheet().await? {
//!     std::fs::write(index.layout().file_name(sheet.number), &sheet.image)?;
//!     index.push(&sheet);
//! }
//! std::fs::write("index.vtt", vtt::write(&index, |nth| index.layout().file_name(nth)))?;
//! # Ok(())
//! # }
//! ```
//!
//! [`Index`] says where each tile is and what it shows; the modules [`vtt`], [`hls`], [`dash`],
//! [`jellyfin`], [`bif`] and [`json`] write it as players read it.
//!
//! # What it costs
//!
//! A sheet is one call, as [`Video::extract`] is: it has the budgets of
//! [`Limits`](crate::Limits) to itself, of which
//! [`max_decoding`](crate::Limits::max_decoding) bounds what is spent on stretches without a
//! keyframe. The bytes are those of the keyframes. Ranges are joined where reading the gap between
//! them costs less than a request: [`ReadConfig::gap`](crate::ReadConfig::gap) as long as all
//! requests of a sheet are under way at once; else what a connection transfers in a request's share
//! of a first byte's time, 94 kB with the default
//! [`ReadConfig::concurrency`](crate::ReadConfig::concurrency). At most that many requests are
//! under way, so a sheet of an indexed video takes its tiles divided by `concurrency` round trips.

pub mod bif;
mod canvas;
mod cue;
pub mod dash;
pub mod hls;
mod index;
pub mod jellyfin;
pub mod json;
mod layout;
mod making;
mod request;
mod spacing;
#[cfg(test)]
mod tests;
mod time;
pub mod vtt;

pub(crate) use self::making::TileFrame;
pub use self::{
    index::{Index, SheetEntry, Tile},
    layout::Layout,
    making::{Sheet, Storyboard},
    request::StoryboardRequest,
    spacing::{Grid, Interval},
};
use crate::{Error, Video};

impl Video {
    /// Begins a storyboard. Nothing is read until the first sheet is asked for.
    ///
    /// # Errors
    /// [`Error::Invalid`] names an option that is wrong or that does not fit the video;
    /// [`Error::Unsupported`] says that the video's duration is not known.
    pub fn storyboard(&self, request: &StoryboardRequest) -> Result<Storyboard, Error> {
        Storyboard::new(self.clone(), request)
    }
}
