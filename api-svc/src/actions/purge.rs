//! The purge: deletes every version of everything under both prefixes, but for what all instances
//! of the API share.

use aws_sdk_s3::{
    Client,
    types::{Delete, ObjectIdentifier},
};
use contract::{Prefixes, api::Purged};
use futures::{StreamExt as _, stream};
use tokio::sync::mpsc;

use super::progress::Progress;
use crate::aws::{AwsError, reason};

/// Delete requests at the same time, of up to 1,000 versions each.
const CONCURRENCY: usize = 8;

/// Pages listed ahead of the deletes.
const AHEAD: usize = 4;

/// Most versions that the log names where a request deletes some but not all.
const NAMED: usize = 3;

/// Deletes the pipeline's objects.
#[derive(Debug)]
pub(crate) struct Purge {
    client: Client,
    bucket: String,
    prefixes: Vec<String>,
    /// What tells other instances that a purge is under way stays.
    shared: String,
}

/// A page's versions and their bytes.
struct Page {
    versions: Vec<ObjectIdentifier>,
    bytes: u64,
}

impl Purge {
    pub(crate) fn new(client: Client, bucket: String, prefixes: &Prefixes) -> Self {
        let shared = prefixes.shared();
        let (uploads, thumbnails) = (prefixes.uploads(), prefixes.thumbnails());
        // One prefix may contain the other: nothing is counted twice.
        let prefixes = if thumbnails.starts_with(uploads) {
            vec![uploads.to_owned()]
        } else {
            vec![uploads.to_owned(), thumbnails.to_owned()]
        };
        Self {
            client,
            bucket,
            prefixes,
            shared,
        }
    }

    /// Deletes, or with `dry_run` only counts.
    pub(crate) async fn run(&self, dry_run: bool, progress: &Progress) -> Result<Purged, AwsError> {
        let mut purged = Purged {
            dry_run,
            ..Purged::default()
        };
        // Uploads first, so that no worker makes thumbnails of videos that are about to go.
        for prefix in &self.prefixes {
            let (send, pages) = mpsc::channel(AHEAD);
            let list = self.list(prefix, send);
            let pages = stream::unfold(pages, async |mut pages| {
                pages.recv().await.map(|page: Page| (page, pages))
            });
            let delete = pages
                .map(|page| async move {
                    let all = page.versions.len() as u64;
                    let failed = if dry_run {
                        0
                    } else {
                        self.delete(page.versions).await
                    };
                    progress.add(all);
                    (all - failed, page.bytes, failed)
                })
                .buffer_unordered(CONCURRENCY)
                .for_each(|(deleted, bytes, failed)| {
                    purged.deleted += deleted;
                    purged.bytes += bytes;
                    purged.failed += failed;
                    std::future::ready(())
                });
            let (listed, ()) = futures::join!(list, delete);
            listed?;
        }
        Ok(purged)
    }

    /// Sends every page of versions under `prefix` to `pages`.
    async fn list(&self, prefix: &str, pages: mpsc::Sender<Page>) -> Result<(), AwsError> {
        let (mut key_marker, mut version_marker) = (None, None);
        loop {
            let page = self
                .client
                .list_object_versions()
                .bucket(&self.bucket)
                .prefix(prefix)
                .set_key_marker(key_marker)
                .set_version_id_marker(version_marker)
                .send()
                .await
                .map_err(|error| AwsError::new("listing the versions", error))?;
            let mut bytes = 0;
            let versions = page
                .versions
                .unwrap_or_default()
                .into_iter()
                .filter(|version| version.key.as_ref() != Some(&self.shared))
                .map(|version| {
                    bytes += version.size.unwrap_or_default().max(0) as u64;
                    (version.key, version.version_id)
                });
            let markers = page.delete_markers.unwrap_or_default().into_iter();
            let identifiers = versions
                .chain(markers.map(|marker| (marker.key, marker.version_id)))
                .filter_map(|(key, version)| {
                    ObjectIdentifier::builder()
                        .set_key(key)
                        .set_version_id(version)
                        .build()
                        .ok()
                })
                .collect::<Vec<_>>();
            if !identifiers.is_empty() {
                let page = Page {
                    versions: identifiers,
                    bytes,
                };
                if pages.send(page).await.is_err() {
                    return Ok(());
                }
            }
            if page.is_truncated != Some(true) {
                return Ok(());
            }
            key_marker = page.next_key_marker;
            version_marker = page.next_version_id_marker;
        }
    }

    /// Deletes versions and returns how many could not be deleted.
    async fn delete(&self, versions: Vec<ObjectIdentifier>) -> u64 {
        let all = versions.len() as u64;
        let delete = match Delete::builder()
            .set_objects(Some(versions))
            .quiet(true)
            .build()
        {
            Ok(delete) => delete,
            Err(error) => {
                tracing::error!(%error, "cannot delete");
                return all;
            }
        };
        let request = self.client.delete_objects().bucket(&self.bucket);
        match request.delete(delete).send().await {
            Ok(done) => {
                let errors = done.errors.unwrap_or_default();
                for error in errors.iter().take(NAMED) {
                    tracing::warn!(key = ?error.key, code = ?error.code, "cannot delete a version");
                }
                errors.len() as u64
            }
            Err(error) => {
                tracing::warn!(
                    error = reason(&error),
                    versions = all,
                    "cannot delete versions"
                );
                all
            }
        }
    }
}
