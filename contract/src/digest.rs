//! Digests that stand for a text where the text itself is too long.
//!
//! SHA-256, because keys come from whoever may upload: with a weaker hash somebody could choose a
//! key whose digest is that of another's video.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

/// Digits of [`short`].
const SHORT: usize = 16;

/// SHA-256 in hexadecimal: 64 digits.
pub(crate) fn full(text: &str) -> String {
    let mut digits = String::with_capacity(64);
    for byte in Sha256::digest(text) {
        // Writing to a `String` cannot fail.
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}

/// The first 64 bits of [`full`], where a clash does no harm or is found out: nobody can find
/// another text for a given digest, but a patient attacker can make two texts of one digest.
pub(crate) fn short(text: &str) -> String {
    let mut digits = full(text);
    digits.truncate(SHORT);
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_sha_256() {
        // From FIPS 180-2, appendix B.1.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(full("abc"), abc);
        assert_eq!(short("abc"), abc[..16]);
    }
}
