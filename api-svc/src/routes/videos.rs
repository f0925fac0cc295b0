//! `GET /api/videos`, `GET /api/videos/{key}`: what became of each video, and what it cost.

use std::sync::Arc;

use axum::{extract::State, http::HeaderMap};
use contract::api;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde::Deserialize;

use super::thumbnails;
use crate::{
    app::{App, Shared},
    index::NamedVideo,
    problem::{Json, Path, Problem, Query},
    time::rfc3339_seconds,
    videos::{Fetched, ManifestError},
};

/// Videos on a page, if the request does not say, and at most. Each may be a read of S3.
const DEFAULT_LIMIT: usize = 20;
const MAX_LIMIT: usize = 50;
/// Manifests read at the same time.
const CONCURRENCY: usize = 8;

/// Which videos are wanted.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Wanted {
    /// Only videos whose pictures' keys begin with this, with or without the thumbnail prefix.
    #[param(max_length = 1024)]
    prefix: Option<String>,
    /// Videos on the page: 20 if not told.
    #[param(minimum = 1, maximum = 50)]
    limit: Option<usize>,
    /// From the `Link` header of the page before.
    cursor: Option<String>,
}

/// Processed videos, newest first.
#[utoipa::path(get, path = "/api/videos", tag = "pictures", params(Wanted), responses(
    (status = 200, body = Vec<api::VideoSummary>,
     headers(("Link" = String, description = "`<…>; rel=\"next\"`, if there is a next page"))),
    (status = 400, description = "A parameter makes no sense", body = api::Problem, content_type = "application/problem+json"),
    (status = 404, description = "There is no page at the cursor", body = api::Problem, content_type = "application/problem+json"),
    (status = 502, description = "The bucket does not answer", body = api::Problem, content_type = "application/problem+json"),
))]
pub(super) async fn videos(
    State(app): State<Shared>,
    Query(wanted): Query<Wanted>,
) -> Result<(HeaderMap, Json<Vec<api::VideoSummary>>), Problem> {
    let limit = wanted.limit.unwrap_or(DEFAULT_LIMIT);
    if limit > MAX_LIMIT {
        return Err(Problem::bad_request(format!("limit is 1 to {MAX_LIMIT}")));
    }
    let query = thumbnails::paging(
        wanted.prefix.as_deref(),
        Some(limit),
        wanted.cursor.as_deref(),
    )?;
    let (page, next) = app.index.videos(&query);
    let videos = stream::iter(page)
        .map(|video| summary(&app, video))
        .buffered(CONCURRENCY)
        .try_collect()
        .await?;
    let filters = [("prefix", wanted.prefix.as_deref())];
    let headers = thumbnails::link("/api/videos", &filters, &query, next.as_ref());
    Ok((headers, Json(videos)))
}

async fn summary(app: &App, video: NamedVideo) -> Result<api::VideoSummary, Problem> {
    let thumbnails = thumbnails::views(app, &video.pictures)
        .await
        .map_err(Problem::bad_gateway)?;
    let manifest = match app.manifests.get(&video.manifest_key).await {
        Ok(fetched) => fetched.map(|fetched| fetched.manifest.clone()),
        Err(ManifestError::Invalid { .. }) => None,
        Err(error) => return Err(Problem::bad_gateway(error.to_string())),
    };
    let key = video.manifest_key;
    Ok(api::VideoSummary {
        name: key.strip_suffix(".json").unwrap_or(&key).to_owned(),
        last_modified: rfc3339_seconds(video.modified),
        thumbnails,
        manifest,
        manifest_key: key,
    })
}

/// One video: its manifest, and the URLs of its pictures.
///
/// The key is that of the video (`uploads/a/b.mp4`), of its manifest (`thumbnails/a/b.json`), or
/// the name that its pictures share (`thumbnails/a/b`).
#[utoipa::path(get, path = "/api/videos/{*key}", tag = "pictures",
    params(("key" = String, Path, description = "The key; slashes may be written as they are", example = "uploads/a/b.mp4")),
    responses(
        (status = 200, body = api::Video),
        (status = 400, description = "No key can be so", body = api::Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no such video, or it is not done", body = api::Problem, content_type = "application/problem+json"),
        (status = 502, description = "The bucket does not answer", body = api::Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn video(
    State(app): State<Shared>,
    Path(key): Path<String>,
) -> Result<Json<api::Video>, Problem> {
    let fetched = find(&app, &key).await?;
    let manifest = fetched.manifest.clone();
    // A manifest is an object in the bucket: only keys below the thumbnail prefix are signed,
    // whatever it says.
    let root = app.prefixes.thumbnails();
    let keys: Vec<&str> = manifest.thumbnails.iter().map(|t| t.key.as_str()).collect();
    if keys.iter().any(|key| !key.starts_with(root)) {
        return Err(Problem::bad_gateway(format!(
            "the manifest of {key:?} names keys that are no thumbnails"
        )));
    }
    let urls = app.signer.urls(&keys).await.map_err(Problem::bad_gateway)?;
    Ok(Json(api::Video { manifest, urls }))
}

async fn find(app: &App, key: &str) -> Result<Arc<Fetched>, Problem> {
    if key.len() > contract::naming::MAX_KEY_BYTES || key.chars().any(char::is_control) {
        return Err(Problem::not_found("no key can be so"));
    }
    let candidates: Vec<String> = if key.starts_with(app.prefixes.thumbnails()) {
        let name = key.strip_suffix(".json").unwrap_or(key);
        vec![format!("{name}.json")]
    } else {
        let names = app.prefixes.candidates(key).into_iter().flatten();
        names.map(|name| name.manifest()).collect()
    };
    for manifest in candidates {
        match app.manifests.get(&manifest).await {
            // Another video may have taken the name first.
            Ok(Some(found)) if manifest_of(&found, key, app) => return Ok(found),
            Ok(_) | Err(ManifestError::Invalid { .. }) => {}
            Err(error) => return Err(Problem::bad_gateway(error.to_string())),
        }
    }
    Err(Problem::not_found(format!(
        "there is no manifest of {key:?}"
    )))
}

fn manifest_of(found: &Fetched, key: &str, app: &App) -> bool {
    key.starts_with(app.prefixes.thumbnails()) || found.manifest.source_key == key
}
