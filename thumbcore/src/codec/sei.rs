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

/// What a NAL unit holds, as far as entering a stream needs it.
enum Unit<'a> {
    /// SEI messages before the picture.
    Messages(&'a [u8]),
    /// A slice: the messages are over.
    Slice,
    Other,
}

/// Pictures from `packet`'s on, after which all are right; `None` where the packet is no recovery
/// point.
pub(crate) fn recovery_pictures(codec: Codec, packet: &[u8]) -> Option<u32> {
    let code = golomb(message(codec, packet, RECOVERY_POINT)?)?;
    // H.264 takes the code as unsigned, HEVC as signed.
    Some(match codec {
        Codec::H264 => code,
        _ if code % 2 == 0 => 0,
        _ => code / 2 + 1,
    })
}

/// How the picture in `packet` is turned to be shown, to the nearest quarter turn, as the display
/// matrix of a container would say it.
pub(crate) fn display_matrix(codec: Codec, packet: &[u8]) -> Option<[i32; 9]> {
    let bytes = message(codec, packet, DISPLAY_ORIENTATION)?.first_chunk::<3>()?;
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
    let matrix = [cos * x, -sin * x, 0, sin * y, cos * y, 0, 0, 0, 1 << 14].map(|cell| cell * one);
    (quarters != 0 || flips_x || flips_y).then_some(matrix)
}

/// The payload of the first message of a `kind` before the first slice of a packet, of either form:
/// with start codes, or with lengths of four bytes.
fn message(codec: Codec, packet: &[u8], kind: usize) -> Option<&[u8]> {
    let has_start_codes = packet.starts_with(&[0, 0, 1]) || packet.starts_with(&[0, 0, 0, 1]);
    let mut rest = packet;
    loop {
        let unit = if has_start_codes {
            let at = rest.windows(3).position(|code| code == [0, 0, 1])?;
            rest = &rest[at + 3..];
            rest
        } else {
            let (len, behind) = rest.split_first_chunk::<4>()?;
            let len = u32::from_be_bytes(*len) as usize;
            let (unit, behind) = behind.split_at_checked(len)?;
            rest = behind;
            unit
        };
        match look_into(codec, unit) {
            Unit::Messages(messages) => {
                if let Some(payload) = payload(messages, kind) {
                    return Some(payload);
                }
            }
            Unit::Slice => return None,
            Unit::Other => {}
        }
    }
}

fn look_into(codec: Codec, unit: &[u8]) -> Unit<'_> {
    match (codec, unit) {
        (Codec::H264, [header, messages @ ..]) => match header & 31 {
            6 => Unit::Messages(messages),
            1..=5 => Unit::Slice,
            _ => Unit::Other,
        },
        (Codec::Hevc, [header, _, messages @ ..]) => match header >> 1 & 63 {
            39 => Unit::Messages(messages),
            0..=31 => Unit::Slice,
            _ => Unit::Other,
        },
        _ => Unit::Other,
    }
}

/// The payload of the first message of a `kind` among those of a unit.
fn payload(mut messages: &[u8], kind: usize) -> Option<&[u8]> {
    loop {
        let (this, rest) = number(messages)?;
        let (size, rest) = number(rest)?;
        if this == kind {
            return Some(rest);
        }
        messages = rest.get(size..)?;
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

    #[test]
    fn both_forms_of_packets_tell_the_count() {
        // Another message of two bytes, then a recovery point whose count is 29 (code 57).
        let sei = [SEI, 1, 5, 2, 9, 9, 6, 2, 0b0000_0111, 0b0100_0000, 0x80];
        let with_codes = [&[0, 0, 0, 1][..], &sei, &[0, 0, 1], &SLICE].concat();
        assert_eq!(recovery_pictures(Codec::Hevc, &with_codes), Some(29));
        let with_lengths = [&[0, 0, 0, 11][..], &sei, &[0, 0, 0, 3], &SLICE].concat();
        assert_eq!(recovery_pictures(Codec::Hevc, &with_lengths), Some(29));
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
        assert_eq!(recovery_pictures(Codec::H264, &sei), Some(29));
        assert_eq!(recovery_pictures(Codec::Mpeg2, &sei), None);
    }

    #[test]
    fn a_picture_without_one_is_no_recovery_point() {
        let slice_first = [&[0, 0, 1][..], &SLICE, &[0, 0, 1, SEI, 1, 6, 1, 0x80]].concat();
        for len in 0..=slice_first.len() {
            assert_eq!(recovery_pictures(Codec::Hevc, &slice_first[..len]), None);
        }
    }

    #[test]
    fn an_orientation_is_a_display_matrix() {
        const ONE: i32 = 1 << 16;
        let turned = |bytes: [u8; 3]| {
            let sei = [&[0, 0, 1, 6, 47, 3][..], &bytes, &[0x80]].concat();
            display_matrix(Codec::H264, &sei).map(|matrix| [0, 1, 3, 4].map(|cell| matrix[cell]))
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
