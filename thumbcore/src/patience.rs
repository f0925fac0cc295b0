//! Waiting for what other calls use.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::{Error, time::within};

/// What a call waits for while other calls have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resource {
    /// The right to begin: only so many calls are worked on at once.
    Place,
    /// Bytes of a memory budget.
    Memory,
    Cpu,
    /// An open video, whose calls take turns.
    Turn,
    /// A thread, which the system may refuse.
    Thread,
}

impl Resource {
    /// Follows "there was no" in the error.
    fn as_str(self) -> &'static str {
        match self {
            Self::Place => "place among the calls in flight",
            Self::Memory => "memory",
            Self::Cpu => "CPU",
            Self::Turn => "turn on the video",
            Self::Thread => "thread",
        }
    }

    /// The error for what was waited for in vain.
    pub(crate) fn busy(self, waited: Duration) -> Error {
        Error::Busy {
            resource: self.as_str(),
            waited,
        }
    }
}

/// How long one call may wait for what others use, all waits together, and how long it has.
#[derive(Debug)]
pub(crate) struct Patience {
    limit: Option<Duration>,
    waited: Mutex<Duration>,
}

impl Patience {
    /// `None` waits as long as it takes.
    pub(crate) fn new(limit: Option<Duration>) -> Self {
        Self {
            limit,
            waited: Mutex::default(),
        }
    }

    /// The patience of a call that has waited for `waited` already, in another process.
    #[cfg(sandbox)]
    pub(crate) fn resumed(limit: Option<Duration>, waited: Duration) -> Self {
        Self {
            limit,
            waited: Mutex::new(waited),
        }
    }

    /// How long the call has waited so far.
    pub(crate) fn waited(&self) -> Duration {
        *self.waited.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for `resource`, which `given` gives, as long as the patience lasts.
    pub(crate) async fn wait<T>(
        &self,
        resource: Resource,
        given: impl Future<Output = T>,
    ) -> Result<T, Error> {
        self.wait_at_most(self.limit, resource, given).await
    }

    /// As [`wait`](Self::wait), and no longer than until the call has waited for `limit` in all.
    pub(crate) async fn wait_within<T>(
        &self,
        limit: Duration,
        resource: Resource,
        given: impl Future<Output = T>,
    ) -> Result<T, Error> {
        let limit = self.limit.map_or(limit, |own| own.min(limit));
        self.wait_at_most(Some(limit), resource, given).await
    }

    async fn wait_at_most<T>(
        &self,
        limit: Option<Duration>,
        resource: Resource,
        given: impl Future<Output = T>,
    ) -> Result<T, Error> {
        let began = Instant::now();
        let before = self.waited();
        let given = match limit {
            Some(limit) => within(limit.saturating_sub(before), given).await,
            None => Some(given.await),
        };
        let waited = before + began.elapsed();
        *self.waited.lock().unwrap_or_else(PoisonError::into_inner) = waited;
        given.ok_or_else(|| resource.busy(waited))
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    #[tokio::test]
    async fn all_waits_of_a_call_share_one_limit() {
        let patience = Patience::new(Some(Duration::from_millis(30)));
        let slow = crate::time::sleep(Duration::from_millis(20));
        patience.wait(Resource::Place, slow).await.unwrap();
        let error = patience.wait(Resource::Cpu, pending::<()>()).await;
        let error = error.unwrap_err();
        assert!(error.to_string().contains("no CPU"), "{error}");
        assert_eq!((error.kind(), error.is_transient()), ("busy", true));
        let waited = patience.waited();
        assert!(waited >= Duration::from_millis(30), "{waited:?}");
        // What is there at once is not waited for.
        assert_eq!(patience.wait(Resource::Cpu, ready(1)).await.unwrap(), 1);
    }
}
