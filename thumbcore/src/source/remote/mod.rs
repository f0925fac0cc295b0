//! What [`HttpSource`](super::HttpSource) and `S3Source` share: one immutable version of one file
//! behind ranged GET requests.
//!
//! A [`Wire`] sends one request and sorts the answer into a [`Reply`]; an [`Exchange`] takes its
//! bytes if they are of the one [`Version`]; [`Remote`] makes the reads of a source of both.

mod exchange;
mod version;
mod wire;

use std::ops::Range;

use bytes::Bytes;

use self::exchange::{Exchange, Outcome};
pub(super) use self::{
    version::{Pin, Version},
    wire::{Body, Reply, Wire},
};
use super::{Ends, Stat, content_range::Wanted, past_the_end};
use crate::SourceError;

/// One version of one file behind a [`Wire`].
pub(super) struct Remote<W> {
    exchange: Exchange<W>,
}

impl<W: Wire> Remote<W> {
    pub(super) fn new(wire: W) -> Self {
        Self {
            exchange: Exchange::new(wire),
        }
    }

    pub(super) fn wire(&self) -> &W {
        &self.exchange.wire
    }

    pub(super) fn wire_mut(&mut self) -> &mut W {
        &mut self.exchange.wire
    }

    pub(super) async fn stat(&self) -> Result<Stat, SourceError> {
        if let Some(pin) = self.exchange.pin() {
            return Ok(pin.stat());
        }
        // A GET of one byte, not a HEAD: presigned URLs are signed for one method only.
        match self.exchange.ask(&Wanted::Range(0..1), None).await? {
            Outcome::Unranged => Err(self.no_ranges()),
            Outcome::Bytes { .. } | Outcome::Unsatisfiable(_) => Ok(self.exchange.pinned()?.stat()),
        }
    }

    pub(super) async fn read(&self, range: Range<u64>) -> Result<Bytes, SourceError> {
        if range.start >= range.end {
            let len = self.stat().await?.len;
            past_the_end(self.name(), &range, len)?;
            return Ok(Bytes::new());
        }
        if let Some(pin) = self.exchange.pin() {
            past_the_end(self.name(), &range, pin.len)?;
        }
        match self
            .exchange
            .ask(&Wanted::Range(range.clone()), None)
            .await?
        {
            Outcome::Unranged => Err(self.no_ranges()),
            Outcome::Unsatisfiable(len) => {
                past_the_end(self.name(), &range, len)?;
                Err(self
                    .exchange
                    .rejected(format!("the server has no bytes for {range:?}")))
            }
            Outcome::Bytes { bytes, .. } => {
                past_the_end(self.name(), &range, self.exchange.pinned()?.len)?;
                Ok(bytes)
            }
        }
    }

    pub(super) async fn read_if(
        &self,
        range: Range<u64>,
        expected: &Stat,
    ) -> Result<Bytes, SourceError> {
        let pinned = self.exchange.pin().map(Pin::stat);
        if pinned.is_some_and(|pinned| !expected.agrees_with(&pinned)) {
            return Err(self.exchange.changed());
        }
        past_the_end(self.name(), &range, expected.len)?;
        if self.exchange.pin().is_some() {
            return self.read(range).await;
        }
        if range.is_empty() {
            // Any byte shows the version; without any there is none to compare.
            return if expected.agrees_with(&self.stat().await?) {
                Ok(Bytes::new())
            } else {
                Err(self.exchange.changed())
            };
        }
        let wanted = Wanted::Range(range);
        match self.exchange.ask(&wanted, Some(&Pin::of(expected))).await? {
            Outcome::Bytes { bytes, .. } => Ok(bytes),
            Outcome::Unranged => Err(self.no_ranges()),
            Outcome::Unsatisfiable(_) => Err(self.exchange.changed()),
        }
    }

    pub(super) async fn ends(&self, head: u64, tail: u64) -> Result<Ends, SourceError> {
        if self.exchange.pin().is_none() && tail > 0 {
            return self.first_ends(head, tail).await;
        }
        if self.exchange.pin().is_none() {
            let (head, bytes_fetched) = match head {
                0 => (self.stat().await.map(|_| Bytes::new())?, 0),
                head => self.head_of(head).await?,
            };
            return Ok(Ends {
                stat: self.exchange.pinned()?.stat(),
                head,
                tail: Bytes::new(),
                requests: 1,
                bytes_fetched,
            });
        }
        let stat = self.exchange.pinned()?.stat();
        let head_end = head.min(stat.len);
        let tail_start = stat.len.saturating_sub(tail).max(head_end);
        let (head, tail) =
            futures::try_join!(self.read(0..head_end), self.read(tail_start..stat.len))?;
        Ok(Ends {
            requests: u64::from(!head.is_empty()) + u64::from(!tail.is_empty()),
            bytes_fetched: (head.len() + tail.len()) as u64,
            stat,
            head,
            tail,
        })
    }

    /// Both ends at once, before the length is known; `tail` is not zero.
    async fn first_ends(&self, head: u64, tail: u64) -> Result<Ends, SourceError> {
        let mut requests = 1 + u64::from(head > 0);
        let suffix = Wanted::Suffix(tail);
        // A head that fails ends the call; a tail that fails may only mean that the server knows no
        // suffix ranges.
        let ((head_bytes, head_fetched), tail_outcome) = futures::try_join!(
            async {
                match head {
                    0 => Ok((Bytes::new(), 0)),
                    head => self.head_of(head).await,
                }
            },
            async { Ok(self.exchange.ask(&suffix, None).await) }
        )?;
        let mut bytes_fetched = head_fetched;
        let head_holds_all = |pin: &Pin| head > 0 && pin.len <= head;
        let tail_bytes = match tail_outcome {
            Ok(Outcome::Bytes { bytes, fetched }) => {
                bytes_fetched += fetched;
                bytes
            }
            Err(error @ SourceError::Changed { .. }) => return Err(error),
            _ if self.exchange.pin().is_some_and(head_holds_all) => Bytes::new(),
            Ok(Outcome::Unsatisfiable(0)) => Bytes::new(),
            Ok(Outcome::Unranged | Outcome::Unsatisfiable(_))
            | Err(SourceError::Rejected { .. }) => {
                if self.exchange.pin().is_none() {
                    requests += 1;
                }
                let len = self.stat().await?.len;
                let start = len.saturating_sub(tail).max(head.min(len));
                requests += u64::from(start < len);
                let bytes = self.read(start..len).await?;
                bytes_fetched += bytes.len() as u64;
                bytes
            }
            Err(error) => return Err(error),
        };
        Ok(Ends {
            stat: self.exchange.pinned()?.stat(),
            head: head_bytes,
            tail: tail_bytes,
            requests,
            bytes_fetched,
        })
    }

    /// The first `head` bytes, or all there are; `head` is not zero.
    async fn head_of(&self, head: u64) -> Result<(Bytes, u64), SourceError> {
        match self.exchange.ask(&Wanted::Range(0..head), None).await? {
            Outcome::Bytes { bytes, fetched } => Ok((bytes, fetched)),
            Outcome::Unsatisfiable(0) => Ok((Bytes::new(), 0)),
            Outcome::Unranged | Outcome::Unsatisfiable(_) => Err(self.no_ranges()),
        }
    }

    fn name(&self) -> &str {
        self.wire().name()
    }

    fn no_ranges(&self) -> SourceError {
        SourceError::no_ranges(self.name())
    }
}
