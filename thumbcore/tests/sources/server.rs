//! A range server on a real socket, correct or with one quirk of the servers that are out there.

use std::{
    collections::HashMap,
    fmt::Write as _,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use bytes::Bytes;
use futures::stream;
use tokio::{net::TcpListener, task::JoinHandle};

/// What the server does otherwise than RFC 9110 wants, or than most do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quirk {
    None,
    /// Answers every GET with 200 and the whole file.
    NoRanges,
    /// As `NoRanges`, with a body that never ends.
    NoRangesEndless,
    /// As `NoRanges`, without a length.
    NoRangesChunked,
    /// Answers suffix ranges with 200 and the whole file.
    SuffixIgnored,
    /// Answers suffix ranges with 416.
    SuffixRefused,
    /// Takes `bytes=-5` for `bytes=0-5`.
    SuffixMisread,
    /// Answers suffix ranges longer than the file with 416.
    SuffixTooLongRefused,
    /// Names another range than it was asked for.
    WrongRange,
    /// Says `bytes what/ever`.
    UnsoundRange,
    /// 206 without Content-Range.
    NoContentRange,
    /// Says `bytes 0-9/*`.
    NoTotal,
    /// 416 without Content-Range.
    BareUnsatisfiable,
    /// The connection breaks half way through the body.
    Breaks,
    /// A whole answer that holds half the bytes its Content-Range says.
    Short,
    /// A chunked answer that holds more bytes than its Content-Range says.
    Long,
    /// Sends the head of the answer and then nothing.
    Stalls,
    /// Sends nothing.
    Silent,
    /// Answers with this status.
    Status(u16),
    /// Sends neither `ETag` nor Last-Modified.
    NoValidator,
    /// Sends a Last-Modified only.
    LastModified,
    /// Sends a weak `ETag` only.
    WeakEtag,
    /// Sends an `ETag` and ignores If-Match.
    IgnoresIfMatch,
    /// Says the file were compressed.
    Gzip,
    /// Sends the first so many bytes of what was asked for, and says so.
    Capped(u64),
    /// Sends at most the last so many bytes, where a suffix was asked for, and says so.
    SuffixCapped(u64),
    /// Sends another `ETag` with each answer.
    VaryingEtag,
    /// Sends the part asked for, with its Content-Range, under status 200.
    PartUnder200,
}

#[derive(Debug, Clone)]
struct File {
    bytes: Bytes,
    version: u64,
}

/// One request, as the server saw it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) path: String,
    pub(crate) range: Option<String>,
    pub(crate) if_match: Option<String>,
    pub(crate) if_unmodified_since: Option<String>,
    pub(crate) peer: Option<SocketAddr>,
}

#[derive(Debug)]
struct Shared {
    files: Mutex<HashMap<String, File>>,
    quirk: Mutex<Quirk>,
    seen: Mutex<Vec<Seen>>,
    versions: AtomicU64,
    /// Bytes that endless bodies gave out, and how many such bodies were dropped.
    endless_bytes: AtomicU64,
    endless_dropped: AtomicU64,
    /// Where `/moved/{key}` leads.
    moved_to: Mutex<String>,
}

pub(crate) struct Server {
    shared: Arc<Shared>,
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub(crate) async fn start(quirk: Quirk) -> Self {
        let shared = Arc::new(Shared {
            files: Mutex::default(),
            quirk: Mutex::new(quirk),
            seen: Mutex::default(),
            versions: AtomicU64::new(1),
            endless_bytes: AtomicU64::new(0),
            endless_dropped: AtomicU64::new(0),
            moved_to: Mutex::default(),
        });
        let app = Router::new()
            .route("/{key}", get(file))
            .route("/signed/{key}", get(file))
            .route("/moved/{key}", get(moved))
            .route(
                "/loop/{key}",
                get(|| async { Redirect::temporary("/loop/again") }),
            )
            .route(
                "/elsewhere/{key}",
                get(|| async { Redirect::temporary("ftp://127.0.0.1/x") }),
            )
            .with_state(Arc::clone(&shared));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = app.into_make_service_with_connect_info::<SocketAddr>();
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self {
            shared,
            address,
            task,
        }
    }

    /// A server with one file, `file`.
    pub(crate) async fn with_file(quirk: Quirk, bytes: impl Into<Bytes>) -> Self {
        let server = Self::start(quirk).await;
        server.store("file", bytes.into());
        server
    }

    pub(crate) fn store(&self, key: &str, bytes: Bytes) {
        let version = self.shared.versions.fetch_add(1, SeqCst);
        let mut files = self.shared.files.lock().unwrap();
        files.insert(key.to_owned(), File { bytes, version });
    }

    /// Moves a file, which keeps its version.
    pub(crate) fn rename(&self, from: &str, to: &str) {
        let mut files = self.shared.files.lock().unwrap();
        let file = files.remove(from).unwrap();
        files.insert(to.to_owned(), file);
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn set_quirk(&self, quirk: Quirk) {
        *self.shared.quirk.lock().unwrap() = quirk;
    }

    pub(crate) fn set_moved_to(&self, path: &str) {
        path.clone_into(&mut self.shared.moved_to.lock().unwrap());
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().unwrap().clone()
    }

    pub(crate) fn endless_bytes(&self) -> u64 {
        self.shared.endless_bytes.load(SeqCst)
    }

    pub(crate) async fn endless_dropped(&self, count: u64) {
        let done = async {
            while self.shared.endless_dropped.load(SeqCst) < count {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), done)
            .await
            .expect("the client went on reading");
    }
}

async fn moved(State(shared): State<Arc<Shared>>, Path(key): Path<String>) -> Redirect {
    let to = shared.moved_to.lock().unwrap().clone();
    note(&shared, format!("moved/{key}"), &HeaderMap::new(), None);
    Redirect::temporary(&to)
}

fn note(shared: &Shared, path: String, headers: &HeaderMap, peer: Option<SocketAddr>) {
    let text = |name| {
        let value: Option<&header::HeaderValue> = headers.get::<header::HeaderName>(name);
        value.map(|value| value.to_str().unwrap().to_owned())
    };
    shared.seen.lock().unwrap().push(Seen {
        path,
        range: text(header::RANGE),
        if_match: text(header::IF_MATCH),
        if_unmodified_since: text(header::IF_UNMODIFIED_SINCE),
        peer,
    });
}

async fn file(
    State(shared): State<Arc<Shared>>,
    axum::extract::ConnectInfo(peer): axum::extract::ConnectInfo<SocketAddr>,
    uri: axum::http::Uri,
    Path(key): Path<String>,
    headers: HeaderMap,
) -> Response {
    note(
        &shared,
        uri.path().trim_start_matches('/').to_owned(),
        &headers,
        Some(peer),
    );
    let quirk = *shared.quirk.lock().unwrap();
    match quirk {
        Quirk::Status(status) => {
            return (
                StatusCode::from_u16(status).unwrap(),
                [(header::RETRY_AFTER, "7")],
            )
                .into_response();
        }
        Quirk::Silent => std::future::pending().await,
        _ => {}
    }
    let Some(file) = shared.files.lock().unwrap().get(&key).cloned() else {
        return StatusCode::NOT_FOUND.into_response();
    };
    answer(&shared, quirk, &file, &headers)
}

/// `Last-Modified` for a version: a second each.
fn modified(version: u64) -> String {
    format!(
        "Mon, 01 Jan 2024 00:{:02}:{:02} GMT",
        version / 60,
        version % 60
    )
}

fn answer(shared: &Arc<Shared>, quirk: Quirk, file: &File, headers: &HeaderMap) -> Response {
    let len = file.bytes.len() as u64;
    let mut out = HeaderMap::new();
    let mut etag = String::new();
    match quirk {
        Quirk::NoValidator => {}
        Quirk::LastModified => {
            out.insert(
                header::LAST_MODIFIED,
                modified(file.version).parse().unwrap(),
            );
        }
        Quirk::WeakEtag => write!(etag, "W/\"{}\"", file.version).unwrap(),
        Quirk::VaryingEtag => {
            let nth = shared.versions.fetch_add(1, SeqCst);
            write!(etag, "\"{nth}\"").unwrap();
        }
        _ => write!(etag, "\"{}\"", file.version).unwrap(),
    }
    if !etag.is_empty() {
        out.insert(header::ETAG, etag.parse().unwrap());
    }
    if quirk == Quirk::Gzip {
        out.insert(header::CONTENT_ENCODING, "gzip".parse().unwrap());
    }
    let if_match = headers.get(header::IF_MATCH);
    // Strong comparison: a weak tag never matches.
    if quirk != Quirk::IgnoresIfMatch
        && if_match.is_some_and(|tag| tag != etag.as_str() || etag.starts_with("W/"))
    {
        return StatusCode::PRECONDITION_FAILED.into_response();
    }
    let since = headers.get(header::IF_UNMODIFIED_SINCE);
    if since.is_some_and(|date| date != modified(file.version).as_str()) {
        return StatusCode::PRECONDITION_FAILED.into_response();
    }
    let range = headers
        .get(header::RANGE)
        .map(|range| range.to_str().unwrap());
    let suffix = range.and_then(|range| range.strip_prefix("bytes=-"));
    let whole = match quirk {
        Quirk::NoRanges | Quirk::NoRangesEndless | Quirk::NoRangesChunked => true,
        Quirk::SuffixIgnored => suffix.is_some(),
        _ => false,
    };
    let Some(range) = range.filter(|_| !whole) else {
        return match quirk {
            Quirk::NoRangesEndless => (out, endless(shared)).into_response(),
            Quirk::NoRangesChunked => (out, chunked(file.bytes.clone())).into_response(),
            _ => (out, file.bytes.clone()).into_response(),
        };
    };
    let wanted = if let Some(suffix) = suffix {
        let suffix: u64 = suffix.parse().unwrap();
        match quirk {
            Quirk::SuffixRefused => None,
            Quirk::SuffixMisread => Some((0, (suffix + 1).min(len))),
            Quirk::SuffixTooLongRefused if suffix > len => None,
            _ => Some((len.saturating_sub(suffix), len)),
        }
    } else {
        let (first, last) = range
            .strip_prefix("bytes=")
            .unwrap()
            .split_once('-')
            .unwrap();
        let last: u64 = last.parse().unwrap();
        Some((first.parse().unwrap(), last.saturating_add(1).min(len)))
    };
    let Some((start, end)) = wanted.filter(|(start, end)| start < end) else {
        if quirk != Quirk::BareUnsatisfiable {
            out.insert(
                header::CONTENT_RANGE,
                format!("bytes */{len}").parse().unwrap(),
            );
        }
        return (StatusCode::RANGE_NOT_SATISFIABLE, out, "no such bytes").into_response();
    };
    let (start, end) = match quirk {
        Quirk::Capped(most) => (start, end.min(start + most)),
        Quirk::SuffixCapped(most) if suffix.is_some() => (start.max(end - most), end),
        _ => (start, end),
    };
    let said = match quirk {
        Quirk::WrongRange => format!("bytes {}-{}/{}", start + 1, end, len + 1),
        Quirk::UnsoundRange => "bytes what/ever".to_owned(),
        Quirk::NoTotal => format!("bytes {start}-{}/*", end - 1),
        _ => format!("bytes {start}-{}/{len}", end - 1),
    };
    if quirk != Quirk::NoContentRange {
        out.insert(header::CONTENT_RANGE, said.parse().unwrap());
    }
    let part = file.bytes.slice(start as usize..end as usize);
    let half = part.slice(..part.len() / 2);
    let body = match quirk {
        Quirk::Breaks => {
            out.insert(header::CONTENT_LENGTH, part.len().into());
            let broken = std::io::Error::other("broken on purpose");
            Body::from_stream(stream::iter([Ok(half), Err(broken)]))
        }
        Quirk::Short => Body::from(half),
        Quirk::Long => chunked([part, Bytes::from_static(b"more")].concat().into()),
        Quirk::Stalls => {
            out.insert(header::CONTENT_LENGTH, part.len().into());
            Body::from_stream(stream::pending::<std::io::Result<Bytes>>())
        }
        _ => Body::from(part),
    };
    let status = if quirk == Quirk::PartUnder200 {
        StatusCode::OK
    } else {
        StatusCode::PARTIAL_CONTENT
    };
    (status, out, body).into_response()
}

fn chunked(bytes: Bytes) -> Body {
    Body::from_stream(stream::iter([Ok::<_, std::io::Error>(bytes)]))
}

/// A terabyte announced, sent as long as anyone reads.
fn endless(shared: &Arc<Shared>) -> Response {
    struct Counted(Arc<Shared>);
    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.endless_dropped.fetch_add(1, SeqCst);
        }
    }
    let body = stream::unfold(Counted(Arc::clone(shared)), |counted| async {
        let chunk = Bytes::from_static(&[0; 16 * 1024]);
        counted
            .0
            .endless_bytes
            .fetch_add(chunk.len() as u64, SeqCst);
        Some((Ok::<_, std::io::Error>(chunk), counted))
    });
    let length = [(header::CONTENT_LENGTH, "1000000000000")];
    (length, Body::from_stream(body)).into_response()
}
