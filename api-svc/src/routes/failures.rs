//! `GET /api/failures`, `POST /api/failures/redrive`, `POST /api/failures/dismiss`: the
//! dead-letter queue, the way back, and the way out.

use std::sync::Arc;

use axum::{Extension, extract::State, http::HeaderMap};
use contract::api::{
    self, ActKind, Dismiss, Dismissed, Failures, OperationKind, Redrive, Redriven,
};

use super::{
    Audited, Refused,
    gate::About,
    operation,
    problem::{Json, Problem},
};
use crate::{
    actions::{Actions, failures::DeadLetters},
    app::App,
};

#[utoipa::path(
    get,
    path = "/api/failures",
    tag = "actions",
    description = "The dead-letter queue, with the reasons. Looking does not hide messages from others.",
    responses(
        (status = 200, description = "The messages that were seen, oldest first; at most 1000", body = Failures),
        (status = 409, description = "No dead-letter queue is configured", body = api::Problem, content_type = "application/problem+json"),
        (status = 502, description = "The queue refuses", body = api::Problem, content_type = "application/problem+json"),
        (status = 503, description = "Temporarily unavailable", body = api::Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn failures(
    State(actions): State<Arc<Actions>>,
) -> Result<Json<Failures>, Problem> {
    Ok(Json(actions.dead_letters.list().await?))
}

#[utoipa::path(
    post,
    path = "/api/failures/redrive",
    tag = "actions",
    description = "Sends failures back to the queue to be retried: those with these ids, or all.",
    request_body = Redrive,
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The messages that went back", body = Redriven),
        (status = 400, description = "Invalid JSON", body = api::Problem, content_type = "application/problem+json"),
        (status = 409, description = "No dead-letter queue is configured", body = api::Problem, content_type = "application/problem+json"),
        (status = 413, description = "Too large", body = api::Problem, content_type = "application/problem+json"),
        (status = 415, description = "Not application/json", body = api::Problem, content_type = "application/problem+json"),
        (status = 422, description = "Too many ids", body = api::Problem, content_type = "application/problem+json"),
        Refused,
        (status = 502, description = "A queue refuses; messages sent before stay sent", body = api::Problem, content_type = "application/problem+json"),
        (status = 503, description = "Temporarily unavailable; messages sent before stay sent", body = api::Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn redrive(
    State(app): State<App>,
    headers: HeaderMap,
    Json(body): Json<serde_json::Map<String, serde_json::Value>>,
) -> Audited<Redriven> {
    // serde reads a list as a `Redrive` too: `[]` would redrive all.
    let redrive: Redrive = serde_json::from_value(body.into())
        .map_err(|error| Problem::unprocessable(error.to_string()))?;
    DeadLetters::check(redrive.ids.as_deref())?;
    let progress = operation::start(&app.watch, &headers, OperationKind::Redrive, false);
    let actions = app.actions.clone();
    let redriven = operation::run(&app.service, progress, |progress| async move {
        let ids = redrive.ids.as_deref();
        Ok(actions.dead_letters.redrive(ids, &progress).await?)
    })
    .await?;
    app.watch.refresh();
    let about = format!("{} messages", redriven.redriven);
    Ok((
        Extension(About::act(ActKind::Redrive, about)),
        Json(redriven),
    ))
}

#[utoipa::path(
    post,
    path = "/api/failures/dismiss",
    tag = "actions",
    description = "Deletes failures that nobody will do anything about: those with these ids. Nothing else remembers them.",
    request_body = Dismiss,
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The messages that are gone", body = Dismissed),
        (status = 400, description = "Invalid JSON", body = api::Problem, content_type = "application/problem+json"),
        (status = 409, description = "No dead-letter queue is configured", body = api::Problem, content_type = "application/problem+json"),
        (status = 413, description = "Too large", body = api::Problem, content_type = "application/problem+json"),
        (status = 415, description = "Not application/json", body = api::Problem, content_type = "application/problem+json"),
        (status = 422, description = "No ids, or too many", body = api::Problem, content_type = "application/problem+json"),
        Refused,
        (status = 502, description = "The queue refuses; messages deleted before are gone", body = api::Problem, content_type = "application/problem+json"),
        (status = 503, description = "Temporarily unavailable; messages deleted before are gone", body = api::Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn dismiss(
    State(app): State<App>,
    Json(body): Json<serde_json::Map<String, serde_json::Value>>,
) -> Audited<Dismissed> {
    // As for a redrive: a list is no object.
    let Dismiss { ids } = serde_json::from_value(body.into())
        .map_err(|error| Problem::unprocessable(error.to_string()))?;
    DeadLetters::check(Some(&ids))?;
    let dismissed = app.actions.dead_letters.dismiss(&ids).await?;
    app.watch.refresh();
    let about = format!("{} messages", dismissed.dismissed);
    Ok((
        Extension(About::act(ActKind::Dismiss, about)),
        Json(dismissed),
    ))
}
