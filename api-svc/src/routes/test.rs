//! `POST /api/test`: copies the test bucket's videos into the uploads.

use axum::{Extension, extract::State, http::HeaderMap};
use contract::api::{self, ActKind, OperationKind, TestQueued};

use super::{Audited, Refused, gate::About, operation, problem::Json};
use crate::app::App;

#[utoipa::path(
    post,
    path = "/api/test",
    tag = "actions",
    description = "Copies the videos of TEST_SOURCE_BUCKET into the uploads. Names that are taken are skipped.",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "How many videos were copied", body = TestQueued),
        (status = 409, description = "No test bucket is configured, or a test or purge is running", body = api::Problem, content_type = "application/problem+json"),
        Refused,
        (status = 502, description = "The bucket refuses", body = api::Problem, content_type = "application/problem+json"),
        (status = 503, description = "Temporarily unavailable", body = api::Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn test(State(app): State<App>, headers: HeaderMap) -> Audited<TestQueued> {
    let source = app.actions.samples.source()?.to_owned();
    let turn = app.watch.shared.turn().await?;
    let progress = operation::start(&app.watch, &headers, OperationKind::Test, false);
    let actions = app.actions.clone();
    let queued = operation::run(&app.service, progress, |progress| async move {
        let queued = actions.samples.run(&progress).await;
        turn.give_back().await;
        Ok(queued?)
    })
    .await?;
    app.watch.refresh();
    let about = format!("{} videos of {source}", queued.queued);
    Ok((Extension(About::act(ActKind::Test, about)), Json(queued)))
}
