//! From a video's `YCbCr` to a JPEG's.
//!
//! Both are linear in gamma-encoded RGB, so one affine map takes one to the other; on the scaled
//! 4:2:0 planes it costs a fraction of a pass through RGB.

use crate::libav::{ColourInfo, Planes};

/// Fixed-point bits of the coefficients.
const COEFFICIENT: u32 = 14;

/// Fixed-point bits of a product, and of sums of them.
const PRODUCT: u32 = 5;

/// A half, in sums.
const HALF: i16 = 1 << (PRODUCT - 1);

/// Converts `planes` in place from `from` to full-range BT.601.
///
/// All in 16 bits, which compilers make vector instructions of on every x86-64 and ARM64.
pub(super) fn to_jfif(planes: &mut Planes<u8>, from: ColourInfo) {
    if from.kr == ColourInfo::JFIF.kr && from.kb == ColourInfo::JFIF.kb && from.full_range {
        return;
    }
    let [luma, blue, red] = affine(from);
    let fixed = |value: f32| (value * (1 << COEFFICIENT) as f32).round() as i16;
    let (yy, yu, yv) = (fixed(luma[0]), fixed(luma[1]), fixed(luma[2]));
    let (uu, uv) = (fixed(blue[1]), fixed(blue[2]));
    let (vu, vv) = (fixed(red[1]), fixed(red[2]));
    let offset = if from.full_range { 0 } else { 16 };

    // What chroma adds to luma, of one row, and the same spread to luma's width: one loop each, so
    // that many samples are computed at once.
    let mut added = vec![0; planes.chroma_width];
    let mut shift = vec![0; 2 * planes.chroma_width];
    for (row, line) in planes.y.chunks_exact_mut(planes.width.max(1)).enumerate() {
        if row % 2 == 0 {
            let chroma = (row / 2) * planes.chroma_width..(row / 2 + 1) * planes.chroma_width;
            let chroma = planes.u[chroma.clone()].iter().zip(&planes.v[chroma]);
            for (added, (u, v)) in added.iter_mut().zip(chroma) {
                *added = times(centred(*u), yu) + times(centred(*v), yv) + HALF;
            }
            for (pair, added) in shift.chunks_exact_mut(2).zip(&added) {
                pair.fill(*added);
            }
        }
        for (y, shift) in line.iter_mut().zip(&shift) {
            *y = clamp((times(i16::from(*y) - offset, yy) + shift) >> PRODUCT);
        }
    }
    for (u, v) in planes.u.iter_mut().zip(planes.v.iter_mut()) {
        let (cb, cr) = (centred(*u), centred(*v));
        *u = clamp(128 + ((times(cb, uu) + times(cr, uv) + HALF) >> PRODUCT));
        *v = clamp(128 + ((times(cb, vu) + times(cr, vv) + HALF) >> PRODUCT));
    }
}

fn centred(chroma: u8) -> i16 {
    i16::from(chroma) - 128
}

/// A code (-128 to 255) times a coefficient, with [`PRODUCT`] fixed-point bits.
fn times(code: i16, coefficient: i16) -> i16 {
    /// Together with the coefficient's, these leave the product's bits in the upper half.
    const CODE: u32 = 16 + PRODUCT - COEFFICIENT;
    ((i32::from(code << CODE) * i32::from(coefficient)) >> 16) as i16
}

fn clamp(value: i16) -> u8 {
    value.clamp(0, 255) as u8
}

/// Rows give JPEG's Y, Cb and Cr from a source's Y, Cb and Cr (offsets removed).
fn affine(from: ColourInfo) -> [[f32; 3]; 3] {
    let (luma_scale, chroma_scale) = if from.full_range {
        (1.0, 1.0)
    } else {
        (255.0 / 219.0, 255.0 / 224.0)
    };
    let to_rgb = |ycc: [f32; 3]| ycc_to_rgb(ycc, from.kr, from.kb);
    let columns = [
        to_rgb([luma_scale, 0.0, 0.0]),
        to_rgb([0.0, chroma_scale, 0.0]),
        to_rgb([0.0, 0.0, chroma_scale]),
    ]
    .map(rgb_to_jfif);
    std::array::from_fn(|row| std::array::from_fn(|column| columns[column][row]))
}

/// `YCbCr` (chroma around 0) to RGB with the luma weights `kr` and `kb`.
/// Source: ITU-T H.273, section 8.3.
pub(super) fn ycc_to_rgb([y, cb, cr]: [f32; 3], kr: f32, kb: f32) -> [f32; 3] {
    let kg = 1.0 - kr - kb;
    let red = y + 2.0 * (1.0 - kr) * cr;
    let blue = y + 2.0 * (1.0 - kb) * cb;
    let green = (y - kr * red - kb * blue) / kg;
    [red, green, blue]
}

/// RGB to full-range BT.601 `YCbCr` (chroma around 0).
pub(super) fn rgb_to_jfif([red, green, blue]: [f32; 3]) -> [f32; 3] {
    let ColourInfo { kr, kb, .. } = ColourInfo::JFIF;
    let y = kr * red + (1.0 - kr - kb) * green + kb * blue;
    [
        y,
        (blue - y) / (2.0 * (1.0 - kb)),
        (red - y) / (2.0 * (1.0 - kr)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::libav::Transfer;

    fn convert(ycc: [u8; 3], from: ColourInfo) -> [u8; 3] {
        let mut planes = Planes {
            width: 1,
            height: 1,
            y: vec![ycc[0]],
            u: vec![ycc[1]],
            v: vec![ycc[2]],
            chroma_width: 1,
            chroma_height: 1,
        };
        to_jfif(&mut planes, from);
        [planes.y[0], planes.u[0], planes.v[0]]
    }

    fn colour(kr: f32, kb: f32, full_range: bool) -> ColourInfo {
        ColourInfo {
            kr,
            kb,
            full_range,
            transfer: Transfer::Sdr,
            wide_gamut: false,
        }
    }

    /// Every matrix of H.273 that video uses, over the codes' whole range.
    #[test]
    fn as_close_as_eight_bits_allow() {
        for (kr, kb) in [
            (0.299, 0.114),
            (0.2126, 0.0722),
            (0.2627, 0.0593),
            (0.212, 0.087),
        ] {
            for full_range in [false, true] {
                let from = colour(kr, kb, full_range);
                let map = affine(from);
                let offset = if full_range { 0.0 } else { 16.0 };
                for y in 0..=255 {
                    for (u, v) in (0..=255_u8)
                        .step_by(17)
                        .flat_map(|u| (0..=255_u8).step_by(15).map(move |v| (u, v)))
                    {
                        let ycc = [
                            f32::from(y) - offset,
                            f32::from(u) - 128.0,
                            f32::from(v) - 128.0,
                        ];
                        let got = convert([y, u, v], from);
                        for ((row, got), zero) in map.iter().zip(got).zip([0.0, 128.0, 128.0]) {
                            let sum: f32 = row.iter().zip(ycc).map(|(a, b)| a * b).sum();
                            let off = f32::from(got) - (sum + zero).clamp(0.0, 255.0);
                            assert!(off.abs() < 0.6, "{kr} {full_range} {y} {u} {v}: {off}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn known_colours_of_hd_video() {
        let bt709 = colour(0.2126, 0.0722, false);
        // Limited BT.709 codes of 100 % bars (ITU-R BT.709), and the same colours in JFIF.
        let cases = [
            ([235, 128, 128], [255, 128, 128]),
            ([16, 128, 128], [0, 128, 128]),
            ([63, 102, 240], [76, 85, 255]),
            ([173, 42, 26], [150, 44, 21]),
            ([32, 240, 118], [29, 255, 107]),
        ];
        for (video, jpeg) in cases {
            let got = convert(video, bt709);
            for (got, want) in got.into_iter().zip(jpeg) {
                assert!(
                    i32::from(got).abs_diff(want) <= 2,
                    "{video:?}: {got:?} is not {jpeg:?}"
                );
            }
        }
    }
}
