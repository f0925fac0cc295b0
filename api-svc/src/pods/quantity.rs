//! Kubernetes' quantities: `250m` CPUs, `512Mi` bytes.

/// A quantity in thousandths of its unit; `None` if it is none, or has an exponent, which nobody
/// writes.
pub(super) fn thousandths(text: &str) -> Option<i128> {
    let digits = text
        .find(|c: char| c.is_ascii_alphabetic())
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at(digits);
    let scale: i128 = match suffix {
        "m" => 1,
        "" => 1_000,
        "k" => 1_000_000,
        "M" => 1_000_000_000,
        "G" => 1_000_000_000_000,
        "T" => 1_000_000_000_000_000,
        "Ki" => 1_000 << 10,
        "Mi" => 1_000 << 20,
        "Gi" => 1_000 << 30,
        "Ti" => 1_000 << 40,
        _ => return None,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if fraction.len() > 9 || fraction.contains(['+', '-']) {
        return None;
    }
    let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
    let scaled = digits.checked_mul(scale)?;
    Some(scaled / 10_i128.pow(fraction.len() as u32))
}

/// CPUs, from thousandths.
pub(super) fn cpu(thousandths: i128) -> String {
    if thousandths % 1_000 == 0 {
        return (thousandths / 1_000).to_string();
    }
    format!("{thousandths}m")
}

/// Bytes, from thousandths of one, in the largest unit that is exact.
pub(super) fn memory(thousandths: i128) -> String {
    let bytes = thousandths / 1_000;
    for (suffix, shift) in [("Gi", 30), ("Mi", 20), ("Ki", 10)] {
        if bytes != 0 && bytes % (1 << shift) == 0 {
            return format!("{}{suffix}", bytes >> shift);
        }
    }
    bytes.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_kubernetes_writes_them() {
        for (text, cpus) in [
            ("250m", "250m"),
            ("1", "1"),
            ("0.5", "500m"),
            ("2000m", "2"),
        ] {
            assert_eq!(cpu(thousandths(text).unwrap()), cpus, "{text}");
        }
        for (text, bytes) in [
            ("512Mi", "512Mi"),
            ("1.5Gi", "1536Mi"),
            ("1024Mi", "1Gi"),
            ("128974848", "123Mi"),
            ("129M", "129000000"),
            ("0", "0"),
        ] {
            assert_eq!(memory(thousandths(text).unwrap()), bytes, "{text}");
        }
        for text in [
            "",
            "x",
            "1e3",
            "1.-5",
            "Mi",
            "9999999999999999999999999999Ti",
        ] {
            assert_eq!(thousandths(text), None, "{text}");
        }
    }
}
