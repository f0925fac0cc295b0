//! `/api/uploads`: the browser sends a video straight to the bucket.
//!
//! The API never sees the bytes; it signs requests that can do just one thing: write so many bytes
//! under one key, if there is no object there, within a time. The length is signed, so the store
//! refuses any other. A large file goes in parts, each signed by itself, and becomes an object when
//! the client says that it is done.

mod name;

use std::time::{Duration, SystemTime};

use aws_sdk_s3::{
    Client,
    config::RequestChecksumCalculation,
    presigning::{PresignedRequest, PresigningConfig},
    types::{CompletedMultipartUpload, CompletedPart},
};
use axum::http::StatusCode;
use contract::{
    Prefixes,
    api::{
        CompleteUpload, UploadCompleted, UploadHeader, UploadPart, UploadRequest, UploadTarget,
        UploadTicket,
    },
    metadata,
};

use self::name::{check_name, content_type};
use super::{aws_problem, conflict};
use crate::{
    aws::{status, unhurried},
    problem::Problem,
    time::rfc3339,
};

/// Files above this go in parts.
const MAX_SINGLE: u64 = 64 << 20;

/// Smallest part: few enough requests, and little to repeat where one fails.
const MIN_PART: u64 = 16 << 20;

/// Most parts of one upload, and so most URLs in one answer.
const MAX_PARTS: u64 = 500;

/// What so many parts can hold: S3 takes at most 5 GiB in one.
pub(super) const MAX_UPLOAD: u64 = MAX_PARTS * (5 << 30);

/// How long a client has to begin sending a file.
const SINGLE_EXPIRY: Duration = Duration::from_hours(1);

/// How long a client has to begin sending its last part. Temporary credentials may end it earlier.
const MULTIPART_EXPIRY: Duration = Duration::from_hours(6);

/// Headers that a browser sends by itself, and lets nobody set.
const SENT_ANYWAY: [&str; 2] = ["host", "content-length"];

/// Signs uploads.
#[derive(Debug)]
pub(crate) struct Uploads {
    client: Client,
    bucket: String,
    prefixes: Prefixes,
    max_bytes: u64,
}

impl Uploads {
    /// Signs uploads of at most `max_bytes` each.
    pub(crate) fn new(client: &Client, bucket: String, prefixes: Prefixes, max_bytes: u64) -> Self {
        // A checksum of the bytes cannot be signed: they are not here.
        let config = client
            .config()
            .to_builder()
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .build();
        Self {
            client: Client::from_conf(config),
            bucket,
            prefixes,
            max_bytes,
        }
    }

    /// What a client needs to send one video.
    pub(crate) async fn begin(&self, request: &UploadRequest) -> Result<UploadTicket, Problem> {
        let key = self.key_of(&request.name)?;
        if request.size == 0 {
            return Err(unprocessable("size: the file is empty"));
        }
        if request.size > self.max_bytes {
            let detail = format!("size: at most {} bytes", self.max_bytes);
            return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail));
        }
        let content_type = content_type(&key, request.content_type.as_deref())
            .map_err(|reason| unprocessable(format!("contentType: {reason}")))?;
        self.must_be_free(&key).await?;
        if request.size <= MAX_SINGLE {
            self.single(key, request.size, content_type).await
        } else {
            self.multipart(key, request.size, content_type).await
        }
    }

    /// Makes an object of the parts, or finds the one that was sent whole.
    pub(crate) async fn complete(&self, done: &CompleteUpload) -> Result<UploadCompleted, Problem> {
        self.check_key(&done.key)?;
        if let Some(id) = &done.upload_id {
            self.join(done, id).await?;
        } else if !done.parts.is_empty() {
            return Err(unprocessable("parts: without an uploadId there are none"));
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
            Err(error) if status(&error) == Some(404) => {
                Err(conflict("nothing has arrived under this key"))
            }
            Err(error) => Err(aws_problem("looking at the upload", &error)),
        }
    }

    /// Forgets the parts that were sent.
    pub(crate) async fn abort(&self, upload: &CompleteUpload) -> Result<(), Problem> {
        self.check_key(&upload.key)?;
        let Some(id) = &upload.upload_id else {
            return Err(unprocessable(
                "uploadId: only an upload in parts can be given up",
            ));
        };
        let abort = self
            .client
            .abort_multipart_upload()
            .bucket(&self.bucket)
            .key(&upload.key)
            .upload_id(id);
        match abort.send().await {
            Ok(_) => Ok(()),
            Err(error) if matches!(status(&error), Some(400 | 404)) => Err(no_upload()),
            Err(error) => Err(aws_problem("giving up the upload", &error)),
        }
    }

    /// The key for a name that a client chose.
    fn key_of(&self, name: &str) -> Result<String, Problem> {
        check_name(name).map_err(|reason| unprocessable(format!("name: {reason}")))?;
        let key = format!("{}{name}", self.prefixes.uploads());
        self.prefixes
            .candidates(&key)
            .map_err(|error| unprocessable(format!("name: {error}")))?;
        if !contract::is_announced(&key) {
            // It would lie in the bucket, and no worker would ever hear of it.
            return Err(unprocessable(
                "name: write its extension in lower or in upper case",
            ));
        }
        Ok(key)
    }

    /// Whether a key is one that [`key_of`](Self::key_of) could have made.
    fn check_key(&self, key: &str) -> Result<(), Problem> {
        let name = key.strip_prefix(self.prefixes.uploads());
        let made = name.map(|name| self.key_of(name)).transpose()?;
        made.map(|_| ())
            .ok_or_else(|| unprocessable("key: it is not that of an upload"))
    }

    async fn must_be_free(&self, key: &str) -> Result<(), Problem> {
        let head = self.client.head_object().bucket(&self.bucket).key(key);
        match head.send().await {
            Ok(_) => Err(taken(key)),
            Err(error) if status(&error) == Some(404) => Ok(()),
            Err(error) => Err(aws_problem("looking for an object of this name", &error)),
        }
    }

    async fn single(
        &self,
        key: String,
        size: u64,
        content_type: String,
    ) -> Result<UploadTicket, Problem> {
        let put = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(&key)
            .content_type(content_type)
            .content_length(length(size)?)
            // Somebody may take the name before the bytes arrive.
            .if_none_match("*");
        let signed = put.presigned(expiring(SINGLE_EXPIRY)?).await;
        let signed = signed.map_err(|error| aws_problem("signing the upload", &error))?;
        Ok(UploadTicket {
            key,
            expires_at: end_of(SINGLE_EXPIRY),
            target: UploadTarget::Single {
                url: signed.uri().to_owned(),
                headers: headers(&signed),
            },
        })
    }

    async fn multipart(
        &self,
        key: String,
        size: u64,
        content_type: String,
    ) -> Result<UploadTicket, Problem> {
        let created = self
            .client
            .create_multipart_upload()
            .bucket(&self.bucket)
            .key(&key)
            .content_type(content_type)
            .send()
            .await
            .map_err(|error| aws_problem("beginning the upload", &error))?;
        let upload_id = created.upload_id.unwrap_or_default();
        let part_size = part_size(size);
        let mut parts = Vec::new();
        let mut sent = 0;
        while sent < size {
            let number = parts.len() as u32 + 1;
            let bytes = part_size.min(size - sent);
            let part = self
                .client
                .upload_part()
                .bucket(&self.bucket)
                .key(&key)
                .upload_id(&upload_id)
                .part_number(number as i32)
                .content_length(length(bytes)?);
            let signed = part.presigned(expiring(MULTIPART_EXPIRY)?).await;
            let signed = signed.map_err(|error| aws_problem("signing the upload", &error))?;
            parts.push(UploadPart {
                number,
                url: signed.uri().to_owned(),
                size: bytes,
            });
            sent += bytes;
        }
        Ok(UploadTicket {
            key,
            expires_at: end_of(MULTIPART_EXPIRY),
            target: UploadTarget::Multipart {
                upload_id,
                part_size,
                parts,
            },
        })
    }

    async fn join(&self, done: &CompleteUpload, id: &str) -> Result<(), Problem> {
        let in_order = done
            .parts
            .iter()
            .zip(1..)
            .all(|(part, number)| part.number == number);
        if done.parts.is_empty() || !in_order {
            return Err(unprocessable("parts: all of them, in order, from 1"));
        }
        let parts = done.parts.iter().map(|part| {
            CompletedPart::builder()
                .part_number(part.number as i32)
                .e_tag(&part.etag)
                .build()
        });
        let joined = self
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
            .send()
            .await;
        match joined {
            Ok(_) => Ok(()),
            // 412: there is one. 409: another write is under way.
            Err(error) if matches!(status(&error), Some(409 | 412)) => Err(taken(&done.key)),
            Err(error) if status(&error) == Some(404) => Err(no_upload()),
            Err(error) if status(&error) == Some(400) => Err(unprocessable(
                "parts: the store does not have them like this",
            )),
            Err(error) => Err(aws_problem("joining the parts", &error)),
        }
    }
}

/// Bytes of each part but the last, in whole MiB.
fn part_size(size: u64) -> u64 {
    let mebibyte = 1 << 20;
    size.div_ceil(MAX_PARTS)
        .div_ceil(mebibyte)
        .max(MIN_PART / mebibyte)
        * mebibyte
}

fn headers(signed: &PresignedRequest) -> Vec<UploadHeader> {
    signed
        .headers()
        .filter(|(name, _)| !SENT_ANYWAY.contains(name))
        .map(|(name, value)| UploadHeader {
            name: name.to_owned(),
            value: value.to_owned(),
        })
        .collect()
}

fn length(size: u64) -> Result<i64, Problem> {
    i64::try_from(size).map_err(|_| unprocessable("size: too large"))
}

fn expiring(time: Duration) -> Result<PresigningConfig, Problem> {
    PresigningConfig::expires_in(time)
        .map_err(|error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))
}

fn end_of(time: Duration) -> String {
    rfc3339(SystemTime::now() + time)
}

fn unprocessable(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
}

fn taken(key: &str) -> Problem {
    conflict(format!(
        "there is an object {key:?} already; choose another name"
    ))
}

fn no_upload() -> Problem {
    Problem::not_found("there is no such upload: it is complete, given up, or never was")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_few_and_large_enough() {
        let gib = 1 << 30;
        assert_eq!(part_size(MAX_SINGLE + 1), MIN_PART);
        for size in [gib, 50 * gib + 1, MAX_UPLOAD] {
            let part = part_size(size);
            assert!(
                size.div_ceil(part) <= MAX_PARTS && part >= MIN_PART,
                "{size}"
            );
            // S3's own limit.
            assert!(part <= 5 * gib, "{size}");
        }
    }
}
