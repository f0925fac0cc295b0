//! What one call may cost.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;

use super::ledger::{Ledger, Reserve};
use crate::{
    Error, LimitError, Limits,
    memory::Account,
    patience::{Patience, Resource},
    time::within,
};

/// What one call may cost, what it has cost so far, and whether its caller still waits for it.
#[derive(Debug)]
pub(crate) struct Call {
    limits: Limits,
    started: Instant,
    patience: Arc<Patience>,
    /// What the caller had waited before `started`.
    waited_before: Duration,
    cancelled: CancellationToken,
    ledger: Mutex<Ledger>,
    /// Who is charged for the memory of what the call opens.
    account: Arc<Account>,
}

impl Call {
    /// A call that begins now and ends early once `cancelled` is.
    pub(crate) fn new(limits: Limits, cancelled: CancellationToken) -> Self {
        Self {
            account: Account::unshared(&limits),
            limits,
            started: Instant::now(),
            patience: Arc::new(Patience::new(None)),
            waited_before: Duration::ZERO,
            cancelled,
            ledger: Mutex::default(),
        }
    }

    /// Charges memory to `account`, which may share a budget with others.
    pub(crate) fn charged_to(self, account: Arc<Account>) -> Self {
        Self { account, ..self }
    }

    /// Waits for what others use no longer than `patience` lasts.
    pub(crate) fn patient(self, patience: Arc<Patience>) -> Self {
        Self {
            waited_before: patience.waited(),
            patience,
            ..self
        }
    }

    pub(super) fn account(&self) -> &Arc<Account> {
        &self.account
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Time since the caller asked, waits included.
    pub(super) fn wall(&self) -> Duration {
        self.waited_before + self.started.elapsed()
    }

    /// How long the caller has waited for what others use.
    pub(super) fn waited(&self) -> Duration {
        self.patience.waited()
    }

    /// The call's own time: waits for what others use are not counted.
    fn spent(&self) -> Duration {
        let waited = self.patience.waited().saturating_sub(self.waited_before);
        self.started.elapsed().saturating_sub(waited)
    }

    /// Waits for `resource`, which others use and `given` gives. The call's clock stands still.
    pub(super) async fn wait<T>(
        &self,
        resource: Resource,
        given: impl Future<Output = T>,
    ) -> Result<T, Error> {
        tokio::select! {
            biased;
            () = self.cancelled.cancelled() => Err(Error::Cancelled),
            given = self.patience.wait(resource, given) => given,
        }
    }

    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        // The ledger is valid after every statement, so a panic elsewhere does not spoil it.
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `work` until it is done, the time less `reserve` is up or the caller has gone.
    pub(super) async fn in_time<T>(
        &self,
        reserve: Reserve,
        work: impl Future<Output = T>,
    ) -> Result<T, Error> {
        let limit = reserve.within_time(self.limits.max_time);
        let left = limit.saturating_sub(self.spent());
        tokio::select! {
            biased;
            () = self.cancelled.cancelled() => Err(Error::Cancelled),
            done = within(left, work) => done.ok_or_else(|| {
                LimitError::Time { spent: self.spent(), limit }.into()
            }),
        }
    }

    /// Whether the time less `reserve` is up or the caller has gone.
    pub(super) fn check_time(&self, reserve: Reserve) -> Result<(), Error> {
        if self.cancelled.is_cancelled() {
            return Err(Error::Cancelled);
        }
        let spent = self.spent();
        let limit = reserve.within_time(self.limits.max_time);
        if spent > limit {
            return Err(LimitError::Time { spent, limit }.into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::sleep;

    #[tokio::test]
    async fn a_wait_for_what_others_use_is_not_the_calls_own_time() {
        let limits = Limits {
            max_time: Duration::from_millis(500),
            ..Limits::default()
        };
        let call = Call::new(limits, CancellationToken::new());
        let permit = sleep(Duration::from_millis(600));
        call.wait(Resource::Cpu, permit).await.unwrap();
        call.check_time(Reserve::Nothing).unwrap();
        call.in_time(Reserve::Eighth, async {}).await.unwrap();
        let own = sleep(Duration::from_millis(600));
        let error = call.in_time(Reserve::Nothing, own).await.unwrap_err();
        assert!(
            matches!(error, Error::Limit(LimitError::Time { .. })),
            "{error}"
        );
        assert!(call.waited() < call.wall());
    }
}
