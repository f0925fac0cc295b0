//! `GET /api/frame`: a picture of an uploaded video at any time.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use contract::api;
use serde::Deserialize;

use super::{
    Refused,
    gate::About,
    problem::{Problem, Query},
};
use crate::actions::{
    Actions,
    ondemand::{self, FrameRequest, frames::Frame},
};

/// The time of a frame, in seconds from the start of the video.
const FRAME_TIME: HeaderName = HeaderName::from_static("x-frame-time");

/// Pictures are for those who may ask, and stay the same for a minute.
const FRAME_CACHE: HeaderValue = HeaderValue::from_static("private, max-age=60");

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// The video's key, as in `uploads/a/b.mp4`.
    #[param(min_length = 1, max_length = 1024)]
    key: String,
    /// The time: seconds (`90`, `12.5`, `12.5s`) or a percentage of the duration (`50%`).
    #[param(example = "50%")]
    t: String,
    /// The widest picture in pixels; smaller videos are not enlarged.
    #[param(minimum = 16, maximum = 1920)]
    w: Option<u32>,
    /// `exact`: the picture that is shown at the time. `keyframe`: the nearest keyframe, for a
    /// fraction of the work.
    #[serde(default)]
    #[param(inline, required = false)]
    mode: Mode,
}

/// Which picture is taken for a time.
#[derive(Debug, Clone, Copy, Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
enum Mode {
    #[default]
    Exact,
    Keyframe,
}

impl From<Mode> for ondemand::Mode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Exact => Self::Exact,
            Mode::Keyframe => Self::Keyframe,
        }
    }
}

#[utoipa::path(
    get,
    path = "/api/frame",
    tag = "actions",
    description = "A picture of an uploaded video at any time, made on demand and cached.",
    params(Wanted),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The picture", body = Vec<u8>, content_type = "image/jpeg",
            headers(("ETag" = String), ("X-Frame-Time" = f64, description = "The time of the picture, in seconds"))),
        (status = 304, description = "The picture has the entity tag in If-None-Match"),
        (status = 400, description = "Invalid time, width, mode or key", body = api::Problem, content_type = "application/problem+json"),
        (status = 404, description = "The video does not exist", body = api::Problem, content_type = "application/problem+json"),
        (status = 422, description = "The file is not a readable video, or costs too much to read", body = api::Problem, content_type = "application/problem+json"),
        Refused,
        (status = 502, description = "The API may not read the video", body = api::Problem, content_type = "application/problem+json"),
        (status = 503, description = "Temporarily unavailable", body = api::Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn frame(
    State(actions): State<Arc<Actions>>,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let request = FrameRequest::new(&wanted.key, &wanted.t, wanted.w, wanted.mode.into())?;
    let frame = actions.ondemand.frames.get(&request).await?;
    let mut response = if is_known(&frame, &headers) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let content = [(header::CONTENT_TYPE, "image/jpeg")];
        (content, Body::from(frame.jpeg.clone())).into_response()
    };
    let fields = response.headers_mut();
    fields.insert(header::CACHE_CONTROL, FRAME_CACHE);
    if let Ok(etag) = HeaderValue::try_from(&frame.etag) {
        fields.insert(header::ETAG, etag);
    }
    if let Ok(time) = HeaderValue::try_from(format!("{:.3}", frame.actual_s)) {
        fields.insert(FRAME_TIME, time);
    }
    response.extensions_mut().insert(About::new(wanted.key));
    Ok(response)
}

/// Whether `If-None-Match` has the frame's entity tag.
fn is_known(frame: &Frame, headers: &HeaderMap) -> bool {
    headers.get_all(header::IF_NONE_MATCH).iter().any(|field| {
        let tags = field.to_str().unwrap_or_default().split(',').map(str::trim);
        tags.map(|tag| tag.strip_prefix("W/").unwrap_or(tag))
            .any(|tag| tag == "*" || tag == frame.etag)
    })
}
