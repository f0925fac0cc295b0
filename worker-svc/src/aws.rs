//! The AWS clients.

use std::time::Duration;

use aws_config::{BehaviorVersion, Region, retry::RetryConfig, timeout::TimeoutConfig};

use crate::Config;

/// Longest one try of a request may take: the long poll's 20 s and some.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);

pub(crate) struct Clients {
    pub(crate) sqs: aws_sdk_sqs::Client,
    /// For outputs.
    pub(crate) s3: aws_sdk_s3::Client,
    /// For ranges of videos. thumbcore retries those itself; the SDK's retries would multiply.
    pub(crate) s3_reads: aws_sdk_s3::Client,
}

impl Clients {
    /// Credentials, region and endpoint come from the SDK's own search; nothing is sent yet.
    pub(crate) async fn connect(config: &Config) -> Self {
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .build();
        let mut loader = aws_config::defaults(BehaviorVersion::latest()).timeout_config(timeouts);
        if let Some(region) = config
            .aws_region
            .clone()
            .filter(|region| !region.is_empty())
        {
            loader = loader.region(Region::new(region));
        }
        if let Some(url) = &config.aws_endpoint_url {
            loader = loader.endpoint_url(url);
        }
        let shared = loader.load().await;
        // Stores other than AWS rarely have a host name a bucket.
        let path_style =
            shared.endpoint_url().is_some() || std::env::var_os("AWS_ENDPOINT_URL_S3").is_some();
        let s3 = aws_sdk_s3::config::Builder::from(&shared).force_path_style(path_style);
        Self {
            sqs: aws_sdk_sqs::Client::new(&shared),
            s3_reads: aws_sdk_s3::Client::from_conf(
                s3.clone().retry_config(RetryConfig::disabled()).build(),
            ),
            s3: aws_sdk_s3::Client::from_conf(s3.build()),
        }
    }
}

/// What an SDK error says, on one line: the service's code and message, or the chain of causes.
pub(crate) fn reason<E, R>(error: &aws_sdk_s3::error::SdkError<E, R>) -> String
where
    E: aws_sdk_s3::error::ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
{
    use aws_sdk_s3::error::ProvideErrorMetadata as _;
    if let (Some(code), message) = (error.code(), error.message()) {
        return message.map_or_else(|| code.to_owned(), |message| format!("{code}: {message}"));
    }
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
