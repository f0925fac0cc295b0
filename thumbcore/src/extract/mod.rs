//! The public entry: a source in, pictures and facts out.
//!
//! [`Extractor`] opens a [`Video`]; a [`Request`] says which pictures are wanted. A call is let in
//! first ([`admission`]). Its work runs on one blocking thread, since libav blocks; while it waits
//! for bytes it costs no CPU and holds no permit to decode.

mod admission;
mod builder;
mod cpu;
mod first_limit;
mod keyframes;
mod ladder;
mod opening;
mod outcome;
mod pick;
mod picture;
mod ranking;
mod request;
#[cfg(sandbox)]
mod sandboxed;
mod search;
mod target;
mod task;
mod thread;
mod tiling;
mod video;
mod wanted;

use std::{sync::Arc, time::Duration};

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

#[cfg(sandbox)]
pub(crate) use self::sandboxed::BODY;
#[cfg(all(sandbox, feature = "testing"))]
pub use self::sandboxed::hear;
#[cfg(all(sandbox, feature = "testing"))]
pub(crate) use self::sandboxed::{Misdeeds, set_misdeeds};
pub(crate) use self::tiling::Tiling;
use self::{
    admission::{Admission, Place},
    builder::Settings,
    cpu::CpuTime,
    task::Task,
    thread::on_thread,
};
pub use self::{
    builder::ExtractorBuilder,
    cpu::{CpuPermit, Cpus},
    opening::Opening,
    outcome::{
        Candidate, Extraction, KeyframeEntry, Media, Origin, Probe, Rendition, Stats, Thumbnail,
    },
    pick::Pick,
    request::Request,
    video::Video,
};
use crate::{
    Error, Position,
    demux::Session,
    memory::{Account, Charge},
    patience::{Patience, Resource},
    reader::{Call, Reader},
};

/// Opens videos and extracts thumbnails; cheap to clone and to share between tasks.
///
/// Clones, and the videos that they open, share one limit on calls that are worked on at once
/// ([`ExtractorBuilder::max_in_flight`]) and one on decoding: as many pictures at once as there are
/// CPUs (of the container's quota), however many videos wait for bytes. Any number of calls may be
/// made at once; those beyond wait, and have neither a thread nor a byte of their video until they
/// are let in.
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
///     std::fs::write(format!("holiday_{}.jpg", n + 1), thumbnail.image())?;
/// }
/// println!("{} of {} bytes read", extraction.stats.bytes_fetched, extraction.stats.source_bytes);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Extractor {
    settings: Arc<Settings>,
    admission: Admission,
}

impl Extractor {
    /// Starts from the defaults: those of [`Request`], [`Limits`](crate::Limits) and
    /// [`ReadConfig`](crate::ReadConfig).
    #[must_use]
    pub fn builder() -> ExtractorBuilder {
        ExtractorBuilder::default()
    }

    fn new(settings: Settings) -> Self {
        Self {
            admission: Admission::new(settings.max_in_flight()),
            settings: Arc::new(settings),
        }
    }

    /// Tells the container from its bytes, reads the index, and keeps both for further calls.
    ///
    /// Runs on tokio, without blocking its workers. Dropping the future cancels reading.
    ///
    /// # Errors
    /// [`Error::is_transient`] tells whether the same video may be opened later.
    pub async fn open(&self, opening: impl Into<Opening>) -> Result<Video, Error> {
        let (opening, patience) = (opening.into(), self.patience());
        #[cfg(sandbox)]
        if let Some(sandbox) = &self.settings.sandbox {
            let held = sandboxed::open(self, sandbox, opening, patience).await?;
            return Ok(Video::sandboxed(held));
        }
        self.open_here(opening, patience).await
    }

    /// As [`open`](Self::open), in this process.
    async fn open_here(&self, opening: Opening, patience: Arc<Patience>) -> Result<Video, Error> {
        let positions = opening.positions.clone();
        let extractor = self.clone();
        self.run(opening, patience, move |task, cpu| {
            let session = open(&task, &extractor.settings, &positions)?;
            let video = Video::of(session, &task, extractor.clone(), cpu)?;
            task.reader.store().account().settle();
            Ok(video)
        })
        .await
    }

    /// Opens a video and takes the pictures of the default [`Request`]: one thumbnail a position,
    /// in the order of the positions. Both together have the budgets of one call.
    ///
    /// Runs on tokio, without blocking its workers. Dropping the future cancels reading and
    /// decoding.
    ///
    /// # Errors
    /// No thumbnail is returned where not every position gave one. [`Error::is_transient`] tells
    /// whether the same video may succeed later.
    pub async fn extract(&self, opening: impl Into<Opening>) -> Result<Extraction, Error> {
        let (opening, patience) = (opening.into(), self.patience());
        let request = self.settings.request.clone();
        #[cfg(sandbox)]
        if let Some(sandbox) = &self.settings.sandbox {
            return sandboxed::extract(self, sandbox, opening, request, patience).await;
        }
        self.extract_here(opening, request, patience).await
    }

    /// As [`extract`](Self::extract), in this process.
    async fn extract_here(
        &self,
        opening: Opening,
        request: Request,
        patience: Arc<Patience>,
    ) -> Result<Extraction, Error> {
        let settings = Arc::clone(&self.settings);
        self.run(opening, patience, move |task, cpu| {
            let mut session = open(&task, &settings, &request.positions)?;
            video::extract(&mut session, task, &request, cpu)
        })
        .await
    }

    /// The patience of a call that begins now.
    fn patience(&self) -> Arc<Patience> {
        Arc::new(Patience::new(self.settings.max_wait))
    }

    /// Reads only what tells the container, codec, dimensions and duration.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn probe(&self, opening: impl Into<Opening>) -> Result<Probe, Error> {
        let video = self.open(opening).await?;
        Ok(Probe {
            media: video.facts().clone(),
            stats: video.opened().clone(),
        })
    }

    /// Opens a source, and does `work` with it on a thread whose CPU time is measured.
    async fn run<T: Send + 'static>(
        &self,
        opening: Opening,
        patience: Arc<Patience>,
        work: impl Fn(Task, &CpuTime) -> Result<T, Error> + Send + Sync + 'static,
    ) -> Result<T, Error> {
        let (settings, work) = (&self.settings, Arc::new(work));
        let runtime = runtime()?;
        let place = self.admission.enter(&patience).await?;
        let mut needed = 0;
        loop {
            let memory = settings.memory.as_ref();
            let account = Account::reserve(memory, &settings.limits, needed, &patience).await?;
            let (opening, work) = (opening.clone(), Arc::clone(&work));
            let (read, runtime) = (settings.read.clone(), runtime.clone());
            let cpus = settings.cpus.clone();
            let result = self.attempt(&patience, place.clone(), move |call| {
                let cpu = CpuTime::start();
                let Opening { source, stat, .. } = opening;
                let call = call.charged_to(account);
                let reader = runtime.block_on(Reader::open(source, stat, read, call))?;
                let reader = Arc::new(reader);
                let task = Task {
                    reader,
                    runtime,
                    cpus,
                };
                work(task, &cpu)
            });
            let result = result.await;
            match result.as_ref().err().and_then(Error::is_short_of) {
                // Others have the memory. All that the attempt had is dropped by now.
                Some(short) => needed = short,
                None => return result,
            }
        }
    }

    /// Charges `bytes` of memory, beside those of any video, until the charge is dropped. Waits for
    /// them, as long as a call may take: other videos keep what they hold while they wait.
    pub(crate) async fn charge(&self, bytes: u64) -> Result<Charge, Error> {
        let settings = &self.settings;
        let most = settings.limits.max_time;
        let patience = Patience::new(Some(settings.max_wait.map_or(most, |wait| wait.min(most))));
        let memory = settings.memory.as_ref();
        let account = Account::reserve(memory, &settings.limits, bytes, &patience).await?;
        Ok(account.charge(bytes)?)
    }

    /// Does `work`, which reads nothing, on a thread that has a place among the calls in flight and
    /// a CPU. Its CPU time.
    pub(crate) async fn on_cpu<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<(T, Duration), Error> {
        let patience = Patience::new(self.settings.max_wait);
        let place = self.admission.enter(&patience).await?;
        let cpu = self.settings.cpus.acquire();
        let permit = patience.wait(Resource::Cpu, cpu).await?;
        on_thread(place, move || {
            let _permit = permit;
            let cpu = CpuTime::start();
            Ok((work()?, cpu.spent()))
        })
        .await
    }

    /// Does `work` as a call that begins now, on a thread that keeps `place`. Dropping the future
    /// cancels the call.
    async fn attempt<T: Send + 'static>(
        &self,
        patience: &Arc<Patience>,
        place: Place,
        work: impl FnOnce(Call) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let cancelled = CancellationToken::new();
        let _cancel_on_drop = cancelled.clone().drop_guard();
        let call = Call::new(self.settings.limits.clone(), cancelled);
        let call = call.patient(Arc::clone(patience));
        on_thread(place, move || work(call)).await
    }
}

/// The runtime of whoever calls, on which sources read.
fn runtime() -> Result<Handle, Error> {
    Handle::try_current().map_err(|error| Error::Invalid {
        option: "runtime",
        reason: format!("calls are made within a tokio runtime: {error}"),
    })
}

fn open(task: &Task, settings: &Settings, positions: &[Position]) -> Result<Session, Error> {
    let takes_attached = settings.attached_picture;
    Session::open(
        &task.reader,
        task.runtime.clone(),
        positions,
        takes_attached,
    )
}
