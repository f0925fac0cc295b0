//! An object in S3, or in a store that speaks its protocol.

use std::{error::Error as _, fmt, iter::successors, ops::Range};

use async_trait::async_trait;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_s3::{
    Client,
    config::{Builder, ResponseChecksumValidation},
    error::{ProvideErrorMetadata, SdkError},
    operation::get_object::GetObjectOutput,
    primitives::ByteStream,
};
use bytes::Bytes;
use futures::stream;

use super::{
    Ends, RangeSource, Stat,
    content_range::{ContentRange, Wanted},
    remote::{Body, Pin, Remote, Reply, Version, Wire},
};
use crate::{SourceError, text::shown};

/// An object in S3, read by range requests.
///
/// Length and version come from the first answer's `Content-Range` and `ETag`: no HEAD is sent.
/// Every later read carries `If-Match`, so an overwritten object is [`SourceError::Changed`] and
/// never a mix of two versions.
///
/// Timeouts and retries are the client's (`timeout_config`, `retry_config`, stalled stream
/// protection): by default the SDK tries a request three times until the answer's head has
/// arrived, and never repeats a body. Where the caller retries reads itself, as
/// thumbcore's reader does, `RetryConfig::disabled()` avoids trying nine times.
///
/// Checksum validation of answers is off: S3 knows checksums of whole objects only, and stores
/// that send those with a part make the SDK refuse sound bytes.
///
/// ```no_run
/// use thumbcore::{RangeSource, S3Source};
///
/// # async fn example(client: aws_sdk_s3::Client) -> Result<(), thumbcore::SourceError> {
/// let source = S3Source::new(client, "bucket", "uploads/clip.mp4");
/// assert_eq!(source.name(), "s3://bucket/uploads/clip.mp4");
/// let ends = source.ends(65_536, 65_536).await?;
/// # Ok(())
/// # }
/// ```
pub struct S3Source {
    remote: Remote<S3Wire>,
}

struct S3Wire {
    name: String,
    client: Client,
    bucket: String,
    key: String,
    version_id: Option<String>,
}

impl S3Source {
    /// The current version of the object `key` in `bucket`. Nothing is sent yet.
    pub fn new(client: Client, bucket: impl Into<String>, key: impl Into<String>) -> Self {
        let (bucket, key) = (bucket.into(), key.into());
        Self {
            remote: Remote::new(S3Wire {
                name: shown(&format!("s3://{bucket}/{key}")).into_owned(),
                client,
                bucket,
                key,
                version_id: None,
            }),
        }
    }

    /// Reads this version of the object (in a bucket with versioning) instead of the current one.
    #[must_use]
    pub fn version_id(mut self, version_id: impl Into<String>) -> Self {
        self.remote.wire_mut().version_id = Some(version_id.into());
        self
    }
}

#[async_trait]
impl Wire for S3Wire {
    fn name(&self) -> &str {
        &self.name
    }

    async fn get(&self, wanted: &Wanted, pinned: &Version) -> Result<Reply, SourceError> {
        let sent = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(&self.key)
            .set_version_id(self.version_id.clone())
            .range(wanted.to_string())
            .set_if_match(pinned.strong_etag().map(ToOwned::to_owned))
            .customize()
            .config_override(
                Builder::new()
                    .response_checksum_validation(ResponseChecksumValidation::WhenRequired),
            )
            .send()
            .await;
        match sent {
            Ok(object) => self.reply(object),
            Err(error) => {
                let status = error.raw_response().map(|raw| raw.status().as_u16());
                let total = error
                    .raw_response()
                    .and_then(|raw| raw.headers().get("content-range"))
                    .and_then(ContentRange::parse);
                match (status, total) {
                    (Some(416), Some(ContentRange::Unsatisfied { total })) => {
                        Ok(Reply::Unsatisfiable { total: Some(total) })
                    }
                    (Some(416), _) => Ok(Reply::Unsatisfiable { total: None }),
                    _ => Err(self.failure(error)),
                }
            }
        }
    }

    async fn head(&self) -> Result<Pin, SourceError> {
        let head = self
            .client
            .head_object()
            .bucket(&self.bucket)
            .key(&self.key)
            .set_version_id(self.version_id.clone())
            .send()
            .await
            .map_err(|error| self.failure(error))?;
        Ok(Pin {
            len: self.length(head.content_length)?,
            version: Version {
                etag: head.e_tag,
                modified: None,
            },
        })
    }
}

impl S3Wire {
    fn reply(&self, object: GetObjectOutput) -> Result<Reply, SourceError> {
        let version = Version {
            etag: object.e_tag,
            modified: None,
        };
        let body = self.body(object.body);
        let Some(range) = object.content_range else {
            return Ok(Reply::Whole {
                len: Some(self.length(object.content_length)?),
                version,
                body,
            });
        };
        match ContentRange::parse(&range) {
            Some(ContentRange::Part { range, total }) => Ok(Reply::Part {
                range,
                total,
                version,
                body,
            }),
            _ => Err(self.rejected(format!("unsound Content-Range {range:?}"))),
        }
    }

    fn length(&self, content_length: Option<i64>) -> Result<u64, SourceError> {
        content_length
            .and_then(|len| u64::try_from(len).ok())
            .ok_or_else(|| self.rejected("the store does not tell the object's length"))
    }

    fn body(&self, body: ByteStream) -> Body {
        let name = self.name.clone();
        Box::pin(stream::try_unfold(body, move |mut body| {
            let name = name.clone();
            async move {
                match body.next().await {
                    None => Ok(None),
                    Some(Ok(chunk)) => Ok(Some((chunk, body))),
                    Some(Err(error)) => {
                        Err(SourceError::io(name, "the answer broke off").caused_by(error))
                    }
                }
            }
        }))
    }

    fn failure<E>(&self, error: SdkError<E>) -> SourceError
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let name = &self.name;
        // The service's own error is not kept as a cause: what it holds of the answer may be more
        // than should be logged, and its code and message say all.
        let SdkError::ServiceError(service) = &error else {
            return self.not_answered(error);
        };
        let status = service.raw().status().as_u16();
        let code = service.err().code().unwrap_or_default();
        let message = service.err().message().unwrap_or_default();
        let reason = match (code, message) {
            ("", _) => format!("HTTP status {status}"),
            (code, "") => code.to_owned(),
            (code, message) => format!("{code}: {message}"),
        };
        match (code, status) {
            // Before 403 as a whole.
            ("InvalidObjectState", _) => self.rejected(
                "the object is archived (Glacier) and has to be restored before it can be read",
            ),
            ("NoSuchKey" | "NoSuchBucket" | "NoSuchVersion" | "NotFound", _) | (_, 404) => {
                SourceError::not_found(name)
            }
            // The version named is a delete marker.
            ("MethodNotAllowed", 405) => SourceError::not_found(name),
            ("PreconditionFailed", _) | (_, 412) => SourceError::changed(name),
            ("SlowDown" | "Throttling" | "ThrottlingException" | "RequestTimeout", _)
            | (_, 408 | 429) => SourceError::unavailable(name, reason),
            ("RequestTimeTooSkewed", _) => SourceError::denied(name, reason),
            ("ExpiredToken" | "InvalidToken" | "TokenRefreshRequired", _) | (_, 401 | 403) => {
                SourceError::denied(name, reason)
            }
            (_, 301 | 307) => {
                let region = service.raw().headers().get("x-amz-bucket-region");
                self.rejected(match region {
                    Some(region) => format!("the bucket is in region {region}"),
                    None => "the bucket is in another region".to_owned(),
                })
            }
            ("NotImplemented", _) | (_, 501 | 505) => self.rejected(reason),
            (_, 500..=599) => SourceError::unavailable(name, reason),
            _ => self.rejected(reason),
        }
    }

    /// No answer: the request could not be built, signed or sent, or what came was no answer.
    fn not_answered<E>(&self, error: SdkError<E>) -> SourceError
    where
        E: std::error::Error + Send + Sync + 'static,
    {
        let name = &self.name;
        let mut causes = successors(error.source(), |error| (*error).source());
        let credentials = causes.find_map(|cause| cause.downcast_ref::<CredentialsError>());
        let told = match (credentials, &error) {
            (
                Some(
                    CredentialsError::CredentialsNotLoaded(_)
                    | CredentialsError::InvalidConfiguration(_),
                ),
                _,
            ) => SourceError::denied(name, "no credentials"),
            (Some(_), _) => SourceError::unavailable(name, "no credentials now"),
            (None, SdkError::ConstructionFailure(_)) => self.rejected("the request cannot be made"),
            (None, SdkError::TimeoutError(_)) => SourceError::io(name, "no answer in time"),
            (None, _) => SourceError::io(name, "the request failed"),
        };
        told.caused_by(error)
    }

    fn rejected(&self, reason: impl Into<String>) -> SourceError {
        SourceError::rejected(&self.name, reason)
    }
}

impl fmt::Debug for S3Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Source")
            .field("name", &self.remote.wire().name)
            .field("version_id", &self.remote.wire().version_id)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl RangeSource for S3Source {
    fn name(&self) -> &str {
        &self.remote.wire().name
    }

    async fn stat(&self) -> Result<Stat, SourceError> {
        self.remote.stat().await
    }

    async fn read(&self, range: Range<u64>) -> Result<Bytes, SourceError> {
        self.remote.read(range).await
    }

    async fn read_if(&self, range: Range<u64>, expected: &Stat) -> Result<Bytes, SourceError> {
        self.remote.read_if(range, expected).await
    }

    async fn ends(&self, head: u64, tail: u64) -> Result<Ends, SourceError> {
        self.remote.ends(head, tail).await
    }
}
