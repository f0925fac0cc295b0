//! What the API says over the WebSocket `/ws`: one JSON object a message.

use serde::{Deserialize, Serialize};

use super::{Act, Metrics, Pod, Queue, Thumbnail};

/// One message. The first on a connection has all sections of the state; later ones have what
/// changed, whole. A missing section means unchanged.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Update {
    /// The figures.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub metrics: Option<Metrics>,
    /// The queue and its history.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub queue: Option<Queue>,
    /// The pods by name; empty while the cluster is unavailable ([`Metrics::sources`] tells why).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub pods: Option<Vec<Pod>>,
    /// The newest thumbnails, newest first: the first page of `GET /api/thumbnails`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub thumbnails: Option<Vec<Thumbnail>>,
    /// Who changed something lately, oldest first: all that `GET /api/acts` has.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub acts: Option<Vec<Act>>,
    /// Something that someone started, and how far it is. Never part of the state on connect.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub operation: Option<Operation>,
}

impl Update {
    /// Whether it says nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Takes over what `newer` says; what it does not say stays.
    pub fn merge(&mut self, newer: Self) {
        self.metrics = newer.metrics.or(self.metrics.take());
        self.queue = newer.queue.or(self.queue.take());
        self.pods = newer.pods.or(self.pods.take());
        self.thumbnails = newer.thumbnails.or(self.thumbnails.take());
        self.acts = newer.acts.or(self.acts.take());
        self.operation = newer.operation.or(self.operation.take());
    }
}

/// How far a test, a purge, a redrive or an upload is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Operation {
    /// Tells operations apart: the id of the request that started it.
    pub id: String,
    /// What it is.
    pub kind: OperationKind,
    /// Whether it still runs.
    pub state: OperationState,
    /// Objects or messages done with.
    pub done: u64,
    /// Of how many; absent while that is not known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub total: Option<u64>,
    /// Whether it only says what it would do.
    #[serde(default)]
    pub dry_run: bool,
    /// What went wrong.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
}

/// What someone started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum OperationKind {
    /// `POST /api/test`.
    Test,
    /// `DELETE /api/purge`.
    Purge,
    /// `POST /api/failures/redrive`.
    Redrive,
    /// `POST /api/uploads/complete`.
    Upload,
}

/// Whether an operation still runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum OperationState {
    /// It runs.
    Running,
    /// It is through.
    Finished,
    /// It ended early; [`Operation::reason`] tells.
    Failed,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_section_is_unchanged() {
        let queue = |depth| Queue {
            depth,
            ..Queue::default()
        };
        let mut state = Update {
            queue: Some(queue(1)),
            pods: Some(Vec::new()),
            ..Update::default()
        };
        let delta: Update =
            serde_json::from_str(r#"{"queue":{"depth":2,"inFlight":0,"history":[]}}"#).unwrap();
        state.merge(delta);
        assert_eq!(state.queue, Some(queue(2)));
        assert_eq!(state.pods, Some(Vec::new()));
        assert_eq!(serde_json::to_string(&Update::default()).unwrap(), "{}");
        assert!(Update::default().is_empty());
    }
}
