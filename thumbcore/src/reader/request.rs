//! One request: its retries, and what it is charged.

use std::{ops::Range, time::Instant};

use bytes::Bytes;

use super::{Reader, Reason, State, ledger::Ticket};
use crate::{Error, SourceError};

impl Reader {
    /// One request, with retries.
    pub(super) async fn fetch(&self, range: Range<u64>, reason: Reason) -> Result<Bytes, Error> {
        let wanted = range.end - range.start;
        let mut attempt = 0;
        loop {
            let mut request = Request::begin(self, wanted)?;
            // Lets reads that run side by side all begin before one is done, even where the source
            // answers at once, so that they count as one round trip.
            tokio::task::yield_now().await;
            request.sent();
            let asked = Instant::now();
            let answer = self.in_time(self.source.read(range.clone())).await;
            let error = match answer {
                Ok(Ok(bytes)) if bytes.len() as u64 == wanted => {
                    request.settle(|state, ticket| {
                        let waited = asked.elapsed();
                        state.ledger.done(ticket, &range, reason, waited);
                        state.cache.insert(range.start, &bytes);
                    });
                    return Ok(bytes);
                }
                Ok(Ok(bytes)) => {
                    let arrived = bytes.len() as u64;
                    request.settle(|state, ticket| state.ledger.ended(ticket, arrived));
                    SourceError::Io {
                        name: self.source.name().to_owned(),
                        reason: "fewer bytes than asked for".to_owned(),
                    }
                }
                Ok(Err(error)) => {
                    let arrived = if may_follow_bytes(&error) { wanted } else { 0 };
                    request.settle(|state, ticket| state.ledger.ended(ticket, arrived));
                    error
                }
                Err(error) => return Err(error),
            };
            self.in_time(self.config.back_off(&mut attempt, error))
                .await??;
        }
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
