//! A source that is read for a reader in another process.

use std::{
    ops::Range,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use tokio::sync::Semaphore;

use super::{
    Call, Costs, ReadConfig, Reason, Reserve,
    open::Asked,
    request::{Request, check_len, may_follow_bytes},
};
use crate::{
    Error, LimitError, SourceError,
    source::{Ends, Guard, Stat},
};

/// Reads a source for a reader in another process, which is not trusted: within the budgets of one
/// call, which are counted here, and no more ranges at once than a reader of this process may.
///
/// What the source says is passed on (the inner result); a spent budget ends the call (the outer
/// one).
#[derive(Debug)]
pub(crate) struct Broker {
    source: Guard,
    call: Arc<Call>,
    connections: Semaphore,
    /// Questions that cost no request, and are bounded by as many.
    stats: AtomicU64,
    /// What the source has said of its length and version.
    seen: Mutex<Option<Stat>>,
    /// Errors of the source, whole.
    failures: Mutex<Vec<SourceError>>,
}

impl Broker {
    pub(crate) fn new(source: Guard, config: &ReadConfig, call: Call) -> Self {
        Self {
            source,
            call: Arc::new(call),
            connections: Semaphore::new(config.concurrency.clamp(1, Semaphore::MAX_PERMITS)),
            stats: AtomicU64::new(0),
            seen: Mutex::default(),
            failures: Mutex::default(),
        }
    }

    /// The source's length and version.
    pub(crate) async fn stat(&self) -> Result<Result<Stat, SourceError>, Error> {
        let limit = self.call.limits().max_requests;
        let spent = self.stats.fetch_add(1, Ordering::Relaxed);
        if spent >= limit {
            return Err(LimitError::Requests { spent, limit }.into());
        }
        let answer = self.source.stat().await.inspect(|stat| self.see(stat));
        Ok(answer.map_err(|error| self.failed(error)))
    }

    /// The bytes of `range`: all of them, of the version that is `expected` where one is.
    pub(crate) async fn read(
        &self,
        range: Range<u64>,
        expected: Option<Stat>,
    ) -> Result<Result<Bytes, SourceError>, Error> {
        let Some(wanted) = range.end.checked_sub(range.start) else {
            let reason = format!("range {range:?} ends before it begins");
            return Ok(Err(SourceError::rejected(self.source.name(), reason)));
        };
        let _connection = self.connections.acquire().await;
        let mut request = Request::begin(&self.call, 1, wanted, Reserve::Nothing)?;
        request.sent();
        let asked = Instant::now();
        let answer = match &expected {
            Some(stat) => self.source.read_if(range.clone(), stat).await,
            None => self.source.read(range.clone()).await,
        };
        let checked = answer.and_then(|bytes| {
            check_len(self.source.name(), &bytes, wanted..=wanted).map(|()| bytes)
        });
        let error = match checked {
            Ok(bytes) => {
                if let Some(stat) = &expected {
                    self.see(stat);
                }
                let waited = asked.elapsed();
                request.settle(|ledger, ticket| ledger.done(ticket, &range, Reason::Demux, waited));
                return Ok(Ok(bytes));
            }
            Err(error) => error,
        };
        let arrived = if may_follow_bytes(&error) { wanted } else { 0 };
        request.settle(|ledger, ticket| ledger.ended(ticket, arrived));
        Ok(Err(self.failed(error)))
    }

    /// The first `head` and the last `tail` bytes.
    pub(crate) async fn ends(
        &self,
        head: u64,
        tail: u64,
    ) -> Result<Result<Ends, SourceError>, Error> {
        let asked = Asked { head, tail };
        let _connection = self.connections.acquire().await;
        let mut request = asked.begin(&self.call)?;
        request.sent();
        let began = Instant::now();
        match asked.checked(&self.source).await {
            Ok(ends) => {
                let waited = began.elapsed();
                request.settle(|ledger, ticket| ledger.opened(ticket, &ends, waited));
                self.see(&ends.stat);
                Ok(Ok(ends))
            }
            Err(error) => {
                let arrived = if may_follow_bytes(&error) {
                    asked.bytes()
                } else {
                    0
                };
                request.settle(|ledger, ticket| ledger.ended(ticket, arrived));
                Ok(Err(self.failed(error)))
            }
        }
    }

    /// What reading has cost so far.
    pub(crate) fn costs(&self) -> Costs {
        self.call.ledger().costs()
    }

    /// Time since the caller asked, waits included.
    pub(crate) fn wall(&self) -> Duration {
        self.call.wall()
    }

    /// What the source has said of its length and version.
    pub(crate) fn seen(&self) -> Option<Stat> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.clone()
    }

    /// The error of the source that came back as `told`, with its cause.
    pub(crate) fn original(&self, told: SourceError) -> SourceError {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let text = told.to_string();
        let mut failures = failures.iter().rev();
        let original =
            failures.find(|error| error.kind() == told.kind() && error.to_string() == text);
        original.cloned().unwrap_or(told)
    }

    fn see(&self, stat: &Stat) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        *seen = Some(stat.clone());
    }

    fn failed(&self, error: SourceError) -> SourceError {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.push(error.clone());
        error
    }
}
