//! Time scales and durations in the headers of movies, tracks and media.
//!
//! Source: ISO/IEC 14496-12, sections 8.2.2 (`mvhd`), 8.3.2 (`tkhd`) and 8.4.2 (`mdhd`).

/// Where the time scale lies in the payload of an `mvhd` or `mdhd` box.
pub(super) fn timescale_at(header: &[u8]) -> Option<usize> {
    Some(if is_wide(header)? { 20 } else { 12 })
}

/// The ticks of a second that an `mvhd` or `mdhd` box tells, at least one.
pub(super) fn timescale(header: &[u8]) -> Option<u32> {
    let at = timescale_at(header)?;
    let four = header.get(at..at + 4)?;
    Some(u32::from_be_bytes(four.try_into().ok()?)).filter(|scale| *scale > 0)
}

/// The ticks that an `mvhd` or `mdhd` box tells of; `None` where it leaves them open.
pub(super) fn duration(header: &[u8]) -> Option<u64> {
    ticks(header, timescale_at(header)? + 4)
}

/// The movie's ticks that a `tkhd` box tells of; `None` where it leaves them open.
pub(super) fn track_duration(header: &[u8]) -> Option<u64> {
    ticks(header, if is_wide(header)? { 28 } else { 20 })
}

/// The number at `at`, unless all its bits are set: nothing is known then.
fn ticks(header: &[u8], at: usize) -> Option<u64> {
    if is_wide(header)? {
        let ticks = u64::from_be_bytes(header.get(at..at + 8)?.try_into().ok()?);
        return (ticks < u64::MAX).then_some(ticks);
    }
    let ticks = u32::from_be_bytes(header.get(at..at + 4)?.try_into().ok()?);
    (ticks < u32::MAX).then_some(ticks.into())
}

/// Whether times take 64 bits.
fn is_wide(header: &[u8]) -> Option<bool> {
    Some(*header.first()? == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_tells_how_wide_times_are() {
        let short = [0, 0, 0, 1000, 5000].map(u32::to_be_bytes).concat();
        let wide = [1 << 24, 0, 0, 0, 0, 1000, 1, 2];
        let wide = wide.map(u32::to_be_bytes).concat();
        assert_eq!(
            (timescale(&short), duration(&short)),
            (Some(1000), Some(5000))
        );
        assert_eq!(timescale(&wide), Some(1000));
        assert_eq!(duration(&wide), Some((1 << 32) + 2));
        let track = [0, 0, 0, 9, 0, 5000].map(u32::to_be_bytes).concat();
        assert_eq!(track_duration(&track), Some(5000));
    }

    #[test]
    fn what_is_left_open_or_cut_short_is_nothing() {
        let open = [0, 0, 0, 0, u32::MAX, u32::MAX]
            .map(u32::to_be_bytes)
            .concat();
        assert_eq!((timescale(&open), duration(&open)), (None, None));
        assert_eq!(track_duration(&open), None);
        for len in 0..16 {
            assert_eq!(duration(&open[..len]), None);
        }
    }
}
