//! CPU time of threads.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

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
