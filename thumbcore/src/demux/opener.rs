//! Opening demuxers on one file.

use std::sync::Arc;

use tokio::runtime::Handle;

use crate::{
    Error,
    container::{Container, DECODERS, DEMUXERS},
    libav::{AvError, Input, OpenOptions},
    reader::{Cursor, Piece, Reader, Splice},
};

/// Bytes libav may read to tell a container and its codecs: 1 MiB, beyond any sane file's need.
const PROBE_SIZE: u64 = 1 << 20;
/// Microseconds of media read where the header leaves out the streams: two seconds show each.
const ANALYSE_US: i64 = 2_000_000;
/// Packets read to see the streams of a container that declares them as they come.
const PACKETS_TO_A_STREAM: usize = 200;

/// One file and how its demuxers are opened.
pub(super) struct Opener {
    pub(super) reader: Arc<Reader>,
    pub(super) runtime: Handle,
    pub(super) container: Container,
    /// libav must read packets to know the streams.
    pub(super) needs_stream_info: bool,
}

impl Opener {
    /// A demuxer that may seek, with all that libav can learn of the streams.
    pub(super) fn seekable(&self) -> Result<Input, Error> {
        let cursor = Cursor::new(Arc::clone(&self.reader), self.runtime.clone());
        let mut input = Input::open_seekable(cursor, &self.options())
            .map_err(|error| self.explain("opened", error))?;
        if self.needs_stream_info {
            for stream in (0..input.stream_count()).filter_map(|index| input.info(index)) {
                self.reader.limits().check(stream.width, stream.height)?;
            }
            input
                .find_stream_info(ANALYSE_US)
                .map_err(|error| self.explain("opened", error))?;
        }
        Ok(input)
    }

    /// A demuxer that reads `headers`, or the file front to back, opened until a video stream is
    /// known. Its packets are spent.
    pub(super) fn located(&self, headers: Option<Vec<Piece>>) -> Result<Input, Error> {
        let whole = Piece::File(0..self.reader.len());
        let mut input = self.spliced(headers.unwrap_or_else(|| vec![whole]))?;
        if self.needs_stream_info {
            for _ in 0..PACKETS_TO_A_STREAM {
                if input.has_video() {
                    break;
                }
                match input.read_packet() {
                    Ok(Some(_)) => {}
                    Ok(None) => break,
                    // Headers alone may end in the middle of a packet.
                    Err(_) if input.has_video() && !self.reader.has_failed() => break,
                    Err(error) => return Err(self.explain("opened", error)),
                }
            }
        }
        Ok(input)
    }

    /// A demuxer that reads `pieces` as if they were the whole file.
    pub(super) fn spliced(
        &self,
        pieces: impl IntoIterator<Item = impl Into<Piece>>,
    ) -> Result<Input, Error> {
        let splice = Splice::new(Arc::clone(&self.reader), self.runtime.clone(), pieces);
        Input::open_streamed(splice, &self.options()).map_err(|error| self.explain("opened", error))
    }

    fn options(&self) -> OpenOptions<'static> {
        OpenOptions {
            format: self.container.demuxer(),
            allowed: DEMUXERS,
            decoders: DECODERS,
            private: match self.container {
                Container::Mp4 => &[("use_mfra_for", "pts")],
                _ => &[],
            },
            probe_size: PROBE_SIZE,
            // One more, so that a file of too many is told from a broken one.
            max_streams: self.reader.limits().max_streams.saturating_add(1),
        }
    }

    /// What stands behind libav's failure.
    pub(super) fn explain(&self, what: &str, error: AvError) -> Error {
        self.reader
            .take_failure()
            .unwrap_or_else(|| Error::Corrupt {
                reason: format!("cannot be {what}: {error}"),
            })
    }
}
