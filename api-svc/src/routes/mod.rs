//! The routes, a file each. Router and OpenAPI document come from the same lines.

mod docs;
mod health;
mod live;
mod metrics;
mod pods;
mod queue;
pub(crate) mod thumbnails;
mod videos;

use axum::Router;
use utoipa::OpenApi as _;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{app::Shared, problem};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Thumbnail API",
        description = "The state of the thumbnail pipeline, its pictures, and what one can do to it."
    ),
    tags(
        (name = "state", description = "How the pipeline does"),
        (name = "pictures", description = "What it made"),
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
}

/// The OpenAPI document.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    let mut document = documented().to_openapi();
    docs::finish(&mut document);
    document
}

/// The whole router, without the layers that the server puts around it.
pub(crate) fn router() -> Router<Shared> {
    let (router, _) = documented().split_for_parts();
    router
        .merge(docs::router(openapi()))
        .fallback(problem::no_route)
        .method_not_allowed_fallback(problem::no_method)
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
        ] {
            assert!(document.paths.paths.contains_key(path), "{path}");
        }
    }
}
