//! The bucket: what the outputs need of S3.

use std::collections::HashMap;

use anyhow::bail;
use aws_sdk_s3::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    primitives::ByteStream,
};
use contract::metadata;

use crate::{
    Config,
    aws::{reason, status},
};

#[derive(Debug, Clone)]
pub(crate) struct Store {
    client: Client,
    bucket: String,
}

/// An object to write.
#[derive(Debug, Clone)]
pub(crate) struct Object {
    pub(crate) key: String,
    pub(crate) body: bytes::Bytes,
    pub(crate) content_type: &'static str,
    pub(crate) cache_control: &'static str,
    pub(crate) metadata: HashMap<String, String>,
}

/// What a conditional write did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    Yes,
    /// There is an object, or one is being written.
    Taken,
}

/// What `HEAD` tells of an object.
#[derive(Debug)]
pub(crate) struct Head {
    /// Without quotes.
    pub(crate) etag: String,
    pub(crate) metadata: HashMap<String, String>,
}

/// S3 did not do what it was asked. That is never the video's fault, so a retry may help.
#[derive(Debug, thiserror::Error)]
#[error("{operation} of {key:?}: {reason}")]
pub(crate) struct StoreError {
    operation: &'static str,
    key: String,
    reason: String,
}

impl Store {
    /// Finds the bucket.
    pub(crate) async fn connect(client: Client, config: &Config) -> anyhow::Result<Self> {
        let bucket = config.s3_bucket.clone();
        if let Err(error) = client.head_bucket().bucket(&bucket).send().await {
            match error.raw_response().map(|raw| raw.status().as_u16()) {
                Some(404) => bail!("S3_BUCKET: there is no bucket {bucket:?}"),
                Some(301) => bail!("S3_BUCKET: {bucket:?} is in another region than AWS_REGION"),
                // A role may lack s3:ListBucket on the bucket and still do all the work.
                Some(403) => tracing::warn!(bucket, "S3_BUCKET: access to the bucket is denied"),
                _ => bail!("S3_BUCKET: cannot use {bucket:?}: {}", reason(&error)),
            }
        }
        Ok(Self { client, bucket })
    }

    pub(crate) fn bucket(&self) -> &str {
        &self.bucket
    }

    /// `None` if there is no such object.
    pub(crate) async fn head(&self, key: &str) -> Result<Option<Head>, StoreError> {
        let request = self.client.head_object().bucket(&self.bucket).key(key);
        match request.send().await {
            Ok(head) => Ok(Some(Head {
                etag: metadata::bare_etag(head.e_tag().unwrap_or_default()).to_owned(),
                metadata: head.metadata.unwrap_or_default(),
            })),
            Err(error) if status(&error) == Some(404) => Ok(None),
            Err(error) if status(&error) == Some(403) => Err(StoreError {
                operation: "HEAD",
                key: key.to_owned(),
                reason: "denied; it needs s3:GetObject, and s3:ListBucket to tell a missing \
                         object from a forbidden one"
                    .to_owned(),
            }),
            Err(error) => Err(store_error("HEAD", key, &error)),
        }
    }

    /// Writes an object, whatever is there.
    pub(crate) async fn put(&self, object: Object) -> Result<(), StoreError> {
        self.write(object, false).await.map(|_| ())
    }

    /// Writes an object if there is none of that key.
    pub(crate) async fn put_new(&self, object: Object) -> Result<Written, StoreError> {
        self.write(object, true).await
    }

    async fn write(&self, object: Object, only_new: bool) -> Result<Written, StoreError> {
        let sent = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(&object.key)
            .body(ByteStream::from(object.body))
            .content_type(object.content_type)
            .cache_control(object.cache_control)
            .set_metadata(Some(object.metadata))
            .set_if_none_match(only_new.then(|| "*".to_owned()))
            .send()
            .await;
        match sent {
            Ok(_) => Ok(Written::Yes),
            // 412: there is one. 409: another write is under way.
            Err(error) if only_new && matches!(status(&error), Some(409 | 412)) => {
                Ok(Written::Taken)
            }
            Err(error) => Err(store_error("PUT", &object.key, &error)),
        }
    }
}

fn store_error<E>(operation: &'static str, key: &str, error: &SdkError<E>) -> StoreError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    StoreError {
        operation,
        key: key.to_owned(),
        reason: reason(error),
    }
}
