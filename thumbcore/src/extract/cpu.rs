//! CPUs: who may use one, and how long one was used.

use std::{sync::Arc, time::Duration};

use rustix::time::{ClockId, clock_gettime};
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore},
};

use crate::{Error, reader::Reader};

/// The CPUs that all videos of one extractor share: a permit for each picture that may be decoded
/// or encoded at the same time. No permit is ever held across a read.
#[derive(Debug, Clone)]
pub(super) struct Cpus {
    permits: Arc<Semaphore>,
}

impl Cpus {
    pub(super) fn new(count: usize) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(count.clamp(1, Semaphore::MAX_PERMITS))),
        }
    }

    /// Does `work`, which decodes or encodes and reads nothing, once a CPU is free. Waits no
    /// longer than the time of `reader`'s call allows.
    pub(super) fn run<T>(
        &self,
        runtime: &Handle,
        reader: &Reader,
        work: impl FnOnce() -> Result<T, Error>,
    ) -> Result<T, Error> {
        reader.check_time()?;
        let _permit = match self.spare() {
            Some(permit) => permit,
            None => runtime.block_on(self.wait(reader))?,
        };
        work()
    }

    async fn wait(&self, reader: &Reader) -> Result<OwnedSemaphorePermit, Error> {
        let permit = Arc::clone(&self.permits).acquire_owned();
        let permit = reader.in_time(permit).await?;
        permit.map_err(|error| Error::Internal {
            reason: error.to_string(),
        })
    }

    /// A CPU that nobody uses or waits for.
    pub(super) fn spare(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.permits).try_acquire_owned().ok()
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
