//! CPU time, the figure that a busy machine disturbs least.

use std::time::Duration;

use rustix::{
    thread::{CpuSet, sched_getaffinity, sched_setaffinity},
    time::{ClockId, clock_gettime},
};

/// Keeps this thread, and those that it starts, on one CPU.
///
/// Threads on several CPUs compete for caches, memory and clock, so work that is spread over them
/// takes more CPU time than the same work on one.
///
/// # Errors
/// The system refuses to pin the thread.
pub fn pin() -> std::io::Result<()> {
    let allowed = sched_getaffinity(None)?;
    let mut one = CpuSet::new();
    if let Some(first) = (0..CpuSet::MAX_CPU).find(|cpu| allowed.is_set(*cpu)) {
        one.set(first);
    }
    Ok(sched_setaffinity(None, &one)?)
}

/// User and system time of this process so far, all threads together.
#[must_use]
pub fn process() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(
        time.tv_sec.unsigned_abs(),
        time.tv_nsec.unsigned_abs() as u32,
    )
}

/// The CPU time that `work` takes, and its result.
pub fn of<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let before = process();
    let result = work();
    (process().saturating_sub(before), result)
}

/// The median; the mean of the two middle values where their number is even.
#[must_use]
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let half = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        len if len % 2 == 1 => sorted[half],
        _ => f64::midpoint(sorted[half - 1], sorted[half]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(median(&[3.0, 1.0, 2.0]).to_bits(), 2f64.to_bits());
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]).to_bits(), 2.5f64.to_bits());
        assert!(median(&[]).is_nan());
    }
}
