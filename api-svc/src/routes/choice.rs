//! `PUT /api/videos/{key}/thumbnails/{n}`: a person chooses a picture; `DELETE` leaves the choice
//! to the worker again.

use axum::{
    Extension,
    extract::{FromRequestParts, State},
    http::{Uri, request::Parts},
};
use contract::{
    PictureName,
    api::{self, ActKind, ChoosePicture},
    naming::MAX_KEY_BYTES,
};

use super::{
    Audited, Refused,
    gate::About,
    problem::{Json, Path, Problem},
};
use crate::{access::Principal, actions::choices::Wish, app::App};

/// The video and the picture that a path names, as in `uploads/a.mp4/thumbnails/2`.
fn split(path: &str) -> Option<(&str, PictureName)> {
    let (key, name) = path.rsplit_once("/thumbnails/")?;
    Some((key, name.parse().ok()?))
}

/// Whether a path names a picture of a video.
pub(super) fn is_picture(path: &str) -> bool {
    split(path).is_some()
}

/// The picture that the path names. Before the body is looked at: to the router this path is that
/// of a video as well, which takes none of these methods.
pub(super) struct Picture {
    key: String,
    name: PictureName,
}

impl<S: Send + Sync> FromRequestParts<S> for Picture {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path(path) = Path::<String>::from_request_parts(parts, state).await?;
        let (key, name) = split(&path).ok_or_else(|| Problem::no_method(Some(LOOK)))?;
        if key.len() > MAX_KEY_BYTES {
            return Err(Problem::not_found(
                "the key is longer than any that S3 allows",
            ));
        }
        Ok(Self {
            key: key.to_owned(),
            name,
        })
    }
}

/// What can be done with videos, and with their pictures. To the router both are one path.
const LOOK: &str = "GET,HEAD";
pub(super) const CHANGE: &str = "PUT,DELETE";

/// 405 for a method that a route does not support.
pub(super) async fn no_method(uri: Uri) -> Problem {
    let video = uri.path().strip_prefix("/api/videos/");
    Problem::no_method(video.map(|path| if is_picture(path) { CHANGE } else { LOOK }))
}

/// Has a picture of a video be that of another time.
#[utoipa::path(put, path = "/api/videos/{key}/thumbnails/{n}", tag = "actions",
    description = "Replaces a picture, in all its widths, by what the video shows at another time. The manifest remembers who chose it; workers keep it for as long as the video is of the same version.",
    params(
        ("key" = String, Path, description = "The key, as for `GET /api/videos/{key}`", example = "uploads/a/b.mp4"),
        ("n" = String, Path, description = "The number of the picture, from 1, or `cover`", example = "2", pattern = "^([1-9][0-9]?|cover)$"),
    ),
    request_body = ChoosePicture,
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The video with its new picture", body = api::Video),
        (status = 400, description = "Invalid JSON or key", body = api::Problem, content_type = "application/problem+json"),
        (status = 404, description = "The video or the picture does not exist, or is not made yet", body = api::Problem, content_type = "application/problem+json"),
        (status = 405, description = "No picture is called so", body = api::Problem, content_type = "application/problem+json"),
        (status = 409, description = "The video was overwritten and its pictures are not made anew yet, or someone else chose meanwhile", body = api::Problem, content_type = "application/problem+json"),
        (status = 413, description = "Too large", body = api::Problem, content_type = "application/problem+json"),
        (status = 415, description = "Not application/json", body = api::Problem, content_type = "application/problem+json"),
        (status = 422, description = "A time that the video does not have, or a file that costs too much to read", body = api::Problem, content_type = "application/problem+json"),
        Refused,
        (status = 502, description = "The bucket or the queue refuses", body = api::Problem, content_type = "application/problem+json"),
        (status = 503, description = "Temporarily unavailable", body = api::Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn choose(
    State(app): State<App>,
    Picture { key, name }: Picture,
    Extension(principal): Extension<Principal>,
    Json(body): Json<serde_json::Map<String, serde_json::Value>>,
) -> Audited<api::Video> {
    // serde reads a list as a `ChoosePicture` too.
    let ChoosePicture { time_s } = serde_json::from_value(body.into())
        .map_err(|error| Problem::unprocessable(error.to_string()))?;
    let about = format!("picture {name} of {key} at {time_s} s");
    let wish = Wish {
        key,
        name,
        choice: Some((time_s, principal.to_string())),
    };
    grant(app, wish, About::act(ActKind::Choose, about)).await
}

/// Leaves the choice of a picture to the worker again.
#[utoipa::path(delete, path = "/api/videos/{key}/thumbnails/{n}", tag = "actions",
    description = "Undoes what a person has chosen: the picture is the worker's own again. Without a choice nothing changes.",
    params(
        ("key" = String, Path, description = "The key, as for `GET /api/videos/{key}`", example = "uploads/a/b.mp4"),
        ("n" = String, Path, description = "The number of the picture, from 1, or `cover`", example = "2", pattern = "^([1-9][0-9]?|cover)$"),
    ),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The video with the worker's picture", body = api::Video),
        (status = 400, description = "Invalid key", body = api::Problem, content_type = "application/problem+json"),
        (status = 404, description = "The video or the picture does not exist, or is not made yet", body = api::Problem, content_type = "application/problem+json"),
        (status = 405, description = "No picture is called so", body = api::Problem, content_type = "application/problem+json"),
        (status = 409, description = "The video was overwritten and its pictures are not made anew yet, or someone else chose meanwhile", body = api::Problem, content_type = "application/problem+json"),
        (status = 422, description = "The file costs too much to read", body = api::Problem, content_type = "application/problem+json"),
        Refused,
        (status = 502, description = "The bucket or the queue refuses", body = api::Problem, content_type = "application/problem+json"),
        (status = 503, description = "Temporarily unavailable", body = api::Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn undo(
    State(app): State<App>,
    Picture { key, name }: Picture,
) -> Audited<api::Video> {
    let about = format!("picture {name} of {key}");
    let wish = Wish {
        key,
        name,
        choice: None,
    };
    grant(app, wish, About::act(ActKind::Undo, about)).await
}

/// Replaces a picture to the end, whether or not the client waits for it.
async fn grant(app: App, wish: Wish, about: About) -> Audited<api::Video> {
    let (actions, watch) = (app.actions.clone(), app.watch.clone());
    let task = app.service.tasks.spawn(async move {
        let written = Box::pin(actions.choices.grant(&wish, &actions.ondemand)).await?;
        watch.rewritten(&written.key, &written).await;
        Ok::<_, Problem>(watch.video(&written.manifest).await?)
    });
    let video = task.await.unwrap_or_else(|error| {
        tracing::error!(%error, "a choice broke");
        Err(Problem::internal(
            "the choice broke; the API's log has the reason",
        ))
    })?;
    Ok((Extension(about), Json(video)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_a_video_and_a_picture() {
        assert_eq!(
            split("uploads/thumbnails/1/a b.mp4/thumbnails/2"),
            Some(("uploads/thumbnails/1/a b.mp4", PictureName::Number(2)))
        );
        let cover = split("thumbnails/a/thumbnails/cover");
        assert_eq!(cover, Some(("thumbnails/a", PictureName::Cover)));
        for path in [
            "uploads/a.mp4",
            "uploads/a.mp4/thumbnails/0",
            "thumbnails/2",
        ] {
            assert!(split(path).is_none(), "{path}");
        }
    }
}
