//! The first round trip.

use std::{sync::Arc, time::Instant};

use super::{
    Call, ReadConfig, Reader, Reason, Reserve, Store,
    request::{Request, check_len, may_follow_bytes},
};
use crate::{
    Error, RangeSource, SourceError,
    source::{Ends, Guard, Stat},
};

/// Requests that both ends may take at once: a server that knows no suffix ranges is asked for the
/// length and once more for the tail.
const BOTH_ENDS: u64 = 4;

/// Requests that are believed to have been needed for both ends.
const MOST_REQUESTS: u64 = 64;

impl Reader {
    /// Opens `source` by reading its head and tail, in one round trip.
    ///
    /// `known` is what the caller knows of the source; every read depends on it being true. Where
    /// it is not, because the file was replaced meanwhile, the source is opened as if nothing were
    /// known.
    pub(crate) async fn open(
        source: Arc<dyn RangeSource>,
        known: Option<Stat>,
        config: ReadConfig,
        call: Call,
    ) -> Result<Self, Error> {
        let (call, source) = (Arc::new(call), Guard::new(source));
        // An empty file has no byte that would show whether the file is still empty.
        let Some(stat) = known.filter(|stat| stat.len > 0) else {
            return Self::open_unknown(source, config, call).await;
        };
        let ends = config.ends_of(stat.len);
        let account = Arc::clone(call.account());
        let store = Store::new(source.clone(), stat, config.clone(), account).expecting();
        let mut reader = Arc::new(store).reader(Arc::clone(&call));
        match reader.prefetch(ends, Reason::Ends).await {
            Ok(()) => {
                if reader.store.stat().validator.is_none() {
                    // The answers have told the source.
                    let seen = told(&source, &config, &call).await?;
                    if let Some(store) = Arc::get_mut(&mut reader.store) {
                        store.confirm(seen)?;
                    }
                }
                Ok(reader)
            }
            Err(Error::Source(SourceError::Changed { name, .. })) => {
                tracing::debug!(name, "the file was replaced; opening it as unknown");
                Self::open_unknown(source, config, call).await
            }
            Err(error) => Err(error),
        }
    }

    /// Head and tail of a file whose length the first answer tells.
    async fn open_unknown(
        source: Guard,
        config: ReadConfig,
        call: Arc<Call>,
    ) -> Result<Self, Error> {
        let limits = call.limits();
        let head = config.head.min(limits.max_bytes).max(1);
        let both = config.concurrency > 1 && limits.max_requests >= BOTH_ENDS;
        let tail = config.tail.min(limits.max_bytes.saturating_sub(head));
        let asked = Asked {
            head,
            tail: if both { tail } else { 0 },
        };
        let account = Arc::clone(call.account());
        let head_charge = account.charge(asked.head)?;
        let tail_charge = account.charge(asked.tail)?;
        let ends = asked.answer(&source, &config, &call).await?;
        let len = ends.stat.len;
        let store = Store::new(source, ends.stat, config, account);
        let tail_start = len - ends.tail.len() as u64;
        store.cache().insert_charged(0, &ends.head, head_charge);
        store
            .cache()
            .insert_charged(tail_start, &ends.tail, tail_charge);
        let reader = Arc::new(store).reader(call);
        if !both {
            let tail = len.saturating_sub(tail)..len;
            reader.prefetch([tail], Reason::Ends).await?;
        }
        Ok(reader)
    }
}

/// Length and version by the source's own word, after some retries where they are needed.
async fn told(source: &Guard, config: &ReadConfig, call: &Call) -> Result<Stat, Error> {
    let mut attempt = 0;
    loop {
        let error = match call.in_time(Reserve::Nothing, source.stat()).await? {
            Ok(stat) => return Ok(stat),
            Err(error) => error,
        };
        let wait = config.back_off(&mut attempt, error);
        call.in_time(Reserve::Nothing, wait).await??;
    }
}

/// Bytes asked for at either end.
pub(super) struct Asked {
    pub(super) head: u64,
    pub(super) tail: u64,
}

impl Asked {
    /// Bytes of both ends.
    pub(super) fn bytes(&self) -> u64 {
        self.head.saturating_add(self.tail)
    }

    /// Reserves what both ends may take of the call's budgets.
    pub(super) fn begin<'a>(&self, call: &'a Call) -> Result<Request<'a>, Error> {
        let requests = 1 + u64::from(self.tail > 0);
        Request::begin(call, requests, self.bytes(), Reserve::Nothing)
    }

    /// The ends, after some retries where they are needed.
    async fn answer(
        &self,
        source: &Guard,
        config: &ReadConfig,
        call: &Call,
    ) -> Result<Ends, Error> {
        let bytes = self.bytes();
        let mut attempt = 0;
        loop {
            let mut request = self.begin(call)?;
            request.sent();
            let began = Instant::now();
            let answer = self.checked(source);
            let error = match call.in_time(Reserve::Nothing, answer).await? {
                Ok(ends) => {
                    let waited = began.elapsed();
                    request.settle(|ledger, ticket| ledger.opened(ticket, &ends, waited));
                    return Ok(ends);
                }
                Err(error) => error,
            };
            let arrived = if may_follow_bytes(&error) { bytes } else { 0 };
            request.settle(|ledger, ticket| ledger.ended(ticket, arrived));
            let wait = config.back_off(&mut attempt, error);
            call.in_time(Reserve::Nothing, wait).await??;
        }
    }

    /// What `source` answers, if it makes sense.
    pub(super) async fn checked(&self, source: &Guard) -> Result<Ends, SourceError> {
        let ends = source.ends(self.head, self.tail).await?;
        self.check(source.name(), &ends)?;
        // By contract this costs nothing now. Everything follows from the length, and one that is
        // wrong would make pictures of other times.
        let seen = source.stat().await?;
        if seen.len != ends.stat.len {
            let reason = format!(
                "the source gave its length as {} bytes and then as {}",
                ends.stat.len, seen.len
            );
            return Err(SourceError::io(source.name(), reason));
        }
        if !seen.agrees_with(&ends.stat) {
            return Err(SourceError::changed(source.name()));
        }
        Ok(ends)
    }

    /// Whether head and tail are as long as they must be in a file of this length, and what they
    /// are said to have cost is possible.
    fn check(&self, name: &str, ends: &Ends) -> Result<(), SourceError> {
        let len = ends.stat.len;
        let head = self.head.min(len);
        check_len(name, &ends.head, head..=head)?;
        let tail = self.tail.min(len);
        check_len(name, &ends.tail, tail.min(len - head)..=tail)?;
        // Each end may have taken the whole file.
        let most = len.max(self.head).max(self.tail).saturating_mul(2);
        if ends.bytes_fetched > most || ends.requests > MOST_REQUESTS {
            let Ends {
                requests,
                bytes_fetched,
                ..
            } = ends;
            let reason = format!(
                "the source says that both ends of {len} bytes took {requests} requests and \
                 {bytes_fetched} bytes"
            );
            return Err(SourceError::io(name, reason));
        }
        Ok(())
    }
}
