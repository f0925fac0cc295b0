//! `GET /health`, `GET /ready`: whether the process lives, and whether it can work.

use axum::extract::State;
use contract::api;

use crate::{
    app::Shared,
    aws::told,
    problem::{Json, Problem},
};

/// Whether the process lives.
#[utoipa::path(get, path = "/health", tag = "state", responses((status = 200, body = api::Health)))]
pub(super) async fn health() -> Json<api::Health> {
    Json(api::Health::ok())
}

/// Whether S3 and SQS answer.
#[utoipa::path(get, path = "/ready", tag = "state", responses(
    (status = 200, body = api::Health),
    (status = 503, description = "What does not answer, and why", body = api::Problem, content_type = "application/problem+json"),
))]
pub(super) async fn ready(State(app): State<Shared>) -> Result<Json<api::Health>, Problem> {
    let config = &app.config;
    let bucket = app.s3.head_bucket().bucket(&config.s3_bucket).send();
    let queue = app
        .sqs
        .get_queue_attributes()
        .queue_url(&config.sqs_queue_url)
        .send();
    let (bucket, queue) = tokio::join!(bucket, queue);
    let mut reasons = Vec::new();
    if let Err(error) = bucket {
        reasons.push(format!("S3: {}", told("looking for the bucket", &error)));
    }
    if let Err(error) = queue {
        reasons.push(format!("SQS: {}", told("looking for the queue", &error)));
    }
    if reasons.is_empty() {
        return Ok(Json(api::Health::ok()));
    }
    Err(Problem::unavailable(reasons.join("; ")))
}
