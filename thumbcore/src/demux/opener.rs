//! Opening demuxers on one file.

use std::sync::Arc;

use tokio::runtime::Handle;

use super::demuxer::{Demuxer, Read, unreadable};
use crate::{
    Error,
    container::{Locator, Profile},
    libav::{Input, OpenOptions},
    reader::{Piece, Reader},
};

/// Bytes libav may read to tell a container and its codecs: 1 MiB, more than any valid file needs.
const PROBE_SIZE: u64 = 1 << 20;
/// Microseconds of media read where the header leaves out the streams: two seconds show each.
const ANALYSE_US: i64 = 2_000_000;
/// As [`ANALYSE_US`], where bytes bound what is read.
const ANALYSE_ALL_US: i64 = 60_000_000;
/// Packets read to see the streams of a container that declares them as they come.
const PACKETS_TO_A_STREAM: usize = 200;

/// How the demuxers of one file are opened.
pub(super) struct Opener {
    pub(super) runtime: Handle,
    pub(super) profile: &'static Profile,
    /// The decoders that libav may run to learn of the streams.
    pub(super) decoders: String,
    /// The demuxers that libav may choose among.
    pub(super) demuxers: String,
    /// Private options of the demuxer.
    pub(super) private: &'static [(&'static str, &'static str)],
    /// libav must read packets to know the streams.
    pub(super) needs_stream_info: bool,
    /// libav's index, read with the header, says where each keyframe is.
    pub(super) has_index: bool,
}

impl Opener {
    /// A demuxer that knows the streams, of which `locator` searches one of `tracks`.
    pub(super) fn demuxer(
        &self,
        reader: &Arc<Reader>,
        locator: Option<&dyn Locator>,
        tracks: Option<&[i32]>,
    ) -> Result<Demuxer, Error> {
        let demuxer = match locator {
            Some(locator) => self.located(reader, locator.headers(), tracks)?,
            None => self.seekable(reader)?,
        };
        let streams = demuxer.input().stream_count();
        reader.limits().check_streams(streams)?;
        Ok(demuxer)
    }

    /// A demuxer that may seek, with all that libav can learn of the streams.
    pub(super) fn seekable(&self, reader: &Arc<Reader>) -> Result<Demuxer, Error> {
        let limits = reader.limits();
        let options = self.options(limits.max_streams);
        let (runtime, losses) = (self.runtime.clone(), self.profile.losses);
        let mut demuxer = Demuxer::seekable(reader, runtime, losses, &options)?;
        if self.needs_stream_info {
            let input = demuxer.input();
            for stream in (0..input.stream_count()).filter_map(|index| input.info(index)) {
                limits.check(stream.width, stream.height)?;
            }
            demuxer.find_stream_info(ANALYSE_US)?;
        }
        Ok(demuxer)
    }

    /// A demuxer that reads `headers`, or the file front to back, opened until a video stream is
    /// known, or, where one of several `tracks` must be chosen, the pictures of all. Its packets
    /// are spent.
    fn located(
        &self,
        reader: &Arc<Reader>,
        headers: Option<Vec<Piece>>,
        tracks: Option<&[i32]>,
    ) -> Result<Demuxer, Error> {
        let whole = Piece::File(0..reader.len());
        let headers = headers.unwrap_or_else(|| vec![whole]);
        if tracks.is_some_and(|tracks| tracks.len() > 1) {
            let mut options = self.options(reader.limits().max_streams);
            // The headers end where all is told.
            options.probe_size = headers.iter().map(Piece::len).sum();
            let runtime = self.runtime.clone();
            let mut demuxer = Demuxer::spliced(reader, runtime, None, headers, &options)?;
            demuxer.find_stream_info(ANALYSE_ALL_US)?;
            return Ok(demuxer);
        }
        let mut demuxer = self.spliced(reader, headers)?;
        let knows_video = |input: &Input| input.has_video(tracks);
        if self.needs_stream_info {
            for _ in 0..PACKETS_TO_A_STREAM {
                if knows_video(demuxer.input()) {
                    break;
                }
                match demuxer.read()? {
                    Read::Packet(_) => {}
                    Read::End => break,
                    // Headers alone may end in the middle of a packet.
                    Read::Damage(_) if knows_video(demuxer.input()) => break,
                    Read::Damage(error) => return Err(unreadable("opened", error)),
                }
            }
        }
        Ok(demuxer)
    }

    /// A demuxer that reads `pieces` as if they were the whole file.
    pub(super) fn spliced(
        &self,
        reader: &Arc<Reader>,
        pieces: impl IntoIterator<Item = impl Into<Piece>>,
    ) -> Result<Demuxer, Error> {
        let options = self.options(reader.limits().max_streams);
        let (runtime, losses) = (self.runtime.clone(), self.profile.losses);
        Demuxer::spliced(reader, runtime, losses, pieces, &options)
    }

    fn options(&self, max_streams: usize) -> OpenOptions<'_> {
        OpenOptions {
            format: self.profile.demuxer,
            allowed: &self.demuxers,
            decoders: &self.decoders,
            private: self.private,
            probe_size: PROBE_SIZE,
            // One more, so that a file of too many is told from a broken one.
            max_streams: max_streams.saturating_add(1),
        }
    }
}
