//! The bucket: the S3 operations that outputs need.

use std::collections::HashMap;

use anyhow::bail;
use aws_sdk_s3::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    operation::put_object::builders::PutObjectFluentBuilder,
    primitives::ByteStream,
};
use contract::metadata;
use service_kit::aws::{Written, put_if_absent, put_if_unchanged};

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

/// An object's `HEAD`.
#[derive(Debug)]
pub(crate) struct Head {
    /// Without quotes.
    pub(crate) etag: String,
    pub(crate) metadata: HashMap<String, String>,
}

/// An object that was read.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) body: bytes::Bytes,
    /// As S3 has it.
    pub(crate) etag: String,
    pub(crate) metadata: HashMap<String, String>,
}

/// An S3 operation failed. The video is never the reason, so a retry may help.
#[derive(Debug, thiserror::Error)]
#[error("{operation} of {key:?}: {reason}")]
pub(crate) struct StoreError {
    operation: &'static str,
    key: String,
    reason: String,
}

impl Store {
    /// Checks that the bucket exists and can be used.
    pub(crate) async fn connect(client: Client, config: &Config) -> anyhow::Result<Self> {
        let bucket = config.pipeline.s3_bucket.clone();
        if let Err(error) = client.head_bucket().bucket(&bucket).send().await {
            match status(&error) {
                Some(404) => bail!("S3_BUCKET: no bucket {bucket:?} exists"),
                Some(301) => bail!("S3_BUCKET: {bucket:?} is in another region than AWS_REGION"),
                // A role without s3:ListBucket can still do all of the work.
                Some(403) => tracing::warn!(bucket, "S3_BUCKET: access to the bucket is denied"),
                _ => bail!("S3_BUCKET: cannot use {bucket:?}: {}", reason(&error)),
            }
        }
        Ok(Self { client, bucket })
    }

    pub(crate) fn bucket(&self) -> &str {
        &self.bucket
    }

    /// Whether the bucket is there still.
    pub(crate) async fn bucket_exists(&self) -> Result<bool, StoreError> {
        match self.client.head_bucket().bucket(&self.bucket).send().await {
            Ok(_) => Ok(true),
            Err(error) if status(&error) == Some(404) => Ok(false),
            // A role without s3:ListBucket may not ask; there is a bucket to refuse it.
            Err(error) if status(&error) == Some(403) => Ok(true),
            Err(error) => Err(store_error("HEAD", "", &error)),
        }
    }

    /// `None` if the key holds no object.
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
                reason: "access denied: the worker needs s3:GetObject, and s3:ListBucket so that \
                         S3 reports a missing object as missing"
                    .to_owned(),
            }),
            Err(error) => Err(store_error("HEAD", key, &error)),
        }
    }

    /// Reads an object whole, one that a worker has written; `None` if the key holds none.
    pub(crate) async fn get(&self, key: &str) -> Result<Option<Found>, StoreError> {
        let request = self.client.get_object().bucket(&self.bucket).key(key);
        let object = match request.send().await {
            Ok(object) => object,
            Err(error) if status(&error) == Some(404) => return Ok(None),
            Err(error) => return Err(store_error("GET", key, &error)),
        };
        match object.body.collect().await {
            Ok(body) => Ok(Some(Found {
                body: body.into_bytes(),
                etag: object.e_tag.unwrap_or_default(),
                metadata: object.metadata.unwrap_or_default(),
            })),
            Err(error) => Err(StoreError {
                operation: "GET",
                key: key.to_owned(),
                reason: error.to_string(),
            }),
        }
    }

    /// Writes an object; one that the key holds is replaced.
    pub(crate) async fn put(&self, object: Object) -> Result<(), StoreError> {
        let key = object.key.clone();
        match self.request(object).send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(store_error("PUT", &key, &error)),
        }
    }

    /// Writes an object if the key holds none.
    pub(crate) async fn put_if_absent(&self, object: Object) -> Result<Written, StoreError> {
        let key = object.key.clone();
        let put = self.request(object).if_none_match("*");
        Box::pin(put_if_absent(put.send()))
            .await
            .map_err(|error| store_error("PUT", &key, &error))
    }

    /// Writes an object if the key holds the one with this `ETag`, or none where there is no
    /// `ETag`; whether it did.
    pub(crate) async fn put_if_unchanged(
        &self,
        object: Object,
        etag: Option<&str>,
    ) -> Result<bool, StoreError> {
        let key = object.key.clone();
        let put = self.request(object);
        let put = match etag {
            Some(etag) => put.if_match(etag),
            None => put.if_none_match("*"),
        };
        match Box::pin(put_if_unchanged(put.send())).await {
            Ok(written) => Ok(written.is_some()),
            Err(error) => Err(store_error("PUT", &key, &error)),
        }
    }

    fn request(&self, object: Object) -> PutObjectFluentBuilder {
        self.client
            .put_object()
            .bucket(&self.bucket)
            .key(object.key)
            .body(ByteStream::from(object.body))
            .content_type(object.content_type)
            .cache_control(object.cache_control)
            .set_metadata(Some(object.metadata))
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
