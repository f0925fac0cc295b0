//! The routes, a file each. Router and OpenAPI document come from the same lines.

mod docs;
mod health;
mod live;
mod metrics;
mod pods;
mod queue;
pub(crate) mod thumbnails;
mod videos;

use axum::{Router, middleware, routing::any};
use frontend_svc::Site;
use utoipa::OpenApi as _;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::audit::{self, Gate},
    actions::routes as actions,
    app::Shared,
    problem,
};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Thumbnail API",
        description = "The state of the thumbnail pipeline, its pictures, and what one can do to it."
    ),
    tags(
        (name = "state", description = "How the pipeline does"),
        (name = "pictures", description = "What it made"),
        (name = "actions", description = "What one can do; most need credentials"),
    )
)]
struct Document;

/// Everything that has a place in the OpenAPI document.
fn documented() -> OpenApiRouter<Shared> {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(health::health))
        .routes(routes!(health::ready))
        .routes(routes!(metrics::metrics))
        .routes(routes!(queue::queue))
        .routes(routes!(pods::pods))
        .routes(routes!(thumbnails::thumbnails))
        .routes(routes!(videos::videos))
        .routes(routes!(videos::video))
        .routes(routes!(live::live))
        .merge(actions::open())
}

/// All of it, also what only some may ask for.
fn whole() -> OpenApiRouter<Shared> {
    documented()
        .merge(actions::guarded())
        .merge(actions::long())
}

/// The OpenAPI document.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    let mut document = whole().to_openapi();
    docs::finish(&mut document);
    document
}

/// Everything that is answered soon, without the layers that the server puts around it; with the
/// dashboard where no route is, if there is one.
pub(crate) fn router(gate: &Gate, site: Option<Site>) -> Router<Shared> {
    let guarded = middleware::from_fn_with_state(gate.clone(), audit::guarded);
    let (router, _) = documented()
        .merge(actions::guarded().route_layer(guarded))
        .split_for_parts();
    let router = router
        .merge(docs::router(openapi()))
        .method_not_allowed_fallback(problem::no_method);
    match site {
        None => router.fallback(problem::no_route),
        Some(site) => router
            .route("/api/{*path}", any(problem::no_route))
            .fallback_service(site.router()),
    }
}

/// What takes as long as it takes.
pub(crate) fn long_router(gate: &Gate) -> Router<Shared> {
    let guarded = middleware::from_fn_with_state(gate.clone(), audit::guarded);
    let (router, _) = actions::long().route_layer(guarded).split_for_parts();
    router.method_not_allowed_fallback(problem::no_method)
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
            "/api/videos/{key}",
            "/ws",
            "/api/access",
            "/api/frame",
            "/api/uploads",
            "/api/uploads/complete",
            "/api/failures",
            "/api/failures/redrive",
            "/api/test",
            "/api/purge",
        ] {
            assert!(document.paths.paths.contains_key(path), "{path}");
        }
    }
}
