//! Uploads: the browser sends a video straight to the bucket.
//!
//! The API never sees the bytes. It signs requests that can do one thing: write so many bytes under
//! one key that has no object yet, before a deadline. The length is signed, so the store refuses
//! any other. A large file goes in parts, each with its own signature, and becomes an object when
//! the client says that all parts are sent.

mod name;
mod ticket;

use std::sync::Arc;

use aws_sdk_s3::{
    Client,
    types::{CompletedMultipartUpload, CompletedPart},
};
use contract::{
    Prefixes,
    api::{CompleteUpload, UploadCompleted, UploadRequest, UploadTicket},
    metadata,
};
use service_kit::aws::{Written, put_if_absent};

pub(crate) use self::ticket::MAX_UPLOAD;
use self::{
    name::{check_name, content_type},
    ticket::MAX_SINGLE,
};
use crate::{
    aws::{AwsError, status, unhurried},
    presign::{PresignError, Sessions},
};

/// Why an upload cannot begin, end or be given up.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum UploadError {
    /// A field of the request is not acceptable.
    #[error("{field}: {reason}")]
    Field { field: &'static str, reason: String },
    #[error("size: at most {max_bytes} bytes")]
    TooLarge { max_bytes: u64 },
    #[error("there is an object {key:?} already; choose another name")]
    Taken { key: String },
    #[error("no object has arrived under this key")]
    NotArrived,
    #[error("no such upload: it was completed, was given up, or never began")]
    NoUpload,
    #[error(transparent)]
    Presign(#[from] PresignError),
    #[error(transparent)]
    Aws(#[from] AwsError),
}

impl UploadError {
    fn field(field: &'static str, reason: impl Into<String>) -> Self {
        Self::Field {
            field,
            reason: reason.into(),
        }
    }

    fn taken(key: &str) -> Self {
        Self::Taken {
            key: key.to_owned(),
        }
    }
}

/// Signs uploads.
#[derive(Debug)]
pub(crate) struct Uploads {
    client: Client,
    sessions: Arc<Sessions>,
    bucket: String,
    prefixes: Prefixes,
    max_bytes: u64,
}

impl Uploads {
    /// Signs uploads of at most `max_bytes` each.
    pub(crate) fn new(
        client: Client,
        sessions: Arc<Sessions>,
        bucket: String,
        prefixes: Prefixes,
        max_bytes: u64,
    ) -> Self {
        Self {
            client,
            sessions,
            bucket,
            prefixes,
            max_bytes,
        }
    }

    /// Signs the requests that send one video.
    pub(crate) async fn begin(&self, request: &UploadRequest) -> Result<UploadTicket, UploadError> {
        let key = self.key_of(&request.name)?;
        if request.size == 0 {
            return Err(UploadError::field("size", "the file is empty"));
        }
        if request.size > self.max_bytes {
            return Err(UploadError::TooLarge {
                max_bytes: self.max_bytes,
            });
        }
        let content_type = content_type(&key, request.content_type.as_deref())
            .map_err(|reason| UploadError::field("contentType", reason))?;
        self.must_be_free(&key).await?;
        let upload_id = match &request.upload_id {
            None if request.size > MAX_SINGLE => self.create(&key, content_type).await?,
            None => return self.single(key, request.size, content_type).await,
            Some(_) if request.size <= MAX_SINGLE => {
                let reason = "an upload of this size has no parts";
                return Err(UploadError::field("uploadId", reason));
            }
            Some(id) => id.clone(),
        };
        self.multipart(key, request.size, upload_id).await
    }

    /// Joins the parts to an object, or finds the object that was sent whole.
    pub(crate) async fn complete(
        &self,
        done: &CompleteUpload,
    ) -> Result<UploadCompleted, UploadError> {
        self.check_key(&done.key)?;
        if let Some(id) = &done.upload_id {
            self.join(done, id).await?;
        } else if !done.parts.is_empty() {
            return Err(UploadError::field("parts", "they need an uploadId"));
        }
        let head = self
            .client
            .head_object()
            .bucket(&self.bucket)
            .key(&done.key);
        match head.send().await {
            Ok(head) => Ok(UploadCompleted {
                key: done.key.clone(),
                etag: metadata::bare_etag(head.e_tag().unwrap_or_default()).to_owned(),
                size: head.content_length.unwrap_or_default().max(0) as u64,
            }),
            Err(error) if status(&error) == Some(404) => Err(UploadError::NotArrived),
            Err(error) => Err(AwsError::new("looking at the upload", error).into()),
        }
    }

    /// Discards the parts that were sent.
    pub(crate) async fn abort(&self, upload: &CompleteUpload) -> Result<(), UploadError> {
        self.check_key(&upload.key)?;
        let Some(id) = &upload.upload_id else {
            let reason = "only an upload in parts can be given up";
            return Err(UploadError::field("uploadId", reason));
        };
        let abort = self
            .client
            .abort_multipart_upload()
            .bucket(&self.bucket)
            .key(&upload.key)
            .upload_id(id);
        match abort.send().await {
            Ok(_) => Ok(()),
            Err(error) if matches!(status(&error), Some(400 | 404)) => Err(UploadError::NoUpload),
            Err(error) => Err(AwsError::new("giving up the upload", error).into()),
        }
    }

    /// The key for a name that a client chose.
    fn key_of(&self, name: &str) -> Result<String, UploadError> {
        check_name(name).map_err(|reason| UploadError::field("name", reason))?;
        let key = format!("{}{name}", self.prefixes.uploads());
        self.prefixes
            .candidates(&key)
            .map_err(|error| UploadError::field("name", error.to_string()))?;
        Ok(key)
    }

    /// Whether a key is one that [`key_of`](Self::key_of) could have made.
    fn check_key(&self, key: &str) -> Result<(), UploadError> {
        let name = key.strip_prefix(self.prefixes.uploads());
        let made = name.map(|name| self.key_of(name)).transpose()?;
        made.map(|_| ())
            .ok_or_else(|| UploadError::field("key", "not the key of an upload"))
    }

    async fn must_be_free(&self, key: &str) -> Result<(), UploadError> {
        let head = self.client.head_object().bucket(&self.bucket).key(key);
        match head.send().await {
            Ok(_) => Err(UploadError::taken(key)),
            Err(error) if status(&error) == Some(404) => Ok(()),
            Err(error) => Err(AwsError::new("looking for an object of this name", error).into()),
        }
    }

    async fn join(&self, done: &CompleteUpload, id: &str) -> Result<(), UploadError> {
        let in_order = done
            .parts
            .iter()
            .zip(1..)
            .all(|(part, number)| part.number == number);
        if done.parts.is_empty() || !in_order {
            let reason = "all parts, in order, from 1";
            return Err(UploadError::field("parts", reason));
        }
        let parts = done.parts.iter().map(|part| {
            CompletedPart::builder()
                .part_number(part.number as i32)
                .e_tag(&part.etag)
                .build()
        });
        let join = self
            .client
            .complete_multipart_upload()
            .bucket(&self.bucket)
            .key(&done.key)
            .upload_id(id)
            .if_none_match("*")
            .multipart_upload(
                CompletedMultipartUpload::builder()
                    .set_parts(Some(parts.collect()))
                    .build(),
            )
            .customize()
            .config_override(unhurried())
            .send();
        match put_if_absent(join).await {
            Ok(Written::Yes) => Ok(()),
            Ok(Written::Taken) => Err(UploadError::taken(&done.key)),
            Err(error) if status(&error) == Some(404) => Err(UploadError::NoUpload),
            Err(error) if status(&error) == Some(400) => Err(UploadError::field(
                "parts",
                "the store has other parts than these",
            )),
            Err(error) => Err(AwsError::new("joining the parts", error).into()),
        }
    }
}
