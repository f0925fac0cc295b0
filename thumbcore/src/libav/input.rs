//! Demuxers over custom I/O.

use std::{
    ffi::CStr,
    io::{Read, Seek},
    ptr, slice,
};

use ffmpeg_next::{
    Dictionary, codec, ffi,
    format::context::{Input as AvInput, StreamIo},
};

use super::{AvError, Guarded, Packet, StreamInfo, ensure_init, stream::known};

/// How a demuxer is opened.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OpenOptions<'a> {
    /// The demuxer's short name; `None` lets libav probe among `allowed`.
    pub(crate) format: Option<&'a CStr>,
    /// Comma-separated names of the demuxers that may be opened at all.
    pub(crate) allowed: &'a str,
    /// Comma-separated names of the decoders that libav may run to learn of the streams.
    pub(crate) decoders: &'a str,
    /// Private options of the demuxer.
    pub(crate) private: &'a [(&'a str, &'a str)],
    /// Bytes libav may read to tell the container and its codecs.
    pub(crate) probe_size: u64,
    /// Streams at which a demuxer gives up.
    pub(crate) max_streams: usize,
}

/// An opened demuxer.
pub(crate) struct Input {
    inner: AvInput,
}

/// What a decoder must know of a stream before its first packet.
pub(crate) struct Parameters(pub(super) codec::Parameters);

// SAFETY: never changed after it was made; decoders only copy from it.
unsafe impl Sync for Parameters {}

impl Parameters {
    /// What the container gives a decoder beside packets; empty where it gives nothing.
    pub(crate) fn extradata(&self) -> &[u8] {
        // SAFETY: the parameters are valid, and never changed after they were made.
        let fields = unsafe { &*self.0.as_ptr() };
        match usize::try_from(fields.extradata_size) {
            Ok(size) if size > 0 && !fields.extradata.is_null() => {
                // SAFETY: libav allocates as many bytes as the parameters say; they live and stay
                // as long as the parameters, which `self` borrows.
                unsafe { slice::from_raw_parts(fields.extradata, size) }
            }
            _ => &[],
        }
    }
}

/// An entry of libav's index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IndexEntry {
    pub(crate) position: u64,
    /// In ticks of the stream; a decoding time in mp4.
    pub(crate) timestamp: i64,
    /// Bytes; 0 where the container does not say.
    pub(crate) size: u64,
    pub(crate) is_keyframe: bool,
    /// An edit list hides its picture, which others need.
    pub(crate) is_hidden: bool,
}

impl IndexEntry {
    /// One past its last byte.
    pub(crate) fn end(&self) -> u64 {
        self.position.saturating_add(self.size)
    }
}

/// What libav takes a file for that starts with `head`, by its short names; `None` where it is not
/// sure.
pub(crate) fn format_of(head: &[u8]) -> Option<String> {
    ensure_init();
    let head = head.get(..MOST_PROBED).unwrap_or(head);
    let padding = ffi::AVPROBE_PADDING_SIZE as usize;
    let mut bytes = Vec::with_capacity(head.len() + padding);
    bytes.extend_from_slice(head);
    bytes.resize(head.len() + padding, 0);
    let data = ffi::AVProbeData {
        filename: c"".as_ptr(),
        buf: bytes.as_mut_ptr(),
        buf_size: head.len() as i32,
        mime_type: ptr::null(),
    };
    let mut score = 0;
    // SAFETY: `data` describes a buffer with the padding that libav asks for; probing keeps
    // nothing of it.
    let format = unsafe { ffi::av_probe_input_format3(&raw const data, 1, &raw mut score) };
    if format.is_null() || score < ffi::AVPROBE_SCORE_EXTENSION {
        return None;
    }
    // SAFETY: an entry of a static table, whose names are terminated strings.
    let names = unsafe { CStr::from_ptr((*format).name) };
    Some(names.to_string_lossy().into_owned())
}

/// Bytes of a file that are looked at to tell what it is.
const MOST_PROBED: usize = 1 << 16;

impl Input {
    /// Opens a demuxer on `io` that may seek. Reads the header, nothing more.
    pub(crate) fn open_seekable<T: Read + Seek + Send + 'static>(
        io: T,
        options: &OpenOptions<'_>,
    ) -> Result<Self, AvError> {
        let io = StreamIo::from_read_seek(Guarded(io)).map_err(av_error)?;
        Self::open(io, options)
    }

    /// Opens a demuxer on `io` that libav must read front to back.
    pub(crate) fn open_streamed<T: Read + Send + 'static>(
        io: T,
        options: &OpenOptions<'_>,
    ) -> Result<Self, AvError> {
        let io = StreamIo::from_read(Guarded(io)).map_err(av_error)?;
        Self::open(io, options)
    }

    fn open(mut io: StreamIo, options: &OpenOptions<'_>) -> Result<Self, AvError> {
        ensure_init();
        let format = match options.format {
            // SAFETY: a terminated string; the result is a static table entry or null.
            Some(name) => match unsafe { ffi::av_find_input_format(name.as_ptr()) } {
                found if found.is_null() => return Err(AvError(ffi::AVERROR_DEMUXER_NOT_FOUND)),
                found => found,
            },
            None => ptr::null(),
        };
        let mut dictionary = Dictionary::new();
        dictionary.set("format_whitelist", options.allowed);
        // An empty list means "all" to libav; no protocol has this name.
        dictionary.set("protocol_whitelist", "none");
        dictionary.set("codec_whitelist", options.decoders);
        dictionary.set("probesize", &options.probe_size.to_string());
        let max_streams = i32::try_from(options.max_streams).unwrap_or(i32::MAX);
        dictionary.set("max_streams", &max_streams.to_string());
        for (key, value) in options.private {
            dictionary.set(key, value);
        }

        // SAFETY: allocates or returns null.
        let mut context = unsafe { ffi::avformat_alloc_context() };
        if context.is_null() {
            return Err(AvError(ffi::AVERROR(ffi::ENOMEM)));
        }
        // SAFETY: freshly allocated and not shared; `io` outlives it (see wrap below).
        unsafe { (*context).pb = io.as_mut_ptr() };
        // SAFETY: likewise.
        unsafe { (*context).flags |= ffi::AVFMT_FLAG_CUSTOM_IO };

        // SAFETY: the dictionary is handed over and taken back below.
        let mut raw = unsafe { dictionary.disown() };
        // SAFETY: all pointers are valid; on failure libav frees the context and nulls it.
        let code = unsafe {
            ffi::avformat_open_input(
                &raw mut context,
                ptr::null(),
                format.cast_mut(),
                &raw mut raw,
            )
        };
        // SAFETY: takes back what libav left of the dictionary, to free it.
        drop(unsafe { Dictionary::own(raw) });
        AvError::check(code)?;
        // SAFETY: opened with this very `io`, which the wrapper keeps and frees after the context.
        let inner = unsafe { AvInput::wrap_with_custom_io(context, io) };
        Ok(Self { inner })
    }

    fn context(&self) -> &ffi::AVFormatContext {
        // SAFETY: valid while `self.inner` lives; nothing mutates it while `self` is borrowed.
        unsafe { &*self.inner.as_ptr() }
    }

    /// For C alone, which keeps no pointer to it beyond a call.
    fn context_ptr(&mut self) -> *mut ffi::AVFormatContext {
        // SAFETY: only gives the pointer out, which is valid while `self.inner` lives.
        unsafe { self.inner.as_mut_ptr() }
    }

    fn stream_ptr(&self, index: usize) -> Option<*mut ffi::AVStream> {
        let context = self.context();
        if index >= context.nb_streams as usize {
            return None;
        }
        // SAFETY: `streams` holds `nb_streams` pointers.
        Some(unsafe { *context.streams.add(index) })
    }

    fn stream(&self, index: usize) -> Option<&ffi::AVStream> {
        // SAFETY: streams live as long as their context, which `self` borrows.
        unsafe { self.stream_ptr(index)?.as_ref() }
    }

    /// Lets libav read packets to learn what the header lacks. Expensive: up to `probe_size`.
    pub(crate) fn find_stream_info(&mut self, max_duration_us: i64) -> Result<(), AvError> {
        let context = self.context_ptr();
        // SAFETY: an opened context, borrowed exclusively through `self`.
        unsafe { (*context).max_analyze_duration = max_duration_us };
        // SAFETY: likewise, and no options.
        AvError::check(unsafe { ffi::avformat_find_stream_info(context, ptr::null_mut()) })?;
        Ok(())
    }

    /// Number of streams.
    pub(crate) fn stream_count(&self) -> usize {
        self.context().nb_streams as usize
    }

    /// The demuxer's own names, comma-separated: `"mov,mp4,m4a,3gp,3g2,mj2"`.
    pub(crate) fn format_name(&self) -> &'static str {
        // SAFETY: an opened context always has its format.
        let name = unsafe { (*self.context().iformat).name };
        // SAFETY: a static, terminated string of libavformat.
        unsafe { CStr::from_ptr(name) }
            .to_str()
            .unwrap_or("unknown")
    }

    /// The container's duration in microseconds.
    pub(crate) fn duration_us(&self) -> Option<i64> {
        known(self.context().duration).filter(|us| *us > 0)
    }

    /// The container's start in microseconds; known only after
    /// [`find_stream_info`](Self::find_stream_info).
    pub(crate) fn start_us(&self) -> Option<i64> {
        known(self.context().start_time)
    }

    /// Whether the demuxer finds streams only as it meets their packets.
    pub(crate) fn declares_streams_late(&self) -> bool {
        self.context().ctx_flags & ffi::AVFMTCTX_NOHEADER != 0
    }

    /// Whether stream `index` is a video with a known codec, and no cover art.
    pub(crate) fn is_video(&self, index: usize) -> bool {
        self.info(index)
            .is_some_and(|info| info.is_video && !info.is_attached_picture && info.codec != "none")
    }

    /// Whether a video stream is known so far, one that the container numbers as one of `ids`.
    pub(crate) fn has_video(&self, ids: Option<&[i32]>) -> bool {
        let is_it = |info: StreamInfo| ids.is_none_or(|ids| ids.contains(&info.id));
        (0..self.stream_count())
            .any(|index| self.is_video(index) && self.info(index).is_some_and(is_it))
    }

    /// What the demuxer says of stream `index`.
    pub(crate) fn info(&self, index: usize) -> Option<StreamInfo> {
        Some(StreamInfo::of(index, self.stream(index)?))
    }

    /// Every stream known so far that is not to `keep` is skipped by the demuxer from now on.
    pub(crate) fn discard_all_but(&mut self, keep: impl Fn(&StreamInfo) -> bool) {
        for index in 0..self.stream_count() {
            let discard = if self.info(index).is_some_and(|info| keep(&info)) {
                ffi::AVDiscard::AVDISCARD_DEFAULT
            } else {
                ffi::AVDiscard::AVDISCARD_ALL
            };
            if let Some(stream) = self.stream_ptr(index) {
                // SAFETY: a live stream, borrowed exclusively through `self`.
                unsafe { (*stream).discard = discard };
            }
        }
    }

    /// Entry `entry` of the index of stream `index`.
    pub(crate) fn index_entry(&self, index: usize, entry: usize) -> Option<IndexEntry> {
        let entry = i32::try_from(entry).ok()?;
        let stream = self.stream_ptr(index)?;
        // SAFETY: a live stream, which is only looked at; an entry out of bounds gives null.
        let found = unsafe { ffi::avformat_index_get_entry(stream, entry) };
        // SAFETY: null or a valid entry, copied before anything can change the index.
        let found = unsafe { found.as_ref() }?;
        Some(IndexEntry {
            position: u64::try_from(found.pos).ok()?,
            timestamp: found.timestamp,
            size: u64::try_from(found.size()).unwrap_or(0),
            is_keyframe: found.flags() & ffi::AVINDEX_KEYFRAME != 0,
            is_hidden: found.flags() & ffi::AVINDEX_DISCARD_FRAME != 0,
        })
    }

    /// The keyframe entry at or before `timestamp`, or with `backward` false at or after it.
    pub(crate) fn index_search(
        &mut self,
        index: usize,
        timestamp: i64,
        backward: bool,
    ) -> Option<usize> {
        let flags = if backward {
            ffi::AVSEEK_FLAG_BACKWARD
        } else {
            0
        };
        self.search(index, timestamp, flags)
    }

    /// The entry at or before `timestamp`, keyframe or not.
    pub(crate) fn index_search_any(&mut self, index: usize, timestamp: i64) -> Option<usize> {
        let flags = ffi::AVSEEK_FLAG_BACKWARD | ffi::AVSEEK_FLAG_ANY;
        self.search(index, timestamp, flags)
    }

    fn search(&mut self, index: usize, timestamp: i64, flags: i32) -> Option<usize> {
        let stream = self.stream_ptr(index)?;
        // SAFETY: a live stream, borrowed exclusively; a negative result says there is none.
        let entry = unsafe { ffi::av_index_search_timestamp(stream, timestamp, flags) };
        usize::try_from(entry).ok()
    }

    /// Moves to the keyframe at or before `timestamp` (ticks of stream `index`). What failed
    /// before is forgotten.
    pub(crate) fn seek_backward(&mut self, index: usize, timestamp: i64) -> Result<(), AvError> {
        self.seek(index, timestamp, ffi::AVSEEK_FLAG_BACKWARD)
    }

    /// Moves to the picture at or before `timestamp`, keyframe or not.
    pub(crate) fn seek_any(&mut self, index: usize, timestamp: i64) -> Result<(), AvError> {
        let flags = ffi::AVSEEK_FLAG_BACKWARD | ffi::AVSEEK_FLAG_ANY;
        self.seek(index, timestamp, flags)
    }

    fn seek(&mut self, index: usize, timestamp: i64, flags: i32) -> Result<(), AvError> {
        let not_found = AvError(ffi::AVERROR_STREAM_NOT_FOUND);
        if index >= self.stream_count() {
            return Err(not_found);
        }
        let index = i32::try_from(index).map_err(|_| not_found)?;
        self.inner.clear_eof();
        let context = self.context_ptr();
        // libav reads on through up to 32 KiB, held or not, rather than seek forward; backward it
        // seeks.
        // SAFETY: an opened context, borrowed exclusively, with the reader that it was opened with.
        unsafe { ffi::avio_seek((*context).pb, 0, ffi::SEEK_SET) };
        // SAFETY: an opened context, borrowed exclusively, and one of its streams; libav does not
        // check the index.
        AvError::check(unsafe { ffi::av_seek_frame(context, index, timestamp, flags) })?;
        Ok(())
    }

    /// The next packet of any stream that is not discarded; `None` at the end.
    pub(crate) fn read_packet(&mut self) -> Result<Option<Packet>, AvError> {
        let mut packet = ffmpeg_next::Packet::empty();
        match packet.read(&mut self.inner) {
            Ok(()) => Ok(Some(Packet::of(packet))),
            Err(ffmpeg_next::Error::Eof) => Ok(None),
            Err(error) => Err(av_error(error)),
        }
    }

    /// A copy of the codec parameters of stream `index`.
    pub(crate) fn parameters(&self, index: usize) -> Option<Parameters> {
        // A copy of its own: libav changes the stream's while it reads.
        Some(Parameters(self.inner.stream(index)?.parameters().clone()))
    }
}

fn av_error(error: ffmpeg_next::Error) -> AvError {
    AvError(error.into())
}
