//! `GET /api/metrics`: the pipeline in figures.

use std::sync::Arc;

use axum::extract::State;
use contract::api;

use super::problem::{Json, Problem};
use crate::watch::Watch;

/// The pipeline in figures.
#[utoipa::path(get, path = "/api/metrics", tag = "state", responses(
    (status = 200, body = api::Metrics),
    (status = 503, description = "The first look at the pipeline is still under way", body = api::Problem, content_type = "application/problem+json"),
))]
pub(super) async fn metrics(
    State(watch): State<Arc<Watch>>,
) -> Result<Json<api::Metrics>, Problem> {
    let metrics = watch.state().metrics.clone();
    metrics.map(Json).ok_or_else(not_yet)
}

/// The problem before the first look has ended.
pub(super) fn not_yet() -> Problem {
    Problem::unavailable("the first look at the pipeline is still under way")
}
