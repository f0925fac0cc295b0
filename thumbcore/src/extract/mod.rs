//! The public entry: a source in, pictures and facts out.
//!
//! One extraction runs on one blocking thread, since libav blocks; while it waits for bytes it
//! costs no CPU, and decoding waits for a permit, of which there are as many as CPUs.

mod ahead;
mod budget;
mod builder;
mod cpu;
mod job;
mod ladder;
mod outcome;
#[cfg(test)]
mod tests;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use tokio::{runtime::Handle, sync::Semaphore};
use tokio_util::sync::CancellationToken;

pub use self::{
    builder::ExtractorBuilder,
    outcome::{Extraction, Media, Origin, Probe, Stats, Thumbnail},
};
use self::{builder::Settings, job::Job};
use crate::{
    Error, RangeSource,
    reader::{Call, Reader},
};

/// Extracts thumbnails; cheap to clone and to share between tasks.
///
/// Clones share one limit on decoding: as many pictures at once as there are CPUs (of the
/// container's quota), however many videos wait for bytes.
///
/// ```no_run
/// use std::sync::Arc;
/// use thumbcore::{Extractor, FileSource};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let extractor = Extractor::builder().max_width(320).build()?;
/// let source = FileSource::open("holiday.mp4").await?;
/// let extraction = extractor.extract(Arc::new(source)).await?;
/// for (n, thumbnail) in extraction.thumbnails.iter().enumerate() {
///     std::fs::write(format!("holiday_{}.jpg", n + 1), &thumbnail.image)?;
/// }
/// println!("{} of {} bytes read", extraction.stats.bytes_fetched, extraction.stats.source_bytes);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Extractor {
    settings: Arc<Settings>,
    decoding: Arc<Semaphore>,
}

impl Extractor {
    /// Starts from the defaults: 10, 50 and 95 %, at most 640 pixels wide, JPEG at quality 85.
    #[must_use]
    pub fn builder() -> ExtractorBuilder {
        ExtractorBuilder::default()
    }

    fn new(settings: Settings) -> Self {
        let cpus = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            settings: Arc::new(settings),
            decoding: Arc::new(Semaphore::new(cpus)),
        }
    }

    /// Reads what is needed of `source` and returns one thumbnail a position, in the order of the
    /// positions.
    ///
    /// Runs on tokio, without blocking its workers. Dropping the future cancels reading and
    /// decoding.
    ///
    /// # Errors
    /// No thumbnail is returned where not every position gave one. [`Error::is_transient`] tells
    /// whether the same video may succeed later.
    pub async fn extract(&self, source: Arc<dyn RangeSource>) -> Result<Extraction, Error> {
        let decoding = Arc::clone(&self.decoding);
        self.run(source, move |job| job.extract(&decoding)).await
    }

    /// Reads only what tells the container, codec, dimensions and duration.
    ///
    /// # Errors
    /// As [`extract`](Self::extract).
    pub async fn probe(&self, source: Arc<dyn RangeSource>) -> Result<Probe, Error> {
        self.run(source, Job::probe).await
    }

    async fn run<T: Send + 'static>(
        &self,
        source: Arc<dyn RangeSource>,
        work: impl FnOnce(Job) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let cancelled = CancellationToken::new();
        let _cancel_on_drop = cancelled.clone().drop_guard();
        let settings = Arc::clone(&self.settings);
        let call = Call::new(settings.limits.clone(), cancelled);
        let reader = Reader::open(source, None, settings.read.clone(), call).await?;
        let runtime = Handle::current();
        let internal = |reason: String| Error::Internal { reason };
        let (give, result) = tokio::sync::oneshot::channel();
        // Not on the runtime's blocking pool: a job waits there for reads that may need a thread of
        // the same pool.
        std::thread::Builder::new()
            .name("thumbcore".to_owned())
            .spawn(move || {
                let job = Job::new(Arc::new(reader), runtime, settings);
                let result = catch_unwind(AssertUnwindSafe(|| work(job)))
                    .unwrap_or_else(|_| Err(internal("a panic was stopped".to_owned())));
                // Nobody takes it where the caller has gone.
                let _ = give.send(result);
            })
            .map_err(|error| internal(error.to_string()))?;
        result
            .await
            .unwrap_or_else(|error| Err(internal(error.to_string())))
    }
}
