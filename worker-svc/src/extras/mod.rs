//! What a video gets beside its pictures, once these are published: a storyboard and a preview.
//!
//! The manifest says of each whether it is there or has failed for good; until it does, the
//! video's message comes again, and a delivery makes what the manifest does not name. A storyboard
//! is gone on with at the first sheet that is missing.

mod preview;
mod storyboard;

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use contract::{
    Manifest, ManifestCost, ManifestFailure, ManifestPreview, ManifestStoryboard, OutputName,
    metadata, naming::MAX_KEY_BYTES,
};
use metrics::counter;
use thumbcore::{Extractor, Opening, S3Source, Stat, Stats, Validator, Video};

use crate::{
    config::ExtrasSettings,
    failure::Failure,
    metrics as names,
    plan::Job,
    publish::Publisher,
    store::{Object, Store, StoreError},
};

/// Makes what a video gets beside its pictures.
#[derive(Debug)]
pub(crate) struct Extras {
    store: Store,
    reads: aws_sdk_s3::Client,
    extractor: Extractor,
    settings: ExtrasSettings,
}

/// Where one thing of one version of a video goes.
struct Place<'a> {
    store: &'a Store,
    name: &'a OutputName,
    /// The video's key.
    source: &'a str,
    /// Whose it is, and what it was made of and with.
    metadata: HashMap<String, String>,
}

impl Extras {
    pub(crate) fn new(
        store: Store,
        reads: aws_sdk_s3::Client,
        extractor: Extractor,
        settings: ExtrasSettings,
    ) -> Self {
        Self {
            store,
            reads,
            extractor,
            settings,
        }
    }

    /// Whether anything is made at all.
    pub(crate) fn are_wanted(&self) -> bool {
        self.settings.storyboard.is_some() || self.settings.preview.is_some()
    }

    /// Makes what `manifest`, that of `job` under `name`, does not name yet, and names it there.
    ///
    /// What can never be made is no error: the manifest says why.
    pub(crate) async fn complete(
        &self,
        job: &Job,
        name: &OutputName,
        manifest: &Manifest,
        publisher: &Publisher,
    ) -> Result<(), Failure> {
        let ExtrasSettings {
            storyboard,
            preview,
        } = self.settings.missing_in(manifest);
        if storyboard.is_none() && preview.is_none() {
            return Ok(());
        }
        let mut opened = Opened::new(self.open(job, manifest).await);
        let mut additions = Additions::default();
        if let Some(settings) = storyboard {
            let place = self.place(name, manifest, &settings.hash);
            let made = storyboard::make(&place, &settings, &mut opened).await;
            let (made, failure) = lasting(made)?;
            count(names::STORYBOARDS, job, "storyboard", failure.as_ref());
            additions.storyboard = Some(ManifestStoryboard {
                settings: settings.hash,
                failure,
                ..made.unwrap_or_else(storyboard::none)
            });
        }
        if let Some(settings) = preview {
            let place = self.place(name, manifest, &settings.hash);
            let made = preview::make(&place, &settings, &mut opened).await;
            let (made, failure) = lasting(made)?;
            count(names::PREVIEWS, job, "preview", failure.as_ref());
            additions.preview = Some(ManifestPreview {
                settings: settings.hash,
                failure,
                ..made.unwrap_or_else(preview::none)
            });
        }
        publisher.add(job, name, manifest, additions).await
    }

    /// Opens the version of the video that the pictures are of.
    async fn open(&self, job: &Job, manifest: &Manifest) -> Result<Video, thumbcore::Error> {
        let source = S3Source::new(self.reads.clone(), self.store.bucket(), &job.key);
        let version = Validator(manifest.source_etag.clone());
        let stat = Stat::new(manifest.source_bytes, Some(version));
        let opening = Opening::from(Arc::new(source)).stat(stat);
        self.extractor.open(opening).await
    }

    fn place<'a>(&'a self, name: &'a OutputName, manifest: &'a Manifest, hash: &str) -> Place<'a> {
        Place {
            store: &self.store,
            name,
            source: &manifest.source_key,
            metadata: metadata::of_output(&manifest.source_key, &manifest.source_etag, hash),
        }
    }
}

impl ExtrasSettings {
    /// The settings of what `manifest` does not name as made, or failed, with these settings.
    fn missing_in(&self, manifest: &Manifest) -> Self {
        let storyboard = manifest.storyboard.as_ref().map(|made| &made.settings);
        let preview = manifest.preview.as_ref().map(|made| &made.settings);
        Self {
            storyboard: self
                .storyboard
                .clone()
                .filter(|settings| storyboard != Some(&settings.hash)),
            preview: self
                .preview
                .clone()
                .filter(|settings| preview != Some(&settings.hash)),
        }
    }
}

/// The video, or why it could not be opened.
struct Opened {
    video: Result<Video, thumbcore::Error>,
    /// What opening it has cost, until that is counted.
    cost: Stats,
}

impl Opened {
    fn new(video: Result<Video, thumbcore::Error>) -> Self {
        let cost = video.as_ref().map(|video| video.opened().clone());
        Self {
            cost: cost.unwrap_or_default(),
            video,
        }
    }

    /// The video, and what opening it has cost, which is told once.
    fn take(&mut self) -> Result<(&Video, Stats), thumbcore::Error> {
        let cost = std::mem::take(&mut self.cost);
        let video = self.video.as_ref().map_err(Clone::clone)?;
        Ok((video, cost))
    }
}

/// What is added to a manifest.
#[derive(Debug, Clone, Default)]
pub(crate) struct Additions {
    pub(crate) storyboard: Option<ManifestStoryboard>,
    pub(crate) preview: Option<ManifestPreview>,
}

/// Why something could not be made.
#[derive(Debug, thiserror::Error)]
enum ExtraError {
    #[error(transparent)]
    Video(#[from] thumbcore::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("a key of it would be longer than {MAX_KEY_BYTES} bytes")]
    TooLong,
}

impl Place<'_> {
    /// Writes an object beside the pictures.
    async fn put(
        &self,
        key: String,
        body: Bytes,
        (content_type, cache_control): (&'static str, &'static str),
    ) -> Result<(), ExtraError> {
        if key.len() > MAX_KEY_BYTES {
            return Err(ExtraError::TooLong);
        }
        let object = Object {
            key,
            body,
            content_type,
            cache_control,
            metadata: self.metadata.clone(),
        };
        Ok(self.store.put(object).await?)
    }

    /// What an earlier delivery has left under `key`, if it is of the same version and settings.
    async fn earlier(&self, key: &str) -> Result<Option<Bytes>, ExtraError> {
        let found = self.store.get(key).await?;
        let ours = found.filter(|found| found.metadata == self.metadata);
        Ok(ours.map(|found| found.body))
    }
}

/// What was made, or why that failed for good; what another delivery may make is an error.
fn lasting<T>(
    made: Result<T, ExtraError>,
) -> Result<(Option<T>, Option<ManifestFailure>), Failure> {
    let failure = match made {
        Ok(made) => return Ok((Some(made), None)),
        Err(ExtraError::Store(error)) => return Err(error.into()),
        Err(ExtraError::Video(error)) => Failure::from(error),
        Err(ExtraError::TooLong) => {
            let failure = ManifestFailure {
                kind: "naming".to_owned(),
                message: ExtraError::TooLong.to_string(),
            };
            return Ok((None, Some(failure)));
        }
    };
    if failure.is_transient() || failure.is_not_found() || failure.is_changed() {
        return Err(failure);
    }
    let failure = ManifestFailure {
        kind: failure.kind().to_owned(),
        message: service_kit::causes(&failure),
    };
    Ok((None, Some(failure)))
}

/// Counts and logs what was made, or why it never will be.
fn count(metric: &'static str, job: &Job, what: &str, failure: Option<&ManifestFailure>) {
    match failure {
        None => {
            counter!(metric).increment(1);
            tracing::info!(key = job.key, what, "published");
        }
        Some(ManifestFailure { kind, message }) => {
            counter!(names::EXTRAS_FAILED, "what" => what.to_owned(), "kind" => kind.clone())
                .increment(1);
            tracing::warn!(key = job.key, what, kind, error = message, "cannot be made");
        }
    }
}

fn cost(stats: &Stats) -> ManifestCost {
    counter!(names::FETCHED_BYTES).increment(stats.bytes_fetched);
    counter!(names::REQUESTS).increment(stats.requests);
    ManifestCost {
        bytes_fetched: stats.bytes_fetched,
        requests: stats.requests,
        cpu_ms: stats.cpu.as_millis() as u64,
    }
}
