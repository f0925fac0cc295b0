//! `GET /api/acts`: who changed something lately.

use std::sync::Arc;

use axum::extract::State;
use contract::api::Act;

use super::problem::Json;
use crate::watch::Watch;

/// Who tested, purged, redrove or dismissed failures, or chose pictures: the last hundred, oldest
/// first, of all instances of the API.
#[utoipa::path(get, path = "/api/acts", tag = "state", responses((status = 200, body = Vec<Act>)))]
pub(super) async fn acts(State(watch): State<Arc<Watch>>) -> Json<Vec<Act>> {
    Json(watch.state().acts.clone().unwrap_or_default())
}
