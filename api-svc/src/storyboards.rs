//! Storyboards as players read them, with URLs that S3 takes: made of the index that a worker has
//! left, when someone asks, and cached.

use std::{fmt::Display, sync::Arc};

use aws_sdk_s3::Client;
use contract::Manifest;
use moka::future::Cache;
use thumbcore::storyboard::{Index, dash, hls, json, vtt};

use crate::aws::{self, AwsError};

/// Largest index that is read: one of 100,000 tiles has 11 MB.
const MAX_BYTES: i64 = 16 << 20;

/// Most indexes in the cache: together with a hundred bytes a tile, of which a film has some
/// hundreds.
const MAX_CACHED: u64 = 64;

/// Most tiles of a `WebVTT` file: each cue has a URL of a kilobyte.
const MAX_CUES: usize = 10_000;

/// A file that players read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum PlayerFile {
    /// `WebVTT`.
    Vtt,
    /// An HLS playlist of images.
    M3u8,
    /// A DASH MPD.
    Mpd,
    /// Everything, as JSON.
    Json,
}

impl PlayerFile {
    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Self::Vtt => vtt::MEDIA_TYPE,
            Self::M3u8 => hls::MEDIA_TYPE,
            Self::Mpd => dash::MEDIA_TYPE,
            Self::Json => json::MEDIA_TYPE,
        }
    }
}

/// Why there is no storyboard to show.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum StoryboardError {
    /// The worker makes none, has not made it yet, or never will.
    #[error("{source_key:?} has no storyboard{}", because(reason.as_deref()))]
    None {
        source_key: String,
        reason: Option<String>,
    },
    #[error("{tiles} tiles are too many for a WebVTT file of URLs; at most {MAX_CUES}")]
    TooMany { tiles: usize },
    /// The object is something else.
    #[error("{key:?} is not the index of the storyboard: {reason}")]
    Invalid { key: String, reason: String },
    #[error("cannot read {key:?}: {source}")]
    Read { key: String, source: AwsError },
}

fn because(reason: Option<&str>) -> String {
    reason.map_or_else(String::new, |reason| format!(": {reason}"))
}

/// Reads indexes, and caches them.
pub(crate) struct Storyboards {
    s3: Client,
    bucket: String,
    cache: Cache<String, Arc<Index>>,
}

impl Storyboards {
    pub(crate) fn new(s3: Client, bucket: String) -> Self {
        Self {
            s3,
            bucket,
            cache: Cache::new(MAX_CACHED),
        }
    }

    /// The index of the storyboard that `manifest` names, and the keys of its sheets. Concurrent
    /// calls for one index share one read.
    pub(crate) async fn of<'a>(
        &self,
        manifest: &'a Manifest,
    ) -> Result<(Arc<Index>, &'a [String]), StoryboardError> {
        let none = |reason: Option<String>| StoryboardError::None {
            source_key: manifest.source_key.clone(),
            reason,
        };
        let storyboard = manifest.storyboard.as_ref().ok_or_else(|| none(None))?;
        let failed = storyboard.failure.as_ref();
        let key = storyboard.files.first();
        let key = key.ok_or_else(|| none(failed.map(|failure| failure.message.clone())))?;
        // Another version of the video has another index under the same key.
        let version = format!("{} {} {key}", manifest.source_etag, storyboard.settings);
        let index = self.cache.try_get_with(version, self.read(key)).await;
        let index = index.map_err(|error: Arc<StoryboardError>| StoryboardError::clone(&error))?;
        if index.sheets().len() != storyboard.sheets.len() || !index.is_complete() {
            return Err(invalid(key, &"it is of another version by now"));
        }
        Ok((index, &storyboard.sheets))
    }

    async fn read(&self, key: &str) -> Result<Arc<Index>, StoryboardError> {
        metrics::counter!(crate::prometheus::S3_GETS).increment(1);
        let operation = "reading a storyboard's index";
        let found = aws::find(&self.s3, (&self.bucket, key), operation).await;
        let found = found.map_err(|source| StoryboardError::Read {
            key: key.to_owned(),
            source,
        })?;
        let object = found.ok_or_else(|| invalid(key, &"it is gone"))?;
        if object.content_length.is_none_or(|bytes| bytes > MAX_BYTES) {
            return Err(invalid(key, &"it is too large"));
        }
        let body = object.body.collect().await;
        let body = body.map_err(|error| invalid(key, &error))?.into_bytes();
        let text = std::str::from_utf8(&body).map_err(|error| invalid(key, &error))?;
        let (index, _) = json::read(text).map_err(|error| invalid(key, &error))?;
        Ok(Arc::new(index))
    }
}

fn invalid(key: &str, reason: &dyn Display) -> StoryboardError {
    StoryboardError::Invalid {
        key: key.to_owned(),
        reason: reason.to_string(),
    }
}

/// Writes `file` of a storyboard whose sheets have these URLs.
pub(crate) fn write(
    index: &Index,
    file: PlayerFile,
    urls: &[String],
) -> Result<String, StoryboardError> {
    // There is a URL for each sheet.
    let url = |sheet: usize| urls.get(sheet).cloned().unwrap_or_default();
    let tiles = index.tiles().len();
    match file {
        PlayerFile::Vtt if tiles > MAX_CUES => Err(StoryboardError::TooMany { tiles }),
        PlayerFile::Vtt => Ok(vtt::write(index, url)),
        PlayerFile::M3u8 => Ok(hls::write(index, url)),
        PlayerFile::Mpd => Ok(dash::write_named(index, url)),
        PlayerFile::Json => Ok(json::write(index, url)),
    }
}
