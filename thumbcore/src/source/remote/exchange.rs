//! Requests whose answers are held to one version of a file.
//!
//! The first answer pins length and version; every later request carries the pinned version as its
//! precondition, and every later answer is compared with it too, because many servers and caches
//! ignore preconditions.

use std::{ops::Range, sync::OnceLock};

use bytes::{Bytes, BytesMut};
use futures::stream::StreamExt;

use super::{
    super::content_range::Wanted,
    version::{Pin, Version},
    wire::{Body, Reply, Wire},
};
use crate::SourceError;

/// A server without range support may still send a file of at most this many bytes whole: that is
/// one packet train more than asked for, where refusing would lose small files for nothing.
const SMALL_FILE: u64 = 64 * 1024;

/// Most answers that one read is put together from, where the server sends less than asked: 8 MiB,
/// the largest read, of answers of 8 KiB.
const MAX_PARTS: usize = 1024;

/// What came of asking for bytes.
pub(super) enum Outcome {
    /// The bytes asked for, as far as they exist, and how many crossed the wire for it.
    Bytes { bytes: Bytes, fetched: u64 },
    /// No such bytes in a file of this length, which is not pinned unless it is empty.
    Unsatisfiable(u64),
    /// The server ignored or misread the range, and sends too much to take it.
    Unranged,
}

/// One version of one file behind a [`Wire`], and what was learnt of it.
pub(super) struct Exchange<W> {
    pub(super) wire: W,
    pin: OnceLock<Pin>,
}

/// A part of a file that is on its way.
struct Arriving {
    range: Range<u64>,
    /// The file's length.
    total: u64,
    body: Body,
}

impl<W: Wire> Exchange<W> {
    pub(super) fn new(wire: W) -> Self {
        Self {
            wire,
            pin: OnceLock::new(),
        }
    }

    /// What the first answer showed, once there was one.
    pub(super) fn pin(&self) -> Option<&Pin> {
        self.pin.get()
    }

    /// The same, once an answer must have shown it.
    pub(super) fn pinned(&self) -> Result<&Pin, SourceError> {
        self.pin.get().ok_or_else(|| self.lengthless())
    }

    /// Sends one request, pins or compares what it shows, and takes its bytes if they are the right
    /// ones. Where nothing is pinned, only what agrees with `expected` will be.
    pub(super) async fn ask(
        &self,
        wanted: &Wanted,
        expected: Option<&Pin>,
    ) -> Result<Outcome, SourceError> {
        match self.ask_once(wanted, expected).await {
            Err(changed @ SourceError::Changed { .. }) if self.wire.may_vary_etags() => {
                Err(self.told_apart(changed).await)
            }
            outcome => outcome,
        }
    }

    async fn ask_once(
        &self,
        wanted: &Wanted,
        expected: Option<&Pin>,
    ) -> Result<Outcome, SourceError> {
        let unpinned = Version::default();
        let pinned = self.pin.get().or(expected);
        let version = pinned.map_or(&unpinned, |pin| &pin.version);
        match self.wire.get(wanted, version).await? {
            Reply::Part {
                range,
                total,
                version,
                body,
            } => {
                let total = total.or(pinned.map(|pin| pin.len));
                let total = total.ok_or_else(|| self.lengthless())?;
                let len = total;
                self.compare(Pin { len, version }, expected)?;
                let part = Arriving { range, total, body };
                self.take_part(wanted, part).await
            }
            Reply::Whole { len, version, body } => {
                let Some(len) = len.filter(|len| *len <= wanted.len().max(SMALL_FILE)) else {
                    return Ok(Outcome::Unranged);
                };
                self.compare(Pin { len, version }, expected)?;
                self.cut(wanted, len, body).await
            }
            Reply::Unsatisfiable { total } => self.without(total, expected).await,
        }
    }

    /// The bytes of `wanted`, of which `part` is what the server sends first.
    async fn take_part(&self, wanted: &Wanted, part: Arriving) -> Result<Outcome, SourceError> {
        let Arriving { range, total, body } = part;
        let named = wanted.of(total);
        if range.start < named.start || range.end > named.end {
            // Some servers read `bytes=-5` as `bytes=0-5`.
            if matches!(wanted, Wanted::Suffix(_)) {
                return Ok(Outcome::Unranged);
            }
            return Err(self.misread(wanted, &range, total));
        }
        let bytes = collect(self.wire.name(), body, range.end - range.start).await?;
        let fetched = named.end - named.start;
        let bytes = self.completed(named, range, bytes).await?;
        Ok(Outcome::Bytes { bytes, fetched })
    }

    /// The bytes of `wanted` out of all `len` bytes of the file, which `body` brings.
    async fn cut(&self, wanted: &Wanted, len: u64, body: Body) -> Result<Outcome, SourceError> {
        let part = wanted.of(len);
        if part.is_empty() {
            return Ok(Outcome::Unsatisfiable(len));
        }
        let bytes = collect(self.wire.name(), body, len).await?;
        Ok(Outcome::Bytes {
            bytes: bytes.slice(part.start as usize..part.end as usize),
            fetched: len,
        })
    }

    /// What it means that a file, of `total` bytes where the answer tells, has none of those asked
    /// for.
    async fn without(
        &self,
        total: Option<u64>,
        expected: Option<&Pin>,
    ) -> Result<Outcome, SourceError> {
        if self.pin.get().is_none() {
            if expected.is_some() {
                // What is expected has these bytes.
                return Err(self.changed());
            }
            // A length without its version must not be pinned: later reads could mix versions. An
            // empty file has nothing to mix.
            if let Some(len) = total.filter(|len| *len > 0) {
                return Ok(Outcome::Unsatisfiable(len));
            }
        }
        let pin = match total {
            // The version of an error's answer says nothing about the file.
            Some(len) => Pin {
                len,
                version: Version::default(),
            },
            None => self.wire.head().await?,
        };
        let len = pin.len;
        self.compare(pin, None)?;
        Ok(Outcome::Unsatisfiable(len))
    }

    /// The bytes of `named`, of which `part` has arrived: servers may send less than asked, at
    /// either end. What is missing is asked for.
    async fn completed(
        &self,
        named: Range<u64>,
        part: Range<u64>,
        bytes: Bytes,
    ) -> Result<Bytes, SourceError> {
        if part == named {
            return Ok(bytes);
        }
        let mut whole = BytesMut::with_capacity((named.end - named.start) as usize);
        let mut parts = MAX_PARTS;
        self.append(named.start..part.start, &mut whole, &mut parts)
            .await?;
        whole.extend_from_slice(&bytes);
        self.append(part.end..named.end, &mut whole, &mut parts)
            .await?;
        Ok(whole.freeze())
    }

    /// Appends the bytes of `missing`, of at most so many answers.
    async fn append(
        &self,
        mut missing: Range<u64>,
        whole: &mut BytesMut,
        parts: &mut usize,
    ) -> Result<(), SourceError> {
        while !missing.is_empty() {
            *parts = parts.checked_sub(1).ok_or_else(|| {
                self.rejected(format!(
                    "the server sent {MAX_PARTS} small parts of what was asked"
                ))
            })?;
            let wanted = Wanted::Range(missing.clone());
            let pin = self.pinned()?.clone();
            let Reply::Part {
                range,
                total,
                version,
                body,
            } = self.wire.get(&wanted, &pin.version).await?
            else {
                return Err(self.rejected("the server sent a part, and no part of the rest"));
            };
            let len = total.unwrap_or(pin.len);
            self.compare(Pin { len, version }, None)?;
            if range.start != missing.start || range.end > missing.end {
                return Err(self.misread(&wanted, &range, len));
            }
            let bytes = collect(self.wire.name(), body, range.end - range.start).await?;
            whole.extend_from_slice(&bytes);
            missing.start = range.end;
        }
        Ok(())
    }

    fn misread(&self, wanted: &Wanted, sent: &Range<u64>, total: u64) -> SourceError {
        self.rejected(format!(
            "asked for {wanted}, the server sent {sent:?} of {total}"
        ))
    }

    /// What `changed` means: that the file was replaced, or that the server sends another `ETag`
    /// with each answer, which two more answers show.
    async fn told_apart(&self, changed: SourceError) -> SourceError {
        let unpinned = Version::default();
        let byte = Wanted::Range(0..1);
        let answers = futures::join!(
            self.wire.get(&byte, &unpinned),
            self.wire.get(&byte, &unpinned)
        );
        let etag = |answer| match answer {
            Ok(Reply::Part { version, .. } | Reply::Whole { version, .. }) => version.etag,
            _ => None,
        };
        match (etag(answers.0), etag(answers.1)) {
            (Some(one), Some(other)) if one != other => {
                self.rejected("the server sends another ETag with each answer")
            }
            _ => changed,
        }
    }

    /// Pins what the first answer showed, if it agrees with what is `expected`; fails if a later
    /// one shows something else.
    fn compare(&self, seen: Pin, expected: Option<&Pin>) -> Result<(), SourceError> {
        if expected.is_some_and(|expected| expected.differs(&seen)) {
            return Err(self.changed());
        }
        let Err(seen) = self.pin.set(seen) else {
            return Ok(());
        };
        match self.pin.get() {
            Some(pin) if !pin.differs(&seen) => Ok(()),
            _ => Err(self.changed()),
        }
    }

    pub(super) fn changed(&self) -> SourceError {
        SourceError::changed(self.wire.name())
    }

    fn lengthless(&self) -> SourceError {
        self.rejected("the server does not tell the file's length")
    }

    pub(super) fn rejected(&self, reason: impl Into<String>) -> SourceError {
        SourceError::rejected(self.wire.name(), reason)
    }
}

/// Takes exactly `len` bytes; stops at the first one too many.
async fn collect(name: &str, mut body: Body, len: u64) -> Result<Bytes, SourceError> {
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    let mut got = 0;
    while let Some(chunk) = body.next().await {
        let chunk = chunk?;
        got += chunk.len() as u64;
        if got > len {
            return Err(SourceError::rejected(
                name,
                format!("the server sent more than the {len} bytes it announced"),
            ));
        }
        // One chunk, the usual case for small reads, is passed on without a copy.
        if first.is_empty() {
            first = chunk;
            continue;
        }
        if rest.is_empty() {
            rest.reserve(len as usize);
            rest.extend_from_slice(&first);
        }
        rest.extend_from_slice(&chunk);
    }
    if got < len {
        return Err(SourceError::io(
            name,
            format!("the answer ended after {got} of {len} bytes"),
        ));
    }
    Ok(if rest.is_empty() {
        first
    } else {
        rest.freeze()
    })
}
