//! The video track that pictures are taken from.

use crate::{
    Codec, Error, Limits,
    container::{Profile, Timeline},
    libav::{Input, Packet, Parameters, StreamInfo},
};

/// One video track and its timeline.
pub(crate) struct Track {
    pub(crate) stream: usize,
    pub(crate) codec: Codec,
    pub(crate) parameters: Parameters,
    /// Coded size in pixels; 0 where the header does not say.
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) sample_aspect: (i32, i32),
    pub(crate) display_matrix: Option<[i32; 9]>,
    time_base: (i32, i32),
    /// The container's own number of the stream, where streams are found as they come but keep it.
    id: Option<i32>,
    /// Bits of timestamps that wrap around.
    pub(super) wrap_bits: Option<u32>,
    /// The header declares every stream, so that stream numbers mean the same in every splice.
    declared: bool,
    /// Where the container's timeline starts, in microseconds: times are shown from here.
    pub(crate) start_us: i64,
    /// In microseconds.
    pub(crate) duration_us: Option<i64>,
}

impl Track {
    /// Picks the video stream a player would show.
    pub(crate) fn choose(
        input: &Input,
        profile: &Profile,
        timeline: Option<Timeline>,
        limits: &Limits,
    ) -> Result<Self, Error> {
        let streams: Vec<_> = (0..input.stream_count())
            .filter_map(|index| input.info(index))
            .collect();
        let video = streams
            .iter()
            .filter(|stream| stream.is_video && !stream.is_attached_picture)
            .max_by_key(|stream| {
                let area = u64::from(stream.width) * u64::from(stream.height);
                (stream.is_default, area, std::cmp::Reverse(stream.index))
            })
            .ok_or_else(|| Error::NoVideo {
                reason: describe(&streams),
            })?;
        if &video.codec_tag.to_le_bytes() == b"encv" {
            return Err(Error::Unsupported {
                what: "encryption",
                name: "Common Encryption".to_owned(),
            });
        }
        let codec = profile.codec(video.codec);
        let codec = codec.ok_or_else(|| Error::Unsupported {
            what: "codec",
            name: video.codec.to_owned(),
        })?;
        limits.check(video.width, video.height)?;
        let parameters = input
            .parameters(video.index)
            .ok_or_else(|| Error::Internal {
                reason: "a stream without parameters".to_owned(),
            })?;
        let duration_us = timeline
            .and_then(|timeline| timeline.duration_us)
            .or_else(|| input.duration_us())
            .or_else(|| micros(video.duration?, video.time_base));
        Ok(Self {
            stream: video.index,
            codec,
            parameters,
            width: video.width,
            height: video.height,
            sample_aspect: video.sample_aspect,
            display_matrix: video.display_matrix,
            time_base: video.time_base,
            id: profile.keeps_stream_ids.then_some(video.id),
            wrap_bits: None,
            start_us: timeline
                .map_or_else(|| start_us(input, &streams), |timeline| timeline.start_us),
            declared: !input.declares_streams_late(),
            duration_us,
        })
    }

    /// Whether `packet`, read from `input`, is this track's.
    pub(crate) fn owns(&self, packet: &Packet, input: &Input) -> bool {
        if self.declared {
            packet.stream() == self.stream
        } else {
            let index = packet.stream();
            input.is_video(index)
                && self
                    .id
                    .is_none_or(|id| input.info(index).is_some_and(|info| info.id == id))
        }
    }

    /// Ticks of the stream in microseconds.
    pub(crate) fn micros(&self, ticks: Option<i64>) -> Option<i64> {
        let time_us = micros(ticks?, self.time_base)?;
        let Some(wrap_us) = self
            .wrap_bits
            .and_then(|bits| micros(1 << bits.min(62), self.time_base))
        else {
            return Some(time_us);
        };
        // The turn of the clock that this track's timeline is in, with a minute for what comes
        // before its first picture.
        let from_us = self.start_us - 60_000_000;
        Some(from_us + (time_us - from_us).rem_euclid(wrap_us))
    }

    /// The tick of the stream that is nearest to a time in microseconds.
    pub(crate) fn nearest_ticks(&self, micros: i64) -> i64 {
        let (num, den) = self.time_base;
        let half = i64::from(num) * 500_000 / i64::from(den).max(1);
        self.ticks(micros.saturating_add(half))
    }

    /// Microseconds in ticks of the stream, rounded down.
    pub(crate) fn ticks(&self, micros: i64) -> i64 {
        let (num, den) = self.time_base;
        let scale = i128::from(num) * 1_000_000;
        if scale == 0 {
            return 0;
        }
        (i128::from(micros) * i128::from(den)).div_euclid(scale) as i64
    }
}

/// The earliest start of any audio or video stream, as libav defines a container's start.
fn start_us(input: &Input, streams: &[StreamInfo]) -> i64 {
    input
        .start_us()
        .or_else(|| {
            streams
                .iter()
                .filter_map(|stream| {
                    let first = || input.index_entry(stream.index, 0);
                    // What an edit list cuts off the front has a negative time.
                    let ticks = stream
                        .start_time
                        .or_else(|| Some(first()?.timestamp.max(0)))?;
                    micros(ticks, stream.time_base)
                })
                .min()
        })
        .unwrap_or(0)
}

/// Rounded down, so that a time shown never lies after its picture.
fn micros(ticks: i64, (num, den): (i32, i32)) -> Option<i64> {
    if den <= 0 {
        return None;
    }
    let micros = (i128::from(ticks) * i128::from(num) * 1_000_000).div_euclid(i128::from(den));
    i64::try_from(micros).ok()
}

fn describe(streams: &[StreamInfo]) -> String {
    if streams.is_empty() {
        return "no stream at all".to_owned();
    }
    let codecs: Vec<_> = streams.iter().map(|stream| stream.codec).collect();
    format!("only {}", codecs.join(", "))
}
