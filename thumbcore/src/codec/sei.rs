//! SEI messages of H.264 and HEVC that matter here: where a stream without keyframes can be
//! entered, and how the picture is turned.
//!
//! Sources: ITU-T H.264, section D.2; ITU-T H.265, section D.3.

use super::Codec;

/// A message that says after how many pictures everything was refreshed: encoders that refresh the
/// picture piece by piece (periodic intra refresh) send it. libav's decoder heeds that of H.264.
const RECOVERY_POINT: usize = 6;

/// A message that says how the picture is turned to be shown.
const DISPLAY_ORIENTATION: usize = 47;

/// Reads the SEI messages of a stream's packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sei {
    codec: Codec,
    framing: Framing,
}

/// How the NAL units of a packet are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    /// Start codes before each (Annex B).
    StartCodes,
    /// The length of each before it, in this many bytes (ISO/IEC 14496-15).
    Lengths(usize),
}

/// What a NAL unit holds, as far as entering a stream needs it.
enum Unit {
    /// SEI messages before the picture.
    Messages,
    /// A slice: the messages are over.
    Slice,
    Other,
}

impl Sei {
    /// For a stream of `codec` whose container gave `extradata`; `None` for codecs without such
    /// messages.
    pub(crate) fn new(codec: Codec, extradata: &[u8]) -> Option<Self> {
        let at = match codec {
            Codec::H264 => 4,
            Codec::Hevc => 21,
            _ => return None,
        };
        // A decoder configuration record begins with its version, parameter sets with a start code.
        let framing = match extradata {
            [1, ..] if extradata.len() > at => Framing::Lengths(usize::from(extradata[at] & 3) + 1),
            _ => Framing::StartCodes,
        };
        Some(Self { codec, framing })
    }

    /// Pictures from `packet`'s on, after which all are right; `None` where the packet is no
    /// recovery point.
    pub(crate) fn recovery_pictures(self, packet: &[u8]) -> Option<u32> {
        let code = golomb(&self.message(packet, RECOVERY_POINT)?)?;
        // H.264 takes the code as unsigned, HEVC as signed.
        Some(match self.codec {
            Codec::H264 => code,
            _ if code % 2 == 0 => 0,
            _ => code / 2 + 1,
        })
    }

    /// How the picture in `packet` is turned to be shown, to the nearest quarter turn, as the
    /// display matrix of a container would say it.
    pub(crate) fn display_matrix(self, packet: &[u8]) -> Option<[i32; 9]> {
        let message = self.message(packet, DISPLAY_ORIENTATION)?;
        let bytes = message.first_chunk::<3>()?;
        let word = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], 0]);
        let bit = |nth: u32| word << nth >> 31 != 0;
        let (is_cancelled, flips_x, flips_y) = (bit(0), bit(1), bit(2));
        if is_cancelled {
            return None;
        }
        // Of 65536 anticlockwise.
        let angle = (word << 3 >> 16) as i32;
        let quarters = (angle + (1 << 13)) >> 14 & 3;
        let (cos, sin) = [(1, 0), (0, 1), (-1, 0), (0, -1)][quarters as usize];
        // The flips come first: stored x goes along the first row, stored y along the second.
        let (x, y) = (if flips_x { -1 } else { 1 }, if flips_y { -1 } else { 1 });
        let one = 1 << 16;
        let matrix =
            [cos * x, -sin * x, 0, sin * y, cos * y, 0, 0, 0, 1 << 14].map(|cell| cell * one);
        (quarters != 0 || flips_x || flips_y).then_some(matrix)
    }

    /// Whether pictures that follow the keyframe in `packet` may be shown before it, by the type of
    /// its first slice: only IDR pictures exclude it, of HEVC those without leading pictures.
    pub(crate) fn may_be_led(self, packet: &[u8]) -> bool {
        let mut rest = packet;
        while let Some((unit, behind)) = self.framing.split(rest) {
            rest = behind;
            if let (Unit::Slice, Some(header)) = (self.look_into(unit), unit.first()) {
                return match self.codec {
                    Codec::H264 => header & 31 != 5,
                    _ => !matches!(header >> 1 & 63, 18 | 20),
                };
            }
        }
        false
    }

    /// The payload of the first message of a `kind` before the first slice of a packet.
    fn message(self, packet: &[u8], kind: usize) -> Option<Vec<u8>> {
        let mut rest = packet;
        loop {
            let (unit, behind) = self.framing.split(rest)?;
            rest = behind;
            match self.look_into(unit) {
                Unit::Messages => {
                    let header = if self.codec == Codec::H264 { 1 } else { 2 };
                    if let Some(payload) = payload(&unescaped(unit.get(header..)?), kind) {
                        return Some(payload.to_vec());
                    }
                }
                Unit::Slice => return None,
                Unit::Other => {}
            }
        }
    }

    fn look_into(self, unit: &[u8]) -> Unit {
        match (self.codec, unit) {
            (Codec::H264, [header, ..]) => match header & 31 {
                6 => Unit::Messages,
                1..=5 => Unit::Slice,
                _ => Unit::Other,
            },
            (Codec::Hevc, [header, ..]) => match header >> 1 & 63 {
                39 => Unit::Messages,
                0..=31 => Unit::Slice,
                _ => Unit::Other,
            },
            _ => Unit::Other,
        }
    }
}

impl Framing {
    /// The first NAL unit of `bytes`, and what follows.
    fn split(self, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
        match self {
            Self::StartCodes => {
                let code = |bytes: &[u8]| bytes.windows(3).position(|code| code == [0, 0, 1]);
                let unit = &bytes[code(bytes)? + 3..];
                Some(unit.split_at(code(unit).unwrap_or(unit.len())))
            }
            Self::Lengths(size) => {
                let (len, behind) = bytes.split_at_checked(size)?;
                let len = len
                    .iter()
                    .fold(0, |len, byte| len << 8 | usize::from(*byte));
                behind.split_at_checked(len)
            }
        }
    }
}

/// The bytes of a NAL unit without those that keep start codes out of it.
fn unescaped(unit: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(unit.len());
    let mut zeros = 0;
    for byte in unit {
        if zeros >= 2 && *byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if *byte == 0 { zeros + 1 } else { 0 };
        bytes.push(*byte);
    }
    bytes
}

/// The payload of the first message of a `kind` among those of a unit.
fn payload(mut messages: &[u8], kind: usize) -> Option<&[u8]> {
    loop {
        let (this, rest) = number(messages)?;
        let (size, rest) = number(rest)?;
        // The bits that end a unit are too few for a message.
        let (payload, rest) = rest.split_at_checked(size)?;
        if this == kind {
            return Some(payload);
        }
        messages = rest;
    }
}

/// A number as SEI messages code it: the sum of bytes up to the first that is not 255.
fn number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let last = bytes.iter().position(|byte| *byte != 255)?;
    let (number, rest) = bytes.split_at(last + 1);
    Some((number.iter().map(|byte| usize::from(*byte)).sum(), rest))
}

/// An Exp-Golomb code (ITU-T H.265, section 9.2) of at most 31 bits.
fn golomb(bytes: &[u8]) -> Option<u32> {
    let mut word = [0; 4];
    let len = bytes.len().min(4);
    word[..len].copy_from_slice(&bytes[..len]);
    let word = u32::from_be_bytes(word);
    let zeros = word.leading_zeros();
    if zeros > 15 {
        return None;
    }
    Some((word >> (31 - 2 * zeros)) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEI: u8 = 39 << 1;
    const SLICE: [u8; 3] = [1 << 1, 1, 0xff];
    const CODES_H264: Sei = Sei {
        codec: Codec::H264,
        framing: Framing::StartCodes,
    };
    const CODES_HEVC: Sei = Sei {
        codec: Codec::Hevc,
        framing: Framing::StartCodes,
    };

    #[test]
    fn both_forms_of_packets_tell_the_count() {
        // Another message of two bytes, then a recovery point whose count is 29 (code 57).
        let sei = [SEI, 1, 5, 2, 9, 9, 6, 2, 0b0000_0111, 0b0100_0000, 0x80];
        let with_codes = [&[0, 0, 0, 1][..], &sei, &[0, 0, 1], &SLICE].concat();
        assert_eq!(CODES_HEVC.recovery_pictures(&with_codes), Some(29));
        let record = [[1; 21].as_slice(), &[0xf3]].concat();
        let lengths = Sei::new(Codec::Hevc, &record).unwrap();
        let with_lengths = [&[0, 0, 0, 11][..], &sei, &[0, 0, 0, 3], &SLICE].concat();
        assert_eq!(lengths.recovery_pictures(&with_lengths), Some(29));
    }

    #[test]
    fn the_count_of_h264_is_unsigned() {
        // Code 29.
        let sei = [
            0,
            0,
            1,
            6,
            6,
            2,
            0b0000_1111,
            0b0000_0000,
            0x80,
            0,
            0,
            1,
            0x41,
            0xff,
        ];
        assert_eq!(CODES_H264.recovery_pictures(&sei), Some(29));
        assert_eq!(Sei::new(Codec::Mpeg2, &[]), None);
    }

    #[test]
    fn a_picture_without_one_is_no_recovery_point() {
        let slice_first = [&[0, 0, 1][..], &SLICE, &[0, 0, 1, SEI, 1, 6, 1, 0x80]].concat();
        for len in 0..=slice_first.len() {
            assert_eq!(CODES_HEVC.recovery_pictures(&slice_first[..len]), None);
        }
    }

    #[test]
    fn what_follows_a_unit_is_no_message() {
        // A message of another kind, the bits that end the unit, and a slice whose bytes would go
        // on as messages of both kinds.
        let sei = [0, 0, 1, 6, 5, 1, 9, 0x80];
        let slice = [0, 0, 1, 0x65, 6, 1, 0x80, 47, 3, 8, 0, 0, 0x80];
        let packet = [&sei[..], &slice].concat();
        assert_eq!(CODES_H264.recovery_pictures(&packet), None);
        assert_eq!(CODES_H264.display_matrix(&packet), None);
    }

    #[test]
    fn lengths_that_look_like_start_codes_are_lengths() {
        // A length of 256 and more begins with the bytes of a start code.
        let record = [1, 0x64, 0, 0x1f, 0xff, 0xe1];
        let other = [&[0, 0, 1, 0, 9][..], &[0; 255]].concat();
        let packet = [&other[..], &[0, 0, 0, 5, 6, 6, 1, 0xc0, 0x80]].concat();
        let sei = Sei::new(Codec::H264, &record).unwrap();
        assert_eq!(sei.recovery_pictures(&packet), Some(0));
    }

    #[test]
    fn bytes_against_start_codes_are_taken_out() {
        // A message of three zero bytes, which are four in the stream, then a recovery point.
        let sei = [0, 0, 1, 6, 5, 3, 0, 0, 3, 0, 6, 1, 0xc0, 0x80];
        assert_eq!(CODES_H264.recovery_pictures(&sei), Some(0));
    }

    #[test]
    fn an_orientation_is_a_display_matrix() {
        const ONE: i32 = 1 << 16;
        let turned = |bytes: [u8; 3]| {
            let sei = [&[0, 0, 1, 6, 47, 3][..], &bytes, &[0x80]].concat();
            CODES_H264
                .display_matrix(&sei)
                .map(|matrix| [0, 1, 3, 4].map(|cell| matrix[cell]))
        };
        // A quarter anticlockwise: stored x runs up, stored y runs right.
        assert_eq!(turned([0x08, 0, 0]), Some([0, -ONE, ONE, 0]));
        assert_eq!(turned([0x10, 0, 0]), Some([-ONE, 0, 0, -ONE]));
        assert_eq!(turned([0x40, 0, 0]), Some([-ONE, 0, 0, ONE]));
        assert_eq!(turned([0, 0, 0]), None);
        assert_eq!(turned([0x88, 0, 0]), None, "cancelled");
    }

    #[test]
    fn codes_are_read() {
        for (bits, value) in [(0x80, 0), (0x40, 1), (0x60, 2), (0x20, 3), (0x28, 4)] {
            assert_eq!(golomb(&[bits]), Some(value), "{bits:x}");
        }
        assert_eq!(golomb(&[]), None);
        assert_eq!(golomb(&[0, 0, 0xff]), None);
    }
}
