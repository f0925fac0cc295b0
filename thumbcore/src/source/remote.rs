//! What [`HttpSource`](super::HttpSource) and `S3Source` share: one immutable version of one file
//! behind ranged GET requests.
//!
//! A [`Wire`] sends one request and sorts the answer into a [`Reply`]; [`Remote`] decides what that
//! answer means. The first answer pins length and version; every later request carries the pinned
//! version as its precondition, and every later answer is compared with it too, because many
//! servers and caches ignore preconditions.

use std::{ops::Range, sync::OnceLock};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::stream::{BoxStream, StreamExt};

use super::{Ends, Stat, Validator, content_range::Wanted, past_the_end};
use crate::SourceError;

/// A server without range support may still send a file of at most this many bytes whole: that is
/// one packet train more than asked for, where refusing would lose small files for nothing.
const SMALL_FILE: u64 = 64 * 1024;

/// Most answers that one read is put together from, where the server sends less than asked: 8 MiB,
/// the largest read, of answers of 8 KiB.
const MAX_PARTS: usize = 1024;

/// What tells two versions of a file apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Version {
    /// `ETag`, with its quotes and its `W/` if it is weak.
    pub etag: Option<String>,
    /// `Last-Modified`, as sent.
    pub modified: Option<String>,
}

impl Version {
    /// The `ETag` if it may stand in an `If-Match`, which compares strongly.
    pub(super) fn strong_etag(&self) -> Option<&str> {
        self.etag.as_deref().filter(|etag| !etag.starts_with("W/"))
    }

    /// Whether an answer that shows `other` may be of another version.
    fn differs(&self, other: &Self) -> bool {
        match (&self.etag, &other.etag) {
            (Some(ours), Some(theirs)) => ours != theirs,
            _ => {
                matches!((&self.modified, &other.modified), (Some(ours), Some(theirs)) if ours != theirs)
            }
        }
    }
}

/// The version that the first successful answer showed.
#[derive(Debug, Clone)]
pub(super) struct Pin {
    pub len: u64,
    pub version: Version,
}

impl Pin {
    /// What a caller says of the file. A validator that is no date is an `ETag`, which listings
    /// quote and events do not.
    fn of(stat: &Stat) -> Self {
        let text = stat.validator.as_ref().map(|validator| validator.0.clone());
        let (modified, etag): (Option<_>, Option<_>) = match text {
            Some(date) if date.ends_with("GMT") => (Some(date), None),
            Some(etag) if etag.ends_with('"') => (None, Some(etag)),
            Some(bare) => (None, Some(format!("\"{bare}\""))),
            None => (None, None),
        };
        Self {
            len: stat.len,
            version: Version { etag, modified },
        }
    }

    /// Whether `seen` may be of another version.
    fn differs(&self, seen: &Self) -> bool {
        self.len != seen.len || self.version.differs(&seen.version)
    }

    fn stat(&self) -> Stat {
        let Version { etag, modified } = self.version.clone();
        Stat {
            len: self.len,
            validator: etag.or(modified).map(Validator),
        }
    }
}

pub(super) type Body = BoxStream<'static, Result<Bytes, SourceError>>;

/// An answer that may hold bytes. Dropping its body ends the transfer.
pub(super) enum Reply {
    /// 206: the bytes of `range`.
    Part {
        range: Range<u64>,
        total: Option<u64>,
        version: Version,
        body: Body,
    },
    /// 200: the range was ignored and the whole file is coming.
    Whole {
        len: Option<u64>,
        version: Version,
        body: Body,
    },
    /// 416: no byte of the range exists. `total` where the answer says how many do.
    Unsatisfiable { total: Option<u64> },
}

/// Sends one request.
#[async_trait]
pub(super) trait Wire: Send + Sync {
    /// The source's name as it may be shown.
    fn name(&self) -> &str;

    /// GET of `wanted`, on the condition that the file is still `version`.
    async fn get(&self, wanted: &Wanted, version: &Version) -> Result<Reply, SourceError>;

    /// Whether answers of one version may carry different `ETag`s, against RFC 9110.
    fn may_vary_etags(&self) -> bool {
        false
    }

    /// Length and version without any body; only asked after a 416 that gave no length.
    async fn head(&self) -> Result<Pin, SourceError>;
}

/// What came of asking for bytes.
enum Outcome {
    /// The bytes asked for, as far as they exist, and how many crossed the wire for it.
    Bytes { bytes: Bytes, fetched: u64 },
    /// No such bytes in a file of this length, which is not pinned unless it is empty.
    Unsatisfiable(u64),
    /// The server ignored or misread the range, and sends too much to take it.
    Unranged,
}

/// One version of one file behind a [`Wire`].
pub(super) struct Remote<W> {
    pub wire: W,
    pin: OnceLock<Pin>,
}

impl<W: Wire> Remote<W> {
    pub(super) fn new(wire: W) -> Self {
        Self {
            wire,
            pin: OnceLock::new(),
        }
    }

    pub(super) async fn stat(&self) -> Result<Stat, SourceError> {
        if let Some(pin) = self.pin.get() {
            return Ok(pin.stat());
        }
        // A GET of one byte, not a HEAD: presigned URLs are signed for one method only.
        match self.ask(&Wanted::Range(0..1), None).await? {
            Outcome::Unranged => Err(self.no_ranges()),
            Outcome::Bytes { .. } | Outcome::Unsatisfiable(_) => Ok(self.pinned()?.stat()),
        }
    }

    pub(super) async fn read(&self, range: Range<u64>) -> Result<Bytes, SourceError> {
        if range.start >= range.end {
            let len = self.stat().await?.len;
            past_the_end(self.wire.name(), &range, len)?;
            return Ok(Bytes::new());
        }
        if let Some(pin) = self.pin.get() {
            past_the_end(self.wire.name(), &range, pin.len)?;
        }
        match self.ask(&Wanted::Range(range.clone()), None).await? {
            Outcome::Unranged => Err(self.no_ranges()),
            Outcome::Unsatisfiable(len) => {
                past_the_end(self.wire.name(), &range, len)?;
                Err(self.rejected(format!("the server has no bytes for {range:?}")))
            }
            Outcome::Bytes { bytes, .. } => {
                past_the_end(self.wire.name(), &range, self.pinned()?.len)?;
                Ok(bytes)
            }
        }
    }

    pub(super) async fn read_if(
        &self,
        range: Range<u64>,
        expected: &Stat,
    ) -> Result<Bytes, SourceError> {
        let pinned = self.pin.get().map(Pin::stat);
        if pinned.is_some_and(|pinned| !expected.agrees_with(&pinned)) {
            return Err(self.changed());
        }
        past_the_end(self.wire.name(), &range, expected.len)?;
        if self.pin.get().is_some() {
            return self.read(range).await;
        }
        if range.is_empty() {
            // Any byte shows the version; without any there is none to compare.
            return if expected.agrees_with(&self.stat().await?) {
                Ok(Bytes::new())
            } else {
                Err(self.changed())
            };
        }
        let wanted = Wanted::Range(range);
        match self.ask(&wanted, Some(&Pin::of(expected))).await? {
            Outcome::Bytes { bytes, .. } => Ok(bytes),
            Outcome::Unranged => Err(self.no_ranges()),
            Outcome::Unsatisfiable(_) => Err(self.changed()),
        }
    }

    pub(super) async fn ends(&self, head: u64, tail: u64) -> Result<Ends, SourceError> {
        if self.pin.get().is_none() && tail > 0 {
            return self.first_ends(head, tail).await;
        }
        if self.pin.get().is_none() {
            let (head, bytes_fetched) = match head {
                0 => (self.stat().await.map(|_| Bytes::new())?, 0),
                head => self.head_of(head).await?,
            };
            return Ok(Ends {
                stat: self.pinned()?.stat(),
                head,
                tail: Bytes::new(),
                requests: 1,
                bytes_fetched,
            });
        }
        let stat = self.pinned()?.stat();
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
            async { Ok(self.ask(&suffix, None).await) }
        )?;
        let mut bytes_fetched = head_fetched;
        let head_holds_all = |pin: &Pin| head > 0 && pin.len <= head;
        let tail_bytes = match tail_outcome {
            Ok(Outcome::Bytes { bytes, fetched }) => {
                bytes_fetched += fetched;
                bytes
            }
            Err(error @ SourceError::Changed { .. }) => return Err(error),
            _ if self.pin.get().is_some_and(head_holds_all) => Bytes::new(),
            Ok(Outcome::Unsatisfiable(0)) => Bytes::new(),
            Ok(Outcome::Unranged | Outcome::Unsatisfiable(_))
            | Err(SourceError::Rejected { .. }) => {
                if self.pin.get().is_none() {
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
            stat: self.pinned()?.stat(),
            head: head_bytes,
            tail: tail_bytes,
            requests,
            bytes_fetched,
        })
    }

    /// The first `head` bytes, or all there are; `head` is not zero.
    async fn head_of(&self, head: u64) -> Result<(Bytes, u64), SourceError> {
        match self.ask(&Wanted::Range(0..head), None).await? {
            Outcome::Bytes { bytes, fetched } => Ok((bytes, fetched)),
            Outcome::Unsatisfiable(0) => Ok((Bytes::new(), 0)),
            Outcome::Unranged | Outcome::Unsatisfiable(_) => Err(self.no_ranges()),
        }
    }

    /// Sends one request, pins or compares what it shows, and takes its bytes if they are the right
    /// ones. Where nothing is pinned, only what agrees with `expected` will be.
    async fn ask(&self, wanted: &Wanted, expected: Option<&Pin>) -> Result<Outcome, SourceError> {
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
                let Some(total) = total.or(pinned.map(|pin| pin.len)) else {
                    return Err(self.rejected("the server does not tell the file's length"));
                };
                let seen = Pin {
                    len: total,
                    version,
                };
                self.compare(seen, expected)?;
                let named = wanted.of(total);
                if range.start < named.start || range.end > named.end {
                    // Some servers read `bytes=-5` as `bytes=0-5`.
                    if matches!(wanted, Wanted::Suffix(_)) {
                        return Ok(Outcome::Unranged);
                    }
                    return Err(self.misread(wanted, &range, total));
                }
                let len = range.end - range.start;
                let bytes = collect(self.wire.name(), body, len).await?;
                let bytes = self.completed(named.clone(), range, bytes).await?;
                Ok(Outcome::Bytes {
                    bytes,
                    fetched: named.end - named.start,
                })
            }
            Reply::Whole { len, version, body } => {
                let Some(len) = len.filter(|len| *len <= wanted.len().max(SMALL_FILE)) else {
                    return Ok(Outcome::Unranged);
                };
                self.compare(Pin { len, version }, expected)?;
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
            // A length without its version must not be pinned: later reads could mix versions. An
            // empty file has nothing to mix.
            Reply::Unsatisfiable { total: Some(len) } if len > 0 && pinned.is_none() => {
                Ok(Outcome::Unsatisfiable(len))
            }
            // What is expected has these bytes.
            Reply::Unsatisfiable { .. } if self.pin.get().is_none() && expected.is_some() => {
                Err(self.changed())
            }
            Reply::Unsatisfiable { total } => {
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
        }
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

    fn changed(&self) -> SourceError {
        SourceError::changed(self.wire.name())
    }

    fn pinned(&self) -> Result<&Pin, SourceError> {
        self.pin
            .get()
            .ok_or_else(|| self.rejected("the server does not tell the file's length"))
    }

    fn no_ranges(&self) -> SourceError {
        SourceError::no_ranges(self.wire.name())
    }

    fn rejected(&self, reason: impl Into<String>) -> SourceError {
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
