//! `GET /api/pods`: the workers' pods.

use axum::extract::State;
use contract::api;

use crate::{
    app::Shared,
    problem::{Json, Problem},
};

/// The workers' pods, by name.
#[utoipa::path(get, path = "/api/pods", tag = "state", responses(
    (status = 200, body = Vec<api::Pod>),
    (status = 503, description = "No cluster is configured, or it has never answered; the reason is told",
     body = api::Problem, content_type = "application/problem+json"),
))]
pub(super) async fn pods(State(app): State<Shared>) -> Result<Json<Vec<api::Pod>>, Problem> {
    match app.pods.unavailable() {
        None => Ok(Json(app.pods.list())),
        Some(reason) => Err(Problem::unavailable(reason)),
    }
}
