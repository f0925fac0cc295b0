//! The JSON of the API: what its routes answer and take, and what it says over the WebSocket.
//!
//! Field names are `camelCase`. Times are RFC 3339 in UTC, as text, so that the crate needs no
//! clock. A field that may be missing is left out rather than `null`, except where its
//! documentation says `null`.
//!
//! With the feature `openapi` every type has a schema for the API's OpenAPI document; the dashboard
//! goes without.

mod acts;
mod failures;
mod live;
mod metrics;
mod originals;
mod pods;
mod problem;
mod purge;
mod queue;
mod thumbnails;
mod uploads;
mod videos;

use serde::{Deserialize, Serialize};

pub use self::{
    acts::{Act, ActKind, MOST_ACTS},
    failures::{Dismiss, Dismissed, Failure, Failures, Redrive, Redriven},
    live::{Operation, OperationKind, OperationState, Update},
    metrics::{Metrics, Source, SourceState, Sources},
    originals::OriginalLink,
    pods::Pod,
    problem::Problem,
    purge::{Purged, TestQueued},
    queue::{HISTORY_INTERVAL_SECONDS, HISTORY_POINTS, Queue, QueuePoint},
    thumbnails::Thumbnail,
    uploads::{
        CompleteUpload, CompletedPart, UploadCompleted, UploadHeader, UploadPart, UploadRequest,
        UploadTarget, UploadTicket,
    },
    videos::{ChoosePicture, Video, VideoSummary},
};

/// What `GET /health` and `GET /ready` answer when all is well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Health {
    /// `ok`.
    pub status: String,
}

impl Health {
    /// All is well.
    #[must_use]
    pub fn ok() -> Self {
        Self {
            status: "ok".to_owned(),
        }
    }
}
