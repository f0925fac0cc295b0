//! `GET /api/metrics`, and the section `metrics` of the WebSocket.

use serde::{Deserialize, Serialize};

/// The pipeline in figures. While a source is unavailable its figures are the last ones known, 0
/// before the first; [`Metrics::sources`] tells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Metrics {
    /// Messages that wait for a worker.
    pub queue_depth: u64,
    /// Messages that workers have in hand.
    pub in_flight: u64,
    /// Pictures in the bucket.
    pub total_thumbnails: u64,
    /// Bytes of all pictures and manifests.
    pub storage_bytes: u64,
    /// Pods in phase `Running`.
    pub running_pods: u64,
    /// Pods that the label selector finds.
    pub total_pods: u64,
    /// Messages in the dead-letter queue that wait there; `null` where none is configured.
    pub dlq_depth: Option<u64>,
    /// Videos that have all their pictures and a manifest.
    pub videos_processed: u64,
    /// Videos that were given up: messages in the dead-letter queue, received by someone or not;
    /// `null` where none is configured.
    pub videos_failed: Option<u64>,
    /// Bytes fetched of the processed videos, of those whose manifests were read so far.
    pub bytes_fetched: u64,
    /// Bytes that whole downloads of the same videos would have fetched on top; 0 where more were
    /// fetched than there are.
    pub bytes_saved: u64,
    /// Bytes of the same videos.
    #[serde(default)]
    pub source_bytes: u64,
    /// Manifests that [`Metrics::bytes_fetched`], [`Metrics::bytes_saved`] and
    /// [`Metrics::source_bytes`] count. Equal to
    /// [`Metrics::videos_processed`] once the API has caught up.
    pub videos_measured: u64,
    /// Videos finished a minute, over the last five minutes.
    pub videos_per_minute: f64,
    /// Whether the bucket has been listed through since the API started; until then the counts
    /// grow.
    pub index_complete: bool,
    /// How the sources of these figures do.
    pub sources: Sources,
}

/// The state of everything that the API watches.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Sources {
    /// The queue.
    pub queue: Source,
    /// The dead-letter queue.
    pub dlq: Source,
    /// The bucket.
    pub bucket: Source,
    /// The Kubernetes API server.
    pub pods: Source,
}

/// How one source does.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Source {
    /// Whether it answers.
    pub state: SourceState,
    /// Why it does not.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// Since when it does not.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub since: Option<String>,
    /// While it does not: when it answered last, which is the age of its figures. Absent if it
    /// never did.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_answer: Option<String>,
}

/// Whether a source answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum SourceState {
    /// It has not been asked yet.
    #[default]
    Pending,
    /// It answers.
    Available,
    /// It does not.
    Unavailable,
    /// There is none: no dead-letter queue, no cluster.
    Absent,
}
