//! Memory as a budget that videos share.

#[cfg(sandbox)]
mod loan;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

#[cfg(sandbox)]
pub(crate) use self::loan::Loan;
use crate::{
    Error, LimitError, Limits,
    lend::Lender,
    patience::{Patience, Resource},
};

/// Memory that several videos share, in bytes. Clones share it as well.
///
/// A video reserves a little as it begins, and more where its claims (the size of its index, its
/// samples, its pictures) need more. What is not free at once is waited for, first come, first
/// served: the video gives back all it has, waits for the whole in one step and begins anew, so
/// that no two videos wait for each other. The wait is no part of
/// [`Limits::max_time`](crate::Limits::max_time);
/// [`ExtractorBuilder::max_wait`](crate::ExtractorBuilder::max_wait) may bound it. Only a video
/// that needs more than the whole budget, or than its own
/// [`Limits::max_memory`](crate::Limits::max_memory), is refused with
/// [`LimitError::Memory`](crate::LimitError::Memory).
///
/// A [`Video`](crate::Video) that is kept open keeps what its source's bytes and its index take. If
/// it needs more for a request than is free, it waits for that as long as a call may last, and then
/// fails with [`Error::Busy`](crate::Error::Busy): whoever keeps videos open leaves enough of the
/// budget free for one more to be worked on.
///
/// Counted are bytes that are fetched and held, libav's index of an mp4, and decoded pictures (six
/// bytes a pixel and decoder: four pictures of 8 bits). Not counted are code, stacks and the
/// buffers of encoders: some 20 MB a process and a few a video. Nor what the allocator keeps of
/// what was freed: glibc has an arena for each thread, which in a crowd on a budget of 256 MiB kept
/// as much again; with `MALLOC_ARENA_MAX=1` in the program's environment it kept next to nothing.
///
/// ```
/// use thumbcore::{Extractor, MemoryBudget};
///
/// # fn main() -> Result<(), thumbcore::Error> {
/// let memory = MemoryBudget::new(600 << 20);
/// let extractor = Extractor::builder().memory(memory.clone()).build()?;
/// assert_eq!((memory.limit(), memory.reserved()), (600 << 20, 0));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct MemoryBudget {
    units: Arc<Semaphore>,
    limit: u64,
    /// Where more comes from; `None` where `units` began with all there is.
    lender: Option<Arc<dyn Lender>>,
}

/// Bytes a permit.
const UNIT: u64 = 1 << 10;

/// Least that is borrowed at once: 1 MiB, so that a parser that grows asks rarely.
const LOAN: u64 = 1 << 20;

/// What a video reserves as it begins: 32 MiB, which an hour of 1080p needs for its index,
/// keyframes and pictures.
pub(crate) const BEGINNING: u64 = 32 << 20;

impl MemoryBudget {
    /// A budget of `bytes`, rounded down to whole KiB.
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        let units = (bytes / UNIT).min(u64::from(u32::MAX));
        let permits = usize::try_from(units).unwrap_or(usize::MAX);
        Self {
            units: Arc::new(Semaphore::new(permits.min(Semaphore::MAX_PERMITS))),
            limit: units * UNIT,
            lender: None,
        }
    }

    /// The part of a budget of `limit` bytes that `lender` lends: `lent` bytes so far.
    #[cfg(sandbox)]
    pub(crate) fn lent(limit: u64, lent: u64, lender: Arc<dyn Lender>) -> Self {
        Self {
            limit,
            lender: Some(lender),
            ..Self::new(lent)
        }
    }

    /// All of it, in bytes.
    #[must_use]
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// What is reserved now, in bytes.
    #[must_use]
    pub fn reserved(&self) -> u64 {
        self.limit - self.units.available_permits() as u64 * UNIT
    }

    /// What nobody uses of what is here.
    fn unused(&self) -> u64 {
        self.units.available_permits() as u64 * UNIT
    }

    /// Takes what nobody uses out of the budget, to be given back to the lender: bytes.
    #[cfg(sandbox)]
    pub(crate) fn take_unused(&self) -> u64 {
        let unused = self.units.available_permits();
        self.units.forget_permits(unused) as u64 * UNIT
    }

    /// `bytes` of it, if they are free now.
    fn try_reserve(&self, bytes: u64) -> Option<OwnedSemaphorePermit> {
        let units = units(bytes);
        let take = || Arc::clone(&self.units).try_acquire_many_owned(units).ok();
        take().or_else(|| {
            let lender = self.lender.as_ref()?;
            let missing = bytes.saturating_sub(self.unused()).next_multiple_of(UNIT);
            let lent = [missing.max(LOAN), missing];
            let lent = lent.into_iter().find(|bytes| lender.spare_memory(*bytes))?;
            self.units.add_permits((lent / UNIT) as usize);
            take()
        })
    }

    /// `bytes` of it, once they are free.
    async fn reserve(&self, bytes: u64) -> Result<OwnedSemaphorePermit, Error> {
        if let Some(lender) = &self.lender {
            let unused = self.unused();
            let missing = bytes.saturating_sub(unused).next_multiple_of(UNIT);
            if missing > 0 {
                lender.memory(missing, unused).await;
                self.units.add_permits((missing / UNIT) as usize);
            }
        }
        let permits = Arc::clone(&self.units).acquire_many_owned(units(bytes));
        permits.await.map_err(|error| Error::Internal {
            reason: error.to_string(),
        })
    }
}

fn units(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX)
}

/// The memory of one video.
#[derive(Debug)]
pub(crate) struct Account {
    budget: Option<MemoryBudget>,
    /// What the video may use at most.
    limit: u64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    used: u64,
    /// Kept even while less is used.
    floor: u64,
    /// What the budget has given.
    reserved: Option<OwnedSemaphorePermit>,
}

impl State {
    fn reserved(&self) -> u64 {
        let permits = self.reserved.as_ref();
        permits.map_or(0, |permit| permit.num_permits() as u64 * UNIT)
    }

    fn take(&mut self, more: OwnedSemaphorePermit) {
        match &mut self.reserved {
            Some(reserved) => reserved.merge(more),
            none => *none = Some(more),
        }
    }
}

impl Account {
    /// An account that shares no budget.
    pub(crate) fn unshared(limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            budget: None,
            limit: limits.max_memory,
            state: Mutex::default(),
        })
    }

    /// The account of a video that begins, once `budget` has what the video needs: `needed` bytes,
    /// which an earlier attempt was short of, or as much as most videos take. That attempt must
    /// have dropped all it had.
    pub(crate) async fn reserve(
        budget: Option<&MemoryBudget>,
        limits: &Limits,
        needed: u64,
        patience: &Patience,
    ) -> Result<Arc<Self>, Error> {
        let Some(budget) = budget else {
            return Ok(Self::unshared(limits));
        };
        let limit = limits.max_memory.min(budget.limit);
        let floor = needed.max(BEGINNING).min(limit);
        let reserved = patience.wait(Resource::Memory, budget.reserve(floor));
        let state = State {
            used: 0,
            floor,
            reserved: Some(reserved.await??),
        };
        Ok(Arc::new(Self {
            budget: Some(budget.clone()),
            limit,
            state: Mutex::new(state),
        }))
    }

    /// Waits until `needed` bytes in all are reserved, which stay so until
    /// [`settle`](Self::settle).
    pub(crate) async fn grow_to(&self, needed: u64) -> Result<(), Error> {
        let Some(budget) = &self.budget else {
            return Ok(());
        };
        let missing = needed.saturating_sub(self.state().reserved());
        let more = budget.reserve(missing).await?;
        let mut state = self.state();
        state.floor = needed;
        state.take(more);
        Ok(())
    }

    /// Gives back what was reserved ahead and is not used.
    pub(crate) fn settle(&self) {
        let mut state = self.state();
        state.floor = 0;
        Self::give_back(&mut state);
    }

    /// Bytes in use.
    #[cfg(test)]
    pub(crate) fn used(&self) -> u64 {
        self.state().used
    }

    /// Counts `bytes` as used until the charge is dropped. To be called before the memory is taken.
    pub(crate) fn charge(self: &Arc<Self>, bytes: u64) -> Result<Charge, LimitError> {
        let mut state = self.state();
        let limit = self.limit;
        let needed = state.used.saturating_add(bytes);
        let short = LimitError::Memory { needed, limit };
        if needed > limit {
            return Err(short);
        }
        let reserved = state.reserved();
        if let Some(budget) = &self.budget
            && needed > reserved
        {
            let Some(more) = budget.try_reserve(needed - reserved) else {
                return Err(short);
            };
            state.take(more);
        }
        state.used = needed;
        Ok(Charge {
            account: Arc::clone(self),
            bytes,
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The state is valid after every statement, so a panic elsewhere does not spoil it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn release(&self, bytes: u64) {
        let mut state = self.state();
        state.used = state.used.saturating_sub(bytes);
        Self::give_back(&mut state);
    }

    fn give_back(state: &mut State) {
        let surplus = state.reserved().saturating_sub(state.used.max(state.floor)) / UNIT;
        if let Some(reserved) = &mut state.reserved {
            // Dropped, and with it the permits.
            let _surplus = reserved.split(surplus as usize);
        }
    }
}

/// Memory of one video that is in use until this is dropped.
#[derive(Debug)]
#[must_use = "memory is charged only while the charge is held"]
pub(crate) struct Charge {
    account: Arc<Account>,
    bytes: u64,
}

impl Charge {
    /// Bytes charged.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes over what `other` charges of the same account.
    pub(crate) fn merge(&mut self, mut other: Self) {
        self.bytes += std::mem::take(&mut other.bytes);
    }

    /// Gives back all but `bytes`, where it charges more.
    pub(crate) fn shrink_to(&mut self, bytes: u64) {
        let surplus = self.bytes.saturating_sub(bytes);
        self.bytes -= surplus;
        self.account.release(surplus);
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.account.release(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

    use futures::{FutureExt, future::join_all};

    use super::*;

    const MIB: u64 = 1 << 20;

    /// Runs `attempt` as often as it is short of memory, as an extraction is.
    async fn run<T>(
        budget: &MemoryBudget,
        limits: &Limits,
        attempt: impl AsyncFn(Arc<Account>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut needed = 0;
        loop {
            let patience = Patience::new(None);
            let account = Account::reserve(Some(budget), limits, needed, &patience).await?;
            let result = attempt(account).await;
            match result.as_ref().err().and_then(Error::is_short_of) {
                Some(short) => needed = short,
                None => return result,
            }
        }
    }

    fn limits(max_memory: u64) -> Limits {
        Limits {
            max_memory,
            ..Limits::default()
        }
    }

    #[test]
    fn what_is_charged_is_given_back() {
        let account = Account::unshared(&limits(100));
        let first = account.charge(60).unwrap();
        let needed = 101;
        let refused = LimitError::Memory { needed, limit: 100 };
        assert_eq!(account.charge(41).unwrap_err(), refused);
        let mut second = account.charge(40).unwrap();
        drop(first);
        second.merge(account.charge(10).unwrap());
        assert_eq!(account.used(), 50);
        second.shrink_to(5);
        assert_eq!(account.used(), 5);
        drop(second);
        assert_eq!(account.used(), 0);
    }

    #[tokio::test]
    async fn a_video_of_its_own_size_is_let_in_and_one_of_more_is_not() {
        let budget = MemoryBudget::new(100 * MIB);
        let (attempts, limits) = (AtomicU64::new(0), limits(1 << 40));
        let wanting = |bytes: u64| {
            let attempts = &attempts;
            run(&budget, &limits, async move |account| {
                attempts.fetch_add(1, SeqCst);
                let first = account.charge(bytes / 2)?;
                let second = account.charge(bytes - bytes / 2)?;
                Ok(first.bytes() + second.bytes())
            })
        };
        assert_eq!(wanting(100 * MIB).await.unwrap(), 100 * MIB);
        assert_eq!((budget.reserved(), attempts.load(SeqCst)), (0, 1));
        let error = wanting(100 * MIB + 2).await.unwrap_err();
        assert!(!error.is_transient(), "{error}");
        assert_eq!(budget.reserved(), 0);
    }

    #[tokio::test]
    async fn those_that_need_too_much_together_take_turns() {
        let budget = MemoryBudget::new(100 * MIB);
        let (running, peak) = (AtomicU64::new(0), AtomicU64::new(0));
        let limits = limits(1 << 40);
        let video = |bytes: u64| {
            let (budget, limits) = (&budget, &limits);
            let (running, peak) = (&running, &peak);
            run(budget, limits, async move |account| {
                let mut charges = Vec::new();
                for _ in 0..4 {
                    charges.push(account.charge(bytes / 4)?);
                    running.fetch_add(bytes / 4, SeqCst);
                    tokio::task::yield_now().await;
                    peak.fetch_max(running.load(SeqCst), SeqCst);
                    running.fetch_sub(bytes / 4, SeqCst);
                }
                assert!(budget.reserved() <= budget.limit());
                Ok(())
            })
        };
        // Each two of the large ones are too much, and hold enough to wait for each other.
        let videos = [80, 90, 70, 100, 4, 30, 4].map(|size| video(size * MIB));
        for done in join_all(videos).await {
            done.unwrap();
        }
        assert_eq!(budget.reserved(), 0);
    }

    #[tokio::test]
    async fn who_waits_can_be_dropped() {
        let budget = MemoryBudget::new(40 * MIB);
        let limits = limits(1 << 40);
        let wait = || {
            run(&budget, &limits, async |account| {
                let _charge = account.charge(MIB)?;
                std::future::pending::<Result<(), Error>>().await
            })
        };
        let mut first = Box::pin(wait());
        assert!(first.as_mut().now_or_never().is_none());
        assert_eq!(budget.reserved(), BEGINNING);
        let mut second = Box::pin(wait());
        assert!(second.as_mut().now_or_never().is_none());
        drop(second);
        drop(first);
        assert_eq!(budget.reserved(), 0);
    }

    #[tokio::test]
    async fn a_video_that_is_kept_holds_what_it_uses() {
        let budget = MemoryBudget::new(100 * MIB);
        let limits = limits(1 << 40);
        let kept = run(&budget, &limits, async |account| {
            let charge = account.charge(3 * MIB)?;
            account.settle();
            Ok(charge)
        });
        let kept = kept.await.unwrap();
        assert_eq!(budget.reserved(), 3 * MIB);
        drop(kept);
        assert_eq!(budget.reserved(), 0);
    }
}
