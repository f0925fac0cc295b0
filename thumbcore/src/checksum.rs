//! The checksum of Ogg pages and FFV1 slices: CRC-32 of polynomial 04c11db7, unreflected.

/// The sum over `bytes`, from `sum` on, which is 0 at the start.
pub(crate) fn crc32(sum: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(sum, |sum, byte| {
        let [high, ..] = sum.to_be_bytes();
        sum << 8 ^ SUMS[usize::from(high ^ byte)]
    })
}

/// The sums over each byte alone.
static SUMS: [u32; 256] = {
    let mut sums = [0; 256];
    let mut byte = 0;
    while byte < sums.len() {
        let mut sum = (byte as u32) << 24;
        let mut bit = 0;
        while bit < 8 {
            let carry = if sum >> 31 == 1 { 0x04c1_1db7 } else { 0 };
            sum = sum << 1 ^ carry;
            bit += 1;
        }
        sums[byte] = sum;
        byte += 1;
    }
    sums
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_is_the_standard_one() {
        // "CRC-32/MPEG-2" of the catalogue at reveng.sourceforge.io begins with ones.
        assert_eq!(crc32(u32::MAX, b"123456789"), 0x0376_e6e7);
        assert_eq!(crc32(crc32(u32::MAX, b"1234"), b"56789"), 0x0376_e6e7);
    }
}
