//! Comparing pictures: duplicates, and pictures that are blended from two others.

use super::small::{Plane, Small};

/// Cells a side.
const CELLS: usize = 16;

/// Correlation from which two pictures show the same.
const ALIKE: f64 = 0.94;
/// Difference of mean chroma, in codes, up to which they do.
const SAME_COLOUR: f64 = 12.0;
/// Part of a picture's variance that a blend of two others may leave unexplained.
const UNEXPLAINED: f64 = 0.2;
/// Part of the others' variance that a blend has at most: 0.68 where 20 % of one is left and the
/// two are not correlated.
const LEVELLED: f64 = 0.85;
/// Least part that either picture has in a blend that shows.
const PART: f64 = 0.2;

/// The coarse distribution of luma over a picture, and its mean colour.
#[derive(Debug, Clone, Default)]
pub(crate) struct Signature {
    /// Luma of each cell of a grid.
    cells: Vec<f64>,
    colour: (f64, f64),
}

impl Signature {
    pub(crate) fn of(small: &Small) -> Self {
        let mean = |plane: &Plane| {
            let sum: u32 = plane.samples.iter().map(|sample| u32::from(*sample)).sum();
            f64::from(sum) / plane.samples.len().max(1) as f64
        };
        Self {
            cells: cells(&small.y),
            colour: (mean(&small.u), mean(&small.v)),
        }
    }

    /// The correlation of the two pictures' cells, -1 to 1: 1 for the same picture, however much
    /// it is faded.
    pub(crate) fn similarity(&self, other: &Self) -> f64 {
        let (a, b) = (centred(&self.cells), centred(&other.cells));
        let norm = (dot(&a, &a) * dot(&b, &b)).sqrt();
        if norm <= 0.0 {
            // Two flat pictures are alike, and neither is like any other.
            return if dot(&a, &a) + dot(&b, &b) <= 0.0 {
                1.0
            } else {
                0.0
            };
        }
        dot(&a, &b) / norm
    }

    /// Whether the two show the same.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        let (u, v) = (
            self.colour.0 - other.colour.0,
            self.colour.1 - other.colour.1,
        );
        self.similarity(other) >= ALIKE && u.hypot(v) <= SAME_COLOUR
    }
}

/// Whether `picture` is blended from the two others, which are unlike: least squares of
/// `picture = w * one + (1 - w) * other`, and less contrast than they have, since two pictures
/// that have nothing to do with each other level each other out. A picture of a slow movement is
/// much like a blend but keeps its contrast.
pub(crate) fn is_blend(picture: &Signature, one: &Signature, other: &Signature) -> bool {
    let difference = minus(&one.cells, &other.cells);
    let norm = dot(&difference, &difference);
    if norm <= 0.0 || one.is_like(other) {
        return false;
    }
    let rest = minus(&picture.cells, &other.cells);
    let weight = dot(&rest, &difference) / norm;
    let explained: Vec<f64> = difference.iter().map(|cell| weight * cell).collect();
    let left = minus(&rest, &explained);
    let variance = |of: &Signature| {
        let cells = centred(&of.cells);
        dot(&cells, &cells)
    };
    let own = variance(picture);
    let theirs = weight * variance(one) + (1.0 - weight) * variance(other);
    (PART..=1.0 - PART).contains(&weight)
        && dot(&left, &left) <= UNEXPLAINED * own
        && own <= LEVELLED * theirs
}

/// The mean luma of each cell of a grid over `plane`.
fn cells(plane: &Plane) -> Vec<f64> {
    let borders = |len: usize| (0..=CELLS).map(move |nth| (nth * len).div_ceil(CELLS));
    let columns: Vec<_> = borders(plane.width).collect();
    let rows: Vec<_> = borders(plane.height).collect();
    let mut cells = Vec::with_capacity(CELLS * CELLS);
    for rows in rows.windows(2) {
        for columns in columns.windows(2) {
            let row = |y: usize| &plane.samples[y * plane.width..][columns[0]..columns[1]];
            let luma = (rows[0]..rows[1]).flat_map(row);
            let sum: u32 = luma.map(|luma| u32::from(*luma)).sum();
            let count = (rows[1] - rows[0]) * (columns[1] - columns[0]);
            cells.push(f64::from(sum) / count.max(1) as f64);
        }
    }
    cells
}

fn centred(cells: &[f64]) -> Vec<f64> {
    let mean = cells.iter().sum::<f64>() / cells.len().max(1) as f64;
    cells.iter().map(|cell| cell - mean).collect()
}

fn minus(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
