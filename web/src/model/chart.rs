//! The geometry of the queue's chart.

/// A point of a chart: seconds before now, and values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sample {
    pub(crate) age: f64,
    pub(crate) depth: u64,
    pub(crate) in_flight: u64,
}

/// Maps samples into a box of `width` by `height`; the newest is at its right edge.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scale {
    pub(crate) width: f64,
    pub(crate) height: f64,
    /// Seconds from the left edge to the right.
    pub(crate) seconds: f64,
    /// The value at the upper edge: a round one.
    pub(crate) most: u64,
}

impl Scale {
    pub(crate) fn new(samples: &[Sample], width: f64, height: f64, seconds: f64) -> Self {
        let most = samples.iter().map(|s| s.depth.max(s.in_flight)).max();
        Self {
            width,
            height,
            seconds,
            most: round_up(most.unwrap_or(0)),
        }
    }

    pub(crate) fn x(&self, age: f64) -> f64 {
        self.width * (1.0 - (age / self.seconds).clamp(0.0, 1.0))
    }

    pub(crate) fn y(&self, value: u64) -> f64 {
        self.height * (1.0 - value as f64 / self.most as f64)
    }

    /// Values to write at the axis: 0, the half where it is whole, and the most.
    pub(crate) fn ticks(&self) -> Vec<u64> {
        if self.most.is_multiple_of(2) {
            vec![0, self.most / 2, self.most]
        } else {
            vec![0, self.most]
        }
    }

    /// An SVG path through `value` of each sample, with gaps where samples are missing.
    pub(crate) fn line(&self, samples: &[Sample], value: impl Fn(&Sample) -> u64) -> String {
        let runs = runs(samples).map(|run| self.stroke(run, &value));
        runs.collect()
    }

    /// The same, closed down to the axis.
    pub(crate) fn area(&self, samples: &[Sample], value: impl Fn(&Sample) -> u64) -> String {
        let closed = runs(samples).filter_map(|run| {
            let (first, last) = (run.first()?, run.last()?);
            let line = self.stroke(run, &value);
            let (left, right, floor) = (self.x(first.age), self.x(last.age), self.height);
            Some(format!(
                "{line}L{right:.1} {floor:.1}L{left:.1} {floor:.1}Z"
            ))
        });
        closed.collect()
    }

    fn stroke(&self, run: &[Sample], value: impl Fn(&Sample) -> u64) -> String {
        let points = run.iter().enumerate().map(|(index, sample)| {
            let command = if index == 0 { 'M' } else { 'L' };
            let (x, y) = (self.x(sample.age), self.y(value(sample)));
            format!("{command}{x:.1} {y:.1}")
        });
        points.collect()
    }

    /// The sample nearest to `x`.
    pub(crate) fn nearest(&self, samples: &[Sample], x: f64) -> Option<usize> {
        let distance = |sample: &Sample| (self.x(sample.age) - x).abs();
        let nearest = samples
            .iter()
            .enumerate()
            .min_by(|a, b| distance(a.1).total_cmp(&distance(b.1)));
        nearest.map(|(index, _)| index)
    }
}

/// Longer without a sample is a gap, in seconds.
const GAP: f64 = 20.0;

/// The samples between gaps.
fn runs(samples: &[Sample]) -> impl Iterator<Item = &[Sample]> {
    samples.chunk_by(|before, after| before.age - after.age <= GAP)
}

/// The next of 4, 10, 20, 50, 100, …: even, so that the half can be written.
fn round_up(value: u64) -> u64 {
    if value <= 4 {
        return 4;
    }
    let mut step: u64 = 10;
    loop {
        for factor in [1, 2, 5] {
            if value <= step.saturating_mul(factor) {
                return step.saturating_mul(factor);
            }
        }
        step = step.saturating_mul(10);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(age: f64, depth: u64) -> Sample {
        Sample {
            age,
            depth,
            in_flight: 1,
        }
    }

    #[test]
    fn axes_end_at_round_values() {
        for (value, round) in [(0, 4), (4, 4), (5, 10), (11, 20), (21, 50), (999, 1000)] {
            assert_eq!(round_up(value), round);
        }
        assert_eq!(round_up(u64::MAX), u64::MAX);
        let scale = Scale::new(&[sample(0.0, 15)], 300.0, 100.0, 300.0);
        assert_eq!(scale.ticks(), [0, 10, 20]);
    }

    #[test]
    fn lines_run_from_old_to_new() {
        let samples = [sample(20.0, 0), sample(10.0, 2), sample(0.0, 4)];
        let scale = Scale::new(&samples, 300.0, 100.0, 20.0);
        let line = scale.line(&samples, |s| s.depth);
        assert_eq!(line, "M0.0 100.0L150.0 50.0L300.0 0.0");
        let area = scale.area(&samples, |s| s.depth);
        assert_eq!(area, format!("{line}L300.0 100.0L0.0 100.0Z"));
        assert_eq!(scale.area(&[], |s| s.depth), "");
        assert_eq!(scale.nearest(&samples, 170.0), Some(1));
        assert_eq!(scale.nearest(&[], 170.0), None);
    }

    #[test]
    fn nothing_is_drawn_where_nothing_is_known() {
        let samples = [
            sample(300.0, 4),
            sample(295.0, 4),
            sample(5.0, 4),
            sample(0.0, 4),
        ];
        let scale = Scale::new(&samples, 300.0, 100.0, 300.0);
        let line = scale.line(&samples, |s| s.depth);
        assert_eq!(line, "M0.0 0.0L5.0 0.0M295.0 0.0L300.0 0.0");
    }
}
