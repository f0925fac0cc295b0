//! The AWS clients, and what the API says of their errors.

use std::{sync::Arc, time::Duration};

use aws_sdk_s3::{
    config::{self, SharedCredentialsProvider, timeout::TimeoutConfig},
    error::{ProvideErrorMetadata, SdkError},
    operation::get_object::{GetObjectError, GetObjectOutput},
};
pub(crate) use service_kit::aws::{reason, status};
use service_kit::{
    aws::{Fault, Identities, kind},
    settings::PipelineArgs,
};

/// Longest time for one attempt of a request. None of the requests is a long poll.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);

/// Longest time for one attempt of a request that S3 answers only after it copied or joined
/// gigabytes, which takes S3 minutes.
const LONG_ATTEMPT_TIMEOUT: Duration = Duration::from_mins(15);

/// Configuration of a request that waits as long as S3 may take to copy or join an object.
pub(crate) fn unhurried() -> config::Builder {
    let timeouts = TimeoutConfig::builder().operation_attempt_timeout(LONG_ATTEMPT_TIMEOUT);
    config::Builder::default().timeout_config(timeouts.build())
}

/// The object under `key`, whose body is still to be read; `None` if there is none.
pub(crate) async fn find(
    s3: &aws_sdk_s3::Client,
    (bucket, key): (&str, &str),
    operation: &'static str,
) -> Result<Option<GetObjectOutput>, AwsError> {
    match s3.get_object().bucket(bucket).key(key).send().await {
        Ok(object) => Ok(Some(object)),
        Err(error)
            if error
                .as_service_error()
                .is_some_and(GetObjectError::is_no_such_key) =>
        {
            Ok(None)
        }
        Err(error) => Err(AwsError::new(operation, error)),
    }
}

/// Why a request to AWS failed. The text is fit for every client; the details, which name accounts
/// and roles, are in the log and in [`source`](std::error::Error::source).
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum AwsError {
    /// AWS throttles, or does not answer: a retry may succeed.
    #[error("{operation} is temporarily not possible ({kind})")]
    Busy {
        operation: &'static str,
        kind: String,
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// AWS answered with an error that a retry does not change.
    #[error("{operation} failed ({kind}); the API's log has the details")]
    Refused {
        operation: &'static str,
        kind: String,
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
}

impl AwsError {
    /// Logs an error of the SDK and keeps it as the source.
    pub(crate) fn new<E>(operation: &'static str, error: SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        tracing::warn!(operation, error = reason(&error), "AWS refused");
        let kind = kind(&error);
        let is_busy = matches!(
            Fault::of(&error),
            Fault::Throttled | Fault::Timeout | Fault::Unreachable | Fault::NoCredentials
        );
        let source = Arc::new(error);
        if is_busy {
            Self::Busy {
                operation,
                kind,
                source,
            }
        } else {
            Self::Refused {
                operation,
                kind,
                source,
            }
        }
    }
}

/// The clients of one configuration.
pub(crate) struct Clients {
    pub(crate) s3: aws_sdk_s3::Client,
    pub(crate) sqs: aws_sdk_sqs::Client,
    /// Where the clients' credentials come from; `None` if the SDK found no provider.
    pub(crate) credentials: Option<SharedCredentialsProvider>,
}

impl Clients {
    /// Finds credentials, and a region and an endpoint that the settings leave out. Sends nothing
    /// yet.
    pub(crate) async fn connect(settings: &PipelineArgs) -> Self {
        let identities = Identities::default();
        let shared = service_kit::aws::config(settings, ATTEMPT_TIMEOUT, &identities).await;
        Self {
            s3: aws_sdk_s3::Client::from_conf(service_kit::aws::s3_config(&shared).build()),
            sqs: aws_sdk_sqs::Client::new(&shared),
            credentials: shared.credentials_provider(),
        }
    }
}
