//! The dashboard's files.
//!
//! [`ServeDir`] finds the file, negotiates its precompressed sibling and serves ranges; what is
//! added here is which path means the page, and how long what may be kept.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
    middleware,
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use percent_encoding::percent_decode_str;
use sha2::{Digest as _, Sha256};
use tower::ServiceExt as _;
use tower_http::services::ServeDir;

use crate::{ContentPolicy, headers};

/// A name with a hash never means another content.
const FOR_GOOD: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// Asked for again each time.
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");

const PAGE: &str = "/index.html";

/// The fewest hexadecimal digits that are taken for a hash; builds use 16 and more.
const SHORTEST_HASH: usize = 8;

/// A built dashboard, ready to be served.
#[derive(Debug, Clone)]
pub struct Site {
    folder: PathBuf,
    policy: ContentPolicy,
}

/// Why a folder cannot be served.
#[derive(Debug, thiserror::Error)]
#[error("{} cannot be read: {error}", path.display())]
pub struct SiteError {
    path: PathBuf,
    #[source]
    error: io::Error,
}

impl Site {
    /// Takes a folder that holds a built dashboard. Files are read when they are asked for, so a
    /// new build is seen without a restart.
    ///
    /// # Errors
    /// The folder has no `index.html` that can be read.
    pub fn open(folder: impl AsRef<Path>, policy: ContentPolicy) -> Result<Self, SiteError> {
        let folder = folder.as_ref().to_owned();
        let path = folder.join(&PAGE[1..]);
        match std::fs::read_to_string(&path) {
            Ok(_) => Ok(Self { folder, policy }),
            Err(error) => Err(SiteError { path, error }),
        }
    }

    /// Answers every path: a file, the page, the way to the page, or 404. Paths below `/api` and
    /// `/ws` are never the page, so that a route which is not there is not mistaken for one.
    pub fn router(self) -> Router {
        let files = ServeDir::new(&self.folder)
            .append_index_html_on_directories(false)
            .precompressed_br()
            .precompressed_gzip();
        let state = Arc::new(Files { site: self, files });
        Router::new()
            .fallback(serve)
            .layer(middleware::from_fn(headers::secure))
            .with_state(state)
    }
}

struct Files {
    site: Site,
    files: ServeDir,
}

async fn serve(State(state): State<Arc<Files>>, request: Request) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let allow = [(header::ALLOW, "GET, HEAD")];
        return (StatusCode::METHOD_NOT_ALLOWED, allow).into_response();
    }
    match Wanted::new(request.uri().path()) {
        Wanted::Page => state.page(request).await,
        Wanted::Above => above(request.uri()),
        Wanted::File { hashed } => state.file(request, hashed).await,
        Wanted::Nothing => not_found(),
    }
}

/// What a path asks for.
#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    Page,
    /// An address that has no page of its own. The page names its files relative to itself, so it
    /// works at one address only.
    Above,
    File {
        hashed: bool,
    },
    Nothing,
}

impl Wanted {
    fn new(path: &str) -> Self {
        let Ok(path) = percent_decode_str(path).decode_utf8() else {
            return Self::Nothing;
        };
        // The dashboard's own addresses have no dots; a missing file must not look like the page.
        let name = path.rsplit('/').next().unwrap_or_default();
        let first = path.split('/').nth(1).unwrap_or_default();
        if path == PAGE || path == "/" {
            Self::Page
        } else if path.split('/').any(|segment| segment.starts_with('.')) {
            Self::Nothing
        } else if name.contains('.') {
            Self::File {
                hashed: has_hash(name),
            }
        } else if matches!(first, "api" | "ws") {
            Self::Nothing
        } else {
            Self::Above
        }
    }
}

/// Leads to the page, with the query. The target is relative: a proxy may have taken a prefix away.
fn above(uri: &Uri) -> Response {
    let folders = uri.path().matches('/').count().saturating_sub(1);
    let up = if folders == 0 {
        "./".to_owned()
    } else {
        "../".repeat(folders)
    };
    let query = uri.query().map(|query| format!("?{query}"));
    let target = up + &query.unwrap_or_default();
    let headers = [
        (header::LOCATION, target),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    (StatusCode::FOUND, headers).into_response()
}

/// Whether a part of the name is a hash: `web-1f2e3d4c5b6a7988_bg.wasm`.
fn has_hash(name: &str) -> bool {
    name.split(['-', '_', '.']).any(|part| {
        part.len() >= SHORTEST_HASH
            && part.bytes().all(|byte| byte.is_ascii_hexdigit())
            // A word of eight letters from a to f is no hash.
            && part.bytes().any(|byte| byte.is_ascii_digit())
    })
}

impl Files {
    async fn page(&self, mut request: Request) -> Response {
        *request.uri_mut() = Uri::from_static(PAGE);
        // Always the page that is in the folder, and the policy for exactly its scripts.
        let path = self.site.folder.join(&PAGE[1..]);
        let html = match tokio::fs::read_to_string(&path).await {
            Ok(html) => html,
            Err(error) => {
                tracing::error!(path = %path.display(), %error, "cannot read the page");
                return StatusCode::INTERNAL_SERVER_ERROR.into_response();
            }
        };
        let etag = entity_tag(&html);
        let mut response = if is_known(&etag, request.headers()) {
            let mut response = StatusCode::NOT_MODIFIED.into_response();
            self.tell_how_long(response.headers_mut(), false);
            response
        } else {
            self.file(request, false).await
        };
        let policy = self.site.policy.header(&html);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        if let Ok(etag) = HeaderValue::try_from(etag) {
            headers.insert(header::ETAG, etag);
        }
        response
    }

    async fn file(&self, mut request: Request, hashed: bool) -> Response {
        if !hashed {
            // Image builders give all files one date, whatever they hold: a date says nothing, nor
            // does an entity tag of date and size.
            for name in [
                header::IF_MATCH,
                header::IF_NONE_MATCH,
                header::IF_MODIFIED_SINCE,
                header::IF_UNMODIFIED_SINCE,
                header::IF_RANGE,
                header::RANGE,
            ] {
                request.headers_mut().remove(name);
            }
        }
        // `ServeDir` answers its own errors with 500.
        let response = match self.files.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        let mut response = response.map(Body::new);
        let status = response.status();
        if matches!(status, StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST) {
            return not_found();
        }
        let headers = response.headers_mut();
        if status.is_success() || status == StatusCode::NOT_MODIFIED {
            self.tell_how_long(headers, hashed);
        }
        response
    }

    fn tell_how_long(&self, headers: &mut HeaderMap, hashed: bool) {
        let kept = if hashed { FOR_GOOD } else { ASK_AGAIN };
        if !hashed {
            headers.remove(header::LAST_MODIFIED);
            headers.remove(header::ETAG);
        }
        headers.insert(header::CACHE_CONTROL, kept);
        headers.insert(
            header::VARY,
            HeaderValue::from_static(header::ACCEPT_ENCODING.as_str()),
        );
        // A picture or a script opened by itself is a page too.
        headers.insert(header::CONTENT_SECURITY_POLICY, self.site.policy.header(""));
    }
}

/// The entity tag of the page: weak, since its encodings share it.
fn entity_tag(html: &str) -> String {
    let hash = Sha256::digest(html);
    format!("W/\"{}\"", URL_SAFE_NO_PAD.encode(&hash[..16]))
}

/// Whether `If-None-Match` has the entity tag (RFC 9110, section 13.1.2: the weak comparison).
fn is_known(etag: &str, headers: &HeaderMap) -> bool {
    let opaque = |tag: &str| tag.strip_prefix("W/").unwrap_or(tag).to_owned();
    let fields = headers.get_all(header::IF_NONE_MATCH).iter();
    let tags = fields
        .filter_map(|field| field.to_str().ok())
        .flat_map(|field| field.split(','));
    tags.map(str::trim)
        .any(|tag| tag == "*" || opaque(tag) == opaque(etag))
}

fn not_found() -> Response {
    let headers = [
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'"),
    ];
    (StatusCode::NOT_FOUND, headers, "not found\n").into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_mean_a_page_a_file_or_nothing() {
        for path in ["/", "/index.html"] {
            assert_eq!(Wanted::new(path), Wanted::Page, "{path}");
        }
        for path in ["/videos", "/videos/", "/videos/42", "//evil"] {
            assert_eq!(Wanted::new(path), Wanted::Above, "{path}");
        }
        for path in [
            "/api",
            "/api/",
            "/api/nothing",
            "/ws",
            "/.git/config",
            "/a/../b.js",
            "/.env",
            "/%2egit/config",
            "/%2e%2e%2fb.js",
            "/%ff.js",
            "/a/.hidden/b.js",
        ] {
            assert_eq!(Wanted::new(path), Wanted::Nothing, "{path}");
        }
    }

    #[test]
    fn other_addresses_lead_to_the_page_and_nowhere_else() {
        for (path, target) in [
            ("/videos", "./"),
            ("/videos/", "../"),
            ("/videos/42?video=a%2Fb", "../?video=a%2Fb"),
            ("//evil", "../"),
        ] {
            let response = above(&path.parse().unwrap());
            assert_eq!(response.status(), StatusCode::FOUND);
            assert_eq!(response.headers()[header::LOCATION], target, "{path}");
        }
    }

    #[test]
    fn hashes_are_told_from_words() {
        for path in [
            "/web-1f2e3d4c5b6a7988.js",
            "/web-1f2e3d4c5b6a7988_bg.wasm",
            "/assets/style.0123abcd.css",
        ] {
            assert_eq!(Wanted::new(path), Wanted::File { hashed: true }, "{path}");
        }
        for path in [
            "/favicon.ico",
            "/fabaceae.png",
            "/web-1f2e3d.js",
            "/icon-512.png",
            "/web-1f2e3d4g5b6a7988.js",
        ] {
            assert_eq!(Wanted::new(path), Wanted::File { hashed: false }, "{path}");
        }
    }
}
