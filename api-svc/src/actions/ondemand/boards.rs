//! Storyboards of videos that have none in the bucket, of one sheet each.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use moka::future::Cache;
use thumbcore::{
    Error, Video,
    storyboard::{Index, StoryboardRequest},
};

use super::{
    error::PictureError,
    videos::{Current, Version, Videos},
};

/// Columns and rows of the sheet: someone waits for it.
const GRID: (u32, u32) = (10, 5);

/// Shortest stretch of a tile.
const SHORTEST: Duration = Duration::from_secs(1);

/// How long a storyboard that nobody asks for stays in the cache.
const IDLE: Duration = Duration::from_hours(1);

/// Bytes that a tile of a cached storyboard costs beside its picture.
const TILE: usize = 128;

/// Makes storyboards and caches them.
#[derive(Debug)]
pub(crate) struct Boards {
    videos: Arc<Videos>,
    made: Cache<Version, Arc<Board>>,
}

/// A storyboard of one sheet.
#[derive(Debug)]
pub(crate) struct Board {
    pub(crate) index: Index,
    /// The sheet, a JPEG.
    pub(crate) sheet: Bytes,
}

impl Boards {
    /// Caches at most `bytes` of storyboards.
    pub(super) fn new(videos: Arc<Videos>, bytes: u64) -> Self {
        let weight = |version: &Version, board: &Arc<Board>| {
            let tiles = board.index.tiles().len() * TILE;
            u32::try_from(board.sheet.len() + tiles + version.len()).unwrap_or(u32::MAX)
        };
        Self {
            videos,
            made: Cache::builder()
                .max_capacity(bytes)
                .weigher(weight)
                .time_to_idle(IDLE)
                .build(),
        }
    }

    /// The storyboard of `video`, a key below the upload prefix, from the cache or from the video.
    pub(crate) async fn get(&self, video: &str) -> Result<Arc<Board>, PictureError> {
        let current = self.videos.current(video).await?;
        match self.of_version(current).await {
            Err(PictureError::Changed) => {
                let current = self.videos.renewed(video).await?;
                self.of_version(current).await
            }
            result => result,
        }
    }

    async fn of_version(&self, current: Current) -> Result<Arc<Board>, PictureError> {
        let version = current.version.clone();
        let board = Box::pin(self.videos.work_on(current, board_of));
        let board = self.made.try_get_with(version, board).await;
        board.map_err(|error| PictureError::clone(&error))
    }
}

async fn board_of(video: Video) -> Result<(Arc<Board>, thumbcore::Stats), Error> {
    let mut storyboard = video.storyboard(&request(video.facts().duration))?;
    let mut index = Index::new(storyboard.layout().clone());
    let sheet = storyboard.next_sheet().await?;
    let sheet = sheet.ok_or_else(|| Error::Internal {
        reason: "no sheet".to_owned(),
    })?;
    index.push(&sheet);
    let board = Board {
        index,
        sheet: sheet.image,
    };
    Ok((Arc::new(board), sheet.stats))
}

/// As many tiles as a sheet has, fewer where their stretches would be too short.
fn request(duration: Option<Duration>) -> StoryboardRequest {
    let (columns, rows) = GRID;
    let stretches = duration.unwrap_or_default().div_duration_f64(SHORTEST);
    let tiles = (stretches.ceil() as usize).clamp(1, (columns * rows) as usize);
    StoryboardRequest::new().count(tiles).grid(columns, rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_videos_have_fewer_tiles() {
        for (seconds, tiles) in [(0, 1), (1, 1), (7, 7), (50, 50), (36_000, 50)] {
            let request = request(Some(Duration::from_secs(seconds)));
            assert_eq!(request, StoryboardRequest::new().count(tiles).grid(10, 5));
        }
    }
}
