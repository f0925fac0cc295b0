//! `GET /api/videos`, `GET /api/videos/{key}` and `PUT /api/videos/{key}/thumbnails/{n}`.

use serde::{Deserialize, Serialize};

use super::Thumbnail;
use crate::Manifest;

/// A processed video in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VideoSummary {
    /// The name that the manifest and the pictures share, with the thumbnail prefix:
    /// `thumbnails/a/b`. `GET /api/videos/{key}` takes it, with or without `.json`.
    pub name: String,
    /// The key of the manifest.
    pub manifest_key: String,
    /// When the manifest was written: RFC 3339, UTC.
    pub last_modified: String,
    /// The pictures, in the order of their numbers.
    pub thumbnails: Vec<Thumbnail>,
    /// The manifest: media facts, bytes fetched, timings. `null` if it cannot be read.
    pub manifest: Option<Manifest>,
}

/// A processed video with everything that is known of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Video {
    /// Media facts, pictures, bytes fetched and timings.
    #[serde(flatten)]
    pub manifest: Manifest,
    /// The pictures' presigned URLs, in the order of the manifest's `thumbnails`.
    pub urls: Vec<String>,
    /// The presigned URLs of the pictures in further widths: for each of the manifest's
    /// `thumbnails` a list in the order of its `renditions`. Left out where the pipeline makes one
    /// width only.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub rendition_urls: Vec<Vec<String>>,
    /// The presigned URL of the manifest's `cover`; left out where there is none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cover_url: Option<String>,
    /// The presigned URL of the manifest's `preview`; left out where there is none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub preview_url: Option<String>,
    /// When the URLs end: RFC 3339, UTC. URLs last 60 to 90 minutes, less if the credentials that
    /// signed them end earlier.
    pub expires_at: String,
}

/// What a [`Video`] has beside its manifest.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rest {
    urls: Vec<String>,
    #[serde(default)]
    rendition_urls: Vec<Vec<String>>,
    #[serde(default)]
    cover_url: Option<String>,
    #[serde(default)]
    preview_url: Option<String>,
    expires_at: String,
}

impl Video {
    /// Reads the JSON of a video. Twice, for the manifest and for the rest: serde would keep all of
    /// it in memory in between, by code that makes the dashboard a fiftieth larger.
    ///
    /// # Errors
    /// The text is none of a video.
    pub fn from_json(text: &str) -> serde_json::Result<Self> {
        let Rest {
            urls,
            rendition_urls,
            cover_url,
            preview_url,
            expires_at,
        } = serde_json::from_str(text)?;
        Ok(Self {
            manifest: serde_json::from_str(text)?,
            urls,
            rendition_urls,
            cover_url,
            preview_url,
            expires_at,
        })
    }
}

/// A person's choice of a picture, in place of the worker's.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ChoosePicture {
    /// The picture that is shown at this time, in seconds from the start.
    #[cfg_attr(feature = "openapi", schema(minimum = 0))]
    pub time_s: f64,
}
