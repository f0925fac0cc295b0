//! `GET /api/original`: a link to the video itself.

use serde::{Deserialize, Serialize};

/// A link to a video as it was uploaded. Whoever has the link may read the video until it ends, so
/// it has no `Debug` by which a log could show it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OriginalLink {
    /// The presigned URL. Browsers save what is there, whatever it is, and show none of it.
    pub url: String,
    /// When it ends: RFC 3339, UTC. After 15 minutes, or with the credentials that signed it. A
    /// download has to begin before.
    pub expires_at: String,
}
