//! `POST /api/uploads`, `POST /api/uploads/complete` and `DELETE /api/uploads`: uploads straight to
//! the bucket.

use axum::{
    Extension,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use contract::api::{
    self, CompleteUpload, OperationKind, UploadCompleted, UploadRequest, UploadTicket,
};

use super::{
    Audited, Refused,
    gate::About,
    operation,
    problem::{Json, Problem},
};
use crate::app::App;

#[utoipa::path(
    post,
    path = "/api/uploads",
    tag = "actions",
    description = "Presigned requests with which the browser sends one video straight to the bucket: one PUT, or one for each part above 64 MiB. The name must be free.",
    request_body = UploadRequest,
    security(("bearer" = [])),
    responses(
        (status = 200, description = "Where to send the video", body = UploadTicket),
        (status = 400, description = "Invalid JSON", body = api::Problem, content_type = "application/problem+json"),
        (status = 409, description = "The name is taken", body = api::Problem, content_type = "application/problem+json"),
        (status = 413, description = "Too large", body = api::Problem, content_type = "application/problem+json"),
        (status = 415, description = "Not application/json", body = api::Problem, content_type = "application/problem+json"),
        (status = 422, description = "Invalid name, size or media type", body = api::Problem, content_type = "application/problem+json"),
        Refused,
    ),
)]
pub(super) async fn begin(
    State(app): State<App>,
    Json(request): Json<UploadRequest>,
) -> Audited<UploadTicket> {
    let ticket = app.actions.uploads.begin(&request).await?;
    let about = format!("{} ({} bytes)", ticket.key, request.size);
    Ok((Extension(About::new(about)), Json(ticket)))
}

#[utoipa::path(
    post,
    path = "/api/uploads/complete",
    tag = "actions",
    description = "Completes an upload: joins its parts to an object, and tells every WebSocket.",
    request_body = CompleteUpload,
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The object", body = UploadCompleted),
        (status = 400, description = "Invalid JSON", body = api::Problem, content_type = "application/problem+json"),
        (status = 404, description = "The upload does not exist", body = api::Problem, content_type = "application/problem+json"),
        (status = 409, description = "No bytes have arrived, or the name is taken", body = api::Problem, content_type = "application/problem+json"),
        (status = 413, description = "Too large", body = api::Problem, content_type = "application/problem+json"),
        (status = 415, description = "Not application/json", body = api::Problem, content_type = "application/problem+json"),
        (status = 422, description = "Invalid key or parts", body = api::Problem, content_type = "application/problem+json"),
        Refused,
    ),
)]
pub(super) async fn complete(
    State(app): State<App>,
    headers: HeaderMap,
    Json(done): Json<CompleteUpload>,
) -> Audited<UploadCompleted> {
    let completed = app.actions.uploads.complete(&done).await?;
    operation::start(&app.watch, &headers, OperationKind::Upload, false).finish();
    app.watch.refresh();
    Ok((
        Extension(About::new(completed.key.clone())),
        Json(completed),
    ))
}

#[utoipa::path(
    delete,
    path = "/api/uploads",
    tag = "actions",
    description = "Gives up an upload in parts: discards the parts that were sent.",
    request_body = CompleteUpload,
    security(("bearer" = [])),
    responses(
        (status = 204, description = "The parts are discarded"),
        (status = 400, description = "Invalid JSON", body = api::Problem, content_type = "application/problem+json"),
        (status = 404, description = "The upload does not exist", body = api::Problem, content_type = "application/problem+json"),
        (status = 413, description = "Too large", body = api::Problem, content_type = "application/problem+json"),
        (status = 415, description = "Not application/json", body = api::Problem, content_type = "application/problem+json"),
        (status = 422, description = "Invalid key", body = api::Problem, content_type = "application/problem+json"),
        Refused,
    ),
)]
pub(super) async fn abort(
    State(app): State<App>,
    Json(upload): Json<CompleteUpload>,
) -> Result<(Extension<About>, StatusCode), Problem> {
    app.actions.uploads.abort(&upload).await?;
    Ok((Extension(About::new(upload.key)), StatusCode::NO_CONTENT))
}
