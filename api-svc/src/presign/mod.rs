//! Presigned URLs, and when they end.
//!
//! S3 refuses a presigned URL once the session token that signed it has expired, whatever expiry
//! the URL names. A [`Session`] knows the end of its credentials, so every URL comes with the time
//! at which it really ends.

mod session;
mod thumbnails;

pub(crate) use self::{
    session::{Session, Sessions},
    thumbnails::{Signable, Signed, ThumbnailUrls},
};

/// Why a URL cannot be signed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("cannot sign a URL: {reason}")]
pub(crate) struct PresignError {
    reason: String,
}

impl PresignError {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
        }
    }
}

#[cfg(test)]
mod tests;
