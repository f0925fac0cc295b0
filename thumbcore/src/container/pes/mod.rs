//! Packetised elementary streams and their 33-bit clock, common to transport and program streams.
//!
//! Source: ISO/IEC 13818-1, section 2.4.3.6; ISO/IEC 11172-1, section 2.4.3.3.

mod end;

pub(super) use self::end::End;
use super::search::is_sound_alone;
use crate::Codec;

/// The video codecs that these streams carry.
pub(super) const CODECS: &[Codec] = &[
    Codec::Mpeg1,
    Codec::Mpeg2,
    Codec::Mpeg4,
    Codec::H264,
    Codec::Hevc,
    Codec::Vvc,
    Codec::Av1,
    Codec::Vc1,
    Codec::Dirac,
];

/// The header of a PES packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pes {
    pub(super) stream: u8,
    /// Presentation time in ticks of 90 kHz, as stored.
    pub(super) pts: Option<i64>,
    /// Bytes up to the payload.
    pub(super) header: usize,
    /// Bytes of the whole packet; `None` where it is not said.
    pub(super) len: Option<usize>,
}

impl Pes {
    /// Parses the header at the start of `bytes`; `None` where there is none or it is cut short.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let &[0, 0, 1, stream, l0, l1] = bytes.first_chunk()? else {
            return None;
        };
        let len = usize::from(u16::from_be_bytes([l0, l1]));
        let rest = &bytes[6..];
        let (pts, header) = match *rest.first()? {
            // MPEG-2: two bytes of flags and the length of what follows.
            marker if marker & 0xc0 == 0x80 => {
                let [_, flags, optional] = *rest.first_chunk()?;
                let pts = match flags & 0x80 {
                    0 => None,
                    _ => Some(ticks(rest.get(3..8)?)?),
                };
                (pts, 9 + usize::from(optional))
            }
            _ => mpeg1(rest)?,
        };
        Some(Self {
            stream,
            pts,
            header,
            len: (len > 0).then_some(len + 6),
        })
    }
}

/// The MPEG-1 header after the length: stuffing, buffer size, then the times.
fn mpeg1(rest: &[u8]) -> Option<(Option<i64>, usize)> {
    let mut at = rest.iter().take(17).position(|byte| *byte != 0xff)?;
    if rest.get(at)? & 0xc0 == 0x40 {
        at += 2;
    }
    let (pts, len) = match rest.get(at)? & 0xf0 {
        0x20 => (Some(ticks(rest.get(at..at + 5)?)?), 5),
        0x30 => (Some(ticks(rest.get(at..at + 5)?)?), 10),
        0 => (None, 1),
        _ => return None,
    };
    Some((pts, 6 + at + len))
}

/// A time in five bytes: 3, 15 and 15 bits, each followed by a marker bit.
fn ticks(bytes: &[u8]) -> Option<i64> {
    const MARKERS: i64 = 1 << 32 | 1 << 16 | 1;
    let stored: [u8; 5] = *bytes.first_chunk()?;
    let all = stored
        .iter()
        .fold(0, |all, byte| all << 8 | i64::from(*byte));
    // Some multiplexers leave one marker out.
    let has_markers = (all & MARKERS).count_ones() >= 2;
    let time = (all >> 33 & 7) << 30 | (all >> 17 & 0x7fff) << 15 | (all >> 1 & 0x7fff);
    has_markers.then_some(time)
}

/// Bits of the clock.
pub(super) const CLOCK_BITS: u32 = 33;
const TICKS_PER_SECOND: i64 = 90_000;

/// Counts stored times on past the wrap of the clock, every 26.5 hours, as libav does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Clock {
    /// The first time of the file, less a minute for what is out of order.
    reference: i64,
    /// Within a minute of the wrap, times before it become negative instead.
    negative: bool,
}

impl Clock {
    pub(super) fn new(first: i64) -> Self {
        const MINUTE: i64 = 60 * TICKS_PER_SECOND;
        Self {
            reference: first - MINUTE,
            negative: first >= (1 << CLOCK_BITS) - MINUTE,
        }
    }

    /// The time in microseconds that `ticks` mean.
    pub(super) fn micros(self, ticks: i64) -> i64 {
        let wrap = 1 << CLOCK_BITS;
        let ticks = match (self.negative, ticks < self.reference) {
            (false, true) => ticks + wrap,
            (true, false) => ticks - wrap,
            _ => ticks,
        };
        (ticks * 1_000_000).div_euclid(TICKS_PER_SECOND)
    }
}

/// The PES packets of a stream near its end, and when the last of them ends.
#[derive(Debug, Clone, Default)]
pub(super) struct Times(Vec<(i64, Option<usize>)>);

impl Times {
    /// Takes in a packet at `time_us` of `len` bytes.
    pub(super) fn push(&mut self, time_us: i64, len: Option<usize>) {
        self.0.push((time_us, len));
    }

    /// Whether these packets go on for longer than sound behind the last picture usually does.
    pub(super) fn are_long(&self) -> bool {
        is_sound_alone(self.0.iter().map(|(time_us, _)| *time_us))
    }

    /// When the last packet ends. Of pictures, the shortest distance of two is how long each
    /// lasts. An audio packet, which says its length, lasts as long as its share of bytes in the
    /// packet before.
    pub(super) fn end_us(mut self) -> Option<i64> {
        const LONGEST_US: i64 = 1_000_000;
        self.0.sort_unstable();
        self.0.dedup_by_key(|(time, _)| *time);
        let (last_us, len) = *self.0.last()?;
        let distances = self.0.windows(2).map(|pair| pair[1].0 - pair[0].0);
        let length_us = match (len, self.0.iter().nth_back(1)) {
            (Some(len), Some((before_us, Some(before)))) => {
                let share = len as f64 / (*before).max(1) as f64;
                ((last_us - before_us) as f64 * share.min(1.0)) as i64
            }
            _ => distances.min().unwrap_or(0),
        };
        Some(last_us + length_us.min(LONGEST_US))
    }
}

#[cfg(test)]
pub(super) fn stored(prefix: u8, ticks: i64) -> [u8; 5] {
    [
        prefix << 4 | ((ticks >> 29) as u8 & 0x0e) | 1,
        (ticks >> 22) as u8,
        (ticks >> 14) as u8 | 1,
        (ticks >> 7) as u8,
        (ticks << 1) as u8 | 1,
    ]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn clocks_agree_with_libav_around_the_wrap() {
        let wrap = 1i64 << 33;
        let second = TICKS_PER_SECOND;
        let cases = [
            (10 * second, 12 * second, 12),
            // Behind the first time, but not by a minute.
            (10 * second, 9 * second, 9),
            (wrap - 100 * second, 50 * second, 50),
        ];
        for (first, ticks, seconds) in cases {
            let unwrapped = if first > wrap / 2 { wrap * 100 / 9 } else { 0 };
            let expected = seconds * 1_000_000 + unwrapped;
            assert_eq!(Clock::new(first).micros(ticks), expected, "{first} {ticks}");
        }
        let late = Clock::new(wrap - 2 * second);
        assert_eq!(late.micros(wrap - second), -1_000_000);
        assert_eq!(late.micros(5 * second), 5_000_000);
    }

    #[test]
    fn headers_of_both_kinds_are_read() {
        let stored = stored(2, 0x1_2345_6789);
        let mpeg2 = [
            &[0, 0, 1, 0xe0, 0, 20, 0x80, 0x80, 5][..],
            &stored,
            &[7; 20],
        ]
        .concat();
        let pes = Pes::parse(&mpeg2).unwrap();
        assert_eq!(
            (pes.pts, pes.header, pes.len),
            (Some(0x1_2345_6789), 14, Some(26))
        );
        let mpeg1 = [&[0, 0, 1, 0xe0, 0, 0, 0xff, 0xff, 0x60, 1][..], &stored].concat();
        let pes = Pes::parse(&mpeg1).unwrap();
        assert_eq!(
            (pes.pts, pes.header, pes.len),
            (Some(0x1_2345_6789), 15, None)
        );
        assert_eq!(Pes::parse(&[0, 0, 1, 0xe0, 0, 0, 0x0f]).unwrap().header, 7);
    }

    proptest! {
        #[test]
        fn times_read_back(time in 0i64..1 << 33) {
            prop_assert_eq!(ticks(&stored(2, time)), Some(time));
        }

        #[test]
        fn any_bytes_parse_or_not(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            Pes::parse(&[&[0, 0, 1, 0xe0][..], &bytes].concat());
        }
    }
}
