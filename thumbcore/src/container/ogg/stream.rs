//! What the streams of an Ogg file are, and what their granules mean.
//!
//! Sources: Theora specification, section 6.2 and appendix A.2.3; RFC 7845; the Vorbis, FLAC and
//! Speex mappings of Xiph.org; and what libavformat makes of VP8, whose mapping was never
//! published.

/// One stream, told from its first packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stream {
    pub(super) serial: u32,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Video that keyframes can be found in.
    Video(Video),
    /// Video of another codec.
    OtherVideo,
    Audio(Audio),
    /// Skeletons, subtitles, what is unknown: without times that we know.
    Other,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Video {
    codec: Codec,
    /// Frames a second, as a fraction of numbers above 0.
    rate: (u32, u32),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Codec {
    /// A granule is the number of the last keyframe, then in `shift` bits the frames since.
    Theora {
        shift: u32,
        /// Frames are counted from 0, as before version 3.2.1.
        from_zero: bool,
    },
    Vp8,
}

/// What tells the times of an audio stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Audio {
    /// Granules a second, above 0.
    rate: u32,
    /// Granules before the audio begins.
    delay: u16,
    codec: Sound,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sound {
    Vorbis,
    Opus,
    Flac,
    Speex,
}

impl Stream {
    /// The stream that `packet` opens.
    pub(super) fn of(serial: u32, packet: &[u8]) -> Self {
        let other = || {
            let is_video = [
                &b"BBCD"[..],
                b"\x01video",
                b"\x80daala",
                b"\x80theora",
                b"OVP80",
            ]
            .iter()
            .any(|start| packet.starts_with(start));
            if is_video {
                Kind::OtherVideo
            } else {
                Kind::Other
            }
        };
        let kind = Video::parse(packet)
            .map(Kind::Video)
            .or_else(|| Audio::parse(packet).map(Kind::Audio));
        Self {
            serial,
            kind: kind.unwrap_or_else(other),
        }
    }

    /// Whether a packet of it is media, so that no headers follow.
    pub(super) fn is_media(&self, packet: &[u8]) -> bool {
        let first = packet.first().copied().unwrap_or(0);
        match self.kind {
            Kind::Video(video) => match video.codec {
                Codec::Theora { .. } => first & 0x80 == 0,
                Codec::Vp8 => !packet.starts_with(b"OVP80"),
            },
            Kind::Audio(audio) => match audio.codec {
                Sound::Vorbis => first & 1 == 0,
                Sound::Opus => !packet.starts_with(b"Opus"),
                Sound::Flac => first == 0xff,
                // Not told by the packet.
                Sound::Speex => false,
            },
            Kind::OtherVideo | Kind::Other => false,
        }
    }

    /// The time in microseconds that a granule means; `None` where it means none.
    pub(super) fn micros(&self, granule: u64) -> Option<i64> {
        match self.kind {
            Kind::Video(video) => video.micros(video.frames(granule)?),
            Kind::Audio(audio) => {
                let sounded = i128::from(granule) - i128::from(audio.delay);
                bounded(sounded * 1_000_000 / i128::from(audio.rate))
            }
            Kind::OtherVideo | Kind::Other => None,
        }
    }
}

impl Video {
    fn parse(packet: &[u8]) -> Option<Self> {
        let number = |at: usize| Some(u32::from_be_bytes(*packet.get(at..)?.first_chunk()?));
        let (codec, rate) = if packet.starts_with(b"\x80theora") {
            let &[major, minor, revision] = packet.get(7..)?.first_chunk()?;
            let &[a, b] = packet.get(40..)?.first_chunk()?;
            let theora = Codec::Theora {
                shift: u32::from(a & 3) << 3 | u32::from(b >> 5),
                from_zero: (major, minor, revision) < (3, 2, 1),
            };
            (theora, (number(22)?, number(26)?))
        } else if packet.starts_with(b"OVP80\x01\x01") {
            (Codec::Vp8, (number(18)?, number(22)?))
        } else {
            return None;
        };
        (rate.0 > 0 && rate.1 > 0).then_some(Self { codec, rate })
    }

    /// How many frames there are up to the end of the page that has `granule`.
    pub(super) fn frames(&self, granule: u64) -> Option<i64> {
        let frames = match self.codec {
            Codec::Theora { shift, from_zero } => {
                let since = granule & ((1 << shift) - 1);
                (granule >> shift).checked_add(since + u64::from(from_zero))?
            }
            // Then come how many frames before were not shown, none of them where it is 3.
            Codec::Vp8 => {
                (granule >> 32).saturating_sub(u64::from((granule >> 30).trailing_zeros() >= 2))
            }
        };
        // More than a year's would not be a time.
        i64::try_from(frames)
            .ok()
            .filter(|frames| *frames < 1 << 40)
    }

    /// When frame `nth` is shown, in microseconds.
    pub(super) fn micros(&self, nth: i64) -> Option<i64> {
        let (num, den) = self.rate;
        bounded((i128::from(nth) * i128::from(den) * 1_000_000).div_euclid(i128::from(num)))
    }

    /// How many frames a packet that begins with `first` shows; an empty one shows the last again.
    pub(super) fn shown(&self, first: Option<u8>) -> i64 {
        match self.codec {
            Codec::Theora { .. } => 1,
            Codec::Vp8 => first.map_or(1, |first| i64::from(first >> 4 & 1)),
        }
    }

    /// Whether a packet that begins with `first` is a keyframe.
    pub(super) fn is_keyframe(&self, first: u8) -> bool {
        match self.codec {
            Codec::Theora { .. } => first & 0xc0 == 0,
            Codec::Vp8 => first & 1 == 0,
        }
    }
}

impl Audio {
    fn parse(packet: &[u8]) -> Option<Self> {
        let little = |at: usize| Some(u32::from_le_bytes(*packet.get(at..)?.first_chunk()?));
        let (codec, rate, delay) = if packet.starts_with(b"\x01vorbis") {
            (Sound::Vorbis, little(12)?, 0)
        } else if packet.starts_with(b"OpusHead") {
            let delay = u16::from_le_bytes(*packet.get(10..)?.first_chunk()?);
            (Sound::Opus, 48_000, delay)
        } else if packet.starts_with(b"\x7fFLAC") {
            let rate = u32::from_be_bytes(*packet.get(27..)?.first_chunk()?) >> 12;
            (Sound::Flac, rate, 0)
        } else if packet.starts_with(b"Speex   ") {
            (Sound::Speex, little(36)?, 0)
        } else {
            return None;
        };
        (rate > 0).then_some(Self { rate, delay, codec })
    }
}

/// A time that arithmetic is safe with: within 285 years.
fn bounded(micros: i128) -> Option<i64> {
    i64::try_from(micros)
        .ok()
        .filter(|micros| micros.unsigned_abs() < 1 << 53)
}

#[cfg(test)]
pub(super) fn theora(rate: (u32, u32), shift: u8) -> Vec<u8> {
    let mut packet = b"\x80theora\x03\x02\x01".to_vec();
    packet.extend([0; 12]);
    packet.extend(rate.0.to_be_bytes());
    packet.extend(rate.1.to_be_bytes());
    packet.extend([0; 10]);
    packet.extend([shift >> 3, shift << 5]);
    packet
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn granules_become_times() {
        let video = Stream::of(1, &theora((25, 1), 6));
        // Keyframe 100, counted from 1, and 25 frames since: 125 frames are over.
        assert_eq!(video.micros((100 << 6) + 25), Some(5_000_000));
        let mut old = theora((25, 1), 6);
        old[9] = 0;
        assert_eq!(Stream::of(1, &old).micros((99 << 6) + 25), Some(5_000_000));
        let mut vp8 = b"OVP80\x01\x01\0".to_vec();
        vp8.extend([0; 10]);
        vp8.extend([0, 0, 0, 50, 0, 0, 0, 1]);
        assert_eq!(
            Stream::of(1, &vp8).micros(100 << 32 | 3 << 30),
            Some(2_000_000)
        );
        let mut opus = b"OpusHead\x01\x02".to_vec();
        opus.extend(312u16.to_le_bytes());
        assert_eq!(Stream::of(1, &opus).micros(48_312), Some(1_000_000));
        let flac = [
            &b"\x7fFLAC\x01\0\0\x01fLaC"[..],
            &[0; 14],
            &[0x0a, 0xc4, 0x42, 0xf0],
        ]
        .concat();
        assert_eq!(Stream::of(1, &flac).micros(44_100), Some(1_000_000));
    }

    #[test]
    fn rates_of_nothing_are_no_rates() {
        for rate in [(0, 1), (1, 0)] {
            assert_eq!(Stream::of(1, &theora(rate, 6)).kind, Kind::OtherVideo);
        }
        assert_eq!(Stream::of(1, b"\x01vorbis").kind, Kind::Other);
        assert_eq!(Stream::of(1, b"fishead\0").kind, Kind::Other);
    }

    proptest! {
        #[test]
        fn any_granule_is_a_time_or_none(
            granule in any::<u64>(), num in any::<u32>(), den in any::<u32>(), shift in 0u8..32,
        ) {
            let stream = Stream::of(1, &theora((num, den), shift));
            if let Some(time_us) = stream.micros(granule) {
                prop_assert!(time_us >= 0);
            }
        }

        #[test]
        fn any_packet_is_some_stream(start in 0usize..6, bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let starts: [&[u8]; 6] =
                [b"\x80theora", b"OVP80\x01\x01", b"\x01vorbis", b"OpusHead", b"\x7fFLAC", b"Speex   "];
            let stream = Stream::of(1, &[starts[start], &bytes].concat());
            stream.micros(u64::MAX - 1);
            stream.is_media(&bytes);
        }
    }
}
