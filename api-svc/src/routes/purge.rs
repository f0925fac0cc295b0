//! `DELETE /api/purge`: deletes everything under both prefixes.

use axum::{Extension, extract::State, http::HeaderMap};
use contract::api::{self, ActKind, OperationKind, Purged};
use serde::Deserialize;

use super::{
    Audited, Refused,
    gate::About,
    operation,
    problem::{Json, Query},
};
use crate::app::App;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// Only count what would be deleted.
    #[serde(default)]
    #[param(required = false)]
    dry_run: bool,
}

#[utoipa::path(
    delete,
    path = "/api/purge",
    tag = "actions",
    description = "Deletes every version of everything under the upload and the thumbnail prefix.",
    params(Wanted),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "How much was deleted", body = Purged),
        (status = 400, description = "Invalid parameter", body = api::Problem, content_type = "application/problem+json"),
        (status = 409, description = "A test or purge is running", body = api::Problem, content_type = "application/problem+json"),
        Refused,
        (status = 502, description = "The bucket refuses", body = api::Problem, content_type = "application/problem+json"),
        (status = 503, description = "Temporarily unavailable", body = api::Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn purge(
    State(app): State<App>,
    Query(Wanted { dry_run }): Query<Wanted>,
    headers: HeaderMap,
) -> Audited<Purged> {
    let turn = app.watch.shared.turn().await?;
    let progress = operation::start(&app.watch, &headers, OperationKind::Purge, dry_run);
    let (actions, watch) = (app.actions.clone(), app.watch.clone());
    let purged = operation::run(&app.service, progress, move |progress| async move {
        let purged = actions.purge.run(dry_run, &progress).await;
        turn.give_back().await;
        if !dry_run {
            watch.purged();
        }
        Ok(purged?)
    })
    .await?;
    let versions = format!("{} versions", purged.deleted);
    let about = if purged.dry_run {
        About::new(format!("{versions}, dry run"))
    } else {
        About::act(ActKind::Purge, versions)
    };
    Ok((Extension(about), Json(purged)))
}
