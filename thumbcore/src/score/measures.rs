//! The measures of [`Score`](super::Score).

use super::small::{Plane, Small};

/// Side of the squares that are looked at for detail, in pixels.
const SQUARE: usize = 8;
/// Standard deviation of luma codes in a square under which it shows no detail.
const DETAIL: f64 = 3.0;
/// Taps of the blur that pictures are compared with (Crete et al. 2007).
const TAPS: usize = 9;

/// How the luma of a picture is distributed.
pub(super) struct Luma {
    histogram: [u32; 256],
    count: f64,
    /// As a part of white.
    pub(super) mean: f64,
    /// Standard deviation, as a part of white.
    pub(super) deviation: f64,
}

impl Luma {
    pub(super) fn of(plane: &Plane) -> Self {
        let mut histogram = [0; 256];
        for luma in &plane.samples {
            histogram[usize::from(*luma)] += 1;
        }
        let count = plane.samples.len().max(1) as f64;
        let codes = (0..256).map(f64::from).zip(histogram);
        let mean = codes
            .clone()
            .map(|(code, n)| code * f64::from(n))
            .sum::<f64>()
            / count;
        let squares = codes.map(|(code, n)| (code - mean).powi(2) * f64::from(n));
        let deviation = (squares.sum::<f64>() / count).sqrt();
        Self {
            histogram,
            count,
            mean: mean / 255.0,
            deviation: deviation / 255.0,
        }
    }

    /// The luma, as a part of white, that `share` of the pixels do not exceed.
    pub(super) fn percentile(&self, share: f64) -> f64 {
        let wanted = share * self.count;
        let mut seen = 0.0;
        for (code, pixels) in (0..256).map(f64::from).zip(self.histogram) {
            seen += f64::from(pixels);
            if seen > wanted {
                return code / 255.0;
            }
        }
        1.0
    }

    /// The histogram in `count` bins, as shares of the pixels.
    fn bins(&self, count: usize) -> Vec<f64> {
        let bins = self.histogram.chunks(256 / count);
        bins.map(|codes| f64::from(codes.iter().sum::<u32>()) / self.count)
            .collect()
    }

    pub(super) fn uniformity(&self) -> f64 {
        let mut bins = self.bins(128);
        bins.sort_by(|a, b| b.total_cmp(a));
        bins.iter().take(128 / 20).sum::<f64>().clamp(0.0, 1.0)
    }

    pub(super) fn entropy(&self) -> f64 {
        let bins = self.bins(64);
        let filled = bins.iter().filter(|share| **share > 0.0);
        let bits: f64 = filled.map(|share| share * share.log2()).sum();
        (-bits / 6.0).clamp(0.0, 1.0)
    }
}

/// 1 less the larger blur of the two directions.
pub(super) fn sharpness(plane: &Plane) -> f64 {
    let row = |y: usize| &plane.samples[y * plane.width..][..plane.width];
    let (mut across, mut down) = (Blur::default(), Blur::default());
    for y in 0..plane.height {
        let row = row(y);
        across.add([0, TAPS / 2, TAPS / 2 + 1, TAPS].map(|x| row.get(x..).unwrap_or_default()));
    }
    for y in 0..plane.height.saturating_sub(TAPS) {
        down.add([0, TAPS / 2, TAPS / 2 + 1, TAPS].map(|below| row(y + below)));
    }
    (1.0 - across.left().max(down.left())).clamp(0.0, 1.0)
}

/// The differences between neighbours along lines, and what a blur of [`TAPS`] along them takes.
#[derive(Default)]
struct Blur {
    before: u32,
    lost: u32,
}

impl Blur {
    /// Adds the differences of the samples `two` and `three`, neighbours in the middle of
    /// [`TAPS`] + 1 that begin with `one` and end with `four`. Two blurred neighbours differ by
    /// what enters and what leaves.
    fn add(&mut self, [one, two, three, four]: [&[u8]; 4]) {
        for (((one, two), three), four) in one.iter().zip(two).zip(three).zip(four) {
            let difference = u32::from(two.abs_diff(*three)) * TAPS as u32;
            self.before += difference;
            self.lost += difference.saturating_sub(one.abs_diff(*four).into());
        }
    }

    /// How much of the differences is left.
    fn left(&self) -> f64 {
        if self.before == 0 {
            return 1.0;
        }
        f64::from(self.before - self.lost) / f64::from(self.before)
    }
}

/// Over half-size chroma, with the luma at the same place.
pub(super) fn colourfulness(small: &Small) -> f64 {
    let (mut rg, mut yb) = (Moments::default(), Moments::default());
    let luma = &small.y;
    let width = small.u.width.max(1);
    let chroma = small
        .u
        .samples
        .chunks(width)
        .zip(small.v.samples.chunks(width));
    for (y, (blue, red)) in chroma.enumerate() {
        let above = (2 * y).min(luma.height.saturating_sub(1)) * luma.width;
        let row = luma.samples.get(above..).unwrap_or_default();
        let beside = row.iter().take(luma.width).step_by(2);
        for ((luma, blue), red) in beside.zip(blue).zip(red) {
            let [red, green, blue] = rgb(*luma, *blue, *red);
            rg.add(red - green);
            yb.add(f64::midpoint(red, green) - blue);
        }
    }
    let deviation = (rg.variance() + yb.variance()).sqrt();
    let mean = rg.mean().hypot(yb.mean());
    ((deviation + 0.3 * mean) / 109.0).min(1.0)
}

/// Of luma and the differences of blue and red, as JPEG has them (ITU-T T.871).
fn rgb(luma: u8, blue: u8, red: u8) -> [f64; 3] {
    let (luma, blue, red) = (
        f64::from(luma),
        f64::from(blue) - 128.0,
        f64::from(red) - 128.0,
    );
    [
        (luma + 1.402 * red).clamp(0.0, 255.0),
        (luma - 0.344_136 * blue - 0.714_136 * red).clamp(0.0, 255.0),
        (luma + 1.772 * blue).clamp(0.0, 255.0),
    ]
}

pub(super) fn flatness(plane: &Plane) -> f64 {
    let (mut flat, mut all) = (0_u32, 0_u32);
    for top in (0..(plane.height + 1).saturating_sub(SQUARE)).step_by(SQUARE) {
        for left in (0..(plane.width + 1).saturating_sub(SQUARE)).step_by(SQUARE) {
            let (mut sum, mut squares) = (0_u32, 0_u32);
            for y in top..top + SQUARE {
                for luma in &plane.samples[y * plane.width..][left..left + SQUARE] {
                    let luma = u32::from(*luma);
                    sum += luma;
                    squares += luma * luma;
                }
            }
            let count = (SQUARE * SQUARE) as f64;
            let mean = f64::from(sum) / count;
            let variance = f64::from(squares) / count - mean.powi(2);
            all += 1;
            flat += u32::from(variance.max(0.0).sqrt() < DETAIL);
        }
    }
    f64::from(flat) / f64::from(all.max(1))
}

/// `deviation` is that of luma, as a part of white.
pub(super) fn noise(plane: &Plane, deviation: f64) -> f64 {
    if plane.width < 3 || plane.height < 3 || deviation <= 0.0 {
        return 0.0;
    }
    let mut sum = 0_u32;
    let mut masked = vec![0_i32; plane.width - 2];
    for y in 0..plane.height - 2 {
        // The difference of two Laplacians: (1 -2 1), (-2 4 -2), (1 -2 1).
        masked.fill(0);
        for (below, weight) in [(0, 1), (1, -2), (2, 1)] {
            let row = &plane.samples[(y + below) * plane.width..][..plane.width];
            let beside = row.iter().zip(&row[1..]).zip(&row[2..]);
            for (masked, ((left, middle), right)) in masked.iter_mut().zip(beside) {
                let across = i32::from(*left) - 2 * i32::from(*middle) + i32::from(*right);
                *masked += weight * across;
            }
        }
        sum += masked
            .iter()
            .map(|masked| masked.unsigned_abs())
            .sum::<u32>();
    }
    let count = ((plane.width - 2) * (plane.height - 2)) as f64;
    let sigma = (std::f64::consts::PI / 2.0).sqrt() * f64::from(sum) / (6.0 * count);
    (sigma / (deviation * 255.0)).min(1.0)
}

/// Mean and variance of numbers that are added one by one.
#[derive(Default)]
struct Moments {
    count: f64,
    sum: f64,
    squares: f64,
}

impl Moments {
    fn add(&mut self, number: f64) {
        self.count += 1.0;
        self.sum += number;
        self.squares += number * number;
    }

    fn mean(&self) -> f64 {
        self.sum / self.count.max(1.0)
    }

    fn variance(&self) -> f64 {
        (self.squares / self.count.max(1.0) - self.mean().powi(2)).max(0.0)
    }
}
