//! What moves along the lanes.

use super::{matrix::Vector, world::lane};
use crate::model::flow::Flow;

/// Seconds between two samples of the API: what moved in them is spread over as long.
const SPREAD: f64 = 5.0;
/// Seconds from node to node.
const TRAVEL: f64 = 1.8;

/// One video, or one picture.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Particle {
    lane: usize,
    /// When it leaves, in seconds.
    leaves: f64,
    /// Its own offset from the lane's middle.
    beside: (f32, f32),
}

/// All that are on their way, or will be.
#[derive(Debug, Default)]
pub(crate) struct Particles {
    list: Vec<Particle>,
    so_far: u32,
}

/// A particle where it is: its lane tells its colour, `strength` fades it in and out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spark {
    pub(crate) at: Vector,
    pub(crate) lane: usize,
    pub(crate) strength: f32,
}

/// A bound on what is drawn at once: what does not fit is not drawn.
const MOST: usize = 1500;

impl Particles {
    /// Adds what moved, evenly over the time until the next sample.
    pub(crate) fn emit(&mut self, flow: &Flow, now: f64) {
        for (lane, count) in [flow.uploads, flow.videos, flow.thumbnails]
            .into_iter()
            .enumerate()
        {
            for index in 0..count {
                if self.list.len() >= MOST {
                    return;
                }
                self.so_far = self.so_far.wrapping_add(1);
                self.list.push(Particle {
                    lane,
                    leaves: now + SPREAD * f64::from(index) / f64::from(count),
                    beside: beside(self.so_far),
                });
            }
        }
    }

    /// Those that are on their way now; forgets those that have arrived.
    pub(crate) fn at(&mut self, now: f64) -> impl Iterator<Item = Spark> + '_ {
        self.list.retain(|particle| now < particle.leaves + TRAVEL);
        self.list
            .iter()
            .filter(move |particle| particle.leaves <= now)
            .map(move |particle| {
                let t = ((now - particle.leaves) / TRAVEL) as f32;
                let [x, y, z] = lane(particle.lane, t);
                // Together at the nodes, apart in between.
                let spread = (t * std::f32::consts::PI).sin();
                let (up, side) = particle.beside;
                Spark {
                    at: [x, y + up * spread, z + side * spread],
                    lane: particle.lane,
                    strength: (spread * 3.0).min(1.0),
                }
            })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.list.clear();
    }
}

/// Scattered evenly by the golden ratio: the same each time, and never in a line.
fn beside(number: u32) -> (f32, f32) {
    let part = |by: f32| (number as f32 * by).fract() - 0.5;
    (part(0.754_877_7) * 0.5, part(0.569_840_3) * 0.9)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLOW: Flow = Flow {
        uploads: 2,
        videos: 1,
        thumbnails: 3,
    };

    #[test]
    fn each_travels_once() {
        let mut particles = Particles::default();
        particles.emit(&FLOW, 100.0);
        let mut seen = [0; 3];
        for lane in particles.at(100.0).map(|spark| spark.lane) {
            seen[lane] += 1;
        }
        assert_eq!(seen, [1, 1, 1], "the others leave later");
        assert!(!particles.is_empty());
        assert_eq!(particles.at(100.0 + SPREAD + TRAVEL).count(), 0);
        assert!(particles.is_empty());
    }

    #[test]
    fn they_begin_and_end_at_the_nodes() {
        let mut particles = Particles::default();
        particles.emit(
            &Flow {
                uploads: 1,
                ..Flow::default()
            },
            0.0,
        );
        let at = |particles: &mut Particles, now| particles.at(now).next().map(|spark| spark.at);
        assert_eq!(at(&mut particles, 0.0), Some(lane(0, 0.0)));
        let close = at(&mut particles, TRAVEL * 0.999).unwrap();
        assert!((close[0] - lane(0, 1.0)[0]).abs() < 0.02);
    }

    #[test]
    fn they_stay_few() {
        let mut particles = Particles::default();
        for _ in 0..100 {
            particles.emit(
                &Flow {
                    thumbnails: 240,
                    ..Flow::default()
                },
                0.0,
            );
        }
        assert_eq!(particles.list.len(), MOST);
        particles.clear();
        assert!(particles.is_empty());
    }
}
