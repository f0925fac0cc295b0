//! `GET /health`, `GET /ready`: whether the process lives, and whether it can work.

use std::sync::Arc;

use axum::extract::State;
use contract::api;

use super::problem::{Json, Problem};
use crate::app::Service;

/// Whether the process lives.
#[utoipa::path(get, path = "/health", tag = "state", responses((status = 200, body = api::Health)))]
pub(super) async fn health() -> Json<api::Health> {
    Json(api::Health::ok())
}

/// Whether S3 and SQS answer.
#[utoipa::path(get, path = "/ready", tag = "state", responses(
    (status = 200, body = api::Health),
    (status = 503, description = "S3 or SQS does not answer; the detail has the reasons", body = api::Problem, content_type = "application/problem+json"),
))]
pub(super) async fn ready(
    State(service): State<Arc<Service>>,
) -> Result<Json<api::Health>, Problem> {
    let reasons = service.sources.unready().await;
    if reasons.is_empty() {
        return Ok(Json(api::Health::ok()));
    }
    Err(Problem::unavailable(reasons.join("; ")))
}
