//! Presigned URLs.

mod thumbnails;

pub(crate) use self::thumbnails::ThumbnailUrls;

/// Why a URL cannot be signed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("cannot sign a URL: {reason}")]
pub(crate) struct PresignError {
    reason: String,
}

impl PresignError {
    fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
        }
    }
}
