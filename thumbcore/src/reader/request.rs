//! One request: its retries, and what it is charged.

use std::{ops::Range, time::Instant};

use bytes::Bytes;
use tokio::sync::SemaphorePermit;

use super::{
    Call, Reader, Reason,
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
        let mut request = Request::begin(self, wanted)?;
        // Lets reads that run side by side all begin before one is done, even where the source
        // answers at once, so that they count as one round trip.
        tokio::task::yield_now().await;
        request.sent();
        let asked = Instant::now();
        let answer = self.in_time(self.store.source.read(range.clone())).await?;
        let (arrived, error) = match answer {
            Ok(bytes) if bytes.len() as u64 == wanted => {
                let waited = asked.elapsed();
                self.store.cache().insert(range.start, &bytes);
                request.settle(|ledger, ticket| ledger.done(ticket, range, reason, waited));
                return Ok(Ok(bytes));
            }
            Ok(bytes) => {
                let error = SourceError::Io {
                    name: self.store.source.name().to_owned(),
                    reason: "fewer bytes than asked for".to_owned(),
                };
                (bytes.len() as u64, error)
            }
            Err(error) if may_follow_bytes(&error) => (wanted, error),
            Err(error) => (0, error),
        };
        request.settle(|ledger, ticket| ledger.ended(ticket, arrived));
        Ok(Err(error))
    }
}

/// Whether bytes may have arrived before `error`. How many is not known, so they count as all that
/// were asked for; else a server that breaks off each answer would never be over budget.
pub(super) fn may_follow_bytes(error: &SourceError) -> bool {
    matches!(error, SourceError::Io { .. })
}

/// A request about to be sent or under way, which is abandoned when this is dropped.
struct Request<'a> {
    call: &'a Call,
    ticket: Option<Ticket>,
}

impl<'a> Request<'a> {
    fn begin(reader: &'a Reader, bytes: u64) -> Result<Self, Error> {
        let call = &reader.call;
        let ticket = call
            .ledger()
            .begin(bytes, call.limits(), reader.reserve)?;
        Ok(Self {
            call,
            ticket: Some(ticket),
        })
    }

    fn sent(&mut self) {
        if let Some(ticket) = &mut self.ticket {
            self.call.ledger().sent(ticket);
        }
    }

    fn settle(mut self, with: impl FnOnce(&mut Ledger, Ticket)) {
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
