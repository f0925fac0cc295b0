//! The AWS clients.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use service_kit::aws::Identities;
pub(crate) use service_kit::aws::{Fault, reason, status};

use crate::Config;

/// Longest time for one attempt of a request, the long poll among them.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);

pub(crate) struct Clients {
    /// The credentials of all clients.
    pub(crate) identities: Identities,
    pub(crate) sqs: aws_sdk_sqs::Client,
    /// For outputs.
    pub(crate) s3: aws_sdk_s3::Client,
    /// For ranges of videos. thumbcore retries those itself; the SDK's retries would multiply.
    pub(crate) s3_reads: aws_sdk_s3::Client,
}

impl Clients {
    pub(crate) async fn connect(config: &Config) -> Self {
        let identities = Identities::default();
        let shared = service_kit::aws::config(&config.pipeline, ATTEMPT_TIMEOUT, &identities).await;
        let s3 = service_kit::aws::s3_config(&shared);
        Self {
            identities,
            sqs: aws_sdk_sqs::Client::new(&shared),
            s3_reads: aws_sdk_s3::Client::from_conf(
                s3.clone().retry_config(RetryConfig::disabled()).build(),
            ),
            s3: aws_sdk_s3::Client::from_conf(s3.build()),
        }
    }
}
