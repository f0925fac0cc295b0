//! Figures as a person reads them.

/// Bytes in the decimal unit that fits.
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    // 999.5 would be written as 1000.
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let digits = usize::from(unit > 0 && value < 99.95);
    format!("{value:.digits$} {}", UNITS[unit])
}

/// A count with its thousands apart.
pub(crate) fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// A count in few characters: from ten thousand on in thousands, millions and so on.
pub(crate) fn short(count: u64) -> String {
    const UNITS: [&str; 5] = ["", "k", "M", "G", "T"];
    if count < 10_000 {
        return count.to_string();
    }
    let mut value = count as f64;
    let mut unit = 0;
    // 999.95 would be written as 1000.
    while value >= 999.95 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let text = format!("{value:.1}");
    format!("{}{}", text.trim_end_matches(".0"), UNITS[unit])
}

/// A rate: one digit where it matters.
pub(crate) fn rate(rate: f64) -> String {
    if rate < 9.95 && rate > 0.0 {
        format!("{rate:.1}")
    } else {
        count(rate.round() as u64)
    }
}

/// A span of time in its two largest units.
pub(crate) fn span(seconds: f64) -> String {
    let seconds = seconds.max(0.0) as u64;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min"),
        (0, _, _) => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

/// A span of some minutes, to the second.
pub(crate) fn minutes(seconds: f64) -> String {
    let seconds = seconds.max(0.0).round() as u64;
    match (seconds / 60, seconds % 60) {
        (0, seconds) => format!("{seconds} s"),
        (minutes, 0) => format!("{minutes} min"),
        (minutes, seconds) => format!("{minutes} min {seconds} s"),
    }
}

/// A time in a video: `1:02:03.4`, `0:05.0`.
pub(crate) fn timecode(seconds: f64) -> String {
    let tenths = (seconds.max(0.0) * 10.0).round() as u64;
    let (hours, minutes) = (tenths / 36000, tenths / 600 % 60);
    let rest = format!("{:02}.{}", tenths / 10 % 60, tenths % 10);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{rest}")
    } else {
        format!("{minutes}:{rest}")
    }
}

/// A share in percent, with the digits that it takes to see that it is not all or nothing.
pub(crate) fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "0 %".to_owned();
    }
    let share = 100.0 * part as f64 / whole as f64;
    let digits = match share {
        s if s > 0.0 && s < 0.005 => return "< 0.01 %".to_owned(),
        s if (99.995..100.0).contains(&s) => return "> 99.99 %".to_owned(),
        s if s == 0.0 || s >= 100.0 => 0,
        s if !(0.1..=99.9).contains(&s) => 2,
        _ => 1,
    };
    format!("{share:.digits$} %")
}

/// `1 video`, `2 videos`.
pub(crate) fn plural(number: u64, word: &str) -> String {
    let end = if number == 1 { "" } else { "s" };
    format!("{} {word}{end}", count(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_well() {
        for (value, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.0 kB"),
            (999_600, "1.0 MB"),
            (123_456_789, "123 MB"),
            (2_500_000_000, "2.5 GB"),
            (7_000_000_000_000_000, "7000 TB"),
        ] {
            assert_eq!(bytes(value), text);
        }
        assert_eq!(count(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(count(999), "999");
        for (value, text) in [
            (9_999, "9999"),
            (12_000, "12k"),
            (999_960, "1M"),
            (2_500_000, "2.5M"),
            (12_345_678, "12.3M"),
            (u64::MAX, "18446744.1T"),
        ] {
            assert_eq!(short(value), text);
        }
        assert_eq!([rate(0.0), rate(0.25), rate(12.4)], ["0", "0.2", "12"]);
        assert_eq!(plural(1, "video"), "1 video");
        assert_eq!(plural(0, "video"), "0 videos");
    }

    #[test]
    fn times_read_well() {
        for (value, text) in [
            (-4.0, "0 s"),
            (59.9, "59 s"),
            (61.0, "1 min"),
            (3_700.0, "1 h 1 min"),
            (100_000.0, "1 d 3 h"),
        ] {
            assert_eq!(span(value), text);
        }
        assert_eq!(
            [5.0, 120.0, 150.2].map(minutes),
            ["5 s", "2 min", "2 min 30 s"]
        );
        assert_eq!(timecode(5.04), "0:05.0");
        assert_eq!(timecode(59.96), "1:00.0");
        assert_eq!(timecode(3723.44), "1:02:03.4");
    }

    #[test]
    fn shares_never_round_to_all_or_nothing() {
        assert_eq!(percent(0, 10), "0 %");
        assert_eq!(percent(10, 10), "100 %");
        assert_eq!(percent(1, 10_000), "0.01 %");
        assert_eq!(percent(9_995, 10_000), "99.95 %");
        assert_eq!(percent(1, 3), "33.3 %");
        assert_eq!(percent(1, 1_000_000), "< 0.01 %");
        assert_eq!(percent(999_999, 1_000_000), "> 99.99 %");
        assert_eq!(percent(0, 0), "0 %");
    }
}
