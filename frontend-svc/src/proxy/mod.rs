//! Hands requests to the API, streaming both ways.
//!
//! HTTP/1.1 to one neighbour by name: connections are kept and shared, nothing is retried (a
//! request may have had its effect), and an answer that does not begin in time is given up.

mod fields;
mod tunnel;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::{ConnectInfo, Request, State},
    http::{StatusCode, Uri, Version, header, uri::PathAndQuery},
    response::{IntoResponse as _, Response},
};
use hyper::{body::Incoming, upgrade::OnUpgrade};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use service_kit::http::{LARGEST_BODY, announces_long_body};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower_http::timeout::TimeoutBody;
use url::Url;

use crate::Capacity;

/// A neighbour that does not take a connection by then is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Longer than the API gives a request (`REQUEST_TIMEOUT_SECONDS`, 30 s unless set).
const ANSWER_TIMEOUT: Duration = Duration::from_secs(75);

/// The longest pause within a body.
const BODY_PAUSE: Duration = Duration::from_mins(1);

/// Kept shorter than servers keep their side, so that none is used just as it is closed.
const IDLE_CONNECTION: Duration = Duration::from_secs(30);

/// The way to the API; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Proxy {
    client: Client<HttpConnector, Body>,
    /// `host:port` of the API.
    authority: String,
    /// A permit for each request that waits for the API.
    requests: Arc<Semaphore>,
    /// A permit for each upgraded connection.
    upgrades: Arc<Semaphore>,
    tunnels: TaskTracker,
    stop: CancellationToken,
}

impl Proxy {
    /// A way to the API at `base`. Cancelling `stop` closes upgraded connections.
    pub(crate) fn new(base: &Url, capacity: Capacity, stop: CancellationToken) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE_CONNECTION)
            .pool_timer(TokioTimer::new())
            .retry_canceled_requests(false)
            .build(connector);
        Self {
            client,
            authority: base[url::Position::BeforeHost..url::Position::AfterPort].to_owned(),
            requests: Arc::new(Semaphore::new(capacity.requests)),
            upgrades: Arc::new(Semaphore::new(capacity.websockets)),
            tunnels: TaskTracker::new(),
            stop,
        }
    }

    /// Waits until the upgraded connections are closed, after `stop`.
    pub(crate) async fn closed(&self) {
        self.tunnels.close();
        self.tunnels.wait().await;
    }

    async fn forward(&self, mut request: Request, peer: SocketAddr) -> Response {
        // Before a byte of it is asked for, as the API does.
        if announces_long_body(request.headers()) {
            let detail = format!("the body is longer than {LARGEST_BODY} bytes");
            return failure(StatusCode::PAYLOAD_TOO_LARGE, &detail);
        }
        let Some(_place) = place(&self.requests) else {
            return failure(
                StatusCode::SERVICE_UNAVAILABLE,
                "too many requests wait for the API",
            );
        };
        let upgrade = fields::wants_websocket(&request)
            .then(|| request.extensions_mut().remove::<OnUpgrade>())
            .flatten();
        let upgrade = match upgrade.map(|browser| Some((browser, place(&self.upgrades)?))) {
            None => None,
            Some(Some(upgrade)) => Some(upgrade),
            Some(None) => {
                return failure(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "too many WebSockets are open",
                );
            }
        };
        let Some(request) = self.outgoing(request, peer, upgrade.is_some()) else {
            return failure(StatusCode::BAD_REQUEST, "the address cannot be handed on");
        };
        match self.ask(request).await {
            Ok(response) => self.hand_back(response, upgrade),
            Err(failure) => failure,
        }
    }

    /// The API's answer, or what the client is told where none comes.
    async fn ask(&self, mut request: Request) -> Result<Response<Incoming>, Response> {
        *request.body_mut() = paced(std::mem::take(request.body_mut()));
        let path = request.uri().path().to_owned();
        match timeout(ANSWER_TIMEOUT, self.client.request(request)).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => {
                tracing::warn!(path, error = %service_kit::causes(&error), "the API does not answer");
                Err(failure(StatusCode::BAD_GATEWAY, "the API does not answer"))
            }
            Err(_) => {
                tracing::warn!(path, "the API does not answer in time");
                Err(failure(
                    StatusCode::GATEWAY_TIMEOUT,
                    "the API does not answer in time",
                ))
            }
        }
    }

    /// The API's answer as the client gets it; a connection that both sides upgrade is joined.
    fn hand_back(
        &self,
        mut response: Response<Incoming>,
        upgrade: Option<(OnUpgrade, OwnedSemaphorePermit)>,
    ) -> Response {
        let switched = response.status() == StatusCode::SWITCHING_PROTOCOLS;
        let api = response.extensions_mut().remove::<OnUpgrade>();
        fields::strip_hop_by_hop(response.headers_mut(), switched);
        match (switched, upgrade, api) {
            (false, ..) => response.map(|body| paced(Body::new(body))),
            (true, Some((browser, place)), Some(api)) => {
                let stop = self.stop.clone();
                self.tunnels.spawn(async move {
                    tunnel::run(browser, api, stop).await;
                    drop(place);
                });
                response.map(Body::new)
            }
            (true, ..) => failure(StatusCode::BAD_GATEWAY, "the API answered out of turn"),
        }
    }

    /// The request as the API gets it; `None` if its path cannot be put behind the base.
    fn outgoing(&self, request: Request, peer: SocketAddr, upgrade: bool) -> Option<Request> {
        let (mut parts, body) = request.into_parts();
        let path = parts.uri.path_and_query().map_or("/", PathAndQuery::as_str);
        let uri = Uri::builder()
            .scheme("http")
            .authority(self.authority.as_str())
            .path_and_query(path)
            .build();
        if !parts.headers.contains_key(header::HOST)
            && let Some(authority) = parts.uri.authority()
        {
            let host = authority.as_str().try_into().ok()?;
            parts.headers.insert(header::HOST, host);
        }
        parts.uri = uri.ok()?;
        parts.version = Version::HTTP_11;
        parts.extensions.clear();
        fields::strip_hop_by_hop(&mut parts.headers, upgrade);
        fields::tell_of_the_peer(&mut parts.headers, peer.ip());
        Some(Request::from_parts(parts, body))
    }
}

/// Hands a request to the API.
pub(crate) async fn forward(
    State(proxy): State<Proxy>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    proxy.forward(request, peer).await
}

/// A permit, if one is free.
fn place(places: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
    places.clone().try_acquire_owned().ok()
}

/// A body that ends with an error where it pauses too long.
fn paced(body: Body) -> Body {
    Body::new(TimeoutBody::new(BODY_PAUSE, body))
}

/// An answer of this server, in the form of the API's errors.
fn failure(status: StatusCode, detail: &str) -> Response {
    let problem = serde_json::json!({
        "type": "about:blank",
        "title": status.canonical_reason(),
        "status": status.as_u16(),
        "detail": detail,
    });
    let headers = [
        (header::CONTENT_TYPE, "application/problem+json"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (status, headers, problem.to_string()).into_response()
}
