//! What stands in the scene: solids, and the lanes between the four nodes.

use super::matrix::{Matrix, Vector, arc};
use crate::model::flow::fullness;

/// A place of the pipeline.
pub(crate) struct Node {
    pub(crate) name: &'static str,
    pub(crate) at: Vector,
}

pub(crate) const NODES: [Node; 4] = [
    Node {
        name: "Uploads",
        at: [-5.4, 0.0, 0.0],
    },
    Node {
        name: "Queue",
        at: [-1.8, 0.0, 0.0],
    },
    Node {
        name: "Workers",
        at: [1.8, 0.0, 0.0],
    },
    Node {
        name: "Thumbnails",
        at: [5.4, 0.0, 0.0],
    },
];

/// Particles fly this high above the floor, and rise this much more on their way.
const LANE: f32 = 0.75;
const RISE: f32 = 0.55;

/// The point of lane `lane` (from node to node) at `t` between 0 and 1.
pub(crate) fn lane(lane: usize, t: f32) -> Vector {
    let raised = |node: &Node| [node.at[0], LANE, node.at[2]];
    arc(raised(&NODES[lane]), raised(&NODES[lane + 1]), RISE, t)
}

/// The lens's angle from top to bottom, in radians: a long lens, so that near nodes are not much
/// larger than far ones.
const FIELD: f32 = 0.34;

/// A camera as near as it can be with every node in the picture, and room for the names below them.
pub(crate) fn camera(aspect: f32, yaw: f32, pitch: f32) -> Matrix {
    let lens = Matrix::perspective(FIELD, aspect, 1.0, 200.0);
    let at = |distance| lens.times(&Matrix::orbit([0.0, 0.15, 0.0], distance, yaw, pitch));
    let (mut near, mut far) = (9.0, 120.0);
    for _ in 0..12 {
        let middle = f32::midpoint(near, far);
        if holds_everything(&at(middle)) {
            far = middle;
        } else {
            near = middle;
        }
    }
    at(far)
}

fn holds_everything(camera: &Matrix) -> bool {
    const RADIUS: f32 = 1.5;
    NODES.iter().all(|node| {
        let [x, _, z] = node.at;
        [(-RADIUS, 0.0), (RADIUS, 0.0), (0.0, RADIUS), (0.0, -RADIUS)]
            .iter()
            .all(|(dx, dz)| {
                [0.0, 1.4].iter().all(|height| {
                    camera
                        .project([x + dx, *height, z + dz])
                        .is_some_and(|(left, top)| {
                            (0.02..0.98).contains(&left) && (0.04..0.8).contains(&top)
                        })
                })
            })
    })
}

/// The figures that the scene shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) waiting: u64,
    pub(crate) in_flight: u64,
    /// `None` where nobody knows.
    pub(crate) workers: Option<u64>,
    pub(crate) thumbnails: u64,
}

/// What a theme paints with, in linear parts of red, green and blue.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Palette {
    pub(crate) floor: Vector,
    pub(crate) idle: Vector,
    pub(crate) uploads: Vector,
    pub(crate) queue: Vector,
    pub(crate) workers: Vector,
    pub(crate) thumbnails: Vector,
    /// Whether particles add light (on dark) or cover (on light).
    pub(crate) glowing: bool,
}

pub(crate) const DARK: Palette = Palette {
    floor: [0.10, 0.125, 0.17],
    idle: [0.19, 0.23, 0.30],
    uploads: [0.36, 0.58, 1.0],
    queue: [0.98, 0.72, 0.28],
    workers: [0.66, 0.52, 1.0],
    thumbnails: [0.25, 0.83, 0.56],
    glowing: true,
};

pub(crate) const LIGHT: Palette = Palette {
    floor: [0.90, 0.915, 0.94],
    idle: [0.78, 0.81, 0.86],
    uploads: [0.23, 0.46, 0.93],
    queue: [0.95, 0.62, 0.12],
    workers: [0.50, 0.36, 0.90],
    thumbnails: [0.10, 0.66, 0.40],
    glowing: false,
};

/// One solid: where its foot's middle is, its size, its colour, and how much it shines by itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Solid {
    pub(crate) at: Vector,
    pub(crate) size: Vector,
    pub(crate) color: Vector,
    pub(crate) glow: f32,
}

/// Everything that stands still.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct World {
    pub(crate) boxes: Vec<Solid>,
    pub(crate) cylinders: Vec<Solid>,
}

/// Slabs of the queue.
const SLABS: usize = 12;
/// More workers than these are not drawn apart.
const MOST_WORKERS: u64 = 25;
/// Dots of one lane.
const DOTS: usize = 15;

impl World {
    pub(crate) fn new(facts: &Facts, palette: &Palette) -> Self {
        let mut world = Self::default();
        world.floor(palette);
        world.bucket(NODES[0].at, palette.uploads);
        world.queue(facts, palette);
        world.workers(facts, palette);
        world.pictures(facts, palette);
        world
    }

    fn floor(&mut self, palette: &Palette) {
        for node in &NODES {
            self.cylinders.push(Solid {
                at: [node.at[0], -0.12, node.at[2]],
                size: [3.0, 0.12, 3.0],
                color: palette.floor,
                glow: 0.0,
            });
        }
        for lane_index in 0..3 {
            for dot in 1..DOTS {
                let [x, y, z] = lane(lane_index, dot as f32 / DOTS as f32);
                self.boxes.push(Solid {
                    at: [x, y, z],
                    size: [0.05; 3],
                    color: palette.idle,
                    glow: 0.9,
                });
            }
        }
    }

    /// A bucket: a drum with a brighter rim.
    fn bucket(&mut self, [x, _, z]: Vector, color: Vector) {
        let rings = [(0.0, 0.34, 1.5), (0.4, 0.34, 1.5), (0.8, 0.34, 1.5)];
        for (y, height, width) in rings {
            self.cylinders.push(Solid {
                at: [x, y, z],
                size: [width, height, width],
                color,
                glow: 0.15 + y * 0.2,
            });
        }
    }

    /// A row of slabs that fills from the workers' end.
    fn queue(&mut self, facts: &Facts, palette: &Palette) {
        let lit = (fullness(facts.waiting) * SLABS as f32).ceil() as usize;
        let [x, _, z] = NODES[1].at;
        for slab in 0..SLABS {
            let filled = SLABS - slab <= lit;
            self.boxes.push(Solid {
                at: [x + (slab as f32 - (SLABS - 1) as f32 / 2.0) * 0.18, 0.0, z],
                size: [0.1, if filled { 1.15 } else { 0.8 }, 1.15],
                color: if filled { palette.queue } else { palette.idle },
                glow: if filled { 0.35 } else { 0.0 },
            });
        }
    }

    /// A cube a worker; as many shine as have a video in hand.
    fn workers(&mut self, facts: &Facts, palette: &Palette) {
        // Where nobody knows how many there are, something does the work.
        let count = facts.workers.unwrap_or(1).min(MOST_WORKERS) as usize;
        let [x, _, z] = NODES[2].at;
        let side = (count as f32).sqrt().ceil().max(1.0);
        let pitch = (2.0 / side).min(0.9);
        let size = if side > 1.0 { pitch * 0.72 } else { 0.95 };
        for index in 0..count {
            let (row, column) = (index as f32 / side, index as f32 % side);
            let offset = |place: f32| (place.floor() - (side - 1.0) / 2.0) * pitch;
            let busy = (index as u64) < facts.in_flight;
            self.boxes.push(Solid {
                at: [x + offset(column), 0.0, z + offset(row)],
                size: [size; 3],
                color: if busy || facts.workers.is_none() {
                    palette.workers
                } else {
                    palette.idle
                },
                glow: if busy { 0.5 } else { 0.1 },
            });
        }
    }

    /// A fan of pictures, the more the more there are.
    fn pictures(&mut self, facts: &Facts, palette: &Palette) {
        let [x, _, z] = NODES[3].at;
        let count = (1.0 + fullness(facts.thumbnails) * 5.0) as usize;
        let color = match facts.thumbnails {
            0 => palette.idle,
            _ => palette.thumbnails,
        };
        for index in 0..count {
            let place = index as f32 - (count - 1) as f32 / 2.0;
            let front = index + 1 == count;
            self.boxes.push(Solid {
                at: [x + place * 0.12, 0.0, z + place * 0.34],
                size: [1.75, 1.02, 0.07],
                color,
                glow: if front { 0.3 } else { 0.05 },
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(a: Vector, b: Vector) -> bool {
        a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5)
    }

    fn lit(facts: Facts, color: Vector) -> usize {
        let world = World::new(&facts, &DARK);
        world
            .boxes
            .iter()
            .filter(|solid| same(solid.color, color) && solid.glow > 0.2)
            .count()
    }

    #[test]
    fn the_queue_fills_up() {
        let queue = |waiting| {
            lit(
                Facts {
                    waiting,
                    ..Facts::default()
                },
                DARK.queue,
            )
        };
        assert_eq!(queue(0), 0);
        assert!(queue(1) >= 1);
        assert!(queue(1) < queue(50));
        assert_eq!(queue(1_000_000), SLABS);
    }

    #[test]
    fn as_many_workers_shine_as_have_work() {
        let workers = |workers, in_flight| {
            lit(
                Facts {
                    workers: Some(workers),
                    in_flight,
                    ..Facts::default()
                },
                DARK.workers,
            )
        };
        assert_eq!(workers(4, 0), 0);
        assert_eq!(workers(4, 3), 3);
        assert_eq!(workers(4, 90), 4);
        assert_eq!(workers(0, 5), 0);
        assert_eq!(workers(9_999, 9_999), MOST_WORKERS as usize);
    }

    #[test]
    fn every_node_is_in_the_picture_from_every_side() {
        for aspect in [1.2, 1.7, 2.9] {
            for (yaw, pitch) in [(0.0, 0.4), (1.2, 0.1), (-1.2, 1.3), (0.24, 0.4)] {
                let camera = camera(aspect, yaw, pitch);
                for node in &NODES {
                    let (left, top) = camera.project(node.at).unwrap();
                    assert!((0.0..1.0).contains(&left) && (0.0..0.8).contains(&top));
                }
            }
        }
    }

    #[test]
    fn everything_stands_at_its_node() {
        let facts = Facts {
            waiting: 9,
            in_flight: 9,
            workers: Some(25),
            thumbnails: 99_999,
        };
        let world = World::new(&facts, &LIGHT);
        for solid in world.boxes.iter().chain(&world.cylinders) {
            assert!(
                solid.at[0].abs() < 7.0 && solid.at[2].abs() < 1.6,
                "{solid:?}"
            );
        }
        assert!(same(lane(0, 1.0), lane(1, 0.0)));
    }
}
