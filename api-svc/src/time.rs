//! Times as text: RFC 3339, UTC.

use std::time::{Duration, SystemTime};

use aws_sdk_s3::primitives::{DateTime, DateTimeFormat};

/// A time, to the millisecond.
pub(crate) fn rfc3339(time: SystemTime) -> String {
    let millis = time
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |elapsed| elapsed.as_millis() as i64);
    // Every time of this era can be written.
    DateTime::from_millis(millis)
        .fmt(DateTimeFormat::DateTime)
        .unwrap_or_default()
}

/// Seconds since 1970.
pub(crate) fn rfc3339_seconds(seconds: u32) -> String {
    rfc3339(SystemTime::UNIX_EPOCH + Duration::from_secs(u64::from(seconds)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_as_expected() {
        assert_eq!(rfc3339_seconds(1_767_323_045), "2026-01-02T03:04:05Z");
        let time = SystemTime::UNIX_EPOCH + Duration::from_millis(1_500);
        assert_eq!(rfc3339(time), "1970-01-01T00:00:01.5Z");
    }
}
