//! The gate before the guarded routes: credentials, rate limit, and the audit log.
//!
//! The log gets one line for each guarded request, whatever its outcome: the principal, the route,
//! the subject that the handler names, the peer, what proxies claim, and the status. It never has a
//! header with credentials, a query, or a presigned URL.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Instant, SystemTime},
};

use axum::{
    extract::{ConnectInfo, MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use contract::api::{Act, ActKind};
use service_kit::http::{LARGEST_BODY, announces_long_body};

use super::problem::Problem;
use crate::{
    access::{Gate, Guard, Principal, Refusal, is_host_local},
    shared::Shared,
    time::rfc3339,
};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Most bytes of a header that are logged.
const MAX_CLAIM: usize = 200;

/// The subject of a request, for its line in the audit log. A handler puts it into the extensions
/// of its answer.
#[derive(Debug, Clone)]
pub(super) struct About {
    text: String,
    /// What everyone is told of.
    act: Option<ActKind>,
}

impl About {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            act: None,
        }
    }

    /// The subject of a change that everyone is told of.
    pub(super) fn act(kind: ActKind, text: impl Into<String>) -> Self {
        Self {
            act: Some(kind),
            ..Self::new(text)
        }
    }
}

/// Lets requests of guarded routes through as [`admit`] does, and tells everyone what was changed.
pub(super) async fn guarded(
    State((gate, shared)): State<(Gate, Arc<Shared>)>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    let response = admit(&gate, peer, request, |request| next.run(request)).await;
    if let Some(act) = response.extensions().get::<Act>() {
        shared.tell(act.clone());
    }
    response
}

/// Runs a request whose sender may act and is within the rate, and logs it, whatever comes of it.
pub(super) async fn admit<F: Future<Output = Response>>(
    gate: &Gate,
    peer: SocketAddr,
    mut request: Request,
    run: impl FnOnce(Request) -> F,
) -> Response {
    let began = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let forwarded_for = claim(request.headers(), &FORWARDED_FOR);
    let request_id = claim(request.headers(), &REQUEST_ID);

    let identified = gate
        .guard
        .identify(peer, request.uri(), request.headers())
        .await;
    let mut response = match (
        &identified,
        gate.rate.check(identified.as_ref().ok(), peer.ip()),
    ) {
        (_, Err(wait)) => too_many(wait.as_secs() + 1),
        (Err(refusal), Ok(())) => refuse(refusal),
        (Ok(principal), Ok(())) => {
            request.extensions_mut().insert(principal.clone());
            run(request).await
        }
    };
    let who = identified
        .as_ref()
        .map_or_else(|_| "nobody".to_owned(), Principal::to_string);
    let about = response.extensions().get::<About>().cloned();
    tracing::info!(
        target: "audit",
        who,
        method = %method,
        route = route.as_ref().map_or("", MatchedPath::as_str),
        about = about.as_ref().map(|about| about.text.as_str()),
        peer = %peer.ip().to_canonical(),
        forwarded_for,
        request_id,
        status = response.status().as_u16(),
        refusal = identified.as_ref().err().map(Refusal::to_string),
        ms = began.elapsed().as_millis() as u64,
        "guarded request"
    );
    if response.status().is_success()
        && let Some(About {
            text,
            act: Some(kind),
        }) = about
    {
        response.extensions_mut().insert(Act {
            id: request_id.unwrap_or_default(),
            kind,
            who,
            about: text,
            at: rfc3339(SystemTime::now()),
        });
    }
    response
}

/// Refuses a body that is announced as too long before a byte of it is asked for: reading it would
/// send `100 Continue` to a client that waits for leave to send it.
pub(super) async fn short_bodies_only(request: Request, next: Next) -> Response {
    if announces_long_body(request.headers()) {
        let detail = format!("the body is longer than {LARGEST_BODY} bytes");
        return Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail).into_response();
    }
    next.run(request).await
}

/// On a server that trusts this machine, refuses all requests from elsewhere: a page that renamed
/// itself to a loopback address could read as well as act.
pub(crate) async fn only_from_here(
    State(guard): State<Guard>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    let is_here = is_host_local(peer.ip(), request.uri(), request.headers());
    if guard.trusts_this_machine() && !is_here {
        tracing::info!(
            target: "audit",
            who = "nobody",
            method = %request.method(),
            path = ?request.uri().path(),
            peer = %peer.ip().to_canonical(),
            forwarded_for = claim(request.headers(), &FORWARDED_FOR),
            status = StatusCode::FORBIDDEN.as_u16(),
            "request from elsewhere"
        );
        return Problem::new(
            StatusCode::FORBIDDEN,
            "without API_TOKEN this server answers requests from localhost only",
        )
        .into_response();
    }
    next.run(request).await
}

fn claim(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let value = headers.get(name)?.as_bytes();
    let text = String::from_utf8_lossy(&value[..value.len().min(MAX_CLAIM)]);
    Some(text.escape_debug().to_string())
}

fn refuse(refusal: &Refusal) -> Response {
    let mut response = Problem::from(refusal).into_response();
    if matches!(refusal, Refusal::Bad(_)) {
        response.headers_mut().insert(
            header::WWW_AUTHENTICATE,
            HeaderValue::from_static("Bearer error=\"invalid_token\""),
        );
    }
    response
}

fn too_many(seconds: u64) -> Response {
    Problem {
        retry_after_seconds: Some(seconds),
        ..Problem::new(StatusCode::TOO_MANY_REQUESTS, "too many requests")
    }
    .into_response()
}
