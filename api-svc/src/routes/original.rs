//! `GET /api/original`: a link to a video as it was uploaded.

use std::sync::Arc;

use axum::{
    Extension,
    extract::State,
    http::{HeaderName, HeaderValue, header},
};
use contract::api::{self, OriginalLink};
use serde::Deserialize;

use super::{
    Refused,
    gate::About,
    problem::{Json, Problem, Query},
};
use crate::actions::Actions;

/// A link is for whoever asked, and ends.
const UNCACHED: (HeaderName, HeaderValue) =
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// The video's key, as in `uploads/a/b.mp4`.
    #[param(min_length = 1, max_length = 1024)]
    key: String,
}

#[utoipa::path(
    get,
    path = "/api/original",
    tag = "actions",
    description = "A presigned link to a video as it was uploaded, which anyone who has it may use for a quarter of an hour.",
    params(Wanted),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The link", body = OriginalLink),
        (status = 400, description = "The key is none of an uploaded video", body = api::Problem, content_type = "application/problem+json"),
        (status = 404, description = "The video does not exist", body = api::Problem, content_type = "application/problem+json"),
        Refused,
        (status = 502, description = "The API may not read the video", body = api::Problem, content_type = "application/problem+json"),
        (status = 503, description = "Temporarily unavailable", body = api::Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn original(
    State(actions): State<Arc<Actions>>,
    Query(Wanted { key }): Query<Wanted>,
) -> Result<
    (
        Extension<About>,
        [(HeaderName, HeaderValue); 1],
        Json<OriginalLink>,
    ),
    Problem,
> {
    let link = actions.originals.link(&key).await?;
    Ok((Extension(About::new(key)), [UNCACHED], Json(link)))
}
