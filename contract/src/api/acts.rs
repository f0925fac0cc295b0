//! `GET /api/acts`, and the section `acts` of the WebSocket: who changed something.

use serde::{Deserialize, Serialize};

/// Most acts that are remembered.
pub const MOST_ACTS: usize = 100;

/// Something that someone changed, as the audit log has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Act {
    /// Tells acts apart: the id of the request.
    pub id: String,
    /// What it was.
    pub kind: ActKind,
    /// Who it was: `token`, `local`, or the subject of a JWT.
    pub who: String,
    /// What it was about: a key, or how much.
    pub about: String,
    /// When it was done: RFC 3339, UTC.
    pub at: String,
}

/// What someone changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum ActKind {
    /// `POST /api/test`.
    Test,
    /// `DELETE /api/purge`.
    Purge,
    /// `POST /api/failures/redrive`.
    Redrive,
    /// `POST /api/failures/dismiss`.
    Dismiss,
    /// `PUT /api/videos/{key}/thumbnails/{n}`.
    Choose,
    /// `DELETE /api/videos/{key}/thumbnails/{n}`.
    Undo,
}
