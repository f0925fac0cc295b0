//! Why there is no picture.

use thumbcore::{Error, SourceError};

use super::request::RequestError;
use crate::aws::AwsError;

/// Why a picture cannot be made.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum PictureError {
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error("there is no video {key:?}")]
    NotFound { key: String },
    /// The video was overwritten while it was read, in every attempt.
    #[error("the video is being overwritten")]
    Changed,
    #[error("too many pictures are being made")]
    Busy,
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// The video's bytes make no picture, or too costly a one.
    #[error(transparent)]
    Video(Error),
    /// The bucket denies the video, or rejects the request: the deployment is at fault.
    #[error("the video cannot be read; the API's log has the reason")]
    Unreadable(#[source] SourceError),
    #[error("the video cannot be read now")]
    Transient(#[source] Error),
    #[error("the picture cannot be made; the API's log has the reason")]
    Internal(#[source] Error),
}

impl PictureError {
    /// What an error of thumbcore about the video `key` means to the client.
    pub(crate) fn of_video(key: &str, error: Error) -> Self {
        match error {
            Error::Source(SourceError::Changed { .. }) => Self::Changed,
            Error::Source(SourceError::NotFound { .. }) => Self::NotFound {
                key: key.to_owned(),
            },
            Error::Source(source @ (SourceError::Denied { .. } | SourceError::Rejected { .. })) => {
                Self::Unreadable(source)
            }
            error if error.is_transient() => Self::Transient(error),
            error @ (Error::Limit(_)
            | Error::Unsupported { .. }
            | Error::Corrupt { .. }
            | Error::NoVideo { .. }
            | Error::Crashed { .. }) => Self::Video(error),
            error => Self::Internal(error),
        }
    }
}
