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
    let (width, height) = (plane.width, plane.height);
    let rows = (0..height).map(|y| plane.samples[y * width..][..width].to_vec());
    let columns = (0..width).map(|x| {
        let column = plane.samples[x..].iter().step_by(width.max(1));
        column.copied().collect()
    });
    (1.0 - blur(rows).max(blur(columns))).clamp(0.0, 1.0)
}

/// How much of the differences between neighbours along `lines` is left after a blur of
/// [`TAPS`] along them.
fn blur(lines: impl Iterator<Item = Vec<u8>>) -> f64 {
    let (mut before, mut lost) = (0.0, 0.0);
    for line in lines {
        let blurred: Vec<f64> = line.windows(TAPS).map(mean).collect();
        let sharp = line.get(TAPS / 2..).unwrap_or_default();
        for (sharp, blurred) in sharp.windows(2).zip(blurred.windows(2)) {
            let difference = f64::from(sharp[0].abs_diff(sharp[1]));
            before += difference;
            lost += (difference - (blurred[0] - blurred[1]).abs()).max(0.0);
        }
    }
    if before <= 0.0 {
        return 1.0;
    }
    (before - lost) / before
}

fn mean(samples: &[u8]) -> f64 {
    f64::from(samples.iter().map(|sample| u32::from(*sample)).sum::<u32>()) / samples.len() as f64
}

/// Over half-size chroma, with the luma at the same place.
pub(super) fn colourfulness(small: &Small) -> f64 {
    let (mut rg, mut yb) = (Moments::default(), Moments::default());
    let luma = &small.y;
    for (at, (blue, red)) in small.u.samples.iter().zip(&small.v.samples).enumerate() {
        let (row, column) = (2 * (at / small.u.width), 2 * (at % small.u.width));
        let beside = row.min(luma.height.saturating_sub(1)) * luma.width
            + column.min(luma.width.saturating_sub(1));
        let Some(luma) = luma.samples.get(beside) else {
            continue;
        };
        let [red, green, blue] = rgb([*luma, *blue, *red].map(f64::from));
        rg.add(red - green);
        yb.add(f64::midpoint(red, green) - blue);
    }
    let deviation = (rg.variance() + yb.variance()).sqrt();
    let mean = rg.mean().hypot(yb.mean());
    ((deviation + 0.3 * mean) / 109.0).min(1.0)
}

/// Of luma and the differences of blue and red, as JPEG has them (ITU-T T.871).
fn rgb([luma, blue, red]: [f64; 3]) -> [f64; 3] {
    let (blue, red) = (blue - 128.0, red - 128.0);
    let colours = [
        luma + 1.402 * red,
        luma - 0.344_136 * blue - 0.714_136 * red,
        luma + 1.772 * blue,
    ];
    colours.map(|colour| colour.clamp(0.0, 255.0))
}

pub(super) fn flatness(plane: &Plane) -> f64 {
    let (mut flat, mut all) = (0_u32, 0_u32);
    for top in (0..(plane.height + 1).saturating_sub(SQUARE)).step_by(SQUARE) {
        for left in (0..(plane.width + 1).saturating_sub(SQUARE)).step_by(SQUARE) {
            let mut moments = Moments::default();
            for y in top..top + SQUARE {
                let row = &plane.samples[y * plane.width..][left..left + SQUARE];
                for luma in row {
                    moments.add(f64::from(*luma));
                }
            }
            all += 1;
            flat += u32::from(moments.variance().sqrt() < DETAIL);
        }
    }
    f64::from(flat) / f64::from(all.max(1))
}

/// `deviation` is that of luma, as a part of white.
pub(super) fn noise(plane: &Plane, deviation: f64) -> f64 {
    if plane.width < 3 || plane.height < 3 || deviation <= 0.0 {
        return 0.0;
    }
    let rows: Vec<&[u8]> = plane.samples.chunks_exact(plane.width).collect();
    let mut sum = 0.0;
    for rows in rows.windows(3) {
        for x in 1..plane.width - 1 {
            // The difference of two Laplacians: (1 -2 1), (-2 4 -2), (1 -2 1).
            let across =
                |row: &[u8]| i32::from(row[x - 1]) - 2 * i32::from(row[x]) + i32::from(row[x + 1]);
            let masked = across(rows[0]) - 2 * across(rows[1]) + across(rows[2]);
            sum += f64::from(masked.abs());
        }
    }
    let count = ((plane.width - 2) * (plane.height - 2)) as f64;
    let sigma = (std::f64::consts::PI / 2.0).sqrt() * sum / (6.0 * count);
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
