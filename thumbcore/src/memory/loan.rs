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

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    const MIB: u64 = 1 << 20;

    async fn loan(budget: &MemoryBudget, max_memory: u64) -> Loan {
        let limits = Limits {
            max_memory,
            ..Limits::default()
        };
        Loan::begin(budget, &limits, &Patience::new(None))
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn what_is_lent_is_within_both_limits_and_comes_back() {
        let budget = MemoryBudget::new(100 * MIB);
        let mut one = loan(&budget, 80 * MIB).await;
        assert_eq!(budget.reserved(), 32 * MIB);
        assert!(one.spare(48 * MIB));
        // More than the video may use, and then more than there is.
        assert!(!one.spare(1));
        let mut other = MemoryBudget::reserve(&budget, 20 * MIB).await.unwrap();
        one.take_back(60 * MIB);
        assert_eq!((one.bytes(), budget.reserved()), (20 * MIB, 40 * MIB));
        other.merge(MemoryBudget::reserve(&budget, 55 * MIB).await.unwrap());
        assert!(!one.spare(10 * MIB));
        drop((one, other));
        assert_eq!(budget.reserved(), 0);
    }

    #[tokio::test]
    async fn who_waits_for_the_whole_holds_nothing() {
        let budget = MemoryBudget::new(100 * MIB);
        let mut one = loan(&budget, 100 * MIB).await;
        let other = budget.reserve(60 * MIB).await.unwrap();
        let mut waiting = Box::pin(one.wait(40 * MIB, 32 * MIB).unwrap());
        assert!(waiting.as_mut().now_or_never().is_none());
        assert_eq!(one.bytes(), 0);
        drop(other);
        one.add(waiting.await.unwrap());
        assert_eq!(one.bytes(), 72 * MIB);
        // What is in use is kept while more is waited for.
        let more = one.wait(10 * MIB, 0).unwrap();
        assert_eq!(one.bytes(), 72 * MIB);
        one.add(more.await.unwrap());
        assert_eq!(one.bytes(), 82 * MIB);
        assert!(one.wait(u64::MAX, 0).is_none());
    }
}
