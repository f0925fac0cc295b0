//! One video: is it done, extract, publish, and check that it is still the same.

use std::{sync::Arc, time::Instant};

use contract::{Manifest, Prefixes, metadata};
use metrics::{counter, histogram};
use thumbcore::{Extraction, Extractor, RangeSource as _, S3Source, SourceError};

use crate::{
    Config, failure::Failure, metrics as names, plan::Job, publish::Publisher, store::Store,
};

/// How often a video that was overwritten meanwhile is started afresh before its message is left
/// for later. Its uploader is then busier than we can be.
const MAX_RESTARTS: u32 = 3;

#[derive(Debug)]
pub(crate) struct Processor {
    store: Store,
    reads: aws_sdk_s3::Client,
    extractor: Extractor,
    publisher: Publisher,
    pictures: usize,
}

impl Processor {
    pub(crate) fn new(
        store: Store,
        reads: aws_sdk_s3::Client,
        extractor: Extractor,
        prefixes: Prefixes,
        config: &Config,
    ) -> Self {
        let pictures = config.thumbnail_positions.len();
        let publisher = Publisher::new(
            store.clone(),
            prefixes,
            pictures,
            config.thumbnail_format,
            config.settings_hash(),
        );
        Self {
            store,
            reads,
            extractor,
            publisher,
            pictures,
        }
    }

    pub(crate) fn bucket(&self) -> &str {
        self.store.bucket()
    }

    /// Sees to it that the video has all its pictures and its manifest.
    pub(crate) async fn process(&self, job: &Job) -> Result<(), Failure> {
        if self.publisher.is_done(job).await? {
            counter!(names::VIDEOS_SKIPPED).increment(1);
            tracing::info!(key = job.key, "already done");
            return Ok(());
        }
        let mut restarts = 0;
        let began = Instant::now();
        let manifest = loop {
            match self.attempt(job).await {
                Err(failure) if failure.is_changed() && restarts < MAX_RESTARTS => {
                    restarts += 1;
                    tracing::info!(
                        key = job.key,
                        restarts,
                        "overwritten meanwhile; starting afresh"
                    );
                }
                result => break result?,
            }
        };
        report(&manifest, began);
        Ok(())
    }

    async fn attempt(&self, job: &Job) -> Result<Manifest, Failure> {
        let source = Arc::new(S3Source::new(self.reads.clone(), self.bucket(), &job.key));
        let extraction = self.extractor.extract(source.clone()).await?;
        self.check_complete(&extraction)?;
        let validator = source.stat().await?.validator;
        let validator = validator
            .ok_or_else(|| SourceError::rejected(source.name(), "the store tells no ETag"))?;
        let etag = metadata::bare_etag(&validator.0);
        let manifest = self.publisher.publish(job, etag, &extraction).await?;

        // Another worker may have published a newer version before this older one.
        match self.store.head(&job.key).await? {
            Some(head) if head.etag != etag => Err(SourceError::changed(source.name()).into()),
            _ => Ok(manifest),
        }
    }

    fn check_complete(&self, extraction: &Extraction) -> Result<(), Failure> {
        let whole = |thumbnail: &&thumbcore::Thumbnail| !thumbnail.image().is_empty();
        let got = extraction.thumbnails.iter().filter(whole).count();
        if got == self.pictures && extraction.thumbnails.len() == got {
            return Ok(());
        }
        Err(Failure::Incomplete {
            got,
            wanted: self.pictures,
        })
    }
}

/// One line and the numbers of a video.
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
