//! The OpenAPI document and a page to browse it, both from this program alone.

use axum::{
    Json, Router,
    http::{HeaderValue, header},
    routing::get,
};
use tower_http::set_header::SetResponseHeaderLayer;
use utoipa::openapi::{
    OpenApi,
    security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
};
use utoipa_swagger_ui::SwaggerUi;

use crate::app::App;

/// The policy of the page, which has inline styles, and pictures in its style sheet.
const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'";

pub(super) fn router(document: OpenApi) -> Router<App> {
    let page = Router::from(
        SwaggerUi::new("/api/docs")
            .config(utoipa_swagger_ui::Config::from("../openapi.json").validator_url("none")),
    );
    let policy = SetResponseHeaderLayer::overriding(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(POLICY),
    );
    Router::new()
        .merge(page.layer(policy))
        .route("/api/openapi.json", get(async move || Json(document)))
}

/// Adds the security scheme, and writes axum's `{*key}`, which takes the rest of a path, as
/// OpenAPI's `{key}`.
pub(super) fn finish(document: &mut OpenApi) {
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("API_TOKEN, or a JWT of OIDC_ISSUER"));
    document
        .components
        .get_or_insert_default()
        .add_security_scheme("bearer", SecurityScheme::Http(bearer.build()));
    let paths = std::mem::take(&mut document.paths.paths);
    document.paths.paths = paths
        .into_iter()
        .map(|(path, item)| (path.replace("{*", "{"), item))
        .collect();
}
