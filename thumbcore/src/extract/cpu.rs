//! CPUs: who may use one, and how long one was used.

use std::{sync::Arc, thread::available_parallelism, time::Duration};

use rustix::time::{ClockId, clock_gettime};
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore},
};

use crate::{Error, lend::Lender, patience::Resource, reader::Reader};

/// CPUs that extractors share: as many pictures are decoded, rendered or encoded at once as there
/// are permits, of all extractors that were given a clone.
///
/// ```
/// use thumbcore::{Cpus, Extractor};
///
/// # fn main() -> Result<(), thumbcore::Error> {
/// let cpus = Cpus::new(2);
/// let thumbnails = Extractor::builder().cpus(cpus.clone()).build()?;
/// let scrubbing = Extractor::builder().cpus(cpus.clone()).max_width(320).build()?;
/// assert_eq!(cpus.count(), 2);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Cpus {
    permits: Arc<Semaphore>,
    count: usize,
    /// Where CPUs come from; `None` where they are the process's own, which `permits` counts.
    lender: Option<Arc<dyn Lender>>,
}

/// The right to use a CPU until it is dropped: see [`Cpus::acquire`].
#[derive(Debug)]
#[must_use = "the CPU is free again once the permit is dropped"]
pub struct CpuPermit {
    _right: Option<Right>,
}

/// The right to use a CPU, until it is dropped.
#[derive(Debug)]
pub(super) enum Right {
    Own { _permit: OwnedSemaphorePermit },
    Lent(Arc<dyn Lender>),
}

impl Drop for Right {
    fn drop(&mut self) {
        if let Self::Lent(lender) = self {
            lender.return_cpu();
        }
    }
}

impl Cpus {
    /// So many CPUs: 1 to 1024, which [`ExtractorBuilder::build`](super::ExtractorBuilder::build)
    /// checks.
    #[must_use]
    pub fn new(count: usize) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(count.min(Semaphore::MAX_PERMITS))),
            count,
            lender: None,
        }
    }

    /// `count` CPUs that `lender` lends.
    #[cfg(sandbox)]
    pub(super) fn lent(count: usize, lender: Arc<dyn Lender>) -> Self {
        Self {
            lender: Some(lender),
            ..Self::new(count)
        }
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// A CPU for the caller's own work, once one is free: first come, first served.
    pub async fn acquire(&self) -> CpuPermit {
        // Nobody closes the semaphore, so there is always a permit.
        let right = self.wait().await.ok();
        CpuPermit { _right: right }
    }

    /// Does `work`, which decodes or encodes and reads nothing, once a CPU is free. No permit is
    /// ever held across a read.
    pub(super) fn run<T>(
        &self,
        runtime: &Handle,
        reader: &Reader,
        work: impl FnOnce() -> Result<T, Error>,
    ) -> Result<T, Error> {
        reader.check_time()?;
        let _right = match self.spare() {
            Some(right) => right,
            None => runtime.block_on(reader.wait(Resource::Cpu, self.wait()))??,
        };
        work()
    }

    pub(super) async fn wait(&self) -> Result<Right, Error> {
        if let Some(lender) = &self.lender {
            lender.cpu().await;
            return Ok(Right::Lent(Arc::clone(lender)));
        }
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let permit = permit.map_err(|error| Error::Internal {
            reason: error.to_string(),
        })?;
        Ok(Right::Own { _permit: permit })
    }

    /// A CPU that nobody uses or waits for.
    pub(super) fn spare(&self) -> Option<Right> {
        if let Some(lender) = &self.lender {
            return lender.spare_cpu().then(|| Right::Lent(Arc::clone(lender)));
        }
        let permit = Arc::clone(&self.permits).try_acquire_owned().ok()?;
        Some(Right::Own { _permit: permit })
    }
}

impl Default for Cpus {
    /// As many as this process may use, of the container's quota.
    fn default() -> Self {
        Self::new(available_parallelism().map_or(1, usize::from))
    }
}

/// CPU time of the calling thread since a moment.
pub(super) struct CpuTime(Duration);

impl CpuTime {
    fn now() -> Duration {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
    }

    pub(super) fn start() -> Self {
        Self(Self::now())
    }

    pub(super) fn spent(&self) -> Duration {
        Self::now().saturating_sub(self.0)
    }
}
