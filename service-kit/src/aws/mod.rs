//! The AWS SDK's configuration, conditional writes, and why requests fail.

mod fault;
mod identities;

use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig, timeout::TimeoutConfig};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

pub use self::{fault::Fault, identities::Identities};
use crate::{causes, settings::PipelineArgs};

/// The configuration of all clients. Credentials, and a region or an endpoint that the settings
/// leave out, come from the SDK's own search; the credentials are kept in `identities`. Nothing is
/// sent yet.
///
/// One attempt at a request may take `attempt_timeout`; the SDK makes up to three.
pub async fn config(
    settings: &PipelineArgs,
    attempt_timeout: Duration,
    identities: &Identities,
) -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(attempt_timeout)
        .build();
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .timeout_config(timeouts)
        .identity_cache(identities.clone());
    if let Some(region) = settings
        .aws_region
        .as_deref()
        .filter(|name| !name.is_empty())
    {
        loader = loader.region(Region::new(region.to_owned()));
    }
    if let Some(url) = &settings.aws_endpoint_url {
        loader = loader.endpoint_url(url);
    }
    loader.load().await
}

/// The configuration of an S3 client.
#[must_use]
pub fn s3_config(shared: &SdkConfig) -> aws_sdk_s3::config::Builder {
    // Other stores than AWS rarely have a host name for each bucket.
    let path_style =
        shared.endpoint_url().is_some() || std::env::var_os("AWS_ENDPOINT_URL_S3").is_some();
    aws_sdk_s3::config::Builder::from(shared).force_path_style(path_style)
}

/// What a conditional write did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// The key was free, and the object is there.
    Yes,
    /// The key holds an object, or another write to the key is under way. Nothing was written.
    Taken,
}

/// Sends a write that carries `If-None-Match: *` and tells whether the key was free.
///
/// Works for `PutObject`, `CopyObject` and `CompleteMultipartUpload`. For a copy with
/// `copy_source_if_match`, [`Written::Taken`] may also mean that the source has changed: S3 answers
/// both with 412.
///
/// ```
/// # use service_kit::aws::{Written, put_if_absent};
/// # async fn example(client: aws_sdk_s3::Client) -> Result<(), aws_sdk_s3::Error> {
/// let put = client.put_object().bucket("b").key("k").if_none_match("*");
/// if put_if_absent(put.send()).await? == Written::Taken {
///     println!("k exists");
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Every other error of the request.
pub async fn put_if_absent<T, E>(
    sent: impl Future<Output = Result<T, SdkError<E>>>,
) -> Result<Written, SdkError<E>> {
    match sent.await {
        Ok(_) => Ok(Written::Yes),
        // 412: the key holds an object. 409: another write to the key is under way.
        Err(error) if matches!(status(&error), Some(409 | 412)) => Ok(Written::Taken),
        Err(error) => Err(error),
    }
}

/// Sends a write that carries `If-Match`, or `If-None-Match: *` where the key held no object, and
/// gives its answer; `None` where the key holds another object by now, or none, or another write to
/// it is under way.
///
/// # Errors
/// Every other error of the request.
pub async fn put_if_unchanged<T, E>(
    sent: impl Future<Output = Result<T, SdkError<E>>>,
) -> Result<Option<T>, SdkError<E>> {
    match sent.await {
        Ok(answer) => Ok(Some(answer)),
        // 404: the object is gone, as after a purge.
        Err(error) if matches!(status(&error), Some(404 | 409 | 412)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The HTTP status of the answer behind an error; `None` where no answer came.
pub fn status<E>(error: &SdkError<E>) -> Option<u16> {
    error.raw_response().map(|raw| raw.status().as_u16())
}

/// An SDK error on one line: the service's code and message, or the chain of causes. For logs only:
/// messages name accounts, roles and hosts.
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

/// The part of an SDK error that a client may see: the class of the fault, and the service's code.
pub fn kind<E>(error: &SdkError<E>) -> String
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let words = Fault::of(error).words();
    match error.code() {
        Some(code) => format!("{words}: {code}"),
        None => words.to_owned(),
    }
}
