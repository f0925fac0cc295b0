//! Demuxers over custom I/O.

use std::{
    ffi::CStr,
    io::{Read, Seek},
    ptr, slice,
};

use ffmpeg_next::{
    Dictionary, codec,
    ffi::{self, AVMediaType, AVPacketSideDataType as SideData, AVRational},
    format::context::{Input as AvInput, StreamIo},
    packet::Mut as _,
};

use super::{AvError, Guarded, codec_name, ensure_init};

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

/// One compressed packet.
pub(crate) struct Packet {
    pub(super) inner: ffmpeg_next::Packet,
    /// An edit list hides its picture, which others need.
    pub(super) is_hidden: bool,
}

/// What a demuxer says of one stream.
#[derive(Debug, Clone)]
pub(crate) struct StreamInfo {
    pub(crate) index: usize,
    /// The container's own number: the packet id in a transport stream.
    pub(crate) id: i32,
    pub(crate) is_video: bool,
    /// Cover art and the like: one picture that belongs to no time.
    pub(crate) is_attached_picture: bool,
    pub(crate) is_default: bool,
    /// libav's name of the codec.
    pub(crate) codec: &'static str,
    pub(crate) codec_tag: u32,
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Pixel width to height; (0, 1) where unknown.
    pub(crate) sample_aspect: (i32, i32),
    /// Seconds a tick, as a fraction.
    pub(crate) time_base: (i32, i32),
    /// In ticks.
    pub(crate) start_time: Option<i64>,
    /// In ticks.
    pub(crate) duration: Option<i64>,
    /// Pictures, where the header says.
    pub(crate) frames: Option<u64>,
    /// Frames a second, as a fraction, where the demuxer knows or assumes a rate.
    pub(crate) frame_rate: Option<(i32, i32)>,
    /// The 3x3 display matrix in 16.16 fixed point, where the container has one.
    pub(crate) display_matrix: Option<[i32; 9]>,
    pub(crate) dolby_vision: Option<DolbyVision>,
    /// Entries in libav's index of this stream.
    pub(crate) index_entries: usize,
}

/// What a Dolby Vision configuration record says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DolbyVision {
    profile: u8,
    /// What the base layer is compatible with; 0 for nothing.
    compatibility: u8,
}

impl DolbyVision {
    /// From a record as libav keeps one: all fields are bytes (`libavutil/dovi_meta.h`).
    fn parse(record: &[u8]) -> Option<Self> {
        let [
            _major,
            _minor,
            profile,
            _level,
            _rpu,
            _el,
            _bl,
            compatibility,
            ..,
        ] = *record
        else {
            return None;
        };
        Some(Self {
            profile,
            compatibility,
        })
    }

    /// Whether nobody but a Dolby Vision decoder shows the right colours: they come out purple and
    /// green if taken for any other. Profile 5, and what of profiles 10 and 20 is compatible with
    /// nothing.
    ///
    /// Source: "Dolby Vision Profiles and Levels", 1.4, table 1.
    pub(crate) fn is_alone(self) -> bool {
        matches!((self.profile, self.compatibility), (5, _) | (10 | 20, 0))
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

    /// Whether a video stream is known so far.
    pub(crate) fn has_video(&self) -> bool {
        (0..self.stream_count()).any(|index| self.is_video(index))
    }

    /// What the demuxer says of stream `index`.
    pub(crate) fn info(&self, index: usize) -> Option<StreamInfo> {
        let stream = self.stream(index)?;
        // SAFETY: every stream has its parameters.
        let parameters = unsafe { &*stream.codecpar };
        // SAFETY: reads the entry count of a live stream.
        let index_entries = unsafe { ffi::avformat_index_get_entries_count(stream) };
        Some(StreamInfo {
            index,
            id: stream.id,
            is_video: parameters.codec_type == AVMediaType::AVMEDIA_TYPE_VIDEO,
            is_attached_picture: stream.disposition & ffi::AV_DISPOSITION_ATTACHED_PIC != 0,
            is_default: stream.disposition & ffi::AV_DISPOSITION_DEFAULT != 0,
            codec: codec_name(parameters.codec_id),
            codec_tag: parameters.codec_tag,
            width: u32::try_from(parameters.width).unwrap_or(0),
            height: u32::try_from(parameters.height).unwrap_or(0),
            sample_aspect: ratio(if stream.sample_aspect_ratio.num > 0 {
                stream.sample_aspect_ratio
            } else {
                parameters.sample_aspect_ratio
            }),
            time_base: ratio(stream.time_base),
            start_time: known(stream.start_time),
            duration: known(stream.duration).filter(|ticks| *ticks > 0),
            frames: u64::try_from(stream.nb_frames)
                .ok()
                .filter(|count| *count > 0),
            frame_rate: [stream.avg_frame_rate, stream.r_frame_rate]
                .map(ratio)
                .into_iter()
                .find(|(num, den)| *num > 0 && *den > 0),
            display_matrix: side_data(stream, SideData::AV_PKT_DATA_DISPLAYMATRIX).and_then(matrix),
            dolby_vision: side_data(stream, SideData::AV_PKT_DATA_DOVI_CONF)
                .and_then(DolbyVision::parse),
            index_entries: usize::try_from(index_entries).unwrap_or(0),
        })
    }

    /// Every stream but `keep` is skipped by the demuxer from now on.
    pub(crate) fn discard_all_but(&mut self, keep: usize) {
        for index in 0..self.stream_count() {
            let discard = if index == keep {
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

impl Packet {
    /// Takes off the mark of a hidden packet: a decoder would keep its picture to itself, and
    /// nobody could tell whether those that follow are whole.
    fn of(mut inner: ffmpeg_next::Packet) -> Self {
        let discard = ffi::AV_PKT_FLAG_DISCARD;
        // SAFETY: the packet is this function's alone.
        let fields = unsafe { &mut *inner.as_mut_ptr() };
        let is_hidden = fields.flags & discard != 0;
        fields.flags &= !discard;
        Self { inner, is_hidden }
    }

    pub(crate) fn stream(&self) -> usize {
        self.inner.stream()
    }

    pub(crate) fn is_keyframe(&self) -> bool {
        self.inner.is_key()
    }

    /// Cut short by the end of the file, or marked damaged by the demuxer.
    pub(crate) fn is_corrupt(&self) -> bool {
        self.inner.is_corrupt()
    }

    /// To be decoded and not shown.
    pub(crate) fn is_discarded(&self) -> bool {
        self.is_hidden
    }

    /// Presentation time in ticks, or the decoding time where the container has no other.
    pub(crate) fn timestamp(&self) -> Option<i64> {
        self.inner.pts().or_else(|| self.inner.dts())
    }

    /// Adds `ticks` to its times.
    pub(crate) fn shift(&mut self, ticks: i64) {
        if ticks != 0 {
            let shifted = |time: Option<i64>| time.map(|time| time.saturating_add(ticks));
            let (pts, dts) = (shifted(self.inner.pts()), shifted(self.inner.dts()));
            self.inner.set_pts(pts);
            self.inner.set_dts(dts);
        }
    }

    /// Gives a packet that carries no time the decoding time `ticks`.
    pub(crate) fn count_as(&mut self, ticks: i64) {
        if self.timestamp().is_none() {
            self.inner.set_dts(Some(ticks));
        }
    }

    pub(crate) fn size(&self) -> usize {
        self.inner.size()
    }

    /// The coded bytes.
    pub(crate) fn data(&self) -> &[u8] {
        self.inner.data().unwrap_or_default()
    }
}

fn ratio(rational: AVRational) -> (i32, i32) {
    (rational.num, rational.den)
}

fn known(timestamp: i64) -> Option<i64> {
    (timestamp != ffi::AV_NOPTS_VALUE).then_some(timestamp)
}

fn av_error(error: ffmpeg_next::Error) -> AvError {
    AvError(error.into())
}

/// What a demuxer says of all of `stream` beside its parameters.
fn side_data(stream: &ffi::AVStream, kind: SideData) -> Option<&[u8]> {
    // Since FFmpeg 6.1 what holds for a whole stream is in its parameters.
    #[cfg(ffmpeg_6_1)]
    let (entries, count) = {
        // SAFETY: every stream has its parameters.
        let parameters = unsafe { &*stream.codecpar };
        (parameters.coded_side_data, parameters.nb_coded_side_data)
    };
    #[cfg(not(ffmpeg_6_1))]
    let (entries, count) = (stream.side_data, stream.nb_side_data);
    // SAFETY: the array holds so many entries.
    let entries = (0..usize::try_from(count).ok()?).map(|nth| unsafe { &*entries.add(nth) });
    let entry = entries.into_iter().find(|entry| entry.type_ == kind)?;
    // SAFETY: so many bytes belong to the entry, which lives as long as the stream.
    Some(unsafe { slice::from_raw_parts(entry.data, entry.size) })
}

/// The display matrix that side data holds: nine numbers of the machine's byte order.
pub(super) fn matrix(bytes: &[u8]) -> Option<[i32; 9]> {
    let (numbers, _) = bytes.as_chunks::<4>();
    let numbers = numbers.first_chunk::<9>()?;
    Some(numbers.map(i32::from_ne_bytes))
}
