//! Why a video got no pictures, and what that means for its message.

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
    #[error("other workers keep taking the names of its outputs")]
    Contended,
}

impl From<thumbcore::SourceError> for Failure {
    fn from(error: thumbcore::SourceError) -> Self {
        Self::Extract(error.into())
    }
}

/// What is denied is the deployment's fault, not the video's: it comes right with the policy.
fn is_denied(error: &thumbcore::Error) -> bool {
    use thumbcore::{Error, SourceError};
    matches!(error, Error::Source(SourceError::Denied { .. }))
}

impl Failure {
    /// Whether another delivery of the same message may succeed.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Extract(error) => error.is_transient() || is_denied(error),
            // A wrong setting of this worker is mended without touching the message.
            Self::Incomplete { .. }
            | Self::Store(_)
            | Self::Contended
            | Self::WrongBucket { .. }
            | Self::Naming(NamingError::NotAnUpload { .. }) => true,
            // A missing object is permanent: S3 is consistent, so it was deleted. Its message goes
            // the way of all failures rather than being dropped, as nothing says that the video
            // was meant to go.
            Self::Event(_) | Self::Naming(_) => false,
        }
    }

    /// Whether the video was overwritten while it was read: starting afresh reads the new one.
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
