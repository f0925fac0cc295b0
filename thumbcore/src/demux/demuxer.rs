//! A demuxer of libav, and the cursor that it reads the file through.

use std::sync::Arc;

use tokio::runtime::Handle;

use crate::{
    Error,
    libav::{self, AvError, Input, OpenOptions, Packet},
    reader::{Cursor, CursorHandle, MakeLosses, Piece, Reader, Splice},
};

/// An opened demuxer. libav reports a read that failed as "I/O error", as the end of the file or as
/// a packet that was cut short; the demuxer tells which error was behind it.
pub(super) struct Demuxer {
    input: Input,
    cursor: CursorHandle,
}

/// What a demuxer gave.
pub(super) enum Read {
    Packet(Packet),
    /// Bytes that are no packet. Demuxers resynchronise: more may follow.
    Damage(AvError),
    End,
}

impl Demuxer {
    /// Opens a demuxer that may seek. Reads the header, nothing more. What `losses` makes looks at
    /// all that is read.
    pub(super) fn seekable(
        reader: &Arc<Reader>,
        runtime: Handle,
        losses: Option<MakeLosses>,
        options: &OpenOptions<'_>,
    ) -> Result<Self, Error> {
        let cursor = Cursor::new(Arc::clone(reader), runtime);
        let handle = cursor.handle();
        handle.note_losses(losses);
        let opened = Self::opened(Input::open_seekable(cursor, options), handle);
        opened.map_err(|error| named(error, reader, options))
    }

    /// Opens a demuxer that reads `pieces` front to back as if they were the whole file.
    pub(super) fn spliced(
        reader: &Arc<Reader>,
        runtime: Handle,
        losses: Option<MakeLosses>,
        pieces: impl IntoIterator<Item = impl Into<Piece>>,
        options: &OpenOptions<'_>,
    ) -> Result<Self, Error> {
        let splice = Splice::new(Arc::clone(reader), runtime, pieces);
        let handle = splice.handle();
        handle.note_losses(losses);
        let opened = Self::opened(Input::open_streamed(splice, options), handle);
        opened.map_err(|error| named(error, reader, options))
    }

    fn opened(result: Result<Input, AvError>, cursor: CursorHandle) -> Result<Self, Error> {
        let input = settle(&cursor, "opened", result)?;
        Ok(Self { input, cursor })
    }

    /// What libav knows of the streams and their index.
    pub(super) fn input(&self) -> &Input {
        &self.input
    }

    /// As [`input`](Self::input), for look-ups and settings that read nothing.
    pub(super) fn input_mut(&mut self) -> &mut Input {
        &mut self.input
    }

    /// From now on the demuxer reads through `reader`.
    pub(super) fn attach(&self, reader: &Arc<Reader>) {
        self.cursor.attach(Arc::clone(reader));
    }

    /// Lets libav read packets to learn what the header lacks, `max_duration_us` of them.
    pub(super) fn find_stream_info(&mut self, max_duration_us: i64) -> Result<(), Error> {
        let found = self.input.find_stream_info(max_duration_us);
        settle(&self.cursor, "opened", found)
    }

    /// Moves to the keyframe at or before `timestamp` (ticks of stream `index`).
    pub(super) fn seek_backward(&mut self, index: usize, timestamp: i64) -> Result<(), Error> {
        self.cursor.leap();
        let moved = self.input.seek_backward(index, timestamp);
        settle(&self.cursor, "read", moved)
    }

    /// Moves to the picture at or before `timestamp`, keyframe or not.
    pub(super) fn seek_any(&mut self, index: usize, timestamp: i64) -> Result<(), Error> {
        self.cursor.leap();
        let moved = self.input.seek_any(index, timestamp);
        settle(&self.cursor, "read", moved)
    }

    /// Whether parts of `packet`, which was read last, were never written, or others before it.
    pub(super) fn is_blank(&self, packet: &Packet) -> bool {
        packet
            .place()
            .is_some_and(|place| self.cursor.is_blank(place))
    }

    /// Whether the container tells that bytes of `packet` were lost.
    pub(super) fn has_lost(&self, packet: &Packet) -> bool {
        packet
            .place()
            .is_some_and(|place| self.cursor.has_lost(&place))
    }

    /// The next packet of any stream that is not discarded. A read that failed is an error, for
    /// demuxers step over what they could not read to a later packet. Only a budget that ended
    /// behind a whole packet is told after it.
    pub(super) fn read(&mut self) -> Result<Read, Error> {
        let read = match self.input.read_packet() {
            Ok(Some(packet)) if !packet.is_corrupt() => {
                let failure = self.cursor.take_failure_if(|error| !error.is_budget());
                return failure.map_or(Ok(Read::Packet(packet)), Err);
            }
            Ok(Some(packet)) => Read::Packet(packet),
            Ok(None) => Read::End,
            Err(error) => Read::Damage(error),
        };
        self.cursor.take_failure().map_or(Ok(read), Err)
    }
}

/// `result`, or the failed read behind it. libav takes some failures for the end of the file, so
/// that its own result is good.
fn settle<T>(cursor: &CursorHandle, what: &str, result: Result<T, AvError>) -> Result<T, Error> {
    match cursor.take_failure() {
        Some(failure) => Err(failure),
        None => result.map_err(|error| unreadable(what, error)),
    }
}

/// `error`, or what the file is where libav knows it and may not open it.
fn named(error: Error, reader: &Reader, options: &OpenOptions<'_>) -> Error {
    if options.format.is_some() || !matches!(error, Error::Corrupt { .. }) {
        return error;
    }
    let head = reader.cached(0).unwrap_or_default();
    let is_allowed = |name: &str| options.allowed.split(',').any(|other| other == name);
    match libav::format_of(&head) {
        Some(names) if !names.split(',').any(is_allowed) => Error::Unsupported {
            what: "container",
            name: names,
        },
        _ => error,
    }
}

/// The file cannot be `what`, by libav's word.
pub(super) fn unreadable(what: &str, error: AvError) -> Error {
    Error::Corrupt {
        reason: format!("cannot be {what}: {error}"),
    }
}
