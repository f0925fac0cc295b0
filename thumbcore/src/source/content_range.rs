//! What a ranged request asks for and what a `Content-Range` header answers (RFC 9110, section 14).

use std::{fmt, ops::Range};

/// What a ranged request asks for; displayed as the `Range` header's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    /// These bytes; never empty.
    Range(Range<u64>),
    /// The last so many bytes; never zero.
    Suffix(u64),
}

impl Wanted {
    /// Bytes asked for.
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Range(range) => range.end - range.start,
            Self::Suffix(len) => *len,
        }
    }

    /// The bytes of a file of `len` bytes that this names: what a server has to send.
    pub(super) fn of(&self, len: u64) -> Range<u64> {
        match self {
            Self::Range(range) => range.start.min(len)..range.end.min(len),
            Self::Suffix(tail) => len.saturating_sub(*tail)..len,
        }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Range(range) => write!(f, "bytes={}-{}", range.start, range.end - 1),
            Self::Suffix(len) => write!(f, "bytes=-{len}"),
        }
    }
}

/// A parsed `Content-Range`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ContentRange {
    /// `bytes 0-9/20`, or `bytes 0-9/*` where the server does not say the total.
    Part {
        range: Range<u64>,
        total: Option<u64>,
    },
    /// `bytes */20`, of a 416.
    Unsatisfied { total: u64 },
}

impl ContentRange {
    /// Parses a header's value; `None` if it is not a sound byte range.
    pub(super) fn parse(value: &str) -> Option<Self> {
        let (unit, rest) = value.trim().split_once(' ')?;
        if !unit.eq_ignore_ascii_case("bytes") {
            return None;
        }
        let (range, total) = rest.trim().split_once('/')?;
        let total = match total {
            "*" => None,
            digits => Some(number(digits)?),
        };
        if range == "*" {
            return total.map(|total| Self::Unsatisfied { total });
        }
        let (first, last) = range.split_once('-')?;
        let (first, last) = (number(first)?, number(last)?);
        let end = last.checked_add(1)?;
        if first > last || total.is_some_and(|total| end > total) {
            return None;
        }
        Some(Self::Part {
            range: first..end,
            total,
        })
    }
}

/// `str::parse` would take a sign as well.
fn number(digits: &str) -> Option<u64> {
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        digits.parse().ok()
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parses_the_three_forms() {
        assert_eq!(
            ContentRange::parse("bytes 0-9/20"),
            Some(ContentRange::Part {
                range: 0..10,
                total: Some(20)
            })
        );
        assert_eq!(
            ContentRange::parse("Bytes 5-5/*"),
            Some(ContentRange::Part {
                range: 5..6,
                total: None
            })
        );
        assert_eq!(
            ContentRange::parse("bytes */0"),
            Some(ContentRange::Unsatisfied { total: 0 })
        );
    }

    #[test]
    fn refuses_what_is_not_a_sound_byte_range() {
        for value in [
            "",
            "bytes",
            "bytes 0-9",
            "bytes */*",
            "bytes 9-0/20",
            "bytes 0-20/20",
            "bytes +0-9/20",
            "bytes -9/20",
            "bytes 0-/20",
            "items 0-9/20",
            "bytes 0-18446744073709551615/*",
            "bytes 0-99999999999999999999/*",
        ] {
            assert_eq!(ContentRange::parse(value), None, "{value:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused(value in ".*") {
            let _ = ContentRange::parse(&value);
        }

        #[test]
        fn what_was_written_is_read_back(first in 0..u64::MAX / 4, len in 1..u64::MAX / 4, rest in 0..u64::MAX / 4) {
            let end = first + len;
            let total = end + rest;
            let text = format!("bytes {first}-{}/{total}", end - 1);
            prop_assert_eq!(
                ContentRange::parse(&text),
                Some(ContentRange::Part { range: first..end, total: Some(total) })
            );
        }

        #[test]
        fn the_bytes_named_lie_within_the_file(len in 0u64..1000, start in 0u64..1000, count in 1u64..1000) {
            for wanted in [Wanted::Range(start..start + count), Wanted::Suffix(count)] {
                let named = wanted.of(len);
                prop_assert!(named.start <= named.end && named.end <= len);
                prop_assert!(named.end - named.start <= wanted.len());
            }
        }
    }
}
