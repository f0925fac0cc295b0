//! What the API watches: the thumbnails in the bucket, the workers' pods, and the pipeline's state.
//!
//! The sampler writes it, the routes read it. Neither HTTP nor anything that changes the pipeline
//! is in here.

use std::sync::Arc;

use contract::{
    Manifest, ManifestThumbnail, Prefixes,
    api::{self, Update},
};
use tokio::sync::Notify;

use crate::{
    feed::Feed,
    index::{Entry, Index, seconds_since_1970},
    manifests::{Fetched, Manifests},
    pods::Pods,
    presign::{PresignError, Signable, Signed, ThumbnailUrls},
    shared::Shared,
    storyboards::{self, PlayerFile, StoryboardError, Storyboards},
    time::{rfc3339, rfc3339_seconds},
};

/// What the API watches.
pub(crate) struct Watch {
    pub(crate) prefixes: Prefixes,
    /// Every thumbnail in the bucket.
    pub(crate) index: Index,
    pub(crate) manifests: Arc<Manifests>,
    /// What all instances of the API share.
    pub(crate) shared: Arc<Shared>,
    pub(crate) pods: Pods,
    /// The state as the sampler saw it last, and everyone who wants to hear of changes.
    pub(crate) feed: Feed,
    storyboards: Storyboards,
    urls: ThumbnailUrls,
    /// Wakes the sampler before its time.
    refresh: Notify,
}

/// Why a video cannot be shown.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VideoError {
    /// A manifest is an object in the bucket, and may name any key.
    #[error("the manifest of {source_key:?} names keys outside the thumbnail prefix")]
    ForeignKeys { source_key: String },
    #[error(transparent)]
    Storyboard(#[from] StoryboardError),
    #[error(transparent)]
    Presign(#[from] PresignError),
}

impl Watch {
    pub(crate) fn new(
        prefixes: Prefixes,
        index: Index,
        (manifests, shared): (Arc<Manifests>, Arc<Shared>),
        pods: Pods,
        (storyboards, urls): (Storyboards, ThumbnailUrls),
    ) -> Self {
        Self {
            prefixes,
            index,
            manifests,
            shared,
            pods,
            feed: Feed::new(),
            storyboards,
            urls,
            refresh: Notify::new(),
        }
    }

    /// The state as the sampler saw it last.
    pub(crate) fn state(&self) -> Arc<Update> {
        self.feed.state()
    }

    /// Has the sampler look now, which tells every WebSocket what changed. Called after a test, a
    /// redrive or an upload. Calls that come faster than the sampler looks count as one.
    pub(crate) fn refresh(&self) {
        self.refresh.notify_one();
    }

    /// Waits until someone calls [`refresh`](Self::refresh).
    pub(crate) async fn refresh_wanted(&self) {
        self.refresh.notified().await;
    }

    /// Forgets every thumbnail and has the sampler list the bucket again. Called after a purge.
    pub(crate) fn purged(&self) {
        self.index.clear();
        self.manifests.clear();
        self.refresh();
    }

    /// Takes over a manifest that was written just now, and tells every WebSocket.
    pub(crate) async fn rewritten(&self, key: &str, written: &Fetched) {
        self.manifests.forget(key).await;
        let name = key.strip_suffix(".json").unwrap_or(key);
        if let Some(name) = name.strip_prefix(self.index.prefix()) {
            let modified = seconds_since_1970(written.modified);
            self.index
                .add_video(name, &written.manifest, modified, written.size);
        }
        self.refresh();
    }

    /// Pictures of the index with their URLs.
    pub(crate) async fn thumbnails(
        &self,
        entries: &[Entry],
    ) -> Result<Vec<api::Thumbnail>, PresignError> {
        let pictures = entries.iter().map(|entry| Signable {
            key: &entry.key,
            revision: entry.revision.as_deref(),
        });
        let pictures: Vec<_> = pictures.collect();
        let Signed { urls, end } = self.urls.of(&pictures).await?;
        let expires_at = rfc3339(end);
        let thumbnails = entries.iter().zip(urls).map(|(entry, url)| api::Thumbnail {
            key: entry.key.clone(),
            url,
            expires_at: expires_at.clone(),
            frame: self.index.frame(entry.number),
            last_modified: rfc3339_seconds(entry.modified),
            size: u64::from(entry.size),
            source_bytes: entry.cost.map(|cost| cost.size),
            bytes_fetched: entry.cost.map(|cost| cost.fetched),
        });
        Ok(thumbnails.collect())
    }

    /// A manifest with the URLs of its pictures. Only keys below the thumbnail prefix are signed,
    /// whatever the manifest says.
    pub(crate) async fn video(&self, manifest: &Manifest) -> Result<api::Video, VideoError> {
        let revisions: Vec<_> = manifest
            .pictures()
            .map(|(_, picture)| (picture, picture.revision()))
            .collect();
        let firsts = revisions.iter().map(|(picture, revision)| Signable {
            key: &picture.key,
            revision: revision.as_deref(),
        });
        let further = revisions.iter().flat_map(|(picture, revision)| {
            let renditions = picture.renditions.iter();
            renditions.map(|rendition| Signable {
                key: &rendition.key,
                revision: revision.as_deref(),
            })
        });
        let preview = manifest.preview.as_ref();
        let preview = preview.and_then(|preview| preview.picture.as_ref());
        let preview = preview.map(|picture| Signable::from(picture.key.as_str()));
        let pictures: Vec<_> = firsts.chain(further).chain(preview).collect();
        self.check_keys(manifest, pictures.iter().map(|picture| picture.key))?;
        let Signed { mut urls, end } = self.urls.of(&pictures).await?;
        let preview_url = preview.and_then(|_| urls.pop());
        let mut further = urls.split_off(revisions.len()).into_iter();
        let cover_url = manifest.cover.as_ref().and_then(|_| urls.pop());
        let thumbnails = &manifest.thumbnails;
        let of = |t: &ManifestThumbnail| further.by_ref().take(t.renditions.len()).collect();
        let has_further = thumbnails.iter().any(|t| !t.renditions.is_empty());
        let rendition_urls = if has_further {
            thumbnails.iter().map(of).collect()
        } else {
            Vec::new()
        };
        Ok(api::Video {
            manifest: manifest.clone(),
            urls,
            rendition_urls,
            cover_url,
            preview_url,
            expires_at: rfc3339(end),
        })
    }

    /// What players read of the storyboard that a manifest names, with URLs of the sheets.
    pub(crate) async fn storyboard(
        &self,
        manifest: &Manifest,
        file: PlayerFile,
    ) -> Result<String, VideoError> {
        let named = manifest.storyboard.iter();
        let named = named.flat_map(|it| it.files.iter().chain(&it.sheets));
        self.check_keys(manifest, named.map(String::as_str))?;
        let (index, sheets) = self.storyboards.of(manifest).await?;
        let sheets: Vec<_> = sheets.iter().map(String::as_str).collect();
        let Signed { urls, .. } = self.urls.of(&sheets).await?;
        Ok(storyboards::write(&index, file, &urls)?)
    }

    /// Refuses keys of a manifest that lie elsewhere than below the thumbnail prefix.
    fn check_keys<'a>(
        &self,
        manifest: &Manifest,
        mut keys: impl Iterator<Item = &'a str>,
    ) -> Result<(), VideoError> {
        let root = self.prefixes.thumbnails();
        if keys.all(|key| key.starts_with(root)) {
            return Ok(());
        }
        Err(VideoError::ForeignKeys {
            source_key: manifest.source_key.clone(),
        })
    }
}
