//! What is written where a picture is replaced.

use std::time::{Duration, SystemTime};

use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use contract::{Manifest, Prefixes, metadata};
use futures::future::try_join_all;
use service_kit::aws::put_if_unchanged;

use super::{Change, ChoiceError};
use crate::{
    aws::{AwsError, status},
    manifests::Fetched,
};

/// After how long a worker looks whether a choice was completed.
const REMINDER: Duration = Duration::from_mins(1);

/// Where pictures and manifests lie, and who completes what ended half way.
pub(super) struct Objects {
    pub(super) s3: aws_sdk_s3::Client,
    pub(super) bucket: String,
    pub(super) sqs: aws_sdk_sqs::Client,
    pub(super) queue: String,
    pub(super) prefixes: Prefixes,
}

impl Objects {
    /// The `ETag`s of the objects of a picture, in the order of its renditions; `None` for one that
    /// is missing.
    ///
    /// # Errors
    /// [`ChoiceError::Outdated`] if one of them is of another version of the video than `manifest`.
    pub(super) async fn heads(&self, change: &Change) -> Result<Vec<Option<String>>, ChoiceError> {
        let heads = change.keys().map(|key| self.head(key, change.manifest()));
        try_join_all(heads).await
    }

    async fn head(&self, key: &str, manifest: &Manifest) -> Result<Option<String>, ChoiceError> {
        let request = self.s3.head_object().bucket(&self.bucket).key(key);
        let head = match request.send().await {
            Ok(head) => head,
            Err(error) if status(&error) == Some(404) => return Ok(None),
            Err(error) => return Err(AwsError::new("looking at a picture", error).into()),
        };
        let told = |name| head.metadata().and_then(|metadata| metadata.get(name));
        let is_same = told(metadata::SOURCE_ETAG) == Some(&manifest.source_etag)
            && told(metadata::SETTINGS) == Some(&manifest.settings);
        if is_same {
            Ok(head.e_tag)
        } else {
            Err(ChoiceError::Outdated)
        }
    }

    /// Replaces the objects of a picture, each if it still has its `ETag` of `before`; whether all
    /// had.
    pub(super) async fn put_pictures(
        &self,
        change: &Change,
        before: &[Option<String>],
    ) -> Result<bool, AwsError> {
        let metadata = change.metadata();
        let objects = change.keys().zip(change.images()).zip(before);
        let writes = objects.map(|((key, image), before)| {
            let put = self
                .s3
                .put_object()
                .bucket(&self.bucket)
                .key(key)
                .body(ByteStream::from(image))
                .content_type(change.media_type())
                .cache_control(metadata::PICTURE_CACHE)
                .set_metadata(Some(metadata.clone()));
            let put = match before {
                Some(etag) => put.if_match(etag),
                None => put.if_none_match("*"),
            };
            async move {
                let written = Box::pin(put_if_unchanged(put.send())).await;
                written.map_err(|error| AwsError::new("writing a picture", error))
            }
        });
        let written = try_join_all(writes).await?;
        Ok(written.iter().all(Option::is_some))
    }

    /// Writes a manifest if it is still the one that was read. With its new `ETag`; `None` where
    /// someone else has written it.
    pub(super) async fn put_manifest(
        &self,
        read: &Fetched,
        manifest: Manifest,
    ) -> Result<Option<Fetched>, AwsError> {
        // Serialising plain data to memory cannot fail.
        let body = Bytes::from(serde_json::to_vec(&manifest).unwrap_or_default());
        let size = body.len() as u32;
        let put = self
            .s3
            .put_object()
            .bucket(&self.bucket)
            .key(&read.key)
            .body(ByteStream::from(body))
            .content_type("application/json")
            .cache_control(metadata::INDEX_CACHE)
            .set_metadata(Some(metadata::of_manifest(&manifest)))
            .if_match(&read.etag);
        let written = Box::pin(put_if_unchanged(put.send())).await;
        let written = written.map_err(|error| AwsError::new("writing a manifest", error))?;
        Ok(written.map(|written| Fetched {
            key: read.key.clone(),
            etag: written.e_tag.unwrap_or_default(),
            manifest,
            modified: SystemTime::now(),
            size,
        }))
    }

    /// Has a worker look at the video after a while. It completes a choice that ended half way.
    pub(super) async fn remind(&self, manifest: &Manifest) -> Result<(), AwsError> {
        let send = self.sqs.send_message().queue_url(&self.queue);
        let send = send
            .message_body(&manifest.source_key)
            .delay_seconds(REMINDER.as_secs() as i32);
        match send.send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(AwsError::new("sending a message", error)),
        }
    }

    /// Leaves an entry in the journal, by which every instance of the API reads the manifest anew.
    /// Without the entry they find the picture later.
    pub(super) async fn announce(&self, written: &Fetched) {
        let names = self.prefixes.candidates(&written.manifest.source_key);
        let mut names = names.into_iter().flatten();
        let name = names.find(|name| name.manifest() == written.key);
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let millis = since_1970.map_or(0, |elapsed| elapsed.as_millis() as u64);
        let Some(key) = name.and_then(|name| self.prefixes.recent_key(&name, millis)) else {
            return;
        };
        let put = self.s3.put_object().bucket(&self.bucket).key(key);
        if let Err(error) = put.cache_control(metadata::INDEX_CACHE).send().await {
            // It logs the reason.
            let _ = AwsError::new("writing a video's journal entry", error);
        }
    }
}
