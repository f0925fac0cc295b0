//! What each error of the layers below means to a client, all in one place.

use axum::http::StatusCode;

use super::Problem;
use crate::{
    access::Refusal,
    actions::{
        choices::ChoiceError,
        failures::FailuresError,
        ondemand::{PictureError, RequestError},
        originals::OriginalError,
        samples::SamplesError,
        uploads::UploadError,
    },
    aws::AwsError,
    index::QueryError,
    manifests::ManifestError,
    presign::PresignError,
    shared::SharedError,
    storyboards::StoryboardError,
    watch::VideoError,
};

impl From<AwsError> for Problem {
    fn from(error: AwsError) -> Self {
        match &error {
            AwsError::Busy { .. } => Self::unavailable(error.to_string()),
            AwsError::Refused { .. } => Self::bad_gateway(error.to_string()),
        }
    }
}

impl From<PresignError> for Problem {
    fn from(error: PresignError) -> Self {
        Self::bad_gateway(error.to_string())
    }
}

impl From<ManifestError> for Problem {
    fn from(error: ManifestError) -> Self {
        Self::bad_gateway(error.to_string())
    }
}

impl From<VideoError> for Problem {
    fn from(error: VideoError) -> Self {
        match error {
            VideoError::ForeignKeys { .. } => Self::bad_gateway(error.to_string()),
            VideoError::Storyboard(error) => error.into(),
            VideoError::Presign(error) => error.into(),
        }
    }
}

impl From<StoryboardError> for Problem {
    fn from(error: StoryboardError) -> Self {
        let detail = error.to_string();
        match error {
            StoryboardError::None { .. } => Self::not_found(detail),
            StoryboardError::TooMany { .. } => Self::unprocessable(detail),
            StoryboardError::Invalid { .. } => Self::bad_gateway(detail),
            StoryboardError::Read { source, .. } => source.into(),
        }
    }
}

impl From<QueryError> for Problem {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Limit { .. } | QueryError::Prefix | QueryError::Search => {
                Self::bad_request(error.to_string())
            }
            QueryError::Cursor => Self::not_found(error.to_string()),
        }
    }
}

impl From<SharedError> for Problem {
    fn from(error: SharedError) -> Self {
        match error {
            SharedError::Occupied => Self::conflict(error.to_string()),
            SharedError::Contended | SharedError::Broken => Self::unavailable(error.to_string()),
            SharedError::Aws(error) => error.into(),
        }
    }
}

impl From<ChoiceError> for Problem {
    fn from(error: ChoiceError) -> Self {
        let detail = error.to_string();
        match error {
            ChoiceError::NoVideo { .. } | ChoiceError::NoPicture { .. } => Self::not_found(detail),
            ChoiceError::Time { .. } => Self::unprocessable(detail),
            ChoiceError::Outdated | ChoiceError::Overtaken => Self::conflict(detail),
            ChoiceError::Contended => Self::unavailable(detail),
            ChoiceError::Picture(error) => error.into(),
            ChoiceError::Manifest(error) => error.into(),
            ChoiceError::Aws(error) => error.into(),
        }
    }
}

impl From<SamplesError> for Problem {
    fn from(error: SamplesError) -> Self {
        match error {
            SamplesError::NoBucket => Self::conflict(error.to_string()),
            SamplesError::Aws(error) => error.into(),
        }
    }
}

impl From<FailuresError> for Problem {
    fn from(error: FailuresError) -> Self {
        match error {
            FailuresError::NoQueue => Self::conflict(error.to_string()),
            FailuresError::TooManyIds => Self::unprocessable(error.to_string()),
            FailuresError::Redriving => Self::unavailable(error.to_string()),
            FailuresError::Aws(error) => error.into(),
        }
    }
}

impl From<UploadError> for Problem {
    fn from(error: UploadError) -> Self {
        match error {
            UploadError::Field { .. } => Self::unprocessable(error.to_string()),
            UploadError::TooLarge { .. } => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, error.to_string())
            }
            UploadError::Taken { .. } | UploadError::NotArrived => {
                Self::conflict(error.to_string())
            }
            UploadError::NoUpload => Self::not_found(error.to_string()),
            UploadError::Presign(error) => error.into(),
            UploadError::Aws(error) => error.into(),
        }
    }
}

impl From<OriginalError> for Problem {
    fn from(error: OriginalError) -> Self {
        match error {
            OriginalError::Key(error) => Self::bad_request(error.to_string()),
            OriginalError::NoVideo { .. } => Self::not_found(error.to_string()),
            OriginalError::Presign(error) => error.into(),
            OriginalError::Aws(error) => error.into(),
        }
    }
}

impl From<RequestError> for Problem {
    fn from(error: RequestError) -> Self {
        Self::bad_request(error.to_string())
    }
}

impl From<PictureError> for Problem {
    fn from(error: PictureError) -> Self {
        let detail = error.to_string();
        match error {
            PictureError::Request(error) => error.into(),
            PictureError::NotFound { .. } => Self::not_found(detail),
            PictureError::Changed | PictureError::Busy | PictureError::Transient(_) => {
                Self::unavailable(detail)
            }
            PictureError::Video(_) => Self::unprocessable(detail),
            PictureError::Unreadable(_) => Self::bad_gateway(detail),
            PictureError::Internal(_) => Self::internal(detail),
            PictureError::Aws(error) => error.into(),
        }
    }
}

impl From<&Refusal> for Problem {
    fn from(refusal: &Refusal) -> Self {
        let detail = refusal.to_string();
        match refusal {
            Refusal::Missing | Refusal::Bad(_) => Self::new(StatusCode::UNAUTHORIZED, detail),
            Refusal::Forbidden(_) => Self::new(StatusCode::FORBIDDEN, detail),
            Refusal::Unavailable => Self::unavailable(detail),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use thumbcore::{Error, LimitError, SourceError};

    use super::*;

    #[test]
    fn errors_tell_whose_fault_it_is() {
        let name = || "s3://b/k".to_owned();
        let reason = || "r".to_owned();
        let time = Duration::from_secs(1);
        for (error, status) in [
            (Error::NoVideo { reason: reason() }, 422),
            (Error::Corrupt { reason: reason() }, 422),
            (
                Error::Unsupported {
                    what: "codec",
                    name: name(),
                },
                422,
            ),
            (LimitError::Packets { limit: 1 }.into(), 422),
            (
                LimitError::Time {
                    spent: time,
                    limit: time,
                }
                .into(),
                503,
            ),
            (SourceError::not_found(name()).into(), 404),
            (SourceError::denied(name(), reason()).into(), 502),
            (SourceError::unavailable(name(), reason()).into(), 503),
            (SourceError::changed(name()).into(), 503),
        ] {
            let told = error.to_string();
            let problem = Problem::from(PictureError::of_video("uploads/a.mp4", error));
            assert_eq!(problem.status.as_u16(), status, "{told}");
        }
    }
}
