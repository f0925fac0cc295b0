//! What one call may cost.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use tokio_util::sync::CancellationToken;

use super::ledger::{Ledger, Reserve};
use crate::{Error, LimitError, Limits, memory::Account};

/// What one call may cost, what it has cost so far, and whether its caller still waits for it.
#[derive(Debug)]
pub(crate) struct Call {
    limits: Limits,
    started: Instant,
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
            cancelled,
            ledger: Mutex::default(),
        }
    }

    /// Charges memory to `account`, which may share a budget with others.
    pub(crate) fn charged_to(self, account: Arc<Account>) -> Self {
        Self { account, ..self }
    }

    pub(super) fn account(&self) -> &Arc<Account> {
        &self.account
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(super) fn started(&self) -> Instant {
        self.started
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
        let left = limit.saturating_sub(self.started.elapsed());
        tokio::select! {
            biased;
            () = self.cancelled.cancelled() => Err(Error::Cancelled),
            answer = tokio::time::timeout(left, work) => answer.map_err(|_| {
                LimitError::Time { spent: self.started.elapsed(), limit }.into()
            }),
        }
    }

    /// Fails once the time less `reserve` is up or the caller has gone.
    pub(super) fn check_time(&self, reserve: Reserve) -> Result<(), Error> {
        if self.cancelled.is_cancelled() {
            return Err(Error::Cancelled);
        }
        let spent = self.started.elapsed();
        let limit = reserve.within_time(self.limits.max_time);
        if spent > limit {
            return Err(LimitError::Time { spent, limit }.into());
        }
        Ok(())
    }
}
