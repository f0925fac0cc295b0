//! The AWS clients.

use std::time::Duration;

use aws_sdk_s3::{
    config::{self, timeout::TimeoutConfig},
    error::{ProvideErrorMetadata, SdkError},
};
use service_kit::aws::kind;
pub(crate) use service_kit::aws::{reason, status};

use crate::Config;

/// Longest one try of a request may take. None of the requests is a long poll.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);

/// The same for a request that S3 answers only once it has copied or joined gigabytes, which takes
/// it minutes.
const LONG_ATTEMPT_TIMEOUT: Duration = Duration::from_mins(15);

/// What makes a request wait for as long as S3 may take to copy or join an object.
pub(crate) fn unhurried() -> config::Builder {
    let timeouts = TimeoutConfig::builder().operation_attempt_timeout(LONG_ATTEMPT_TIMEOUT);
    config::Builder::default().timeout_config(timeouts.build())
}

/// What to tell whoever asks of an error of AWS; the log gets the details.
pub(crate) fn told<E, R>(operation: &'static str, error: &SdkError<E, R>) -> String
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
{
    tracing::warn!(operation, error = reason(error), "AWS refused");
    kind(error)
}

pub(crate) struct Clients {
    pub(crate) s3: aws_sdk_s3::Client,
    pub(crate) sqs: aws_sdk_sqs::Client,
}

impl Clients {
    pub(crate) async fn connect(config: &Config) -> Self {
        let shared = service_kit::aws::config(
            config.aws_region.as_deref(),
            config.aws_endpoint_url.as_deref(),
            ATTEMPT_TIMEOUT,
        )
        .await;
        Self {
            s3: aws_sdk_s3::Client::from_conf(service_kit::aws::s3_config(&shared).build()),
            sqs: aws_sdk_sqs::Client::new(&shared),
        }
    }
}
