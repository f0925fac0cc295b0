//! `GET /api/thumbnails`, and the section `thumbnails` of the WebSocket.

use serde::{Deserialize, Serialize};

/// One picture in the bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Thumbnail {
    /// Its key.
    pub key: String,
    /// A presigned URL to `GET` it, good for an hour at least. The same picture keeps its URL for
    /// a while, so that browsers can cache it.
    pub url: String,
    /// Where in the video it was taken, in percent: 10, 50 or 95 unless the pipeline is set up
    /// otherwise; `null` if that is not a percentage.
    pub frame: Option<u32>,
    /// When it was written: RFC 3339, UTC.
    pub last_modified: String,
    /// Bytes.
    pub size: u64,
}
