//! Times as text: RFC 3339, UTC.

use std::time::SystemTime;

use aws_sdk_s3::primitives::{DateTime, DateTimeFormat};

/// A time to the millisecond, always with three digits, so that texts sort as times do.
pub(crate) fn rfc3339(time: SystemTime) -> String {
    let since_1970 = time
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let seconds = format(since_1970.as_secs() as i64);
    let whole = seconds.trim_end_matches('Z');
    format!("{whole}.{:03}Z", since_1970.subsec_millis())
}

/// Seconds since 1970.
pub(crate) fn rfc3339_seconds(seconds: u32) -> String {
    format(i64::from(seconds))
}

/// Seconds since 1970 of a time in RFC 3339; `None` if it is none of this era.
pub(crate) fn seconds_of(text: &str) -> Option<u32> {
    let time = DateTime::from_str(text, DateTimeFormat::DateTime).ok()?;
    u32::try_from(time.secs()).ok()
}

fn format(seconds: i64) -> String {
    // Every time of this era can be written.
    DateTime::from_secs(seconds)
        .fmt(DateTimeFormat::DateTime)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn times_read_as_expected() {
        assert_eq!(rfc3339_seconds(1_767_323_045), "2026-01-02T03:04:05Z");
        assert_eq!(seconds_of("2026-01-02T03:04:05.678Z"), Some(1_767_323_045));
        assert_eq!(
            [seconds_of("soon"), seconds_of("1960-01-01T00:00:00Z")],
            [None; 2]
        );
        let time = SystemTime::UNIX_EPOCH + Duration::from_millis(1_500);
        assert_eq!(rfc3339(time), "1970-01-01T00:00:01.500Z");
    }
}
