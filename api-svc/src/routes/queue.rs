//! `GET /api/queue`: the queue now and in the last five minutes.

use axum::extract::State;
use contract::api;

use crate::{
    app::Shared,
    problem::{Json, Problem},
};

/// The queue now and in the last five minutes.
#[utoipa::path(get, path = "/api/queue", tag = "state", responses(
    (status = 200, body = api::Queue),
    (status = 503, description = "Nothing is known yet", body = api::Problem, content_type = "application/problem+json"),
))]
pub(super) async fn queue(State(app): State<Shared>) -> Result<Json<api::Queue>, Problem> {
    let queue = app.state().queue.clone();
    queue.map(Json).ok_or_else(super::metrics::not_yet)
}
