//! One video: skip it if it is done, extract, publish, and check that it is still the same version;
//! then make what it gets beside its pictures.

use std::{sync::Arc, time::Instant};

use contract::{Manifest, OutputName, metadata};
use metrics::{counter, histogram};
use thumbcore::{Extraction, Extractor, Opening, RangeSource as _, S3Source, SourceError, Stat};

use crate::{
    choices::Chooser,
    extras::Extras,
    failure::Failure,
    metrics as names,
    plan::Job,
    publish::{Made, Publisher},
    store::Store,
};

/// How often a video that was overwritten while it was processed is started afresh before its
/// message is left for later: its uploader is faster than this worker.
const MAX_RESTARTS: u32 = 3;

#[derive(Debug)]
pub(crate) struct Processor {
    store: Store,
    reads: aws_sdk_s3::Client,
    extractor: Extractor,
    publisher: Publisher,
    extras: Extras,
}

impl Processor {
    pub(crate) fn new(
        store: Store,
        reads: aws_sdk_s3::Client,
        extractor: Extractor,
        publisher: Publisher,
        extras: Extras,
    ) -> Self {
        Self {
            store,
            reads,
            extractor,
            publisher,
            extras,
        }
    }

    pub(crate) fn bucket(&self) -> &str {
        self.store.bucket()
    }

    /// Makes what is missing of a video: pictures and manifest, then what it gets beside them.
    pub(crate) async fn process(&self, job: &Job) -> Result<(), Failure> {
        let (name, manifest) = if let Some(name) = self.publisher.done(job).await? {
            counter!(names::VIDEOS_SKIPPED).increment(1);
            tracing::info!(key = job.key, "already done");
            if !self.extras.are_wanted() {
                return Ok(());
            }
            let known = self.publisher.known(&name).await?;
            let manifest = known.and_then(|known| known.manifest);
            let superseded = || Failure::Superseded {
                key: name.manifest(),
            };
            let manifest = manifest.ok_or_else(superseded)?;
            (name, manifest)
        } else {
            self.pictures(job).await?
        };
        let completed = self.extras.complete(job, &name, &manifest, &self.publisher);
        match completed.await {
            Err(failure) if failure.is_not_found() => Err(self.missing(job).await),
            result => result,
        }
    }

    /// Makes the pictures and the manifest of a video.
    async fn pictures(&self, job: &Job) -> Result<(OutputName, Manifest), Failure> {
        let mut restarts = 0;
        let began = Instant::now();
        let mut known = job.stat();
        let (name, manifest) = loop {
            match self.attempt(job, known.take()).await {
                Err(failure) if failure.is_changed() && restarts < MAX_RESTARTS => {
                    restarts += 1;
                    tracing::info!(
                        key = job.key,
                        restarts,
                        "overwritten while it was processed; starting afresh"
                    );
                }
                Err(failure) if failure.is_not_found() => return Err(self.missing(job).await),
                result => break result?,
            }
        };
        report(&manifest, began);
        Ok((name, manifest))
    }

    /// `known`, the version that the event names, saves a round trip. If the video was overwritten
    /// since, the current version is read.
    async fn attempt(
        &self,
        job: &Job,
        known: Option<Stat>,
    ) -> Result<(OutputName, Manifest), Failure> {
        let source = Arc::new(S3Source::new(self.reads.clone(), self.bucket(), &job.key));
        let mut opening = Opening::from(Arc::clone(&source));
        if let Some(stat) = known {
            opening = opening.stat(stat);
        }
        let extraction = self.extractor.extract(opening).await?;
        self.check_complete(&extraction)?;
        let validator = extraction.stat.validator.as_ref();
        let validator = validator
            .ok_or_else(|| SourceError::rejected(source.name(), "the store tells no ETag"))?;
        let etag = metadata::bare_etag(&validator.0);
        let made = Made {
            job,
            etag,
            extraction: &extraction,
        };
        let chooser = Chooser {
            extractor: &self.extractor,
            source: &source,
            stat: &extraction.stat,
        };
        let published = Box::pin(self.publisher.publish(made, &chooser)).await?;

        // Another worker may have published a newer version before this older one.
        match self.store.head(&job.key).await? {
            Some(head) if head.etag != etag => Err(SourceError::changed(source.name()).into()),
            _ => Ok(published),
        }
    }

    /// Why S3 finds no object: somebody deleted the video, or the whole bucket.
    async fn missing(&self, job: &Job) -> Failure {
        match self.store.bucket_exists().await {
            Ok(true) => Failure::Gone {
                key: job.key.clone(),
            },
            Ok(false) => Failure::NoBucket {
                bucket: self.bucket().to_owned(),
            },
            Err(error) => error.into(),
        }
    }

    fn check_complete(&self, extraction: &Extraction) -> Result<(), Failure> {
        let outputs = self.publisher.outputs();
        let (got, wanted) = (outputs.complete_pictures(extraction), outputs.count());
        if got == wanted && extraction.thumbnails.len() == got {
            return Ok(());
        }
        Err(Failure::Incomplete { got, wanted })
    }
}

/// Logs a video that is done and counts it.
fn report(manifest: &Manifest, began: Instant) {
    let took = began.elapsed();
    counter!(names::VIDEOS_PROCESSED).increment(1);
    counter!(names::THUMBNAILS).increment(manifest.thumbnails.len() as u64);
    counter!(names::FETCHED_BYTES).increment(manifest.bytes_fetched);
    counter!(names::SOURCE_BYTES).increment(manifest.source_bytes);
    counter!(names::REQUESTS).increment(manifest.requests);
    histogram!(names::VIDEO_SECONDS).record(took.as_secs_f64());
    tracing::info!(
        key = manifest.source_key,
        container = manifest.media.container,
        codec = manifest.media.codec,
        source_bytes = manifest.source_bytes,
        bytes_fetched = manifest.bytes_fetched,
        requests = manifest.requests,
        ms = took.as_millis() as u64,
        "thumbnails published"
    );
}
