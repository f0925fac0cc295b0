//! One request: its retries, and what it is charged.

use std::{ops::Range, time::Instant};

use bytes::Bytes;
use tokio::sync::SemaphorePermit;

use super::{Reader, Reason, State, ledger::Ticket};
use crate::{Error, SourceError};

impl Reader {
    /// Waits until fewer requests are under way than may be at once.
    async fn connection(&self) -> Result<SemaphorePermit<'_>, Error> {
        let permit = self.in_time(self.connections.acquire()).await?;
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
            self.in_time(self.config.back_off(&mut attempt, error))
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
        let answer = self.in_time(self.source.read(range.clone())).await?;
        let (arrived, error) = match answer {
            Ok(bytes) if bytes.len() as u64 == wanted => {
                request.settle(|state, ticket| {
                    let waited = asked.elapsed();
                    state.ledger.done(ticket, range, reason, waited);
                    state.cache.insert(range.start, &bytes);
                });
                return Ok(Ok(bytes));
            }
            Ok(bytes) => {
                let error = SourceError::Io {
                    name: self.source.name().to_owned(),
                    reason: "fewer bytes than asked for".to_owned(),
                };
                (bytes.len() as u64, error)
            }
            Err(error) if may_follow_bytes(&error) => (wanted, error),
            Err(error) => (0, error),
        };
        request.settle(|state, ticket| state.ledger.ended(ticket, arrived));
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
    reader: &'a Reader,
    ticket: Option<Ticket>,
}

impl<'a> Request<'a> {
    fn begin(reader: &'a Reader, bytes: u64) -> Result<Self, Error> {
        let ticket = reader.state().ledger.begin(bytes, &reader.limits)?;
        Ok(Self {
            reader,
            ticket: Some(ticket),
        })
    }

    fn sent(&mut self) {
        if let Some(ticket) = &mut self.ticket {
            self.reader.state().ledger.sent(ticket);
        }
    }

    fn settle(mut self, with: impl FnOnce(&mut State, Ticket)) {
        if let Some(ticket) = self.ticket.take() {
            with(&mut self.reader.state(), ticket);
        }
    }
}

impl Drop for Request<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.reader.state().ledger.abandoned(ticket);
        }
    }
}
