//! High dynamic range to what an ordinary screen shows.
//!
//! Signal to linear light by the transfer functions of ITU-R BT.2100, BT.2020 primaries to BT.709,
//! highlights compressed by Reinhard's extended operator (Reinhard et al., "Photographic Tone
//! Reproduction for Digital Images", 2002, equation 4) on the brightest channel, so that hues
//! stay; then the BT.709-like gamma of sRGB.

use super::colour::{rgb_to_jfif, ycc_to_rgb};
use crate::libav::{ColourInfo, Planes, Transfer};

/// Luminance that SDR white stands for: 203 cd/m² (ITU-R BT.2408).
const REFERENCE_WHITE: f32 = 203.0;
/// Brightest highlight that keeps detail, in units of reference white: 1000 cd/m², what most HDR
/// video is mastered for.
const PEAK: f32 = 1000.0 / REFERENCE_WHITE;
/// BT.2020 to BT.709 primaries, linear light. Source: ITU-R BT.2087.
const BT2020_TO_BT709: [[f32; 3]; 3] = [
    [1.6605, -0.5876, -0.0728],
    [-0.1246, 1.1329, -0.0083],
    [-0.0182, -0.1006, 1.1187],
];

/// Converts 16-bit HDR planes to full-range BT.601 4:2:0.
pub(super) fn to_sdr(planes: &Planes<u16>, colour: ColourInfo) -> Planes<u8> {
    let to_linear = linear_table(colour.transfer);
    let (width, height) = (planes.width, planes.height);
    let (chroma_width, chroma_height) = (width.div_ceil(2), height.div_ceil(2));
    let mut y_plane = Vec::with_capacity(width * height);
    // Sums of Cb, Cr and their count for each 2x2 block.
    let mut sums = vec![[0.0f32; 3]; chroma_width * chroma_height];
    let samples = planes.y.iter().zip(&planes.u).zip(&planes.v);
    for (i, ((y, u), v)) in samples.enumerate() {
        let ycc = normalise([*y, *u, *v], colour.full_range);
        let signal = ycc_to_rgb(ycc, colour.kr, colour.kb);
        let mut light = signal.map(|value| to_linear[(value.clamp(0.0, 1.0) * 4095.0) as usize]);
        if colour.wide_gamut {
            light = BT2020_TO_BT709
                .map(|row| row[0] * light[0] + row[1] * light[1] + row[2] * light[2]);
        }
        let [y, cb, cr] = rgb_to_jfif(compress(light).map(srgb));
        y_plane.push((y * 255.0).round().clamp(0.0, 255.0) as u8);
        let block = &mut sums[(i / width / 2) * chroma_width + (i % width) / 2];
        *block = [block[0] + cb, block[1] + cr, block[2] + 1.0];
    }
    let chroma = |channel: usize| {
        sums.iter()
            .map(|sum| {
                (sum[channel] / sum[2] * 255.0 + 128.0)
                    .round()
                    .clamp(0.0, 255.0) as u8
            })
            .collect()
    };
    Planes {
        width,
        height,
        y: y_plane,
        u: chroma(0),
        v: chroma(1),
        chroma_width,
        chroma_height,
    }
}

/// 16-bit codes to luma in 0 to 1 and chroma around 0.
fn normalise([y, u, v]: [u16; 3], full_range: bool) -> [f32; 3] {
    let [y, u, v] = [y, u, v].map(|code| f32::from(code) / 256.0);
    if full_range {
        [y / 255.0, (u - 128.0) / 255.0, (v - 128.0) / 255.0]
    } else {
        [(y - 16.0) / 219.0, (u - 128.0) / 224.0, (v - 128.0) / 224.0]
    }
}

/// Signal (0 to 1 in 4096 steps) to light in units of reference white.
fn linear_table(transfer: Transfer) -> Vec<f32> {
    let curve = match transfer {
        Transfer::Pq => pq,
        Transfer::Hlg => hlg,
        Transfer::Sdr => |signal: f32| signal.powf(2.2),
    };
    (0..4096).map(|step| curve(step as f32 / 4095.0)).collect()
}

/// SMPTE ST 2084 (ITU-R BT.2100, table 4).
fn pq(signal: f32) -> f32 {
    const M1: f32 = 0.159_301_76;
    const M2: f32 = 78.843_75;
    const C1: f32 = 0.835_937_5;
    const C2: f32 = 18.851_563;
    const C3: f32 = 18.6875;
    let root = signal.powf(1.0 / M2);
    let light = ((root - C1).max(0.0) / (C2 - C3 * root)).powf(1.0 / M1);
    light * 10_000.0 / REFERENCE_WHITE
}

/// Hybrid log-gamma (ITU-R BT.2100, table 5) on a 1000 cd/m² display, system gamma 1.2 applied a
/// channel.
fn hlg(signal: f32) -> f32 {
    const A: f32 = 0.178_832_77;
    const B: f32 = 0.284_668_92;
    const C: f32 = 0.559_910_7;
    let scene = if signal <= 0.5 {
        signal * signal / 3.0
    } else {
        (((signal - C) / A).exp() + B) / 12.0
    };
    scene.powf(1.2) * PEAK
}

/// Reinhard's extended operator on the brightest channel.
fn compress(light: [f32; 3]) -> [f32; 3] {
    let peak = light[0].max(light[1]).max(light[2]);
    if peak <= 0.0 {
        return [0.0; 3];
    }
    let mapped = peak * (1.0 + peak / (PEAK * PEAK)) / (1.0 + peak);
    light.map(|value| (value.max(0.0) * mapped / peak).min(1.0))
}

fn srgb(light: f32) -> f32 {
    if light <= 0.003_130_8 {
        12.92 * light
    } else {
        1.055 * light.powf(1.0 / 2.4) - 0.055
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grey(signal: f32, transfer: Transfer) -> [u8; 3] {
        let code = ((signal * 219.0 + 16.0) * 256.0) as u16;
        let planes = Planes {
            width: 1,
            height: 1,
            y: vec![code],
            u: vec![128 << 8],
            v: vec![128 << 8],
            chroma_width: 1,
            chroma_height: 1,
        };
        let colour = ColourInfo {
            kr: 0.2627,
            kb: 0.0593,
            full_range: false,
            transfer,
            wide_gamut: true,
        };
        let out = to_sdr(&planes, colour);
        [out.y[0], out.u[0], out.v[0]]
    }

    #[test]
    fn the_curves_meet_the_standards_reference_levels() {
        // BT.2408: reference white is 58 % PQ and 75 % HLG.
        assert!((pq(0.58) - 1.0).abs() < 0.03, "{}", pq(0.58));
        assert!((hlg(0.75) - 1.0).abs() < 0.05, "{}", hlg(0.75));
        assert!((pq(1.0) * REFERENCE_WHITE - 10_000.0).abs() < 5.0);
        assert!((hlg(1.0) - PEAK).abs() < 0.01);
    }

    #[test]
    fn greys_stay_grey_and_in_order() {
        for transfer in [Transfer::Pq, Transfer::Hlg] {
            let mut before = 0;
            for step in 0..=20 {
                let [y, u, v] = grey(step as f32 / 20.0, transfer);
                assert!(y >= before, "{transfer:?} {step}: {y} after {before}");
                assert!(u.abs_diff(128) <= 1 && v.abs_diff(128) <= 1, "{u} {v}");
                before = y;
            }
            assert_eq!(grey(0.0, transfer)[0], 0);
        }
        assert!(grey(0.58, Transfer::Pq)[0] > 180);
    }
}
