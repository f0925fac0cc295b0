//! `GET /api/videos/{key}/storyboard.vtt` and the same for other players.

use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use contract::api;

use super::problem::Problem;
use crate::{storyboards::PlayerFile, watch::Watch};

/// URLs of sheets last an hour at least, and are the same for half of one.
const CACHE: HeaderValue = HeaderValue::from_static("private, max-age=60");

/// What players read of a video's storyboard, with URLs of its sheets that need no credentials.
///
/// Workers make storyboards where their setting `STORYBOARD` asks for them. The key is as for
/// `/api/videos/{key}`.
#[utoipa::path(get, path = "/api/videos/{key}/storyboard.{file}", tag = "pictures",
    params(
        ("key" = String, Path, description = "The key; slashes need no escape", example = "uploads/a/b.mp4"),
        ("file" = inline(PlayerFile), Path, description = "For which players: WebVTT, HLS, DASH, or a program"),
    ),
    responses(
        (status = 200, content(
            (String = "text/vtt"),
            (String = "application/vnd.apple.mpegurl"),
            (String = "application/dash+xml"),
            (String = "application/json"),
        )),
        (status = 400, description = "Invalid key", body = api::Problem, content_type = "application/problem+json"),
        (status = 404, description = "The video does not exist, is not processed yet, or has no storyboard", body = api::Problem, content_type = "application/problem+json"),
        (status = 422, description = "More tiles than a WebVTT file of URLs can have", body = api::Problem, content_type = "application/problem+json"),
        (status = 502, description = "The bucket does not answer, or the storyboard is damaged", body = api::Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn storyboard(
    watch: &Watch,
    key: &str,
    file: PlayerFile,
) -> Result<Response, Problem> {
    let found = watch.manifests.find(key).await?;
    let found = found.ok_or_else(|| Problem::not_found(format!("no manifest of {key:?}")))?;
    let text = watch.storyboard(&found.manifest, file).await?;
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static(file.media_type()),
        ),
        (header::CACHE_CONTROL, CACHE),
    ];
    Ok((headers, text).into_response())
}
