//! `GET /api/thumbnails`, and the section `thumbnails` of the WebSocket.

use serde::{Deserialize, Serialize};

/// One picture in the bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Thumbnail {
    /// The picture's key.
    pub key: String,
    /// A presigned URL to `GET` the picture until [`Thumbnail::expires_at`]. The same picture
    /// keeps its URL for a while, so that browsers can cache it.
    pub url: String,
    /// When the URL ends: RFC 3339, UTC. A URL lasts 60 to 90 minutes, less if the credentials
    /// that signed it end earlier.
    pub expires_at: String,
    /// The picture's place in the video, in percent of the duration: 10, 50 or 95 by default;
    /// `null` if the place is not a percentage.
    pub frame: Option<u32>,
    /// When the picture was written: RFC 3339, UTC.
    pub last_modified: String,
    /// The picture's size in bytes.
    pub size: u64,
    /// The video's size in bytes, once its manifest was read.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub source_bytes: Option<u64>,
    /// Bytes that were fetched of the video, once its manifest was read.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub bytes_fetched: Option<u64>,
}
