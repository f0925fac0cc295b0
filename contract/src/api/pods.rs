//! `GET /api/pods`, and the section `pods` of the WebSocket.

use serde::{Deserialize, Serialize};

/// One worker's pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Pod {
    /// Its name.
    pub name: String,
    /// Its phase (`Pending`, `Running`, `Succeeded`, `Failed`, `Unknown`), or `Terminating` while
    /// it is being deleted, or why a container waits (`CrashLoopBackOff`, `ImagePullBackOff`,
    /// …).
    pub status: String,
    /// Whether its condition `Ready` holds.
    pub ready: bool,
    /// Restarts of its containers, added up.
    pub restarts: u32,
    /// When it was started, RFC 3339; `null` if it was not yet.
    pub started_at: Option<String>,
    /// The node it runs on; `null` if it has none yet.
    pub node: Option<String>,
    /// CPU its containers ask for, as Kubernetes writes it (`250m`), added up; `null` if they ask
    /// for none.
    pub cpu: Option<String>,
    /// Memory its containers ask for, as Kubernetes writes it (`512Mi`), added up; `null` if they
    /// ask for none.
    pub memory: Option<String>,
}
