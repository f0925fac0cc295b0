//! The presigned requests of an upload.

use std::time::{Duration, SystemTime};

use aws_sdk_s3::presigning::PresignedRequest;
use contract::api::{UploadHeader, UploadPart, UploadTarget, UploadTicket};

use super::{UploadError, Uploads};
use crate::{aws::AwsError, time::rfc3339};

/// Files above this go in parts.
pub(super) const MAX_SINGLE: u64 = 64 << 20;

/// Smallest part: few enough requests, and little to repeat where one fails.
const MIN_PART: u64 = 16 << 20;

/// Most parts of one upload, and so most URLs in one answer.
const MAX_PARTS: u64 = 500;

/// Most bytes that so many parts hold: S3 takes at most 5 GiB in a part.
pub(crate) const MAX_UPLOAD: u64 = MAX_PARTS * (5 << 30);

/// How long a client has to begin sending a file, if the session lasts so long.
const SINGLE_EXPIRY: Duration = Duration::from_hours(1);

/// How long a client has to begin sending its last part, if the session lasts so long.
const MULTIPART_EXPIRY: Duration = Duration::from_hours(6);

/// Headers that a browser sets itself, and lets no page set.
const SENT_ANYWAY: [&str; 2] = ["host", "content-length"];

impl Uploads {
    /// A ticket to send a video whole.
    pub(super) async fn single(
        &self,
        key: String,
        size: u64,
        content_type: String,
    ) -> Result<UploadTicket, UploadError> {
        let session = self.sessions.current().await?;
        let (config, end) = session.presigning(SystemTime::now(), SINGLE_EXPIRY)?;
        let put = session
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(&key)
            .content_type(content_type)
            .content_length(length(size)?)
            // Another upload may take the name before the bytes arrive.
            .if_none_match("*");
        let signed = put.presigned(config).await;
        let signed = signed.map_err(|error| AwsError::new("signing the upload", error))?;
        Ok(UploadTicket {
            key,
            expires_at: rfc3339(end),
            target: UploadTarget::Single {
                url: signed.uri().to_owned(),
                headers: headers(&signed),
            },
        })
    }

    /// Creates an upload in parts and returns its id.
    pub(super) async fn create(
        &self,
        key: &str,
        content_type: String,
    ) -> Result<String, UploadError> {
        let created = self
            .client
            .create_multipart_upload()
            .bucket(&self.bucket)
            .key(key)
            .content_type(content_type)
            .send()
            .await
            .map_err(|error| AwsError::new("beginning the upload", error))?;
        Ok(created.upload_id.unwrap_or_default())
    }

    /// A ticket to send a video in the parts of an upload.
    pub(super) async fn multipart(
        &self,
        key: String,
        size: u64,
        upload_id: String,
    ) -> Result<UploadTicket, UploadError> {
        let session = self.sessions.current().await?;
        let (config, end) = session.presigning(SystemTime::now(), MULTIPART_EXPIRY)?;
        let part_size = part_size(size);
        let mut parts = Vec::new();
        let mut sent = 0;
        while sent < size {
            let number = parts.len() as u32 + 1;
            let bytes = part_size.min(size - sent);
            let part = session
                .client
                .upload_part()
                .bucket(&self.bucket)
                .key(&key)
                .upload_id(&upload_id)
                .part_number(number as i32)
                .content_length(length(bytes)?);
            let signed = part.presigned(config.clone()).await;
            let signed = signed.map_err(|error| AwsError::new("signing the upload", error))?;
            parts.push(UploadPart {
                number,
                url: signed.uri().to_owned(),
                size: bytes,
            });
            sent += bytes;
        }
        Ok(UploadTicket {
            key,
            expires_at: rfc3339(end),
            target: UploadTarget::Multipart {
                upload_id,
                part_size,
                parts,
            },
        })
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

fn length(size: u64) -> Result<i64, UploadError> {
    i64::try_from(size).map_err(|_| UploadError::field("size", "too large"))
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
