//! How many pods KEDA and the `HorizontalPodAutoscaler` ask for.
//!
//! KEDA itself only switches between none and one; from one pod on it feeds the queue's length to a
//! `HorizontalPodAutoscaler`, whose published algorithm this is: the target as an average, the
//! tolerance, the stabilisation window, and the policies that limit each change.

use std::collections::VecDeque;

use super::model::{Scaling, Seconds};

/// Remembers what the rules look back on.
#[derive(Debug)]
pub(super) struct Autoscaler {
    rules: Scaling,
    /// What was asked for, when, within the stabilisation window.
    wishes: VecDeque<(Seconds, usize)>,
    /// Pods that were removed, when, within the period of the policy.
    removed: VecDeque<(Seconds, usize)>,
    last_active: Seconds,
}

impl Autoscaler {
    pub(super) fn new(rules: Scaling) -> Self {
        Self {
            rules,
            wishes: VecDeque::new(),
            removed: VecDeque::new(),
            last_active: f64::NEG_INFINITY,
        }
    }

    /// The number of pods from now on, with `messages` visible and in flight and `pods` asked for
    /// so far.
    pub(super) fn decide(&mut self, now: Seconds, messages: usize, pods: usize) -> usize {
        if messages > 0 {
            self.last_active = now;
        }
        if pods == 0 {
            return usize::from(messages > 0);
        }
        if messages == 0 && now - self.last_active >= self.rules.cooldown && pods == 1 {
            self.wishes.clear();
            return 0;
        }
        let wish = self.wish(messages, pods);
        self.wishes.push_back((now, wish));
        let window = now - self.rules.stabilisation;
        self.wishes.retain(|(time, _)| *time >= window);
        if wish > pods {
            return wish.min(pods + self.rules.up);
        }
        let stable = self.wishes.iter().map(|(_, wish)| *wish).max();
        let stable = stable.unwrap_or(wish).min(pods);
        self.fewer(now, pods, stable)
    }

    /// Without looking back.
    fn wish(&self, messages: usize, pods: usize) -> usize {
        let messages = messages as f64;
        let ratio = messages / (self.rules.target * pods as f64);
        if (ratio - 1.0).abs() <= self.rules.tolerance {
            return pods;
        }
        let wish = (messages / self.rules.target).ceil() as usize;
        wish.clamp(1, self.rules.most)
    }

    /// Not more at once than the policy lets go.
    fn fewer(&mut self, now: Seconds, pods: usize, wish: usize) -> usize {
        let period = now - self.rules.down_period;
        self.removed.retain(|(time, _)| *time > period);
        let before: usize = pods + self.removed.iter().map(|(_, count)| count).sum::<usize>();
        let least = (before as f64 * (1.0 - self.rules.down)) as usize;
        let next = wish.max(least).min(pods);
        if next < pods {
            self.removed.push_back((now, pods - next));
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::{super::model::SCALING, *};

    #[test]
    fn the_first_message_brings_one_pod_then_the_length_decides() {
        let mut scaler = Autoscaler::new(SCALING);
        assert_eq!(scaler.decide(0.0, 0, 0), 0);
        assert_eq!(scaler.decide(15.0, 100, 0), 1);
        assert_eq!(scaler.decide(30.0, 7, 1), 3);
        assert_eq!(scaler.decide(45.0, 1000, 3), 10);
    }

    #[test]
    fn a_small_deviation_changes_nothing() {
        let mut scaler = Autoscaler::new(SCALING);
        assert_eq!(scaler.decide(0.0, 32, 10), 10);
        let mut scaler = Autoscaler::new(Scaling {
            most: 20,
            ..SCALING
        });
        assert_eq!(scaler.decide(0.0, 34, 10), 12);
    }

    #[test]
    fn pods_go_after_the_window_and_half_at_a_time() {
        let mut scaler = Autoscaler::new(SCALING);
        let mut pods = scaler.decide(0.0, 30, 10);
        let mut seen = vec![pods];
        for step in 1..=20 {
            pods = scaler.decide(f64::from(step) * 15.0, 0, pods);
            seen.push(pods);
        }
        // The wish of the start counts for 120 s; then 10, 5 (60 s later), 2, 1, and none after the
        // cooldown.
        assert_eq!(seen[8], 10);
        assert_eq!(seen[9], 5);
        assert_eq!(seen[12], 5);
        assert_eq!(seen[13], 2);
        assert_eq!(seen[17], 1);
        assert_eq!(seen[18], 0);
    }

    #[test]
    fn a_short_lull_takes_no_pod() {
        let mut scaler = Autoscaler::new(SCALING);
        for step in 0..40 {
            let messages = if step % 4 == 0 { 30 } else { 0 };
            assert_eq!(scaler.decide(f64::from(step) * 15.0, messages, 10), 10);
        }
    }
}
