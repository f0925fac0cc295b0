//! `GET /api/videos/{key}/storyboard.vtt` and the same for other players.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use contract::api;

use super::{
    gate::{About, admit},
    problem::Problem,
};
use crate::{
    access::Gate,
    actions::Actions,
    storyboards::{self, PlayerFile, StoryboardError},
    watch::{VideoError, Watch},
};

/// URLs of sheets last an hour at least, and are the same for half of one.
const CACHE: HeaderValue = HeaderValue::from_static("private, max-age=60");

/// The sheet of a storyboard that is made on demand, beside the files that name it.
const SHEET: &str = "storyboard.jpg";

/// What of a storyboard is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// A file for players.
    File(PlayerFile),
    /// The sheet of a storyboard that is made on demand.
    Sheet,
}

impl Part {
    /// The key of a video and the part of its storyboard that `path` names, as in
    /// `uploads/a.mp4/storyboard.vtt`.
    pub(super) fn split(path: &str) -> Option<(&str, Self)> {
        let (key, extension) = path.rsplit_once("/storyboard.")?;
        let part = match extension {
            "vtt" => Self::File(PlayerFile::Vtt),
            "m3u8" => Self::File(PlayerFile::M3u8),
            "mpd" => Self::File(PlayerFile::Mpd),
            "json" => Self::File(PlayerFile::Json),
            "jpg" => Self::Sheet,
            _ => return None,
        };
        Some((key, part))
    }
}

/// A request for a part of a storyboard, and what answers it.
pub(super) struct Asked {
    pub(super) watch: Arc<Watch>,
    pub(super) actions: Arc<Actions>,
    pub(super) gate: Gate,
    pub(super) peer: SocketAddr,
    pub(super) request: Request,
}

impl Asked {
    /// Answers with `part` of the storyboard of `key`: the one in the bucket, or one that is made
    /// now, if the sender may act.
    pub(super) async fn answer(self, key: &str, part: Part) -> Result<Response, Problem> {
        let found = self.watch.manifests.find(key).await?;
        let manifest = found.as_ref().map(|found| &found.manifest);
        if let (Some(manifest), Part::File(file)) = (manifest, part) {
            match self.watch.storyboard(manifest, file).await {
                Ok(text) => return Ok(answer(file.media_type(), text)),
                Err(VideoError::Storyboard(StoryboardError::None { reason: None, .. })) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let video = manifest.map_or(key, |manifest| &manifest.source_key);
        let (video, actions) = (video.to_owned(), self.actions);
        let run = |_| async move {
            let mut response = made_now(&actions, &video, part).await.into_response();
            response.extensions_mut().insert(About::new(video));
            response
        };
        Ok(admit(&self.gate, self.peer, self.request, run).await)
    }
}

/// `part` of the storyboard of `video`, made now unless it is in the cache.
async fn made_now(actions: &Actions, video: &str, part: Part) -> Result<Response, Problem> {
    let board = actions.ondemand.boards.get(video).await?;
    Ok(match part {
        Part::Sheet => answer("image/jpeg", board.sheet.clone()),
        Part::File(file) => {
            let text = storyboards::write(&board.index, file, &[SHEET.to_owned()])?;
            answer(file.media_type(), text)
        }
    })
}

fn answer(media_type: &'static str, body: impl Into<Body>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(media_type)),
        (header::CACHE_CONTROL, CACHE),
    ];
    (headers, body.into()).into_response()
}

/// What players read of a video's storyboard, with URLs of its sheets.
///
/// Where a worker has made the storyboard (its setting `STORYBOARD`), anyone may ask, and the URLs
/// need no credentials. For another video a storyboard of one sheet is made now and cached, for
/// those who may act; its sheet is `storyboard.jpg` beside the file. The key is as for
/// `/api/videos/{key}`; a video that is not processed yet has its own.
#[utoipa::path(get, path = "/api/videos/{key}/storyboard.{file}", tag = "pictures",
    params(
        ("key" = String, Path, description = "The key; slashes need no escape", example = "uploads/a/b.mp4"),
        ("file" = inline(PlayerFile), Path, description = "For which players: WebVTT, HLS, DASH, or a program"),
    ),
    security((), ("bearer" = [])),
    responses(
        (status = 200, content(
            (String = "text/vtt"),
            (String = "application/vnd.apple.mpegurl"),
            (String = "application/dash+xml"),
            (String = "application/json"),
        )),
        (status = 400, description = "Invalid key", body = api::Problem, content_type = "application/problem+json"),
        super::Refused,
        (status = 404, description = "The video does not exist, or can have no storyboard", body = api::Problem, content_type = "application/problem+json"),
        (status = 422, description = "More tiles than a WebVTT file of URLs can have, not a readable video, or one that costs too much to read", body = api::Problem, content_type = "application/problem+json"),
        (status = 502, description = "The bucket does not answer, or the storyboard is damaged", body = api::Problem, content_type = "application/problem+json"),
        (status = 503, description = "Temporarily unavailable", body = api::Problem, content_type = "application/problem+json"),
    )
)]
#[expect(
    dead_code,
    reason = "stands for a part of what `videos::video` answers"
)]
pub(super) fn storyboard() {}

/// The sheet of a storyboard that is made on demand.
///
/// The tiles lie row by row, as the files for players say.
#[utoipa::path(get, path = "/api/videos/{key}/storyboard.jpg", tag = "pictures",
    params(("key" = String, Path, description = "The key; slashes need no escape", example = "uploads/a/b.mp4")),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The sheet", body = Vec<u8>, content_type = "image/jpeg"),
        (status = 400, description = "Invalid key", body = api::Problem, content_type = "application/problem+json"),
        super::Refused,
        (status = 404, description = "The video does not exist", body = api::Problem, content_type = "application/problem+json"),
        (status = 422, description = "The file is not a readable video, or costs too much to read", body = api::Problem, content_type = "application/problem+json"),
        (status = 502, description = "The API may not read the video", body = api::Problem, content_type = "application/problem+json"),
        (status = 503, description = "Temporarily unavailable", body = api::Problem, content_type = "application/problem+json"),
    )
)]
#[expect(
    dead_code,
    reason = "stands for a part of what `videos::video` answers"
)]
pub(super) fn sheet() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_a_video_and_a_part() {
        for (path, part) in [
            (
                "uploads/a b.mp4/storyboard.vtt",
                Part::File(PlayerFile::Vtt),
            ),
            (
                "uploads/a b.mp4/storyboard.json",
                Part::File(PlayerFile::Json),
            ),
            ("uploads/a b.mp4/storyboard.jpg", Part::Sheet),
        ] {
            assert_eq!(Part::split(path), Some(("uploads/a b.mp4", part)), "{path}");
        }
        for other in [
            "uploads/storyboard.mp4",
            "storyboard.vtt",
            "uploads/a/storyboard.bif",
        ] {
            assert_eq!(Part::split(other), None, "{other}");
        }
    }
}
