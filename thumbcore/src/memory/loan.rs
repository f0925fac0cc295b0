//! Memory that is lent to a process without a budget of its own.

use tokio::sync::OwnedSemaphorePermit;

use super::{BEGINNING, MemoryBudget, UNIT};
use crate::{
    Error, Limits,
    patience::{Patience, Resource},
};

/// Memory that a budget has lent to another process, for one video.
#[derive(Debug)]
pub(crate) struct Loan {
    budget: MemoryBudget,
    /// What the video may use at most.
    limit: u64,
    lent: Option<OwnedSemaphorePermit>,
}

impl Loan {
    /// What a video needs as it begins, once it is free.
    pub(crate) async fn begin(
        budget: &MemoryBudget,
        limits: &Limits,
        patience: &Patience,
    ) -> Result<Self, Error> {
        let limit = limits.max_memory.min(budget.limit);
        let beginning = budget.reserve(BEGINNING.min(limit));
        let lent = patience.wait(Resource::Memory, beginning).await??;
        Ok(Self {
            budget: budget.clone(),
            limit,
            lent: Some(lent),
        })
    }

    /// Bytes of the budget that is shared.
    pub(crate) fn limit(&self) -> u64 {
        self.budget.limit
    }

    /// Bytes lent now.
    pub(crate) fn bytes(&self) -> u64 {
        let lent = self.lent.as_ref();
        lent.map_or(0, |permit| permit.num_permits() as u64 * UNIT)
    }

    /// Lends `bytes` more, if they are free now.
    pub(crate) fn spare(&mut self, bytes: u64) -> bool {
        if !self.allows(bytes) {
            return false;
        }
        let Some(more) = self.budget.try_reserve(bytes) else {
            return false;
        };
        self.add(more);
        true
    }

    /// `bytes` more, once they are free. What was lent before is given back first where all of it
    /// is `unused`. `None` where that is more than the video may use.
    pub(crate) fn wait(
        &mut self,
        bytes: u64,
        unused: u64,
    ) -> Option<impl Future<Output = Result<OwnedSemaphorePermit, Error>> + Send + use<>> {
        if !self.allows(bytes) {
            return None;
        }
        let before = self.bytes();
        let given_back = if unused >= before {
            self.lent.take()
        } else {
            None
        };
        let bytes = bytes + given_back.as_ref().map_or(0, |_| before);
        drop(given_back);
        let budget = self.budget.clone();
        Some(async move { budget.reserve(bytes).await })
    }

    /// Lends what was waited for.
    pub(crate) fn add(&mut self, more: OwnedSemaphorePermit) {
        match &mut self.lent {
            Some(lent) => lent.merge(more),
            none => *none = Some(more),
        }
    }

    /// Takes `bytes` back, or all where that is less.
    pub(crate) fn take_back(&mut self, bytes: u64) {
        if let Some(lent) = &mut self.lent {
            let units = ((bytes / UNIT) as usize).min(lent.num_permits());
            // Dropped, and with it the permits.
            let _back = lent.split(units);
        }
    }

    fn allows(&self, bytes: u64) -> bool {
        self.bytes()
            .checked_add(bytes)
            .is_some_and(|all| all <= self.limit)
    }
}
