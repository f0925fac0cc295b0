//! Why a video has no pictures, and whether its message is retried.

use contract::{EventError, NamingError};

use crate::store::StoreError;

/// Why a job failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// A record of an event that cannot be read.
    #[error(transparent)]
    Event(#[from] EventError),
    /// The whole message is neither an event nor the key of an upload.
    #[error(transparent)]
    Foreign(EventError),
    /// Somebody deleted the video before its message was processed.
    #[error("{key:?} is gone")]
    Gone { key: String },
    #[error("the bucket {bucket:?} does not exist")]
    NoBucket { bucket: String },
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
    /// Another worker has written the manifest since, or somebody removed it.
    #[error("the manifest {key:?} is gone, or of another version")]
    Superseded { key: String },
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

/// Whether the key that the object is encrypted with cannot be used now: S3 passes on that KMS
/// throttles, or that somebody disabled the key.
fn is_kms(error: &thumbcore::Error) -> bool {
    use thumbcore::{Error, SourceError};
    matches!(error, Error::Source(SourceError::Rejected { reason, .. }) if reason.starts_with("KMS."))
}

impl Failure {
    /// Whether another delivery of the same message may succeed.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Extract(error) => error.is_transient() || is_denied(error) || is_kms(error),
            // Wrong settings of this worker can be fixed while the message waits.
            Self::Incomplete { .. }
            | Self::Store(_)
            | Self::Contended
            | Self::Superseded { .. }
            | Self::WrongBucket { .. }
            | Self::NoBucket { .. }
            | Self::Naming(NamingError::NotAnUpload { .. }) => true,
            Self::Event(_) | Self::Foreign(_) | Self::Naming(_) | Self::Gone { .. } => false,
        }
    }

    /// Whether a retry has to wait long: a request that KMS refuses counts against its quota too,
    /// and people take time to enable a key.
    pub(crate) fn needs_long_wait(&self) -> bool {
        matches!(self, Self::Extract(error) if is_kms(error))
    }

    /// Whether the source said that there is no such object.
    pub(crate) fn is_not_found(&self) -> bool {
        use thumbcore::{Error, SourceError};
        matches!(
            self,
            Self::Extract(Error::Source(SourceError::NotFound { .. }))
        )
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
            Self::Event(_) | Self::Foreign(_) => "event",
            Self::Gone { .. } => "gone",
            Self::NoBucket { .. } => "no_bucket",
            Self::Naming(_) => "naming",
            Self::WrongBucket { .. } => "wrong_bucket",
            Self::Extract(error) => error.kind(),
            Self::Incomplete { .. } => "incomplete",
            Self::Store(_) => "store",
            Self::Contended => "contended",
            Self::Superseded { .. } => "superseded",
        }
    }
}

/// The failures of one message, in the order of its records.
#[derive(Debug, Default)]
pub(crate) struct Failures(Vec<Failure>);

impl Failures {
    pub(crate) fn push(&mut self, failure: Failure) {
        self.0.push(failure);
    }

    /// The failure that decides about the message: the first transient one, else the first one. A
    /// message comes again as a whole, so one record that a retry may help is enough.
    pub(crate) fn decisive(&self) -> Option<&Failure> {
        let transient = self.0.iter().find(|failure| failure.is_transient());
        transient.or(self.0.first())
    }

    /// Whether the message as a whole is foreign.
    pub(crate) fn is_foreign(&self) -> bool {
        matches!(self.0[..], [Failure::Foreign(_)])
    }

    /// Each failure with its causes, on one line.
    pub(crate) fn reasons(&self) -> String {
        let reasons: Vec<_> = self.0.iter().map(|f| service_kit::causes(f)).collect();
        reasons.join("; ")
    }
}

#[cfg(test)]
mod tests {
    use thumbcore::SourceError;

    use super::*;

    fn rejected(reason: &str) -> Failure {
        SourceError::rejected("s3://b/k", reason).into()
    }

    #[test]
    fn keys_that_cannot_be_used_now_are_waited_for() {
        for reason in [
            "KMS.ThrottlingException: rate exceeded",
            "KMS.DisabledException: arn:aws:kms:… is disabled.",
            "KMS.KMSInvalidStateException: pending deletion",
        ] {
            let failure = rejected(reason);
            assert!(
                failure.is_transient() && failure.needs_long_wait(),
                "{reason}"
            );
        }
        let archived = rejected("the object is archived");
        assert!(!archived.is_transient() && !archived.needs_long_wait());
    }

    #[test]
    fn the_first_transient_failure_decides_and_all_are_named() {
        let mut failures = Failures::default();
        assert!(failures.decisive().is_none());
        failures.push(rejected("one"));
        failures.push(SourceError::unavailable("s3://b/k", "two").into());
        failures.push(rejected("three"));
        assert!(failures.decisive().is_some_and(Failure::is_transient));
        let reasons = failures.reasons();
        for reason in ["one", "two", "three"] {
            assert!(reasons.contains(reason), "{reasons}");
        }
    }
}
