//! `GET /api/thumbnails`: pages of pictures, newest first.

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, header},
};
use contract::api;
use serde::Deserialize;

use crate::{
    app::{App, Shared},
    index::{Cursor, Entry, Query as IndexQuery},
    problem::{Json, Problem, Query},
    time::rfc3339_seconds,
};

/// Pictures on a page, if the request does not say.
pub(crate) const DEFAULT_LIMIT: usize = 60;
/// Most pictures on a page.
const MAX_LIMIT: usize = 200;
/// Longest prefix in characters; no key has more bytes.
const MAX_PREFIX: usize = 1024;

/// Which pictures are wanted.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Wanted {
    /// Only pictures taken at so many percent of the video.
    #[param(example = 50, minimum = 0, maximum = 100)]
    frame: Option<u32>,
    /// Only keys that begin with this, with or without the thumbnail prefix.
    #[param(max_length = 1024)]
    prefix: Option<String>,
    /// Pictures on the page: 60 if not told.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
    /// From the `Link` header of the page before.
    cursor: Option<String>,
}

/// Pictures, newest first.
#[utoipa::path(get, path = "/api/thumbnails", tag = "pictures", params(Wanted), responses(
    (status = 200, body = Vec<api::Thumbnail>,
     headers(("Link" = String, description = "`<…>; rel=\"next\"`, if there is a next page"))),
    (status = 400, description = "A parameter makes no sense", body = api::Problem, content_type = "application/problem+json"),
    (status = 404, description = "There is no page at the cursor", body = api::Problem, content_type = "application/problem+json"),
))]
pub(super) async fn thumbnails(
    State(app): State<Shared>,
    Query(wanted): Query<Wanted>,
) -> Result<(HeaderMap, Json<Vec<api::Thumbnail>>), Problem> {
    if wanted.frame.is_some_and(|frame| frame > 100) {
        return Err(Problem::bad_request("frame is a percentage"));
    }
    let number = wanted.frame.map(|frame| app.index.number(frame));
    let query = IndexQuery {
        number: number.flatten(),
        ..paging(
            wanted.prefix.as_deref(),
            wanted.limit,
            wanted.cursor.as_deref(),
        )?
    };
    if number == Some(None) {
        // No picture is taken there.
        return Ok((HeaderMap::new(), Json(Vec::new())));
    }
    let page = app.index.page(&query);
    let thumbnails = views(&app, &page.entries)
        .await
        .map_err(Problem::bad_gateway)?;
    let frame = wanted.frame.map(|frame| frame.to_string());
    let filters = [
        ("frame", frame.as_deref()),
        ("prefix", wanted.prefix.as_deref()),
    ];
    let headers = link("/api/thumbnails", &filters, &query, page.next.as_ref());
    Ok((headers, Json(thumbnails)))
}

/// The pictures with their URLs.
pub(crate) async fn views(app: &App, entries: &[Entry]) -> Result<Vec<api::Thumbnail>, String> {
    let keys: Vec<&str> = entries.iter().map(|entry| entry.key.as_str()).collect();
    let urls = app.signer.urls(&keys).await?;
    let views = entries.iter().zip(urls).map(|(entry, url)| api::Thumbnail {
        key: entry.key.clone(),
        url,
        frame: app.index.frame(entry.number),
        last_modified: rfc3339_seconds(entry.modified),
        size: u64::from(entry.size),
    });
    Ok(views.collect())
}

/// Checks what all lists have in common.
pub(super) fn paging(
    prefix: Option<&str>,
    limit: Option<usize>,
    cursor: Option<&str>,
) -> Result<IndexQuery, Problem> {
    let limit = limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(Problem::bad_request(format!("limit is 1 to {MAX_LIMIT}")));
    }
    let prefix = prefix.unwrap_or_default();
    if prefix.chars().count() > MAX_PREFIX {
        return Err(Problem::bad_request("prefix is longer than any key"));
    }
    let after = match cursor {
        None => None,
        Some(text) => Some(
            Cursor::decode(text)
                .ok_or_else(|| Problem::not_found("there is no page at this cursor"))?,
        ),
    };
    Ok(IndexQuery {
        number: None,
        prefix: prefix.to_owned(),
        limit,
        after,
    })
}

/// The `Link` header to the next page, by RFC 8288.
pub(super) fn link(
    path: &str,
    filters: &[(&str, Option<&str>)],
    query: &IndexQuery,
    next: Option<&Cursor>,
) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let Some(next) = next else {
        return headers;
    };
    let mut target = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in filters {
        if let Some(value) = value {
            target.append_pair(name, value);
        }
    }
    target.append_pair("limit", &query.limit.to_string());
    target.append_pair("cursor", &next.encode());
    let value = format!("<{path}?{}>; rel=\"next\"", target.finish());
    // Form encoding leaves nothing that a header cannot have.
    if let Ok(value) = HeaderValue::from_str(&value) {
        headers.insert(header::LINK, value);
    }
    headers
}
