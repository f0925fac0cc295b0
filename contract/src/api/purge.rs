//! `POST /api/test` and `DELETE /api/purge`. Both report on the way by
//! [`Operation`](super::Operation).

use serde::{Deserialize, Serialize};

/// What `POST /api/test` did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TestQueued {
    /// Videos copied into the uploads.
    pub queued: u64,
    /// Objects of the test bucket that are no videos, or whose name is taken.
    pub skipped: u64,
    /// Videos that could not be copied; the API's log says why.
    #[serde(default)]
    pub failed: u64,
}

/// What `DELETE /api/purge` did, or would do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Purged {
    /// Versions and delete markers deleted; in a dry run, that would be.
    pub deleted: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Those that could not be deleted.
    pub failed: u64,
    /// Whether this was a dry run, which deletes nothing.
    pub dry_run: bool,
}
