//! Why a video has no pictures, and whether its message is retried.

use contract::{EventError, NamingError};

use crate::store::StoreError;

/// Why a job failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Event(#[from] EventError),
    #[error(transparent)]
    Naming(#[from] NamingError),
    #[error("the event is about bucket {named:?}, and S3_BUCKET is {configured:?}")]
    WrongBucket { named: String, configured: String },
    #[error(transparent)]
    Extract(#[from] thumbcore::Error),
    #[error("{got} of {wanted} pictures")]
    Incomplete { got: usize, wanted: usize },
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("other workers kept claiming the names of its outputs")]
    Contended,
}

impl From<thumbcore::SourceError> for Failure {
    fn from(error: thumbcore::SourceError) -> Self {
        Self::Extract(error.into())
    }
}

/// Denied access is a fault of the deployment, not of the video: fixing the policy fixes it.
fn is_denied(error: &thumbcore::Error) -> bool {
    use thumbcore::{Error, SourceError};
    matches!(error, Error::Source(SourceError::Denied { .. }))
}

impl Failure {
    /// Whether another delivery of the same message may succeed.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Extract(error) => error.is_transient() || is_denied(error),
            // Wrong settings of this worker can be fixed while the message waits.
            Self::Incomplete { .. }
            | Self::Store(_)
            | Self::Contended
            | Self::WrongBucket { .. }
            | Self::Naming(NamingError::NotAnUpload { .. }) => true,
            // A missing object is permanent: S3 is consistent, so somebody deleted it. Its message
            // goes to the dead-letter queue instead of being dropped, because the deletion may have
            // been a mistake.
            Self::Event(_) | Self::Naming(_) => false,
        }
    }

    /// Whether the video was overwritten while it was read. Starting afresh reads the new version.
    pub(crate) fn is_changed(&self) -> bool {
        matches!(
            self,
            Self::Extract(thumbcore::Error::Source(
                thumbcore::SourceError::Changed { .. }
            ))
        )
    }

    /// A stable name, for metrics and for `error-kind` in the dead-letter queue.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Event(_) => "event",
            Self::Naming(_) => "naming",
            Self::WrongBucket { .. } => "wrong_bucket",
            Self::Extract(error) => error.kind(),
            Self::Incomplete { .. } => "incomplete",
            Self::Store(_) => "store",
            Self::Contended => "contended",
        }
    }
}
