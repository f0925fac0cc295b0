//! Copies of objects within S3, of any size: no bytes pass through the API.

use aws_sdk_s3::{
    Client,
    types::{CompletedMultipartUpload, CompletedPart},
};
use contract::naming::as_path;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use service_kit::aws::{Written, put_if_absent};

use crate::aws::{reason, status, unhurried};

/// Parts of one object copied at the same time.
const PARTS_AT_ONCE: usize = 4;

/// The size from which on an object is copied in parts, and the size of a part.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    /// Most bytes that one request copies.
    pub(crate) single: u64,
    /// Bytes of a part.
    pub(crate) part: u64,
}

impl Default for Sizes {
    /// S3's limit of 5 GiB, and parts of 1 GiB: at most 10,000 of them make more than an object
    /// may have.
    fn default() -> Self {
        Self {
            single: 5 << 30,
            part: 1 << 30,
        }
    }
}

/// An object to copy.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) etag: String,
    pub(crate) size: u64,
}

/// Copies `source` to a key that has no object yet. The error is S3's own text, for the log only.
pub(crate) async fn copy(
    client: &Client,
    source: &Source,
    bucket: &str,
    key: &str,
    sizes: Sizes,
) -> Result<Written, String> {
    // Saves the copy, and covers stores that ignore the condition below.
    let head = client.head_object().bucket(bucket).key(key).send().await;
    match head {
        Ok(_) => return Ok(Written::Taken),
        Err(error) if status(&error) == Some(404) => {}
        Err(error) => return Err(reason(&error)),
    }
    if source.size > sizes.single {
        return in_parts(client, source, bucket, key, sizes.part).await;
    }
    let sent = client
        .copy_object()
        .copy_source(source.path())
        .copy_source_if_match(&source.etag)
        .bucket(bucket)
        .key(key)
        .if_none_match("*")
        .customize()
        .config_override(unhurried())
        .send();
    // A source that has changed counts as taken as well: S3 answers both with 412.
    put_if_absent(sent).await.map_err(|error| reason(&error))
}

async fn in_parts(
    client: &Client,
    source: &Source,
    bucket: &str,
    key: &str,
    part: u64,
) -> Result<Written, String> {
    let created = client
        .create_multipart_upload()
        .bucket(bucket)
        .key(key)
        .send()
        .await
        .map_err(|error| reason(&error))?;
    let id = created.upload_id.unwrap_or_default();
    let copied = join(client, source, (bucket, key, &id), part).await;
    if !matches!(copied, Ok(Written::Yes)) {
        // Parts cost money until the upload is aborted.
        let abort = client.abort_multipart_upload().bucket(bucket).key(key);
        if let Err(error) = abort.upload_id(&id).send().await {
            tracing::warn!(
                ?key,
                error = reason(&error),
                "parts of a copy are left over"
            );
        }
    }
    copied
}

async fn join(
    client: &Client,
    source: &Source,
    (bucket, key, id): (&str, &str, &str),
    part: u64,
) -> Result<Written, String> {
    let ranges = (0..source.size.div_ceil(part)).map(|index| {
        let start = index * part;
        (index as i32 + 1, start, (start + part).min(source.size) - 1)
    });
    let parts: Vec<CompletedPart> = stream::iter(ranges)
        .map(|(number, first, last)| async move {
            let sent = client
                .upload_part_copy()
                .copy_source(source.path())
                .copy_source_if_match(&source.etag)
                .copy_source_range(format!("bytes={first}-{last}"))
                .bucket(bucket)
                .key(key)
                .upload_id(id)
                .part_number(number)
                .customize()
                .config_override(unhurried())
                .send()
                .await
                .map_err(|error| reason(&error))?;
            let etag = sent.copy_part_result.and_then(|result| result.e_tag);
            Ok::<_, String>(
                CompletedPart::builder()
                    .part_number(number)
                    .set_e_tag(etag)
                    .build(),
            )
        })
        .buffered(PARTS_AT_ONCE)
        .try_collect()
        .await?;
    let joined = client
        .complete_multipart_upload()
        .bucket(bucket)
        .key(key)
        .upload_id(id)
        .if_none_match("*")
        .multipart_upload(
            CompletedMultipartUpload::builder()
                .set_parts(Some(parts))
                .build(),
        )
        .customize()
        .config_override(unhurried())
        .send();
    put_if_absent(joined).await.map_err(|error| reason(&error))
}

impl Source {
    fn path(&self) -> String {
        format!("{}/{}", self.bucket, as_path(&self.key))
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Result;
    use devstack::{Stack, StackOptions};

    use super::*;

    const MEBIBYTE: usize = 1 << 20;

    #[tokio::test(flavor = "multi_thread")]
    async fn large_objects_go_in_parts_and_nothing_is_overwritten() -> Result<()> {
        let stack = Stack::start(StackOptions::default()).await?;
        let (s3, bucket) = (stack.s3(), stack.bucket());
        // S3's smallest part is 5 MiB.
        let bytes: Vec<u8> = (0..12 * MEBIBYTE + 3).map(|i| (i / 4099) as u8).collect();
        let name = "a b/ü+%2F.mp4";
        let put = s3.put_object().bucket(bucket).key(name);
        let put = put.body(bytes.clone().into()).send().await?;
        let source = Source {
            bucket: bucket.to_owned(),
            key: name.to_owned(),
            etag: put.e_tag.unwrap_or_default(),
            size: bytes.len() as u64,
        };
        let sizes = Sizes {
            single: 6 * MEBIBYTE as u64,
            part: 5 * MEBIBYTE as u64,
        };
        for (sizes, key) in [
            (sizes, "uploads/parts.mp4"),
            (Sizes::default(), "uploads/whole.mp4"),
        ] {
            let copied = copy(s3, &source, bucket, key, sizes).await;
            assert_eq!(copied, Ok(Written::Yes), "{key}");
            let got = s3.get_object().bucket(bucket).key(key).send().await?;
            let is_joined = got.e_tag().is_some_and(|etag| etag.contains("-3"));
            assert_eq!(is_joined, key.contains("parts"), "{:?}", got.e_tag());
            assert!(got.body.collect().await?.to_vec() == bytes, "{key}");

            let again = copy(s3, &source, bucket, key, sizes).await;
            assert_eq!(again, Ok(Written::Taken), "{key}");
        }
        let left = s3.list_multipart_uploads().bucket(bucket).send().await?;
        assert!(left.uploads().is_empty(), "{:?}", left.uploads());
        Ok(())
    }
}
