//! `GET /api/queue`, and the section `queue` of the WebSocket.

use serde::{Deserialize, Serialize};

/// Most points a history has: five minutes.
pub const HISTORY_POINTS: usize = 60;
/// Seconds between two points.
pub const HISTORY_INTERVAL_SECONDS: u64 = 5;

/// The queue now and in the last five minutes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Queue {
    /// Messages that wait for a worker.
    pub depth: u64,
    /// Messages that workers have in hand.
    pub in_flight: u64,
    /// At most [`HISTORY_POINTS`], oldest first, [`HISTORY_INTERVAL_SECONDS`] apart. Points in
    /// which the queue did not answer are missing.
    pub history: Vec<QueuePoint>,
}

/// The queue at one time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct QueuePoint {
    /// When: RFC 3339, UTC.
    pub time: String,
    /// Messages that waited.
    pub depth: u64,
    /// Messages that workers had in hand.
    pub in_flight: u64,
}
