//! Checksums of FFV1's slices, which libav's decoder computes, and only logs where they are wrong.
//!
//! Source: RFC 9043, section 4.9.

use crate::checksum::crc32;

/// Bytes behind a slice: its length in three, whether its encoder knew of damage, and the checksum
/// over it and these.
const FOOTER: usize = 8;

/// What the sum begins with: since FFmpeg 7.1 there are two kinds.
const FIRST_SUMS: [u32; 2] = [0, 0x7a8c_4079];

/// Whether `packet` is made of slices with checksums, one of which is wrong.
pub(crate) fn is_damaged(packet: &[u8]) -> bool {
    let mut slices = Vec::new();
    let mut rest = packet;
    while !rest.is_empty() {
        let Some((others, slice)) = split_last(rest) else {
            // No checksums, or lengths that the decoder will not believe.
            return false;
        };
        slices.push(slice);
        rest = others;
    }
    slices
        .into_iter()
        .any(|slice| FIRST_SUMS.iter().all(|first| crc32(*first, slice) != 0))
}

/// The slices before the last one of `slices`, and that one with its footer.
fn split_last(slices: &[u8]) -> Option<(&[u8], &[u8])> {
    let footer = slices.last_chunk::<FOOTER>()?;
    let len = u32::from_be_bytes([0, footer[0], footer[1], footer[2]]) as usize;
    slices.split_at_checked(slices.len().checked_sub(len + FOOTER)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slice(first: u32, bytes: &[u8]) -> Vec<u8> {
        let len = (bytes.len() as u32).to_be_bytes();
        let mut slice = [bytes, &len[1..], &[0]].concat();
        slice.extend(crc32(first, &slice).to_be_bytes());
        slice
    }

    #[test]
    fn a_changed_byte_of_any_slice_is_found() {
        for first in FIRST_SUMS {
            let packet = [slice(first, &[7; 900]), slice(first, &[9; 40])].concat();
            assert!(!is_damaged(&packet));
            for at in [0, 450, 899, 908, 947] {
                let mut damaged = packet.clone();
                damaged[at] ^= 4;
                assert!(is_damaged(&damaged), "{at}");
            }
        }
    }

    #[test]
    fn slices_without_checksums_are_left_to_the_decoder() {
        assert!(!is_damaged(&[]));
        assert!(!is_damaged(&[5; 4]));
        assert!(!is_damaged(&[5; 4000]));
        assert!(!is_damaged(&[0; 9]));
    }
}
