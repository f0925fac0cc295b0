//! The AWS SDK's configuration, and its errors on one line.

use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig, timeout::TimeoutConfig};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use crate::causes;

/// The configuration of all clients. Credentials, and region and endpoint where they are not given,
/// come from the SDK's own search; nothing is sent yet.
///
/// `attempt_timeout` is the longest that one try of a request may take.
pub async fn config(
    region: Option<&str>,
    endpoint_url: Option<&str>,
    attempt_timeout: Duration,
) -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(attempt_timeout)
        .build();
    let mut loader = aws_config::defaults(BehaviorVersion::latest()).timeout_config(timeouts);
    if let Some(region) = region.filter(|region| !region.is_empty()) {
        loader = loader.region(Region::new(region.to_owned()));
    }
    if let Some(url) = endpoint_url {
        loader = loader.endpoint_url(url);
    }
    loader.load().await
}

/// The configuration of an S3 client.
#[must_use]
pub fn s3_config(shared: &SdkConfig) -> aws_sdk_s3::config::Builder {
    // Stores other than AWS rarely have a host name a bucket.
    let path_style =
        shared.endpoint_url().is_some() || std::env::var_os("AWS_ENDPOINT_URL_S3").is_some();
    aws_sdk_s3::config::Builder::from(shared).force_path_style(path_style)
}

/// The HTTP status of an answer that is an error.
pub fn status<E>(error: &SdkError<E>) -> Option<u16> {
    error.raw_response().map(|raw| raw.status().as_u16())
}

/// What an SDK error says, on one line: the service's code and message, or the chain of causes.
pub fn reason<E, R>(error: &SdkError<E, R>) -> String
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
{
    if let (Some(code), message) = (error.code(), error.message()) {
        return message.map_or_else(|| code.to_owned(), |message| format!("{code}: {message}"));
    }
    causes(error)
}

/// What anyone may be told of an SDK error: the service's code, or how far the request came.
/// Messages name accounts, roles and hosts.
pub fn kind<E, R>(error: &SdkError<E, R>) -> String
where
    E: ProvideErrorMetadata,
{
    let words = match error {
        SdkError::TimeoutError(_) => "no answer in time",
        SdkError::DispatchFailure(_) => "no connection",
        SdkError::ConstructionFailure(_) => "the request cannot be made",
        _ => match error.code() {
            Some(code) => return code.to_owned(),
            None => "an answer that makes no sense",
        },
    };
    words.to_owned()
}
