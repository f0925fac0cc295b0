//! `GET /api/videos` and `GET /api/videos/{key}`.

use serde::{Deserialize, Serialize};

use super::Thumbnail;
use crate::Manifest;

/// A processed video in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VideoSummary {
    /// The name that its manifest and pictures share, with the thumbnail prefix: `thumbnails/a/b`.
    /// With `.json` it is the manifest's key, and what `GET /api/videos/{key}` takes.
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

/// A processed video, whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Video {
    /// Media facts, pictures, bytes fetched and timings.
    #[serde(flatten)]
    pub manifest: Manifest,
    /// The pictures' presigned URLs, in the order of the manifest's `thumbnails`.
    pub urls: Vec<String>,
}
