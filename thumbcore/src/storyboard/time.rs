//! Times as players' files write them.

use std::time::Duration;

/// `HH:MM:SS.mmm`, cut to the millisecond; hours have as many digits as they need, at least two.
pub(super) fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    let (seconds, millis) = (seconds % 60, time.subsec_millis());
    format!("{hours:02}:{minutes:02}:{seconds:02}.{millis:03}")
}

/// Seconds as a decimal number, to the microsecond, without needless zeros.
pub(super) fn seconds(time: Duration) -> String {
    let micros = time.subsec_micros();
    if micros == 0 {
        return time.as_secs().to_string();
    }
    let text = format!("{}.{micros:06}", time.as_secs());
    text.trim_end_matches('0').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_with_what_they_need() {
        let micros = Duration::from_micros;
        assert_eq!(clock(micros(0)), "00:00:00.000");
        assert_eq!(clock(micros(3_599_999_999)), "00:59:59.999");
        assert_eq!(clock(Duration::from_hours(100)), "100:00:00.000");
        assert_eq!(seconds(micros(10_000_000)), "10");
        assert_eq!(seconds(micros(1_400_000)), "1.4");
        assert_eq!(seconds(micros(1)), "0.000001");
    }
}
