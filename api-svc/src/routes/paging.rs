//! The `Link` header between the pages of a list, by RFC 8288.

use axum::http::{HeaderMap, HeaderValue, header};

use crate::index::{Cursor, Query};

/// The header that leads to the next page, if there is one. Its target is a query alone, relative
/// to the request's own path, which only the client knows where a proxy takes a prefix away.
pub(super) fn link(
    filters: &[(&str, Option<&str>)],
    query: &Query,
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
    let value = format!("<?{}>; rel=\"next\"", target.finish());
    // Form encoding leaves only characters that a header may have.
    if let Ok(value) = HeaderValue::from_str(&value) {
        headers.insert(header::LINK, value);
    }
    headers
}
