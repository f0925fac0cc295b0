//! `GET /api/metrics`: the pipeline in figures.

use axum::extract::State;
use contract::api;

use crate::{
    app::Shared,
    problem::{Json, Problem},
};

/// The pipeline in figures.
#[utoipa::path(get, path = "/api/metrics", tag = "state", responses(
    (status = 200, body = api::Metrics),
    (status = 503, description = "Nothing is known yet", body = api::Problem, content_type = "application/problem+json"),
))]
pub(super) async fn metrics(State(app): State<Shared>) -> Result<Json<api::Metrics>, Problem> {
    let metrics = app.state().metrics.clone();
    metrics.map(Json).ok_or_else(not_yet)
}

/// The first look is still under way.
pub(super) fn not_yet() -> Problem {
    Problem::unavailable("the first look at the pipeline is still under way")
}
