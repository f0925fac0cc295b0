//! The blocking face of a [`Reader`]: what libav reads from.

use std::{
    io::{self, Read, Seek, SeekFrom},
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use tokio::runtime::Handle;

use super::{Losses, MakeLosses, ReadConfig, Reader, Reason, holes::Holes};
use crate::{Error, panic::message};

/// Reads a source through the cache, from a thread that may block.
///
/// A read returns what is held at the position and no more, even if that is less than asked for:
/// libav asks for whole buffers where it needs a few bytes, and the rest would cost a request.
#[derive(Debug)]
pub(crate) struct Cursor {
    handle: CursorHandle,
    runtime: Handle,
    position: u64,
    /// Where the last unplanned read ended, and how large it was.
    last_miss: Option<(u64, u64)>,
}

/// What the owner of a demuxer keeps of the cursor that libav reads from. Through the handle the
/// owner attaches the next call's reader, and learns which error is behind libav's "I/O error".
#[derive(Debug, Clone)]
pub(crate) struct CursorHandle(Arc<Mutex<Attached>>);

#[derive(Debug)]
struct Attached {
    reader: Arc<Reader>,
    /// The first error that the owner has not taken yet.
    failure: Option<Error>,
    holes: Holes,
    losses: Option<Box<dyn Losses>>,
    make_losses: Option<MakeLosses>,
}

impl Attached {
    fn new(reader: Arc<Reader>, make_losses: Option<MakeLosses>) -> Self {
        Self {
            reader,
            failure: None,
            holes: Holes::default(),
            losses: make_losses.map(|make| make()),
            make_losses,
        }
    }
}

impl CursorHandle {
    fn new(reader: Arc<Reader>) -> Self {
        Self(Arc::new(Mutex::new(Attached::new(reader, None))))
    }

    fn lock(&self) -> MutexGuard<'_, Attached> {
        // All fields are valid whenever a panic could happen.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reader(&self) -> Arc<Reader> {
        Arc::clone(&self.lock().reader)
    }

    /// From now on the cursor reads through `reader`, and what failed before is forgotten.
    pub(crate) fn attach(&self, reader: Arc<Reader>) {
        let mut attached = self.lock();
        *attached = Attached::new(reader, attached.make_losses);
    }

    /// From now on what `make` makes looks at all that is read.
    pub(crate) fn note_losses(&self, make: Option<MakeLosses>) {
        let mut attached = self.lock();
        attached.losses = make.map(|make| make());
        attached.make_losses = make;
    }

    /// The first read error since the last failure was taken.
    pub(crate) fn take_failure(&self) -> Option<Error> {
        self.lock().failure.take()
    }

    /// As [`take_failure`](Self::take_failure), where the failure is one that `matters`.
    pub(crate) fn take_failure_if(&self, matters: impl FnOnce(&Error) -> bool) -> Option<Error> {
        self.lock().failure.take_if(|failure| matters(failure))
    }

    /// Whether parts of the packet that libav read at `place` were never written, or others between
    /// that packet and the one before.
    pub(crate) fn is_blank(&self, place: Range<u64>) -> bool {
        self.lock().holes.damage(place)
    }

    /// Whether the container tells that bytes of the packet that libav read at `place` were lost.
    pub(crate) fn has_lost(&self, place: &Range<u64>) -> bool {
        let attached = self.lock();
        let losses = attached.losses.as_ref();
        losses.is_some_and(|losses| losses.has_lost(place))
    }

    /// What was read before is another place's.
    pub(crate) fn leap(&self) {
        let mut attached = self.lock();
        attached.holes = Holes::default();
        attached.losses = attached.make_losses.map(|make| make());
    }

    fn saw(&self, at: u64, bytes: &[u8]) {
        let mut attached = self.lock();
        attached.holes.see(at, bytes);
        if let Some(losses) = &mut attached.losses {
            losses.see(at, bytes);
        }
    }

    /// What is read next lies elsewhere in the file.
    fn part(&self) {
        if let Some(losses) = &mut self.lock().losses {
            losses.part();
        }
    }

    fn fail(&self, error: Error) {
        self.lock().failure.get_or_insert(error);
    }
}

impl Cursor {
    pub(crate) fn new(reader: Arc<Reader>, runtime: Handle) -> Self {
        Self {
            handle: CursorHandle::new(reader),
            runtime,
            position: 0,
            last_miss: None,
        }
    }

    /// What the owner keeps once libav has the cursor.
    pub(crate) fn handle(&self) -> CursorHandle {
        self.handle.clone()
    }

    fn window(&self, config: &ReadConfig) -> u64 {
        match self.last_miss {
            Some((end, size)) if end == self.position => (size * 2).min(config.max_window),
            _ => config.window,
        }
    }

    /// Bytes at the position, at most up to `limit`.
    fn fill(&mut self, reader: &Reader, limit: u64) -> io::Result<Bytes> {
        if let Some(held) = reader.hit(self.position) {
            return Ok(held);
        }
        let size = self.window(reader.config());
        let wanted = self.position..(self.position + size).min(limit);
        let read = reader.read(wanted.clone(), Reason::Demux);
        // libav would tell a panic as damage of the file.
        let read = catch_unwind(AssertUnwindSafe(|| self.runtime.block_on(read)));
        let read = read.unwrap_or_else(|panic| {
            let reason = format!("a panic was stopped: {}", message(&*panic));
            Err(Error::Internal { reason })
        });
        let bytes = read.map_err(|error| {
            let text = io::Error::other(error.to_string());
            self.handle.fail(error);
            text
        })?;
        self.last_miss = Some((wanted.end, size));
        Ok(bytes)
    }

    fn read_until(&mut self, buf: &mut [u8], limit: u64) -> io::Result<usize> {
        let reader = self.handle.reader();
        let limit = limit.min(reader.len());
        if self.position >= limit || buf.is_empty() {
            return Ok(0);
        }
        let held = self.fill(&reader, limit)?;
        let len = buf
            .len()
            .min(held.len())
            .min(usize::try_from(limit - self.position).unwrap_or(usize::MAX));
        buf[..len].copy_from_slice(&held[..len]);
        reader.store().amend(self.position, &mut buf[..len]);
        self.position += len as u64;
        Ok(len)
    }
}

impl Read for Cursor {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let at = self.position;
        let len = self.read_until(buf, u64::MAX)?;
        self.handle.saw(at, &buf[..len]);
        Ok(len)
    }
}

impl Seek for Cursor {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => self.handle.reader().len().checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = target
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "seek out of range"))?;
        Ok(self.position)
    }
}

/// Part of what a [`Splice`] reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Bytes of the file.
    File(Range<u64>),
    /// Bytes of ours, such as a header that fits what is left of the file.
    Made(Bytes),
}

impl From<Range<u64>> for Piece {
    fn from(range: Range<u64>) -> Self {
        Self::File(range)
    }
}

impl Piece {
    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::File(range) => range.end.saturating_sub(range.start),
            Self::Made(bytes) => bytes.len() as u64,
        }
    }
}

/// Pieces of a file read one after the other as if they were the whole of it: the header, then a
/// stretch from a keyframe on. libav takes that for a short live stream, so that a demuxer that
/// cannot seek well need not seek at all.
#[derive(Debug)]
pub(crate) struct Splice {
    cursor: Cursor,
    /// What is left, the piece being read first.
    pieces: std::collections::VecDeque<Piece>,
    /// Bytes given out so far.
    given: u64,
}

impl Splice {
    pub(crate) fn new(
        reader: Arc<Reader>,
        runtime: Handle,
        pieces: impl IntoIterator<Item = impl Into<Piece>>,
    ) -> Self {
        Self {
            cursor: Cursor::new(reader, runtime),
            pieces: pieces
                .into_iter()
                .map(Into::into)
                .filter(|piece: &Piece| piece.len() > 0)
                .collect(),
            given: 0,
        }
    }

    /// What the owner keeps once libav has the splice.
    pub(crate) fn handle(&self) -> CursorHandle {
        self.cursor.handle()
    }
}

impl Read for Splice {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while let Some(piece) = self.pieces.front_mut() {
            // Small pieces are given out together, as far as they are held: libav judges a
            // container by what it gets first, and cannot go back.
            let len = match piece {
                Piece::File(range) => {
                    let is_held = || self.cursor.handle.reader().cached(range.start).is_some();
                    if filled > 0 && !is_held() {
                        break;
                    }
                    self.cursor.position = range.start;
                    let len = self.cursor.read_until(&mut buf[filled..], range.end)?;
                    range.start += len as u64;
                    len
                }
                Piece::Made(bytes) => {
                    let len = (buf.len() - filled).min(bytes.len());
                    buf[filled..filled + len].copy_from_slice(&bytes.split_to(len));
                    len
                }
            };
            self.cursor
                .handle
                .saw(self.given, &buf[filled..filled + len]);
            self.given += len as u64;
            filled += len;
            if filled == buf.len() {
                break;
            }
            if len == 0 {
                self.pieces.pop_front();
                self.cursor.handle.part();
            }
        }
        Ok(filled)
    }
}
