//! The AWS clients.

use std::time::Duration;

pub(crate) use service_kit::aws::{reason, status};

use crate::Config;

/// Longest one try of a request may take. None of the requests is a long poll.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);

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
