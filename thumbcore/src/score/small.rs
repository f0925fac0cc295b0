//! The small picture that is measured.

use std::ops::Range;

use crate::libav::Planes;

/// Widest small picture, in pixels: enough to tell what a thumbnail shows, and little to go
/// through.
pub(crate) const SMALL_WIDTH: u32 = 160;

/// Luma that letterbox bars do not exceed: black with the ringing of a coded edge.
const BAR: u8 = 24;

/// One plane, row by row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plane {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) samples: Vec<u8>,
}

/// Luma and half-size chroma of a rendered picture, full-range BT.601, at most [`SMALL_WIDTH`]
/// pixels wide and without letterbox bars.
#[derive(Debug, Clone)]
pub(crate) struct Small {
    pub(super) y: Plane,
    pub(super) u: Plane,
    pub(super) v: Plane,
}

impl Small {
    /// Makes `planes` smaller by averaging squares of pixels.
    pub(crate) fn of(planes: &Planes<u8>) -> Self {
        let factor = planes.width.div_ceil(SMALL_WIDTH as usize).max(1);
        let chroma = (planes.chroma_width, planes.chroma_height);
        let small = Self {
            y: averaged(&planes.y, (planes.width, planes.height), factor),
            u: averaged(&planes.u, chroma, factor),
            v: averaged(&planes.v, chroma, factor),
        };
        small.without_bars()
    }

    /// Cuts letterbox bars off: up to 30 % of the rows and 70 % of the columns (a portrait film in
    /// a wide picture). What has more black at its edges is a title rather than a film.
    fn without_bars(self) -> Self {
        let (width, height) = (self.y.width, self.y.height);
        let rows = lit(height, |y| self.y.samples[y * width..][..width].iter());
        let columns = lit(width, |x| self.y.samples[x..].iter().step_by(width));
        let is_film = rows.len() * 10 >= height * 7 && columns.len() * 10 >= width * 3;
        if !is_film || (rows.len(), columns.len()) == (height, width) {
            return self;
        }
        let half = |range: &Range<usize>| range.start / 2..range.end.div_ceil(2);
        Self {
            y: self.y.cut(&rows, &columns),
            u: self.u.cut(&half(&rows), &half(&columns)),
            v: self.v.cut(&half(&rows), &half(&columns)),
        }
    }
}

impl Plane {
    /// The samples of these rows and columns, as far as there are so many.
    fn cut(&self, rows: &Range<usize>, columns: &Range<usize>) -> Self {
        let (bottom, right) = (rows.end.min(self.height), columns.end.min(self.width));
        let (top, left) = (rows.start.min(bottom), columns.start.min(right));
        let kept = (top..bottom).flat_map(|y| &self.samples[y * self.width..][left..right]);
        Self {
            width: right - left,
            height: bottom - top,
            samples: kept.copied().collect(),
        }
    }
}

/// The lines, of `count`, from the first to the last that is no bar.
fn lit<'a, I: Iterator<Item = &'a u8>>(count: usize, line: impl Fn(usize) -> I) -> Range<usize> {
    let is_lit = |nth: &usize| line(*nth).any(|luma| *luma > BAR);
    let Some(first) = (0..count).find(is_lit) else {
        return 0..0;
    };
    let last = (0..count).rev().find(is_lit).unwrap_or(first);
    first..last + 1
}

/// Each square of `factor` x `factor` samples becomes one, their mean.
fn averaged(samples: &[u8], (width, height): (usize, usize), factor: usize) -> Plane {
    if factor == 1 {
        return Plane {
            width,
            height,
            samples: samples.to_vec(),
        };
    }
    let small = (width / factor, height / factor);
    let area = (factor * factor) as u32;
    let mut means = Vec::with_capacity(small.0 * small.1);
    let mut sums = vec![0_u32; width];
    for band in samples.chunks_exact(width * factor).take(small.1) {
        // Down first: that goes through memory in order, many samples at once.
        sums.fill(0);
        for row in band.chunks_exact(width) {
            for (sum, sample) in sums.iter_mut().zip(row) {
                *sum += u32::from(*sample);
            }
        }
        let squares = sums.chunks_exact(factor);
        means.extend(squares.map(|square| ((square.iter().sum::<u32>() + area / 2) / area) as u8));
    }
    Plane {
        width: small.0,
        height: small.1,
        samples: means,
    }
}
