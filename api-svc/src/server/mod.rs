//! The server: the layers around every route, and the shutdown.

mod linger;

use axum::{
    BoxError, Router,
    error_handling::HandleErrorLayer,
    extract::{DefaultBodyLimit, MatchedPath, Request},
    http::{HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
    routing::get,
};
use frontend_svc::Site;
use metrics::{counter, histogram};
use metrics_exporter_prometheus::PrometheusHandle;
use service_kit::http::{self, LARGEST_BODY, Limits};
use tokio::{
    net::TcpListener,
    time::{Instant, timeout_at},
};
use tower::{ServiceBuilder, limit::GlobalConcurrencyLimitLayer};
use tower_http::{
    ServiceBuilderExt as _,
    catch_panic::CatchPanicLayer,
    compression::CompressionLayer,
    request_id::{MakeRequestUuid, RequestId},
    set_header::SetResponseHeaderLayer,
};

use self::linger::linger;
use crate::{
    access::Gate,
    app::App,
    prometheus,
    routes::{self, only_from_here, problem::Problem},
};

/// Longest request id that is kept, in bytes: longer ones could fill a log.
const MAX_REQUEST_ID: usize = 64;

/// Serves until the service stops, then lets requests under way and WebSockets end within the grace
/// period.
pub(crate) async fn serve(
    listener: TcpListener,
    app: App,
    gate: Gate,
    site: Option<Site>,
    recorder: PrometheusHandle,
) {
    let service = &app.service;
    let (stop, tasks) = (service.stop.clone(), service.tasks.clone());
    let grace = service.config.shutdown_grace();
    let limits = Limits::new(service.capacity.connections);
    let router = layered(app, gate, site, recorder);
    let serving = http::serve(listener, router, limits, &stop, grace);
    let end = async {
        stop.cancelled().await;
        Instant::now() + grace
    };
    let (finished, end) = tokio::join!(serving, end);
    tasks.close();
    if !finished || timeout_at(end, tasks.wait()).await.is_err() {
        tracing::warn!("requests were interrupted at the end of the grace period");
    }
}

/// The routes with everything around them, from the outside in.
fn layered(app: App, gate: Gate, site: Option<Site>, recorder: PrometheusHandle) -> Router {
    let config = &app.service.config;
    let guards = ServiceBuilder::new()
        .layer(HandleErrorLayer::new(refused))
        .load_shed()
        // One limit for all routes; the plain layer would give each its own.
        .layer(GlobalConcurrencyLimitLayer::new(
            app.service.capacity.requests,
        ))
        .timeout(config.request_timeout());
    let request_id = HeaderName::from_static("x-request-id");
    let around = ServiceBuilder::new()
        .map_request(without_odd_request_id)
        .set_request_id(request_id.clone(), MakeRequestUuid)
        .propagate_request_id(request_id)
        .layer(SetResponseHeaderLayer::if_not_present(
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
        ))
        .layer(SetResponseHeaderLayer::if_not_present(
            header::CACHE_CONTROL,
            HeaderValue::from_static("no-store"),
        ))
        .layer(fixed(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(fixed(header::X_FRAME_OPTIONS, "DENY"))
        .layer(fixed(header::REFERRER_POLICY, "no-referrer"))
        .layer(CompressionLayer::new())
        .layer(CatchPanicLayer::custom(panicked));
    let stop = app.service.stop.clone();
    let shared = app.watch.shared.clone();
    let long = routes::long_router(&gate, &shared).layer(DefaultBodyLimit::max(LARGEST_BODY));
    // Whoever watches over the process is answered however many others are.
    let watchers = routes::probes().route(
        "/metrics",
        get(async move || {
            let text = [(header::CONTENT_TYPE, "text/plain; version=0.0.4")];
            (text, recorder.render())
        }),
    );
    routes::router(&gate, &shared, site)
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(guards)
        // Neither limited in number, as few people may send them, nor in time.
        .merge(long)
        .merge(watchers)
        .layer(middleware::from_fn_with_state(gate.guard, only_from_here))
        .layer(middleware::from_fn(observe))
        .layer(middleware::from_fn_with_state(stop, linger))
        .layer(around)
        .with_state(app)
}

fn fixed(name: HeaderName, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
}

/// Keeps a proxy's request id if it is plain and short.
fn without_odd_request_id(mut request: Request) -> Request {
    let odd = |value: &HeaderValue| {
        let bytes = value.as_bytes();
        bytes.len() > MAX_REQUEST_ID
            || !bytes
                .iter()
                .all(|b| b.is_ascii_alphanumeric() || b"-_.:=".contains(b))
    };
    if request.headers().get("x-request-id").is_some_and(odd) {
        request.headers_mut().remove("x-request-id");
    }
    request
}

/// Counts and logs a request. Neither its query nor its headers are logged: they may hold secrets.
async fn observe(request: Request, next: Next) -> Response {
    let began = Instant::now();
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "none".to_owned(), |path| path.as_str().to_owned());
    let id = request.extensions().get::<RequestId>().cloned();
    let response = next.run(request).await;
    let status = response.status();
    let took = began.elapsed();
    histogram!(prometheus::REQUEST_SECONDS, "route" => route.clone()).record(took.as_secs_f64());
    let labels = [
        ("route", route),
        ("method", label(&method).to_owned()),
        ("status", status.as_str().to_owned()),
    ];
    counter!(prometheus::REQUESTS, &labels).increment(1);
    let id = id.as_ref().and_then(|id| id.header_value().to_str().ok());
    tracing::debug!(
        %method, path, status = status.as_u16(), id, ms = took.as_millis() as u64,
        "request"
    );
    response
}

/// The method as a label. Clients can invent methods, and every label is kept for good.
fn label(method: &Method) -> &str {
    match *method {
        Method::GET
        | Method::HEAD
        | Method::POST
        | Method::PUT
        | Method::DELETE
        | Method::OPTIONS
        | Method::PATCH => method.as_str(),
        _ => "other",
    }
}

/// The problem of a request that the guards refuse.
async fn refused(error: BoxError) -> Problem {
    if error.is::<tower::timeout::error::Elapsed>() {
        return Problem::new(StatusCode::GATEWAY_TIMEOUT, "the request took too long");
    }
    Problem::unavailable("too many requests are under way")
}

fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    tracing::error!("a request panicked");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "an internal error").into_response()
}
