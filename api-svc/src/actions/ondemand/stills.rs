//! Pictures in several widths, to be kept.

use std::time::Duration;

use contract::metadata::bare_etag;
use thumbcore::{Error, ImageFormat, Position, Rendition, Request, Thumbnail, Video};

use super::{OnDemand, error::PictureError};

/// A picture of one version of a video.
#[derive(Debug)]
pub(crate) struct Still<'a> {
    pub(crate) video: &'a str,
    /// The version, without quotes.
    pub(crate) etag: &'a str,
    /// The picture that is shown then.
    pub(crate) time: Duration,
    /// Widths in pixels; a width may be there twice.
    pub(crate) widths: &'a [u32],
    pub(crate) format: ImageFormat,
}

impl OnDemand {
    /// Makes a picture, with a rendition for each of the widths, in their order.
    ///
    /// # Errors
    /// [`PictureError::Changed`] where the video is of another version by now.
    pub(crate) async fn still(&self, still: &Still<'_>) -> Result<Thumbnail, PictureError> {
        let mut current = self.videos.current(still.video).await?;
        if bare_etag(&current.version.etag) != still.etag {
            current = self.videos.renewed(still.video).await?;
        }
        if bare_etag(&current.version.etag) != still.etag {
            return Err(PictureError::Changed);
        }
        let mut widths = still.widths.to_vec();
        widths.sort_unstable();
        widths.dedup();
        let request = Request::new()
            .positions([Position::Time(still.time)])
            .widths(widths.iter().copied())
            .format(still.format)
            .exact(true);
        let extract = |video: Video| async move {
            let extraction = video.extract(&request).await?;
            let first = extraction.thumbnails.into_iter().next();
            Ok((first.ok_or_else(no_picture)?, extraction.stats))
        };
        let mut thumbnail = self.videos.work_on(current, extract).await?;
        let of_width = |width| -> Option<Rendition> {
            let nth = widths.binary_search(width).ok()?;
            thumbnail.renditions.get(nth).cloned()
        };
        thumbnail.renditions = still.widths.iter().filter_map(of_width).collect();
        Ok(thumbnail)
    }
}

fn no_picture() -> Error {
    Error::Internal {
        reason: "no picture".to_owned(),
    }
}
