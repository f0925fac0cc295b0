//! Percentiles and dollars of an outcome.

use super::{
    engine::{Outcome, Scenario},
    model::{POD_GB, POD_VCPU, Seconds, price},
};

/// Cold start and the catching up after it: left out of what is called steady.
pub(super) const WARM_UP: Seconds = 600.0;

/// One row of the answer.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) mean_pods: f64,
    /// Of all videos, from the arrival of the first one on.
    pub(super) worst: Option<Seconds>,
    /// Median, 95th and 99th percentile of what finished after the warm-up.
    pub(super) steady: Option<[Seconds; 3]>,
    /// Videos finished a minute, after the warm-up.
    pub(super) rate: f64,
    /// Requests a second at that rate: GET and HEAD, PUT.
    pub(super) reads: f64,
    pub(super) writes: f64,
    /// US dollars for a million videos, without what stands anyway.
    pub(super) million: f64,
}

impl Row {
    pub(super) fn new(scenario: Scenario, outcome: &Outcome) -> Self {
        let done = outcome.latencies.len();
        let after: Vec<Seconds> = outcome
            .latencies
            .iter()
            .filter(|(finished, _)| *finished >= WARM_UP)
            .map(|(_, latency)| *latency)
            .collect();
        let rate = after.len() as f64 / (scenario.minutes - WARM_UP / 60.0);
        let work = scenario.work;
        let pod_second = (POD_VCPU * price::VCPU_HOUR + POD_GB * price::GB_HOUR) / 3600.0;
        let compute = outcome.billed * pod_second / done.max(1) as f64;
        let requests = work.gets * price::GET + work.puts * price::PUT + work.sqs * price::SQS;
        Self {
            mean_pods: outcome.billed / (scenario.minutes * 60.0),
            worst: outcome
                .latencies
                .iter()
                .map(|(_, latency)| *latency)
                .max_by(f64::total_cmp),
            rate,
            reads: rate / 60.0 * work.gets,
            writes: rate / 60.0 * work.puts,
            million: (compute + requests) * 1e6,
            steady: percentiles(after),
        }
    }
}

/// US dollars a month for what stands whether videos come or not.
pub(super) fn standing_month() -> f64 {
    let pods = price::STANDING_PODS * 0.25 * price::VCPU_HOUR + price::STANDING_GB * price::GB_HOUR;
    (price::CLUSTER_HOUR + price::NAT_HOUR + price::LOAD_BALANCER_HOUR + pods) * price::MONTH
}

fn percentiles(mut latencies: Vec<Seconds>) -> Option<[Seconds; 3]> {
    latencies.sort_by(f64::total_cmp);
    let at = |part: f64| {
        // The smallest value that so large a part does not exceed.
        let rank = (part * latencies.len() as f64).ceil() as usize;
        latencies.get(rank.saturating_sub(1)).copied()
    };
    Some([at(0.5)?, at(0.95)?, at(0.99)?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let hundred = (1..=100).rev().map(f64::from).collect();
        assert_eq!(percentiles(hundred), Some([50.0, 95.0, 99.0]));
        assert_eq!(percentiles(vec![3.0]), Some([3.0; 3]));
        assert_eq!(percentiles(Vec::new()), None);
    }
}
