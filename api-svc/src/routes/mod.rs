//! All HTTP: the routes, a file each, the gate before them and the problem documents. Router and
//! OpenAPI document come from the same lines.

mod access;
mod acts;
mod choice;
mod docs;
mod failures;
mod frame;
mod gate;
mod health;
mod live;
mod metrics;
mod operation;
mod original;
mod paging;
mod pods;
pub(crate) mod problem;
mod purge;
mod queue;
mod storyboard;
mod test;
mod thumbnails;
mod uploads;
mod videos;

use std::sync::Arc;

use axum::{
    Extension, Router, middleware,
    routing::{any, put},
};
use contract::api;
use frontend_svc::Site;
use utoipa::OpenApi as _;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(crate) use self::gate::only_from_here;
use self::{
    gate::About,
    problem::{Json, Problem},
};
use crate::{access::Gate, app::App, shared::Shared};

/// An answer in JSON with its subject for the audit log.
type Audited<T> = Result<(Extension<About>, Json<T>), Problem>;

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Thumbnail API",
        description = "The state of the thumbnail pipeline, its pictures, and the actions that change it."
    ),
    // No pattern of the router ends in a name behind a key with slashes: `videos::video` answers for
    // storyboards, and `guarded` has the routes of pictures.
    paths(choice::choose, choice::undo, storyboard::storyboard, storyboard::sheet),
    tags(
        (name = "state", description = "The state of the pipeline"),
        (name = "pictures", description = "The videos that were processed, and their thumbnails"),
        (name = "actions", description = "Actions; most need credentials"),
    )
)]
struct Document;

/// How every guarded route refuses a request.
#[derive(utoipa::IntoResponses)]
#[expect(dead_code, reason = "stands for the responses in the OpenAPI document")]
enum Refused {
    /// Missing or wrong credentials
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthorized(api::Problem),
    /// Nobody may act on this API, or the token lacks the scope
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(api::Problem),
    /// Too many requests
    #[response(status = 429, content_type = "application/problem+json")]
    TooMany(api::Problem),
}

/// Whether the process lives.
fn alive() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(health::health))
}

/// Routes that anyone may ask.
fn open() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(health::ready))
        .routes(routes!(metrics::metrics))
        .routes(routes!(queue::queue))
        .routes(routes!(pods::pods))
        .routes(routes!(thumbnails::thumbnails))
        .routes(routes!(videos::videos))
        .routes(routes!(videos::video))
        .routes(routes!(videos::video_by_key))
        .routes(routes!(live::live))
        .routes(routes!(failures::failures))
        .routes(routes!(acts::acts))
}

/// Routes that change something, cost CPU, or give access to the bucket.
fn guarded() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(access::access))
        .routes(routes!(frame::frame))
        .routes(routes!(original::original))
        .routes(routes!(uploads::begin, uploads::abort))
        .route(
            "/api/videos/{*key}",
            put(choice::choose).delete(choice::undo),
        )
}

/// Guarded routes without a time limit.
fn long() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(uploads::complete))
        .routes(routes!(failures::redrive))
        .routes(routes!(failures::dismiss))
        .routes(routes!(test::test))
        .routes(routes!(purge::purge))
}

/// The OpenAPI document.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    let mut all = open().merge(alive()).merge(guarded()).merge(long());
    let mut document = all.to_openapi();
    docs::finish(&mut document);
    document
}

/// All routes with a time limit, without the layers that the server puts around them; the
/// dashboard is the fallback, if there is one.
pub(crate) fn router(gate: &Gate, shared: &Arc<Shared>, site: Option<Site>) -> Router<App> {
    let state = (gate.clone(), Arc::clone(shared));
    let layer = middleware::from_fn_with_state(state, gate::guarded);
    let short = middleware::from_fn(gate::short_bodies_only);
    let all = open().merge(guarded().route_layer(short).route_layer(layer));
    let (router, _) = all.split_for_parts();
    let router = router
        .layer(Extension(gate.clone()))
        .merge(docs::router(openapi()))
        .method_not_allowed_fallback(choice::no_method);
    match site {
        None => router.fallback(problem::no_route),
        Some(site) => router
            .route("/api/{*path}", any(problem::no_route))
            .fallback_service(site.router()),
    }
}

/// The route that tells whether the process lives, for the server to exempt from its limits.
pub(crate) fn probes() -> Router<App> {
    let (router, _) = alive().split_for_parts();
    router.method_not_allowed_fallback(choice::no_method)
}

/// The routes without a time limit.
pub(crate) fn long_router(gate: &Gate, shared: &Arc<Shared>) -> Router<App> {
    let state = (gate.clone(), Arc::clone(shared));
    let layer = middleware::from_fn_with_state(state, gate::guarded);
    let short = middleware::from_fn(gate::short_bodies_only);
    let all = long().route_layer(short).route_layer(layer);
    let (router, _) = all.split_for_parts();
    router.method_not_allowed_fallback(choice::no_method)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_has_every_route() {
        let document = openapi();
        for path in [
            "/health",
            "/ready",
            "/api/metrics",
            "/api/queue",
            "/api/pods",
            "/api/thumbnails",
            "/api/videos",
            "/api/video",
            "/api/videos/{key}",
            "/api/videos/{key}/storyboard.{file}",
            "/api/videos/{key}/storyboard.jpg",
            "/api/videos/{key}/thumbnails/{n}",
            "/ws",
            "/api/access",
            "/api/frame",
            "/api/original",
            "/api/uploads",
            "/api/uploads/complete",
            "/api/acts",
            "/api/failures",
            "/api/failures/redrive",
            "/api/failures/dismiss",
            "/api/test",
            "/api/purge",
        ] {
            assert!(document.paths.paths.contains_key(path), "{path}");
        }
    }
}
