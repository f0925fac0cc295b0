//! The video track that pictures are taken from.

use std::{borrow::Cow, ops::Range, sync::Arc};

use crate::{
    Codec, Error, Limits,
    codec::sei::Sei,
    container::{
        Composition, Profile, Searched, Timeline, TrackComposition, believed, encrypted,
        film::{self, Candidate},
        film_within, is_elementary, lacks_presentation,
    },
    libav::{DolbyVision, Input, Packet, Parameters, StreamInfo},
};

/// What opening the container told of its tracks beside what libav says.
#[derive(Clone, Copy)]
pub(super) struct Clues<'a> {
    pub(super) profile: &'a Profile,
    pub(super) timeline: Option<Timeline>,
    pub(super) composition: Option<&'a Composition>,
}

/// What the times of packets are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Timing {
    /// When pictures are shown.
    Presented,
    /// When pictures are decoded, though they are reordered.
    Decoded,
    /// Packets may carry none, so that pictures are counted.
    Untimed,
}

impl Timing {
    fn of(input: &Input, video: &StreamInfo, codec: Codec) -> Self {
        let name = input.format_name();
        if is_elementary(name) || video.is_attached_picture {
            Self::Untimed
        } else if lacks_presentation(name, codec) {
            Self::Decoded
        } else {
            Self::Presented
        }
    }
}

/// One video track and its timeline.
#[derive(Clone)]
pub(crate) struct Track {
    pub(crate) stream: usize,
    pub(crate) codec: Codec,
    /// Reads the codec's messages between pictures, where it has any.
    pub(crate) sei: Option<Sei>,
    pub(crate) parameters: Arc<Parameters>,
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
    /// The container's, in microseconds.
    pub(crate) duration_us: Option<i64>,
    /// How long the pictures last, in microseconds, where sound goes on longer.
    film_us: Option<i64>,
    /// Ticks of a picture, by the rate that the demuxer knows or assumes.
    pub(super) picture_ticks: i64,
    pub(super) timing: Timing,
    /// One picture that belongs to no time, such as the cover of an album.
    pub(crate) is_attached: bool,
    /// What libav's index leaves out, where the header tells.
    pub(super) composition: Option<TrackComposition>,
}

impl Track {
    /// The track of `video`, one of the streams of `input`.
    pub(super) fn of(
        input: &Input,
        video: &StreamInfo,
        clues: Clues<'_>,
        limits: &Limits,
    ) -> Result<Self, Error> {
        if &video.codec_tag.to_le_bytes() == b"encv" {
            return Err(encrypted("Common Encryption"));
        }
        if video.dolby_vision.is_some_and(DolbyVision::is_alone) {
            return Err(Error::Unsupported {
                what: "codec",
                name: format!("{} in the colours of Dolby Vision alone", video.codec),
            });
        }
        let (profile, timeline) = (clues.profile, clues.timeline);
        let codec = profile.codec(&codec_name(video))?;
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
            sei: Sei::new(codec, parameters.extradata()),
            parameters: Arc::new(parameters),
            width: video.width,
            height: video.height,
            sample_aspect: video.sample_aspect,
            display_matrix: video.display_matrix,
            time_base: video.time_base,
            id: profile.keeps_stream_ids.then_some(video.id),
            wrap_bits: None,
            start_us: timeline.map_or_else(
                || {
                    let edited = clues.composition.and_then(Composition::start_us);
                    edited.unwrap_or_else(|| start_us(input, clues.composition))
                },
                |timeline| timeline.start_us,
            ),
            declared: !input.declares_streams_late(),
            duration_us,
            film_us: match timeline {
                _ if video.is_attached_picture => Some(0),
                timeline => timeline.and_then(|timeline| timeline.film_us),
            },
            picture_ticks: picture_ticks(video),
            timing: Timing::of(input, video, codec),
            is_attached: video.is_attached_picture,
            composition: clues
                .composition
                .and_then(|composition| composition.of_track(video.id)),
        })
    }

    /// Whether packets tell only when pictures are decoded, though these are reordered.
    pub(crate) fn lacks_presentation(&self) -> bool {
        self.timing == Timing::Decoded
    }

    /// Whether `packet` tells only when its picture is decoded, though pictures are reordered: none
    /// of the container's packets tells more, or this one alone does not.
    pub(crate) fn is_unpresented(&self, packet: &Packet) -> bool {
        let is_left_out = self.timing == Timing::Presented && packet.presentation_time().is_none();
        self.lacks_presentation() || is_left_out
    }

    /// Whether pictures that follow the keyframe in `packet` may be shown before it.
    pub(crate) fn may_be_led(&self, packet: &Packet) -> bool {
        self.sei.is_some_and(|sei| sei.may_be_led(packet.data()))
    }

    /// How long the pictures last, in microseconds: what positions are parts of.
    pub(crate) fn film_us(&self) -> Option<i64> {
        self.film_us.or(self.duration_us)
    }

    /// How long a picture is shown, in microseconds, by the rate that the demuxer knows or assumes.
    pub(crate) fn picture_us(&self) -> i64 {
        micros(self.picture_ticks, self.time_base)
            .unwrap_or(0)
            .max(1)
    }

    /// Takes in when the last picture begins and ends, and when the last picture or sound of all
    /// ends, in microseconds of the container's timeline, by an index or by reading all of the
    /// file.
    pub(super) fn measure(&mut self, last_us: Range<i64>, end_us: i64) {
        let since_start = |end_us: i64| end_us.saturating_sub(self.start_us);
        // How long the last picture is shown is one more number that may be wrong: a header that
        // tells of an end while it is shown is right.
        let last = since_start(last_us.start)..since_start(last_us.end);
        let film_us = self.duration_us.filter(|stated| last.contains(stated));
        let film_us = film_us.unwrap_or(last.end);
        let end_us = if film_us == last.end {
            since_start(end_us)
        } else {
            film_us
        };
        self.duration_us = believed(self.duration_us, Some(end_us.max(film_us)));
        self.film_us = film_within(self.duration_us, Some(film_us));
    }

    /// Whether `stream`, of a demuxer that starts anywhere in the file, is this track.
    pub(super) fn is(&self, stream: &StreamInfo) -> bool {
        match self.id {
            Some(id) => stream.id == id,
            None => stream.index == self.stream,
        }
    }

    /// Whether `packet`, read from `input`, is this track's.
    pub(crate) fn owns(&self, packet: &Packet, input: &Input) -> bool {
        let index = packet.stream();
        match self.id {
            Some(id) => input.is_video(index) && input.info(index).is_some_and(|it| it.id == id),
            None if self.declared => index == self.stream,
            None => input.is_video(index),
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

/// The video stream of `input` that a player would show: among those `searched` by a locator; an
/// attached picture where there is no film and it `takes_attached`.
pub(super) fn choose(
    input: &Input,
    searched: &Searched,
    takes_attached: bool,
) -> Result<StreamInfo, Error> {
    let streams = streams(input);
    let attached = || attached_among(&streams).filter(|_| takes_attached);
    let film = film_among(&streams, searched).or_else(attached);
    film.cloned().ok_or_else(|| Error::NoVideo {
        reason: describe(&streams),
    })
}

fn streams(input: &Input) -> Vec<StreamInfo> {
    let streams = 0..input.stream_count();
    streams.filter_map(|index| input.info(index)).collect()
}

/// The film among `streams`: the one most like one, of those that a locator searches.
fn film_among<'a>(streams: &'a [StreamInfo], searched: &Searched) -> Option<&'a StreamInfo> {
    let mut videos = streams
        .iter()
        .filter(|stream| stream.is_video && !stream.is_attached_picture);
    if let Searched::NthVideo(nth) = searched {
        return videos.nth(*nth);
    }
    let is_searched =
        |stream: &&StreamInfo| searched.ids().is_none_or(|ids| ids.contains(&stream.id));
    let videos = videos.filter(is_searched);
    film::choose(videos, |stream| Candidate {
        is_still_codec: film::is_still_codec(stream.codec),
        frames: stream.frames,
        lasts_us: stream
            .duration
            .and_then(|ticks| micros(ticks, stream.time_base)),
        is_default: stream.is_default,
        area: u64::from(stream.width) * u64::from(stream.height),
    })
}

/// The largest attached picture: beside a cover there may be a small one of the same.
fn attached_among(streams: &[StreamInfo]) -> Option<&StreamInfo> {
    let pictures = streams.iter().filter(|stream| stream.is_attached_picture);
    pictures
        .rev()
        .max_by_key(|stream| u64::from(stream.width) * u64::from(stream.height))
}

/// libav's name of a stream's codec, or, of one that this libav does not know, the container's.
fn codec_name(video: &StreamInfo) -> Cow<'static, str> {
    let tag = video.codec_tag.to_le_bytes();
    if video.codec == "none" && tag.iter().all(u8::is_ascii_graphic) {
        return String::from_utf8_lossy(&tag).into_owned().into();
    }
    video.codec.into()
}

/// Ticks of a picture: a 25th of a second where nothing tells, as libav assumes.
fn picture_ticks(video: &StreamInfo) -> i64 {
    let (frames, seconds) = video.frame_rate.unwrap_or((25, 1));
    let (num, den) = video.time_base;
    let ticks = i64::from(den) * i64::from(seconds);
    (ticks / (i64::from(num) * i64::from(frames)).max(1)).max(1)
}

/// The earliest start of any audio or video stream, as libav defines a container's start.
fn start_us(input: &Input, composition: Option<&Composition>) -> i64 {
    input
        .start_us()
        .or_else(|| {
            streams(input)
                .into_iter()
                .filter_map(|stream| {
                    let first = || {
                        let first = input.index_entry(stream.index, 0)?;
                        let delay =
                            composition.map_or(0, |all| all.delay_at(stream.id, first.position));
                        // What an edit list cuts off the front has a negative time.
                        Some(first.timestamp.saturating_add(delay).max(0))
                    };
                    micros(stream.start_time.or_else(first)?, stream.time_base)
                })
                .min()
        })
        .unwrap_or(0)
}

/// Rounded down, so that a time shown never lies after its picture.
pub(super) fn micros(ticks: i64, (num, den): (i32, i32)) -> Option<i64> {
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
    let kind = |stream: &StreamInfo| {
        if stream.is_attached_picture {
            format!("an attached picture ({})", stream.codec)
        } else {
            stream.codec.to_owned()
        }
    };
    let codecs: Vec<_> = streams.iter().map(kind).collect();
    format!("only {}", codecs.join(", "))
}
