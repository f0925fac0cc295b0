use proptest::prelude::*;

use super::*;
use crate::libav::Planes;

/// A picture whose luma and chroma at a place (each from 0 to 1) are what `at` says.
fn picture(
    (width, height): (usize, usize),
    at: impl Fn(f64, f64) -> (f64, f64, f64),
) -> Planes<u8> {
    let (chroma_width, chroma_height) = (width.div_ceil(2), height.div_ceil(2));
    let plane = |(width, height): (usize, usize), part: fn((f64, f64, f64)) -> f64| {
        let places = (0..width * height).map(|nth| {
            let (x, y) = (nth % width, nth / width);
            at(
                (x as f64 + 0.5) / width as f64,
                (y as f64 + 0.5) / height as f64,
            )
        });
        places
            .map(|sample| part(sample).clamp(0.0, 255.0) as u8)
            .collect()
    };
    Planes {
        width,
        height,
        y: plane((width, height), |sample| sample.0),
        u: plane((chroma_width, chroma_height), |sample| sample.1),
        v: plane((chroma_width, chroma_height), |sample| sample.2),
        chroma_width,
        chroma_height,
    }
}

/// Something with shapes of several sizes, sharp edges and colours.
fn scene(phase: f64) -> impl Fn(f64, f64) -> (f64, f64, f64) {
    move |x, y| {
        let wave = (9.0 * x + phase).sin() * (7.0 * y - phase).cos();
        let edge = if ((23.0 * x + 11.0 * y + phase).sin()) > 0.2 {
            60.0
        } else {
            -20.0
        };
        let luma = 115.0 + 70.0 * wave + edge;
        (
            luma,
            128.0 + 60.0 * (5.0 * y + phase).sin(),
            128.0 + 60.0 * (4.0 * x).cos(),
        )
    }
}

const SIZE: (usize, usize) = (640, 360);

fn score(planes: &Planes<u8>) -> Score {
    Score::of(&Small::of(planes))
}

fn flaw(at: impl Fn(f64, f64) -> (f64, f64, f64)) -> Option<Flaw> {
    score(&picture(SIZE, at)).flaw()
}

/// A number from 0 to 255 that is as good as random, of a place.
fn random(x: f64, y: f64) -> f64 {
    let bits = ((x * 7919.0) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        ^ ((y * 6007.0) as u64).wrapping_mul(0xc2b2_ae3d_27d4_eb4f);
    ((bits ^ (bits >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 56) as f64
}

/// Lines of text on black.
fn credits(x: f64, y: f64) -> (f64, f64, f64) {
    let is_ink = (0.35..0.65).contains(&x) && (y * 18.0).fract() < 0.4 && random(x, y) > 120.0;
    (if is_ink { 235.0 } else { 16.0 }, 128.0, 128.0)
}

#[test]
fn each_flaw_is_told() {
    assert_eq!(flaw(scene(0.0)), None);
    assert_eq!(flaw(|_, _| (16.0, 128.0, 128.0)), Some(Flaw::Blank));
    assert_eq!(flaw(|_, _| (90.0, 200.0, 60.0)), Some(Flaw::Blank));
    let faded = |part: f64, to: f64| {
        let scene = scene(0.0);
        flaw(move |x, y| {
            let (luma, u, v) = scene(x, y);
            let mix = |sample: f64, to: f64| sample * part + to * (1.0 - part);
            (mix(luma, to), mix(u, 128.0), mix(v, 128.0))
        })
    };
    for to in [0.0, 255.0] {
        assert_eq!(faded(0.4, to), Some(Flaw::Faded), "to {to}");
        assert_eq!(faded(0.9, to), None, "to {to}");
    }
    assert_eq!(flaw(|x, y| (random(x, y), 128.0, 128.0)), Some(Flaw::Noise));
    assert!(matches!(flaw(credits), Some(Flaw::Dark | Flaw::Uniform)));
    let soft = |x: f64, y: f64| {
        (
            128.0 + 90.0 * (4.0 * x).sin() * (3.0 * y).cos(),
            110.0,
            140.0,
        )
    };
    assert_eq!(flaw(soft), Some(Flaw::Blurred));
}

#[test]
fn letterbox_bars_are_no_part_of_the_picture() {
    let whole = score(&picture((640, 276), scene(1.0)));
    let bars = picture((640, 360), |x, y| {
        let within = (y * 360.0 - 42.0) / 276.0;
        if (0.0..1.0).contains(&within) {
            scene(1.0)(x, within)
        } else {
            (0.0, 128.0, 128.0)
        }
    });
    let boxed = score(&bars);
    assert!(
        (whole.value - boxed.value).abs() < 0.05,
        "{whole:?} {boxed:?}"
    );
}

#[test]
fn duplicates_and_blends_are_told_from_others() {
    let signature =
        |at: &dyn Fn(f64, f64) -> (f64, f64, f64)| Signature::of(&Small::of(&picture(SIZE, at)));
    let (one, other) = (scene(0.0), scene(2.0));
    let (a, b) = (signature(&one), signature(&other));
    assert!(a.is_like(&a) && !a.is_like(&b));
    let dim = signature(&|x, y| {
        let (luma, u, v) = one(x, y);
        (luma * 0.6, u, v)
    });
    assert!(a.is_like(&dim), "{}", a.similarity(&dim));
    let blend = signature(&|x, y| {
        let (p, q) = (one(x, y), other(x, y));
        let half = f64::midpoint;
        (half(p.0, q.0), half(p.1, q.1), half(p.2, q.2))
    });
    assert!(is_blend(&blend, &a, &b));
    assert!(!is_blend(&a, &blend, &b) && !is_blend(&a, &b, &signature(&scene(4.0))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn measures_hold_whatever_the_size(phase in 0.0..6.0_f64, width in 160_usize..900) {
        let of = |width: usize| score(&picture((width, width * 9 / 16), scene(phase)));
        let (large, small) = (of(640), of(width));
        for (a, b) in [
            (large.brightness, small.brightness),
            (large.contrast, small.contrast),
            (large.colourfulness, small.colourfulness),
            (large.entropy, small.entropy),
        ] {
            prop_assert!((a - b).abs() < 0.1, "{large:?} {small:?}");
        }
        prop_assert_eq!(large.flaw(), small.flaw());
    }

    #[test]
    fn a_little_noise_changes_little(phase in 0.0..6.0_f64) {
        let clean = score(&picture(SIZE, scene(phase)));
        let noisy = score(&picture(SIZE, |x, y| {
            let (luma, u, v) = scene(phase)(x, y);
            (luma + (random(x, y) - 128.0) / 16.0, u, v)
        }));
        prop_assert_eq!(clean.flaw(), noisy.flaw());
        prop_assert!((clean.value - noisy.value).abs() < 0.1, "{clean:?} {noisy:?}");
    }

    #[test]
    fn every_measure_lies_between_0_and_1(
        samples in prop::collection::vec(any::<u8>(), 1..400),
        width in 1_usize..40,
    ) {
        let at = |x: f64, y: f64| {
            let nth = (x * 977.0 + y * 1009.0) as usize % samples.len();
            let sample = f64::from(samples[nth]);
            (sample, 255.0 - sample, sample / 2.0)
        };
        let score = score(&picture((width, samples.len().div_ceil(width)), at));
        let measures = [
            score.value, score.brightness, score.contrast, score.darkest, score.brightest,
            score.uniformity, score.sharpness, score.colourfulness, score.entropy,
            score.flatness, score.noise,
        ];
        for measure in measures {
            prop_assert!((0.0..=1.0).contains(&measure), "{score:?}");
        }
    }
}
