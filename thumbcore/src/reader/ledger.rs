//! What reading has cost, and may still cost.

use std::{
    ops::Range,
    time::{Duration, Instant},
};

use crate::{Error, LimitError, Limits, source::Ends};

/// Why a range was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(sandbox, derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Reason {
    /// The start or end, before anything was known.
    Ends,
    /// The container's header or index.
    Index,
    /// A search for a keyframe where no index tells its place.
    Search,
    /// A keyframe whose place is known.
    Keyframe,
    /// Read by libav beyond what was planned.
    Demux,
}

impl Reason {
    /// `"ends"`, `"index"`, `"search"`, `"keyframe"` or `"demux"`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ends => "ends",
            Self::Index => "index",
            Self::Search => "search",
            Self::Keyframe => "keyframe",
            Self::Demux => "demux",
        }
    }
}

/// One range that was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(sandbox, derive(serde::Serialize, serde::Deserialize))]
pub struct RangeRead {
    /// First byte.
    pub start: u64,
    /// One past the last byte.
    pub end: u64,
    /// Why.
    pub reason: Reason,
    /// Its place in the longest chain of requests that waited for each other, from 1.
    pub round_trip: u64,
    /// From the request to the last byte.
    pub waited: Duration,
}

/// What one call has cost.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Costs {
    /// Size of the source in bytes.
    pub(crate) source_bytes: u64,
    /// Bytes fetched. An answer that broke off counts whole, since how much of it arrived is not
    /// known.
    pub(crate) bytes_fetched: u64,
    /// Requests sent.
    pub(crate) requests: u64,
    /// Longest chain of requests of which each had to wait for the one before.
    pub(crate) round_trips: u64,
    /// Wall-clock time since the caller asked.
    pub(crate) wall: Duration,
    /// The part of it in which the call waited for what others use.
    pub(crate) queued: Duration,
    /// Reads that were answered from what was held already.
    pub(crate) cache_hits: u64,
    /// Time during which at least one request was under way.
    pub(crate) waiting: Duration,
    /// Every range that was read, in the order of arrival.
    pub(crate) reads: Vec<RangeRead>,
}

/// Requests about to be sent, or under way, together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ticket {
    round_trip: u64,
    requests: u64,
    bytes: u64,
    is_sent: bool,
}

/// Counts requests, bytes and round trips, and says no when the budget is spent.
///
/// A request's round trip is one more than the highest of those finished when it started: it may
/// have needed any of them. The maximum is the length of the longest possible chain.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    requests: u64,
    /// Requests about to be sent.
    unsent: u64,
    bytes: u64,
    /// Bytes of requests unsent and under way.
    reserved: u64,
    finished_round_trip: u64,
    cache_hits: u64,
    under_way: u64,
    /// When the first of the requests under way began.
    busy_since: Option<Instant>,
    waiting: Duration,
    reads: Vec<RangeRead>,
}

/// The part of each budget that one view of a call does not see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reserve {
    Nothing,
    /// For the last rung of the ladder: a first picture needs little.
    Eighth,
    /// For the whole ladder.
    Half,
}

impl Reserve {
    /// One of how many parts of a budget.
    fn parts(self) -> Option<u32> {
        match self {
            Self::Nothing => None,
            Self::Eighth => Some(8),
            Self::Half => Some(2),
        }
    }

    fn within(self, limit: u64) -> u64 {
        limit - self.parts().map_or(0, |parts| limit / u64::from(parts))
    }

    /// What is left of `limit`.
    pub(super) fn within_time(self, limit: Duration) -> Duration {
        let reserve = self.parts().map(|parts| limit / parts);
        limit.saturating_sub(reserve.unwrap_or_default())
    }
}

impl Ledger {
    /// Head and tail arrived.
    pub(super) fn opened(&mut self, ticket: Ticket, ends: &Ends, waited: Duration) {
        self.ended(ticket, ends.bytes_fetched);
        // How many it would take was a guess.
        self.requests = self.requests - ticket.requests + ends.requests;
        let tail_start = ends.stat.len - ends.tail.len() as u64;
        for range in [0..ends.head.len() as u64, tail_start..ends.stat.len] {
            if !range.is_empty() {
                self.read(ticket, &range, Reason::Ends, waited);
            }
        }
    }

    /// So many `requests` for `bytes` in all, where the budgets less `reserve` allow them.
    pub(super) fn begin(
        &mut self,
        requests: u64,
        bytes: u64,
        limits: &Limits,
        reserve: Reserve,
    ) -> Result<Ticket, Error> {
        let spent = self.bytes + self.reserved;
        let limit = limits.max_bytes;
        if spent.saturating_add(bytes) > reserve.within(limit) {
            return Err(LimitError::Bytes { spent, limit }.into());
        }
        let spent = self.requests + self.unsent;
        let limit = limits.max_requests;
        if spent + requests > reserve.within(limit) {
            return Err(LimitError::Requests { spent, limit }.into());
        }
        self.unsent += requests;
        self.reserved += bytes;
        Ok(Ticket {
            round_trip: self.finished_round_trip + 1,
            requests,
            bytes,
            is_sent: false,
        })
    }

    /// The ticket's requests go out.
    pub(super) fn sent(&mut self, ticket: &mut Ticket) {
        ticket.is_sent = true;
        self.unsent -= ticket.requests;
        self.requests += ticket.requests;
        self.under_way += 1;
        self.busy_since.get_or_insert_with(Instant::now);
    }

    pub(super) fn done(
        &mut self,
        ticket: Ticket,
        range: &Range<u64>,
        reason: Reason,
        waited: Duration,
    ) {
        self.ended(ticket, ticket.bytes);
        self.read(ticket, range, reason, waited);
    }

    fn read(&mut self, ticket: Ticket, range: &Range<u64>, reason: Reason, waited: Duration) {
        self.reads.push(RangeRead {
            start: range.start,
            end: range.end,
            reason,
            round_trip: ticket.round_trip,
            waited,
        });
    }

    /// A request ended, well or not, after `arrived` bytes.
    pub(super) fn ended(&mut self, ticket: Ticket, arrived: u64) {
        self.bytes += arrived;
        self.reserved -= ticket.bytes;
        self.finished_round_trip = self.finished_round_trip.max(ticket.round_trip);
        self.under_way -= 1;
        if self.under_way == 0
            && let Some(since) = self.busy_since.take()
        {
            self.waiting += since.elapsed();
        }
    }

    /// Nobody waits for this request any more.
    pub(super) fn abandoned(&mut self, ticket: Ticket) {
        if ticket.is_sent {
            // All of it may have arrived.
            self.ended(ticket, ticket.bytes);
        } else {
            self.unsent -= ticket.requests;
            self.reserved -= ticket.bytes;
        }
    }

    /// Bytes that were wanted were held already.
    pub(super) fn hit(&mut self) {
        self.cache_hits += 1;
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What it comes to so far.
    pub(super) fn round_trips(&self) -> u64 {
        self.finished_round_trip
    }

    pub(super) fn costs(&self) -> Costs {
        Costs {
            bytes_fetched: self.bytes,
            requests: self.requests,
            round_trips: self.finished_round_trip,
            cache_hits: self.cache_hits,
            waiting: self.waiting,
            reads: self.reads.clone(),
            ..Costs::default()
        }
    }
}
