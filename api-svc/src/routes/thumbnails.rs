//! `GET /api/thumbnails`: pages of pictures.

use std::sync::Arc;

use axum::{extract::State, http::HeaderMap};
use contract::api;
use serde::Deserialize;

use super::{
    paging::link,
    problem::{Json, Problem, Query},
};
use crate::{
    index::{Paging, Query as IndexQuery, Sort},
    watch::Watch,
};

/// Which pictures are wanted.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Wanted {
    /// Only pictures taken at this percentage of the video's duration.
    #[param(example = 50, minimum = 0, maximum = 100)]
    frame: Option<u32>,
    /// Only keys that begin with this, with or without the thumbnail prefix.
    #[param(max_length = 1024)]
    prefix: Option<String>,
    /// Only pictures of videos whose names, without the thumbnail prefix, have this in them,
    /// whatever its case.
    #[param(max_length = 1024)]
    search: Option<String>,
    /// The order. The pictures of a video stand together in every order but that of time, in which
    /// each has its own.
    #[param(inline)]
    sort: Sort,
    /// Pictures on the page; 60 by default.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
    /// The cursor in the `Link` header of the page before.
    cursor: Option<String>,
}

/// Pictures, newest first unless `sort` says otherwise.
#[utoipa::path(get, path = "/api/thumbnails", tag = "pictures", params(Wanted), responses(
    (status = 200, body = Vec<api::Thumbnail>,
     headers(("Link" = String, description = "`<…>; rel=\"next\"`, if there is a next page"))),
    (status = 400, description = "Invalid parameter", body = api::Problem, content_type = "application/problem+json"),
    (status = 404, description = "There is no page at the cursor", body = api::Problem, content_type = "application/problem+json"),
    (status = 502, description = "The URLs cannot be signed", body = api::Problem, content_type = "application/problem+json"),
))]
pub(super) async fn thumbnails(
    State(watch): State<Arc<Watch>>,
    Query(wanted): Query<Wanted>,
) -> Result<(HeaderMap, Json<Vec<api::Thumbnail>>), Problem> {
    if wanted.frame.is_some_and(|frame| frame > 100) {
        return Err(Problem::bad_request("frame: 0 to 100 percent"));
    }
    let query = IndexQuery::new(
        Paging::THUMBNAILS,
        wanted.prefix.as_deref(),
        wanted.limit,
        wanted.cursor.as_deref(),
    )?;
    let mut query = query.searching(wanted.search.as_deref(), wanted.sort)?;
    if let Some(frame) = wanted.frame {
        query.number = watch.index.number(frame);
        if query.number.is_none() {
            // The pipeline takes no picture at this percentage.
            return Ok((HeaderMap::new(), Json(Vec::new())));
        }
    }
    let page = watch.index.page(&query);
    let thumbnails = watch.thumbnails(&page.entries).await?;
    let frame = wanted.frame.map(|frame| frame.to_string());
    let filters = [
        ("frame", frame.as_deref()),
        ("prefix", wanted.prefix.as_deref()),
        ("search", wanted.search.as_deref()),
        ("sort", sort_name(wanted.sort)),
    ];
    let headers = link(&filters, &query, page.next.as_ref());
    Ok((headers, Json(thumbnails)))
}

/// An order that is not the default one, as the parameter names it.
fn sort_name(sort: Sort) -> Option<&'static str> {
    match sort {
        Sort::Newest => None,
        Sort::Name => Some("name"),
        Sort::Size => Some("size"),
        Sort::Read => Some("read"),
    }
}
