//! `GET /api/pods`: the workers' pods.

use std::sync::Arc;

use axum::extract::State;
use contract::api;

use super::problem::{Json, Problem};
use crate::watch::Watch;

/// The workers' pods, by name.
#[utoipa::path(get, path = "/api/pods", tag = "state", responses(
    (status = 200, body = Vec<api::Pod>),
    (status = 503, description = "No cluster is configured, or it has never answered; the detail has the reason",
     body = api::Problem, content_type = "application/problem+json"),
))]
pub(super) async fn pods(State(watch): State<Arc<Watch>>) -> Result<Json<Vec<api::Pod>>, Problem> {
    match watch.pods.unavailable() {
        None => Ok(Json(watch.pods.list())),
        Some(reason) => Err(Problem::unavailable(reason)),
    }
}
