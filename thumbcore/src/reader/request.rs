//! One request: its retries, and what it is charged.

use std::{
    ops::{Range, RangeInclusive},
    time::Instant,
};

use bytes::Bytes;
use tokio::sync::SemaphorePermit;

use super::{
    Call, Reader, Reason, Reserve,
    ledger::{Ledger, Ticket},
};
use crate::{Error, SourceError};

impl Reader {
    /// Waits until fewer requests are under way than may be at once.
    async fn connection(&self) -> Result<SemaphorePermit<'_>, Error> {
        let permit = self.in_time(self.store.connections.acquire()).await?;
        permit.map_err(|error| Error::Internal {
            reason: error.to_string(),
        })
    }

    /// One request, with retries.
    pub(super) async fn fetch(&self, range: Range<u64>, reason: Reason) -> Result<Bytes, Error> {
        let mut attempt = 0;
        loop {
            let error = match self.request(&range, reason).await? {
                Ok(bytes) => return Ok(bytes),
                Err(error) => error,
            };
            self.in_time(self.config().back_off(&mut attempt, error))
                .await??;
        }
    }

    /// One request. What the source says may be worth another try; a spent budget is not.
    async fn request(
        &self,
        range: &Range<u64>,
        reason: Reason,
    ) -> Result<Result<Bytes, SourceError>, Error> {
        let wanted = range.end - range.start;
        let _connection = self.connection().await?;
        // Others may have fetched it while this one waited.
        if let Some(held) = self.cached(range.start)
            && held.len() as u64 >= wanted
        {
            return Ok(Ok(held.slice(..wanted as usize)));
        }
        let charge = self.charge(wanted)?;
        let mut request = Request::begin(&self.call, 1, wanted, self.reserve)?;
        // Lets reads that run side by side all begin before one is done, even where the source
        // answers at once, so that they count as one round trip.
        tokio::task::yield_now().await;
        request.sent();
        let asked = Instant::now();
        let answer = self.in_time(self.store.ask(range.clone())).await?;
        let checked = answer.and_then(|bytes| {
            check_len(self.store.name(), &bytes, wanted..=wanted).map(|()| bytes)
        });
        let error = match checked {
            Ok(bytes) => {
                let waited = asked.elapsed();
                self.store
                    .cache()
                    .insert_charged(range.start, &bytes, charge);
                request.settle(|ledger, ticket| ledger.done(ticket, range, reason, waited));
                return Ok(Ok(bytes));
            }
            Err(error) => error,
        };
        let arrived = if may_follow_bytes(&error) { wanted } else { 0 };
        request.settle(|ledger, ticket| ledger.ended(ticket, arrived));
        Ok(Err(error))
    }
}

/// Whether bytes may have arrived before `error`. How many is not known, so they count as all that
/// were asked for; else a server that breaks off each answer would never be over budget.
pub(super) fn may_follow_bytes(error: &SourceError) -> bool {
    matches!(error, SourceError::Io { .. })
}

/// Whether an answer has a length within `wanted`. Sources are other people's code: one that breaks
/// its contract may do better next time.
pub(super) fn check_len(
    name: &str,
    bytes: &Bytes,
    wanted: RangeInclusive<u64>,
) -> Result<(), SourceError> {
    let got = bytes.len() as u64;
    let (difference, which) = if got > *wanted.end() {
        (got - wanted.end(), "more")
    } else if got < *wanted.start() {
        (wanted.start() - got, "fewer")
    } else {
        return Ok(());
    };
    let unit = if difference == 1 { "byte" } else { "bytes" };
    Err(SourceError::io(
        name,
        format!("the source sent {difference} {unit} {which} than asked for"),
    ))
}

/// Requests about to be sent or under way, which are abandoned when this is dropped.
pub(super) struct Request<'a> {
    call: &'a Call,
    ticket: Option<Ticket>,
}

impl<'a> Request<'a> {
    /// Reserves so many `requests` and `bytes` of the call's budgets, less `reserve` of them.
    pub(super) fn begin(
        call: &'a Call,
        requests: u64,
        bytes: u64,
        reserve: Reserve,
    ) -> Result<Self, Error> {
        let ticket = call
            .ledger()
            .begin(requests, bytes, call.limits(), reserve)?;
        Ok(Self {
            call,
            ticket: Some(ticket),
        })
    }

    pub(super) fn sent(&mut self) {
        if let Some(ticket) = &mut self.ticket {
            self.call.ledger().sent(ticket);
        }
    }

    pub(super) fn settle(mut self, with: impl FnOnce(&mut Ledger, Ticket)) {
        if let Some(ticket) = self.ticket.take() {
            with(&mut self.call.ledger(), ticket);
        }
    }
}

impl Drop for Request<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.call.ledger().abandoned(ticket);
        }
    }
}
