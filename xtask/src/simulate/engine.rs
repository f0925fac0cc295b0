//! The discrete-event simulation: videos arrive, wait in the queue, are worked on in pods that come
//! and go.
//!
//! A pod takes a message when one of its slots is free. A video waits for S3, then for the pod's
//! CPU (one video after the other, which is what sharing it comes to), then for S3 again. What is
//! left out: S3's delay in telling the queue (usually below a second), failures, and videos of
//! other sizes.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
};

use fastrand::Rng;

use super::{
    autoscaler::Autoscaler,
    model::{BANDWIDTH, FIRST_BYTE, POD_START, POD_VCPU, Scaling, Seconds, Work, price},
};

/// What is simulated.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scenario {
    pub(super) work: Work,
    pub(super) scaling: Scaling,
    pub(super) videos_per_minute: f64,
    /// How long videos arrive.
    pub(super) minutes: f64,
}

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) arrived: usize,
    /// From arrival in the queue to the deleted message, in order of finishing: when, and how
    /// long.
    pub(super) latencies: Vec<(Seconds, Seconds)>,
    /// Messages that were left when videos stopped arriving.
    pub(super) backlog: usize,
    pub(super) peak_pods: usize,
    /// Seconds of pods that are paid for.
    pub(super) billed: Seconds,
    /// Over time: running pods, and messages waiting.
    pub(super) timeline: Vec<(Seconds, usize, usize)>,
}

/// Microseconds since the start: whole numbers have an order.
type Time = u64;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Arrival,
    Decide,
    Ready {
        pod: usize,
    },
    /// The video has what is to be decoded.
    Fetched {
        pod: usize,
        arrived: Time,
    },
    Decoded {
        pod: usize,
    },
    Stored {
        pod: usize,
        arrived: Time,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Starting,
    Running,
    /// Finishes what is in hand, takes nothing new.
    Stopping,
    Gone,
}

#[derive(Debug)]
struct Pod {
    state: State,
    requested: Time,
    in_hand: usize,
    /// The video being decoded first, then those that wait for it.
    decoding: VecDeque<Time>,
}

struct Simulation {
    scenario: Scenario,
    random: Rng,
    now: Time,
    end: Time,
    events: BinaryHeap<Reverse<(Time, u64, Event)>>,
    /// Breaks ties in the order of scheduling.
    scheduled: u64,
    queue: VecDeque<Time>,
    pods: Vec<Pod>,
    /// Pods that are not gone, by index.
    alive: Vec<usize>,
    autoscaler: Autoscaler,
    outcome: Outcome,
}

/// Runs a scenario to its end; the same seed gives the same outcome.
pub(super) fn run(scenario: Scenario, seed: u64) -> Outcome {
    let mut simulation = Simulation {
        scenario,
        random: Rng::with_seed(seed),
        now: 0,
        end: micros(scenario.minutes * 60.0),
        events: BinaryHeap::new(),
        scheduled: 0,
        queue: VecDeque::new(),
        pods: Vec::new(),
        alive: Vec::new(),
        autoscaler: Autoscaler::new(scenario.scaling),
        outcome: Outcome::default(),
    };
    simulation.schedule_arrival();
    // Nothing ties KEDA's polls to the first video.
    let first_poll = simulation.random.f64() * scenario.scaling.period;
    simulation.schedule(first_poll, Event::Decide);
    while let Some(Reverse((time, _, event))) = simulation.events.pop() {
        if time > simulation.end {
            break;
        }
        simulation.now = time;
        simulation.handle(event);
    }
    simulation.finish()
}

impl Simulation {
    fn handle(&mut self, event: Event) {
        match event {
            Event::Arrival => {
                self.outcome.arrived += 1;
                self.queue.push_back(self.now);
                self.schedule_arrival();
                self.hand_out();
            }
            Event::Decide => self.decide(),
            Event::Ready { pod } => {
                if self.pods[pod].state == State::Starting {
                    self.pods[pod].state = State::Running;
                    self.hand_out();
                }
            }
            Event::Fetched { pod, arrived } => {
                self.pods[pod].decoding.push_back(arrived);
                if self.pods[pod].decoding.len() == 1 {
                    self.decode(pod);
                }
            }
            Event::Decoded { pod } => {
                if let Some(arrived) = self.pods[pod].decoding.pop_front() {
                    let wait = self.trips(self.scenario.work.trips_after);
                    self.schedule(wait, Event::Stored { pod, arrived });
                }
                if !self.pods[pod].decoding.is_empty() {
                    self.decode(pod);
                }
            }
            Event::Stored { pod, arrived } => {
                let latency = seconds(self.now - arrived);
                self.outcome.latencies.push((seconds(self.now), latency));
                self.pods[pod].in_hand -= 1;
                if self.pods[pod].state == State::Stopping {
                    self.end_if_idle(pod);
                } else {
                    self.hand_out();
                }
            }
        }
    }

    fn decode(&mut self, pod: usize) {
        let time = self.scenario.work.cpu / POD_VCPU.min(1.0);
        self.schedule(time, Event::Decoded { pod });
    }

    /// Gives waiting messages to free slots.
    fn hand_out(&mut self) {
        while !self.queue.is_empty() {
            let free = self.alive.iter().copied().filter(|pod| {
                let pod = &self.pods[*pod];
                pod.state == State::Running && pod.in_hand < self.scenario.work.slots
            });
            // The emptiest asks first: its poll is the oldest.
            let Some(pod) = free.min_by_key(|pod| self.pods[*pod].in_hand) else {
                return;
            };
            let Some(arrived) = self.queue.pop_front() else {
                return;
            };
            self.pods[pod].in_hand += 1;
            let wait =
                self.trips(self.scenario.work.trips_before) + self.scenario.work.bytes / BANDWIDTH;
            self.schedule(wait, Event::Fetched { pod, arrived });
        }
    }

    fn decide(&mut self) {
        let in_flight: usize = self.alive.iter().map(|pod| self.pods[*pod].in_hand).sum();
        let wanted: Vec<usize> =
            self.with_state(|state| matches!(state, State::Starting | State::Running));
        let running = self.with_state(|state| state == State::Running).len();
        let outcome = &mut self.outcome;
        outcome.peak_pods = outcome.peak_pods.max(running);
        outcome
            .timeline
            .push((seconds(self.now), running, self.queue.len()));

        let messages = self.queue.len() + in_flight;
        let target = self
            .autoscaler
            .decide(seconds(self.now), messages, wanted.len());
        for _ in wanted.len()..target {
            self.start_pod();
        }
        // Those that do not run yet first, then the youngest.
        let mut last_first = wanted;
        last_first.sort_by_key(|pod| (self.pods[*pod].state == State::Running, Reverse(*pod)));
        let surplus = last_first.len().saturating_sub(target);
        for pod in last_first.into_iter().take(surplus) {
            self.pods[pod].state = State::Stopping;
            self.end_if_idle(pod);
        }
        self.schedule(self.scenario.scaling.period, Event::Decide);
    }

    fn with_state(&self, test: impl Fn(State) -> bool) -> Vec<usize> {
        let alive = self.alive.iter().copied();
        alive.filter(|pod| test(self.pods[*pod].state)).collect()
    }

    fn start_pod(&mut self) {
        let pod = self.pods.len();
        self.pods.push(Pod {
            state: State::Starting,
            requested: self.now,
            in_hand: 0,
            decoding: VecDeque::new(),
        });
        self.alive.push(pod);
        let wait = self.between(POD_START);
        self.schedule(wait, Event::Ready { pod });
    }

    fn end_if_idle(&mut self, pod: usize) {
        if self.pods[pod].in_hand == 0 {
            self.pods[pod].state = State::Gone;
            self.alive.retain(|alive| *alive != pod);
            self.bill(pod);
        }
    }

    /// Fargate bills from the image's download on, which is nearly all of the start.
    fn bill(&mut self, pod: usize) {
        let lived = seconds(self.now - self.pods[pod].requested);
        self.outcome.billed += lived.max(price::LEAST_SECONDS);
    }

    fn finish(mut self) -> Outcome {
        self.now = self.end;
        self.outcome.backlog = self.queue.len();
        for pod in std::mem::take(&mut self.alive) {
            self.bill(pod);
        }
        self.outcome
    }

    fn schedule_arrival(&mut self) {
        // Independent arrivals are exponentially far apart.
        let mean = 60.0 / self.scenario.videos_per_minute;
        let wait = -(1.0 - self.random.f64()).ln() * mean;
        self.schedule(wait, Event::Arrival);
    }

    fn schedule(&mut self, wait: Seconds, event: Event) {
        self.scheduled += 1;
        let time = self.now + micros(wait);
        self.events.push(Reverse((time, self.scheduled, event)));
    }

    fn trips(&mut self, count: u32) -> Seconds {
        (0..count).map(|_| self.between(FIRST_BYTE)).sum()
    }

    fn between(&mut self, (low, high): (Seconds, Seconds)) -> Seconds {
        low + self.random.f64() * (high - low)
    }
}

fn micros(time: Seconds) -> Time {
    (time * 1e6) as Time
}

fn seconds(time: Time) -> Seconds {
    time as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::{
        super::model::{OURS, SCALING},
        *,
    };

    fn scenario(videos_per_minute: f64) -> Scenario {
        Scenario {
            work: OURS,
            scaling: SCALING,
            videos_per_minute,
            minutes: 30.0,
        }
    }

    #[test]
    fn no_video_is_lost_or_done_twice() {
        for rate in [1.0, 100.0, 4000.0] {
            let outcome = run(scenario(rate), 1);
            let done = outcome.latencies.len();
            let in_hand = outcome.arrived - done - outcome.backlog;
            assert!(in_hand <= SCALING.most * OURS.slots, "{rate}: {in_hand}");
        }
    }

    #[test]
    fn arrivals_keep_their_rate() {
        let outcome = run(scenario(100.0), 7);
        // Poisson: 3000 expected, standard deviation 55.
        assert!(
            (2780..3220).contains(&outcome.arrived),
            "{}",
            outcome.arrived
        );
    }

    #[test]
    fn a_video_takes_at_least_its_round_trips_and_its_cpu() {
        let outcome = run(scenario(100.0), 3);
        let least =
            FIRST_BYTE.0 * f64::from(OURS.trips_before + OURS.trips_after) + OURS.cpu / POD_VCPU;
        assert!(
            outcome
                .latencies
                .iter()
                .all(|(_, latency)| *latency > least)
        );
        // The first one waits for KEDA and Fargate.
        assert!(outcome.latencies[0].1 > POD_START.0);
    }

    #[test]
    fn pods_never_exceed_the_limit_and_a_flood_reaches_it() {
        let outcome = run(scenario(10_000.0), 5);
        assert_eq!(outcome.peak_pods, SCALING.most);
        assert!(outcome.backlog > 100_000, "{}", outcome.backlog);
        let lifted = Scenario {
            scaling: Scaling {
                most: 100,
                ..SCALING
            },
            ..scenario(10_000.0)
        };
        let outcome = run(lifted, 5);
        assert!(outcome.backlog < 1000, "{}", outcome.backlog);
    }

    #[test]
    fn throughput_is_bounded_by_cpu_and_slots() {
        let outcome = run(scenario(10_000.0), 5);
        let time = SCALING.most as f64 * 30.0 * 60.0;
        let cpu = OURS.cpu / POD_VCPU;
        let trips = f64::from(OURS.trips_before + OURS.trips_after);
        let alone = trips * f64::midpoint(FIRST_BYTE.0, FIRST_BYTE.1) + cpu;
        let bound = (time / cpu).min(time * OURS.slots as f64 / alone);
        let done = outcome.latencies.len() as f64;
        assert!((0.8 * bound..bound).contains(&done), "{done} of {bound}");
    }

    #[test]
    fn the_same_seed_gives_the_same_outcome() {
        let [one, two] = [run(scenario(100.0), 9), run(scenario(100.0), 9)];
        assert_eq!(one.latencies, two.latencies);
    }
}
