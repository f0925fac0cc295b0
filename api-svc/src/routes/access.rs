//! `GET /api/access`: whether credentials are good.

use axum::http::StatusCode;

use super::Refused;

#[utoipa::path(
    get,
    path = "/api/access",
    tag = "actions",
    description = "Checks the credentials. Changes nothing.",
    security(("bearer" = [])),
    responses(
        (status = 204, description = "The credentials are good"),
        Refused,
    ),
)]
pub(super) async fn access() -> StatusCode {
    StatusCode::NO_CONTENT
}
