//! The routes of the actions.
//!
//! What may take long (test, purge, redrive) runs as a task of its own: a client that goes away
//! does not stop it half-way, and everyone sees how far it is over the WebSocket.

use std::{future::Future, sync::Arc};

use axum::{
    Extension,
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use contract::api::{
    CompleteUpload, Failures, OperationKind, Problem as ProblemBody, Purged, Redrive, Redriven,
    TestQueued, UploadCompleted, UploadRequest, UploadTicket,
};
use serde::Deserialize;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{conflict, failures::MAX_IDS, frames::FrameRequest, progress::Progress};
use crate::{
    access::audit::About,
    app::Shared,
    problem::{Json, Problem, Query},
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The time of a frame, in seconds from the start of the video.
const FRAME_TIME: HeaderName = HeaderName::from_static("x-frame-time");

/// Pictures are for those who may ask; they stay the same for a minute.
const FRAME_CACHE: HeaderValue = HeaderValue::from_static("private, max-age=60");

type Answer<T> = Result<(Extension<About>, Json<T>), Problem>;

/// Routes that anyone may ask.
pub(crate) fn open() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(failures))
}

/// Routes that change something, cost CPU, or give write access.
pub(crate) fn guarded() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(access))
        .routes(routes!(frame))
        .routes(routes!(upload, abort_upload))
}

/// Guarded routes that may take as long as it takes.
pub(crate) fn long() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(complete_upload))
        .routes(routes!(redrive))
        .routes(routes!(test))
        .routes(routes!(purge))
}

/// How every guarded route turns someone away.
#[derive(utoipa::IntoResponses)]
#[expect(dead_code, reason = "it stands for them in the OpenAPI document")]
enum Refused {
    /// No or no good credentials
    #[response(status = 401, content_type = "application/problem+json")]
    Unknown(ProblemBody),
    /// Nobody may
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(ProblemBody),
    /// Too often
    #[response(status = 429, content_type = "application/problem+json")]
    TooOften(ProblemBody),
}

#[utoipa::path(
    get,
    path = "/api/access",
    tag = "actions",
    description = "Whether the credentials are good: by changing nothing.",
    security(("bearer" = [])),
    responses(
        (status = 204, description = "They are"),
        Refused,
    ),
)]
async fn access() -> StatusCode {
    StatusCode::NO_CONTENT
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct FrameQuery {
    /// The video's key, as in `uploads/a/b.mp4`.
    #[param(min_length = 1, max_length = 1024)]
    key: String,
    /// When: seconds (`90`, `12.5`, `12.5s`) or a percentage of the duration (`50%`).
    #[param(example = "50%")]
    t: String,
    /// Widest picture in pixels; smaller videos are not enlarged.
    #[param(minimum = 16, maximum = 1920)]
    w: Option<u32>,
}

#[utoipa::path(
    get,
    path = "/api/frame",
    tag = "actions",
    description = "A picture of an uploaded video at any time, made now. Kept for the next who asks.",
    params(FrameQuery),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The picture", body = Vec<u8>, content_type = "image/jpeg",
            headers(("ETag" = String), ("X-Frame-Time" = f64, description = "Its time, in seconds"))),
        (status = 304, description = "It is the one that If-None-Match names"),
        (status = 400, description = "No such time, width or kind of key", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "No such video", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "The file is no video that can be read, or costs too much", body = ProblemBody, content_type = "application/problem+json"),
        Refused,
        (status = 503, description = "Not now", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
async fn frame(
    State(app): State<Shared>,
    Query(query): Query<FrameQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let request = FrameRequest::new(&query.key, &query.t, query.w)?;
    let frame = app.actions.frames.get(&request).await?;
    let known = headers.get_all(header::IF_NONE_MATCH).iter().any(|field| {
        let tags = field.to_str().unwrap_or_default().split(',').map(str::trim);
        tags.map(|tag| tag.strip_prefix("W/").unwrap_or(tag))
            .any(|tag| tag == "*" || tag == frame.etag)
    });
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Response::new(Body::from(frame.jpeg.clone()))
    };
    let fields = response.headers_mut();
    if !known {
        fields.insert(header::CONTENT_TYPE, HeaderValue::from_static("image/jpeg"));
    }
    fields.insert(header::CACHE_CONTROL, FRAME_CACHE);
    if let Ok(etag) = HeaderValue::try_from(&frame.etag) {
        fields.insert(header::ETAG, etag);
    }
    if let Ok(time) = HeaderValue::try_from(format!("{:.3}", frame.actual_s)) {
        fields.insert(FRAME_TIME, time);
    }
    response.extensions_mut().insert(About(query.key));
    Ok(response)
}

#[utoipa::path(
    post,
    path = "/api/uploads",
    tag = "actions",
    description = "Presigned requests by which the browser sends one video straight to the bucket: one PUT, or one a part above 64 MiB. There must be no object of that name.",
    request_body = UploadRequest,
    security(("bearer" = [])),
    responses(
        (status = 200, description = "Where to send it", body = UploadTicket),
        (status = 400, description = "No JSON", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "There is an object of that name", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "Larger than allowed", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "Not application/json", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "A name, size or type that cannot be", body = ProblemBody, content_type = "application/problem+json"),
        Refused,
    ),
)]
async fn upload(
    State(app): State<Shared>,
    Json(request): Json<UploadRequest>,
) -> Answer<UploadTicket> {
    let ticket = app.actions.uploads.begin(&request).await?;
    let about = format!("{} ({} bytes)", ticket.key, request.size);
    Ok((Extension(About(about)), Json(ticket)))
}

#[utoipa::path(
    post,
    path = "/api/uploads/complete",
    tag = "actions",
    description = "Says that all was sent: parts become an object, and everyone hears of it.",
    request_body = CompleteUpload,
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The object", body = UploadCompleted),
        (status = 400, description = "No JSON", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "No such upload", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "Nothing has arrived, or there is another object of that name", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "Too long", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "Not application/json", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "A key or parts that cannot be", body = ProblemBody, content_type = "application/problem+json"),
        Refused,
    ),
)]
async fn complete_upload(
    State(app): State<Shared>,
    headers: HeaderMap,
    Json(done): Json<CompleteUpload>,
) -> Answer<UploadCompleted> {
    let completed = app.actions.uploads.complete(&done).await?;
    progress(&app, &headers, OperationKind::Upload, false).finish();
    app.refresh();
    Ok((Extension(About(completed.key.clone())), Json(completed)))
}

#[utoipa::path(
    delete,
    path = "/api/uploads",
    tag = "actions",
    description = "Gives up an upload in parts: what was sent of it is forgotten.",
    request_body = CompleteUpload,
    security(("bearer" = [])),
    responses(
        (status = 204, description = "Forgotten"),
        (status = 400, description = "No JSON", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "No such upload", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "Too long", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "Not application/json", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "A key that cannot be", body = ProblemBody, content_type = "application/problem+json"),
        Refused,
    ),
)]
async fn abort_upload(
    State(app): State<Shared>,
    Json(upload): Json<CompleteUpload>,
) -> Result<(Extension<About>, StatusCode), Problem> {
    app.actions.uploads.abort(&upload).await?;
    Ok((Extension(About(upload.key)), StatusCode::NO_CONTENT))
}

#[utoipa::path(
    get,
    path = "/api/failures",
    tag = "actions",
    description = "The dead-letter queue, with the reasons. Looking does not keep messages from others.",
    responses(
        (status = 200, description = "What was seen, oldest first; at most 100", body = Failures),
        (status = 409, description = "There is no dead-letter queue", body = ProblemBody, content_type = "application/problem+json"),
        (status = 502, description = "The queue refuses", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "Not now", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
async fn failures(State(app): State<Shared>) -> Result<Json<Failures>, Problem> {
    app.actions.dead_letters.list().await.map(Json)
}

#[utoipa::path(
    post,
    path = "/api/failures/redrive",
    tag = "actions",
    description = "Sends failures back to the queue, to be tried again: those with these ids, or all.",
    request_body = Redrive,
    security(("bearer" = [])),
    responses(
        (status = 200, description = "What went back", body = Redriven),
        (status = 400, description = "No JSON", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "There is no dead-letter queue", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "Too long", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "Not application/json", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "Too many ids", body = ProblemBody, content_type = "application/problem+json"),
        Refused,
        (status = 502, description = "A queue refuses; what was sent before stays sent", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
async fn redrive(
    State(app): State<Shared>,
    headers: HeaderMap,
    Json(body): Json<serde_json::Map<String, serde_json::Value>>,
) -> Answer<Redriven> {
    // Of a list serde would make a `Redrive` too, and `[]` would mean all.
    let redrive: Redrive = serde_json::from_value(body.into())
        .map_err(|error| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string()))?;
    if redrive.ids.as_ref().is_some_and(|ids| ids.len() > MAX_IDS) {
        let detail = format!("ids: at most {MAX_IDS}; leave them out for all");
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail));
    }
    let progress = progress(&app, &headers, OperationKind::Redrive, false);
    let redriven = to_its_end(&app, progress, |app, progress| async move {
        let ids = redrive.ids.as_deref();
        app.actions.dead_letters.redrive(ids, &progress).await
    })
    .await?;
    app.refresh();
    let about = format!("{} messages", redriven.redriven);
    Ok((Extension(About(about)), Json(redriven)))
}

#[utoipa::path(
    post,
    path = "/api/test",
    tag = "actions",
    description = "Copies the videos of TEST_SOURCE_BUCKET into the uploads. Names that are taken are skipped.",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "What was copied", body = TestQueued),
        (status = 409, description = "No test bucket, or a test or purge is running", body = ProblemBody, content_type = "application/problem+json"),
        Refused,
        (status = 502, description = "The bucket refuses", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
async fn test(State(app): State<Shared>, headers: HeaderMap) -> Answer<TestQueued> {
    let about = app.actions.samples.source()?.to_owned();
    let turn = turn(&app)?;
    let progress = progress(&app, &headers, OperationKind::Test, false);
    let queued = to_its_end(&app, progress, |app, progress| async move {
        let _turn = turn;
        app.actions.samples.run(&progress).await
    })
    .await?;
    app.refresh();
    let about = format!("{} videos of {about}", queued.queued);
    Ok((Extension(About(about)), Json(queued)))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PurgeQuery {
    /// Only say what would be deleted.
    #[serde(default)]
    #[param(required = false)]
    dry_run: bool,
}

#[utoipa::path(
    delete,
    path = "/api/purge",
    tag = "actions",
    description = "Deletes every version of everything under the upload and the thumbnail prefix.",
    params(PurgeQuery),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "What was deleted", body = Purged),
        (status = 400, description = "No such parameter", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "A test or purge is running", body = ProblemBody, content_type = "application/problem+json"),
        Refused,
        (status = 502, description = "The bucket refuses", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
async fn purge(
    State(app): State<Shared>,
    Query(query): Query<PurgeQuery>,
    headers: HeaderMap,
) -> Answer<Purged> {
    let turn = turn(&app)?;
    let progress = progress(&app, &headers, OperationKind::Purge, query.dry_run);
    let purged = to_its_end(&app, progress, move |app, progress| async move {
        let _turn = turn;
        let purged = app.actions.purge.run(query.dry_run, &progress).await;
        if !query.dry_run {
            app.purged();
        }
        purged
    })
    .await?;
    let about = format!(
        "{} versions{}",
        purged.deleted,
        if purged.dry_run { ", dry run" } else { "" }
    );
    Ok((Extension(About(about)), Json(purged)))
}

/// The right to test or purge, which one at a time has.
fn turn(app: &Shared) -> Result<tokio::sync::OwnedMutexGuard<()>, Problem> {
    Arc::clone(&app.actions.turn)
        .try_lock_owned()
        .map_err(|_| conflict("a test or a purge is running"))
}

fn progress(app: &Shared, headers: &HeaderMap, kind: OperationKind, dry_run: bool) -> Progress {
    let id = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok());
    let app = Arc::clone(app);
    Progress::start(id.unwrap_or_default(), kind, dry_run, move |operation| {
        app.progress(operation);
    })
}

/// Runs an operation to its end although its client may go; a shutdown ends it.
async fn to_its_end<T, F>(
    app: &Shared,
    progress: Progress,
    work: impl FnOnce(Shared, Arc<Progress>) -> F,
) -> Result<T, Problem>
where
    T: Send + 'static,
    F: Future<Output = Result<T, Problem>> + Send + 'static,
{
    let progress = Arc::new(progress);
    let work = work(Arc::clone(app), Arc::clone(&progress));
    let stop = app.stop.clone();
    let task = app.tasks.spawn(async move {
        let done = tokio::select! {
            done = work => done,
            () = stop.cancelled() => {
                Err(Problem::unavailable("the service is stopping; this was cut off"))
            }
        };
        match &done {
            Ok(_) => progress.finish(),
            Err(problem) => progress.fail(&problem.detail),
        }
        done
    });
    task.await.unwrap_or_else(|error| {
        tracing::error!(%error, "an operation broke");
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Err(Problem::new(status, "it broke; the API's log says how"))
    })
}
