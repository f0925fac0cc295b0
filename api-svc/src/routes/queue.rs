//! `GET /api/queue`: the queue now and in the last five minutes.

use std::sync::Arc;

use axum::extract::State;
use contract::api;

use super::problem::{Json, Problem};
use crate::watch::Watch;

/// The queue now and in the last five minutes.
#[utoipa::path(get, path = "/api/queue", tag = "state", responses(
    (status = 200, body = api::Queue),
    (status = 503, description = "The first look at the pipeline is still under way", body = api::Problem, content_type = "application/problem+json"),
))]
pub(super) async fn queue(State(watch): State<Arc<Watch>>) -> Result<Json<api::Queue>, Problem> {
    let queue = watch.state().queue.clone();
    queue.map(Json).ok_or_else(super::metrics::not_yet)
}
