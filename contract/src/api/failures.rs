//! `GET /api/failures`, `POST /api/failures/redrive` and `POST /api/failures/dismiss`.

use serde::{Deserialize, Serialize};

/// What lies in the dead-letter queue. Looking does not hide it from others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Failures {
    /// The messages that were seen, oldest first.
    pub failures: Vec<Failure>,
    /// How many messages the queue says it holds. SQS shows a sample at a time: there may be more
    /// than were seen.
    pub total: u64,
}

/// One message that was given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Failure {
    /// The message's id, for [`Redrive::ids`].
    pub id: String,
    /// The videos' keys, as far as the message can be read.
    pub keys: Vec<String>,
    /// The kind of error (`corrupt`, `unsupported`, …), if a worker gave it up; absent if the
    /// queue moved it after too many deliveries.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub kind: Option<String>,
    /// The error in words.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub message: Option<String>,
    /// When the message was sent first: RFC 3339, UTC.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sent_at: Option<String>,
    /// How often it was received since it lies in this queue, by anyone.
    pub receive_count: u32,
}

/// Which messages go back to the queue.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Redrive {
    /// Their ids; all messages if absent or `null`.
    #[cfg_attr(feature = "openapi", schema(nullable = true))]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ids: Option<Vec<String>>,
}

/// What went back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Redriven {
    /// Messages that are in the queue again.
    pub redriven: u64,
    /// Ids that were asked for and not found: someone else has them in hand, or they are gone.
    pub missing: Vec<String>,
}

/// Which messages are deleted: failures that nobody will do anything about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Dismiss {
    /// Their ids.
    pub ids: Vec<String>,
}

/// What was deleted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Dismissed {
    /// Messages that are gone.
    pub dismissed: u64,
    /// Ids that were asked for and not found: someone else has them in hand, or they are gone.
    pub missing: Vec<String>,
}
