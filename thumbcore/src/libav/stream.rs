//! What a demuxer says of a stream.

use std::slice;

use ffmpeg_next::ffi::{self, AVMediaType, AVPacketSideDataType as SideData, AVRational};

use super::codec_name;

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

impl StreamInfo {
    pub(super) fn of(index: usize, stream: &ffi::AVStream) -> Self {
        // SAFETY: every stream has its parameters.
        let parameters = unsafe { &*stream.codecpar };
        // SAFETY: reads the entry count of a live stream.
        let index_entries = unsafe { ffi::avformat_index_get_entries_count(stream) };
        Self {
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
        }
    }
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

fn ratio(rational: AVRational) -> (i32, i32) {
    (rational.num, rational.den)
}

/// A time that is told.
pub(super) fn known(timestamp: i64) -> Option<i64> {
    (timestamp != ffi::AV_NOPTS_VALUE).then_some(timestamp)
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
