//! The byte ranges that were read, drawn over a file's length.

/// One bar of the picture, in thousandths of its width.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bar {
    pub(crate) start: f64,
    pub(crate) width: f64,
}

/// Narrower bars would not be seen: a read of 64 kB in 1 GB is a 16th of a pixel.
const LEAST: f64 = 2.5;

/// Bars for `ranges` (first byte and length) of a file of `size` bytes. What touches or would
/// overlap is one bar.
pub(crate) fn bars(ranges: impl IntoIterator<Item = (u64, u64)>, size: u64) -> Vec<Bar> {
    let mut spans: Vec<(f64, f64)> = ranges
        .into_iter()
        .filter(|&(start, bytes)| bytes > 0 && start < size)
        .map(|(start, bytes)| {
            let scale = 1000.0 / size as f64;
            let from = start as f64 * scale;
            let to = (start.saturating_add(bytes).min(size)) as f64 * scale;
            let to = to.max(from + LEAST).min(1000.0);
            (from.min(to - LEAST).max(0.0), to)
        })
        .collect();
    spans.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut bars: Vec<Bar> = Vec::new();
    for (start, end) in spans {
        match bars.last_mut() {
            Some(last) if start <= last.start + last.width => {
                last.width = last.width.max(end - last.start);
            }
            _ => bars.push(Bar {
                start,
                width: end - start,
            }),
        }
    }
    bars
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_reads_are_seen_and_neighbours_are_one() {
        let bar = |start, width| Bar { start, width };
        assert_eq!(bars([(0, 500)], 1000), [bar(0.0, 500.0)]);
        assert_eq!(bars([(500, 250), (0, 500)], 1000), [bar(0.0, 750.0)]);
        let tiny = bars([(0, 1), (999_999, 1)], 1_000_000);
        assert_eq!(tiny, [bar(0.0, LEAST), bar(1000.0 - LEAST, LEAST)]);
    }

    #[test]
    fn nonsense_draws_nothing_outside() {
        assert!(bars([(5, 0), (2000, 1)], 1000).is_empty());
        assert!(bars([(0, 1)], 0).is_empty());
        let all = bars([(10, u64::MAX)], 1000);
        assert!(all.iter().all(|bar| bar.start + bar.width <= 1000.0));
    }
}
