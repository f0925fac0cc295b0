//! Telling keyframes from the first bytes of a coded picture, where the container does not.
//!
//! Sources: ITU-T H.264 and H.265, annex B and section 7; H.262 and MPEG-1 video, section 6.2;
//! MPEG-4 part 2, section 6.2.

/// A video codec, as far as its pictures must be told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Elementary {
    H264,
    Hevc,
    /// MPEG-1 and MPEG-2 video.
    Mpeg2,
    Mpeg4,
    /// Not looked into: the container's word counts.
    Other,
}

/// What the start of a picture says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// A decoder can start here, with all it needs.
    Keyframe,
    /// A picture that needs others, or lacks parameters.
    Other,
    /// Intra-coded, but whether what follows needs earlier pictures is not said.
    Intra,
    /// The bytes end before the picture begins.
    Unknown,
}

/// Bytes of a picture that hold its headers: parameter sets, messages, the first slice.
pub(super) const ENOUGH: usize = 4096;

impl Elementary {
    /// Judges the picture at the start of `bytes`, an elementary stream.
    pub(super) fn judge(self, bytes: &[u8]) -> Verdict {
        match self {
            Self::H264 => h264(bytes),
            Self::Hevc => hevc(bytes),
            Self::Mpeg2 => mpeg2(bytes),
            Self::Mpeg4 => mpeg4(bytes),
            Self::Other => Verdict::Unknown,
        }
    }
}

/// What follows each start code `00 00 01`.
fn units(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let at = rest.windows(3).position(|code| code == [0, 0, 1])?;
        rest = &rest[at + 3..];
        Some(rest)
    })
}

fn h264(bytes: &[u8]) -> Verdict {
    let mut recovers = false;
    for unit in units(bytes) {
        let Some((header, payload)) = unit.split_first() else {
            break;
        };
        match header & 31 {
            5 => return Verdict::Keyframe,
            1 | 2 if recovers => return Verdict::Keyframe,
            1 | 2 => {
                return match slice_is_intra(payload) {
                    Some(true) => Verdict::Intra,
                    Some(false) => Verdict::Other,
                    None => Verdict::Unknown,
                };
            }
            6 => recovers |= is_recovery_point(payload),
            _ => {}
        }
    }
    Verdict::Unknown
}

/// Whether a slice's type is I, the second number of its header.
fn slice_is_intra(payload: &[u8]) -> Option<bool> {
    let mut bytes = [0; 8];
    let len = payload.len().min(8);
    bytes[..len].copy_from_slice(&payload[..len]);
    let word = u64::from_be_bytes(bytes);
    let mut used = 0;
    let mut golomb = || {
        let bits = word.checked_shl(used)?;
        let zeros = bits.leading_zeros();
        let len = 2 * zeros + 1;
        used += len;
        (used <= u64::BITS && zeros < 16).then(|| (bits >> (u64::BITS - len)) - 1)
    };
    let _first_macroblock = golomb()?;
    Some(matches!(golomb()?, 2 | 4 | 7 | 9))
}

/// Whether one of a unit's SEI messages is a recovery point.
fn is_recovery_point(payload: &[u8]) -> bool {
    const RECOVERY_POINT: usize = 6;
    // A number is the sum of bytes up to the first that is not 255.
    let number = |rest: &[u8]| {
        let len = rest.iter().position(|byte| *byte != 255)? + 1;
        let sum: usize = rest[..len].iter().map(|byte| usize::from(*byte)).sum();
        Some((sum, len))
    };
    let mut rest = payload;
    // The unit ends with a stop bit, in a byte of its own, or at the next start code.
    while !matches!(rest, [] | [0x80] | [0x80, 0, ..] | [0, 0, 0 | 1, ..]) {
        let Some((kind, len)) = number(rest) else {
            break;
        };
        if kind == RECOVERY_POINT {
            return true;
        }
        let Some((size, more)) = number(&rest[len..]) else {
            break;
        };
        // Emulation prevention bytes would shift this, but short messages have none.
        rest = rest.get(len + more + size..).unwrap_or_default();
    }
    false
}

fn hevc(bytes: &[u8]) -> Verdict {
    for unit in units(bytes) {
        match unit.first().map(|header| header >> 1 & 63) {
            Some(16..=21) => return Verdict::Keyframe,
            Some(0..=31) => return Verdict::Other,
            _ => {}
        }
    }
    Verdict::Unknown
}

fn mpeg2(bytes: &[u8]) -> Verdict {
    let mut has_sequence = false;
    for unit in units(bytes) {
        match unit {
            [0xb3, ..] => has_sequence = true,
            [0, _, kind, ..] => {
                return match kind >> 3 & 7 {
                    1 if has_sequence => Verdict::Keyframe,
                    _ => Verdict::Other,
                };
            }
            _ => {}
        }
    }
    Verdict::Unknown
}

fn mpeg4(bytes: &[u8]) -> Verdict {
    let mut has_layer = false;
    for unit in units(bytes) {
        match unit {
            [0x20..=0x2f, ..] => has_layer = true,
            [0xb6, kind, ..] => {
                return match kind >> 6 {
                    0 if has_layer => Verdict::Keyframe,
                    _ => Verdict::Other,
                };
            }
            _ => {}
        }
    }
    Verdict::Unknown
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn pictures_are_told_apart() {
        use Elementary::{H264, Hevc, Mpeg2, Mpeg4};
        use Verdict::{Intra, Keyframe, Other, Unknown};
        let cases: &[(Elementary, &[u8], Verdict)] = &[
            (H264, &[0, 0, 0, 1, 9, 0x10, 0, 0, 1, 0x65, 0x88], Keyframe),
            // A recovery point after a longer message, then a slice.
            (
                H264,
                &[
                    0, 0, 1, 6, 1, 2, 7, 7, 6, 1, 0xc4, 0x80, 0, 0, 1, 0x41, 0x9a,
                ],
                Keyframe,
            ),
            (
                H264,
                &[
                    0, 0, 1, 6, 5, 2, 6, 6, 0x80, 0, 0, 1, 0x41, 0x9a, 0, 0, 0, 0, 0, 0,
                ],
                Other,
            ),
            // first_mb 0, slice_type 7 (I) and 5 (P).
            (H264, &[0, 0, 1, 0x61, 0x88, 1, 2, 3, 4, 5, 6, 7], Intra),
            (H264, &[0, 0, 1, 0x61, 0x98, 1, 2, 3, 4, 5, 6, 7], Other),
            (H264, &[0, 0, 1, 0x67, 0x64], Unknown),
            (Hevc, &[0, 0, 1, 0x40, 1, 0, 0, 1, 0x26, 1], Keyframe),
            (Hevc, &[0, 0, 1, 0x46, 1, 0, 0, 1, 0x02, 1], Other),
            (Mpeg2, &[0, 0, 1, 0xb3, 9, 0, 0, 1, 0, 0, 0x08], Keyframe),
            (Mpeg2, &[0, 0, 1, 0xb3, 9, 0, 0, 1, 0, 0, 0x10], Other),
            (Mpeg2, &[0, 0, 1, 0, 0, 0x08], Other),
            (Mpeg4, &[0, 0, 1, 0x20, 9, 0, 0, 1, 0xb6, 0x10], Keyframe),
            (Mpeg4, &[0, 0, 1, 0xb6, 0x50], Other),
        ];
        for (codec, bytes, verdict) in cases {
            assert_eq!(codec.judge(bytes), *verdict, "{codec:?} {bytes:02x?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_get_a_verdict(bytes in prop::collection::vec(0u8..12, 0..300)) {
            for codec in [Elementary::H264, Elementary::Hevc, Elementary::Mpeg2, Elementary::Mpeg4] {
                codec.judge(&bytes);
                let start = [&[0, 0, 1, 6][..], &bytes].concat();
                codec.judge(&start);
            }
        }
    }
}
