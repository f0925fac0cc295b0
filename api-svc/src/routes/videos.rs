//! `GET /api/videos`, `GET /api/videos/{key}`: processed videos, and what they cost.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Extension,
    extract::{ConnectInfo, Request, State},
    http::HeaderMap,
    response::{IntoResponse as _, Response},
};
use contract::api;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde::Deserialize;

use super::{
    choice::{CHANGE, is_picture},
    paging::link,
    problem::{Json, Path, Problem, Query},
    storyboard::{Asked, Part},
};
use crate::{
    access::Gate,
    actions::Actions,
    index::{NamedVideo, Paging, Query as IndexQuery},
    manifests::ManifestError,
    time::rfc3339_seconds,
    watch::Watch,
};

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
    /// Videos on the page; 20 by default.
    #[param(minimum = 1, maximum = 50)]
    limit: Option<usize>,
    /// The cursor in the `Link` header of the page before.
    cursor: Option<String>,
}

/// Processed videos, newest first.
#[utoipa::path(get, path = "/api/videos", tag = "pictures", params(Wanted), responses(
    (status = 200, body = Vec<api::VideoSummary>,
     headers(("Link" = String, description = "`<…>; rel=\"next\"`, if there is a next page"))),
    (status = 400, description = "Invalid parameter", body = api::Problem, content_type = "application/problem+json"),
    (status = 404, description = "There is no page at the cursor", body = api::Problem, content_type = "application/problem+json"),
    (status = 502, description = "The bucket does not answer", body = api::Problem, content_type = "application/problem+json"),
))]
pub(super) async fn videos(
    State(watch): State<Arc<Watch>>,
    Query(wanted): Query<Wanted>,
) -> Result<(HeaderMap, Json<Vec<api::VideoSummary>>), Problem> {
    let query = IndexQuery::new(
        Paging::VIDEOS,
        wanted.prefix.as_deref(),
        wanted.limit,
        wanted.cursor.as_deref(),
    )?;
    let (page, next) = watch.index.videos(&query);
    let videos = stream::iter(page)
        .map(|video| summary(&watch, video))
        .buffered(CONCURRENCY)
        .try_collect()
        .await?;
    let filters = [("prefix", wanted.prefix.as_deref())];
    let headers = link(&filters, &query, next.as_ref());
    Ok((headers, Json(videos)))
}

async fn summary(watch: &Watch, video: NamedVideo) -> Result<api::VideoSummary, Problem> {
    let thumbnails = watch.thumbnails(&video.pictures).await?;
    let manifest = match watch.manifests.get(&video.manifest_key).await {
        Ok(fetched) => fetched.map(|fetched| fetched.manifest.clone()),
        Err(ManifestError::Invalid { .. }) => None,
        Err(error) => return Err(error.into()),
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
    params(("key" = String, Path, description = "The key; slashes need no escape", example = "uploads/a/b.mp4")),
    responses(
        (status = 200, body = api::Video),
        (status = 400, description = "Invalid key", body = api::Problem, content_type = "application/problem+json"),
        (status = 404, description = "The video does not exist, or is not processed yet", body = api::Problem, content_type = "application/problem+json"),
        (status = 502, description = "The bucket does not answer", body = api::Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn video(
    State(watch): State<Arc<Watch>>,
    State(actions): State<Arc<Actions>>,
    Extension(gate): Extension<Gate>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(key): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    if let Some(video) = find(&watch, &key).await? {
        return Ok(video);
    }
    // After the video of this key: a name may end so itself.
    if let Some((video, part)) = Part::split(&key) {
        let asked = Asked {
            watch,
            actions,
            gate,
            peer,
            request,
        };
        return Box::pin(asked.answer(video, part)).await;
    }
    if is_picture(&key) {
        return Err(Problem::no_method(Some(CHANGE)));
    }
    Err(no_manifest(&key))
}

/// Which video is wanted.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Key {
    /// The key, as for `/api/videos/{key}`.
    #[param(min_length = 1, max_length = 1024, example = "uploads/a/b.mp4")]
    key: String,
}

/// One video, by any key that S3 allows.
///
/// Browsers and proxies shorten paths with `.`, `..` or empty segments; a parameter arrives as it
/// was sent.
#[utoipa::path(get, path = "/api/video", tag = "pictures", params(Key), responses(
    (status = 200, body = api::Video),
    (status = 400, description = "Invalid parameter", body = api::Problem, content_type = "application/problem+json"),
    (status = 404, description = "The video does not exist, or is not processed yet", body = api::Problem, content_type = "application/problem+json"),
    (status = 502, description = "The bucket does not answer", body = api::Problem, content_type = "application/problem+json"),
))]
pub(super) async fn video_by_key(
    State(watch): State<Arc<Watch>>,
    Query(Key { key }): Query<Key>,
) -> Result<Response, Problem> {
    let video = find(&watch, &key).await?;
    video.ok_or_else(|| no_manifest(&key))
}

/// The video that `key` means; `None` if it has no manifest.
async fn find(watch: &Watch, key: &str) -> Result<Option<Response>, Problem> {
    if key.len() > contract::naming::MAX_KEY_BYTES {
        return Err(Problem::not_found(
            "the key is longer than any that S3 allows",
        ));
    }
    let Some(found) = watch.manifests.find(key).await? else {
        return Ok(None);
    };
    let video = watch.video(&found.manifest).await?;
    Ok(Some(Json(video).into_response()))
}

fn no_manifest(key: &str) -> Problem {
    Problem::not_found(format!("no manifest of {key:?}"))
}
