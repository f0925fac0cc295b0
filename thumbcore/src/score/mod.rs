//! How good a picture is as a thumbnail: pure functions on a small version of it.
//!
//! Each measure is one number of [`Score`], with its source. [`THRESHOLDS`] says from where to
//! where a measure turns from bad to good; [`Score::value`] puts all of them together.

mod measures;
mod signature;
mod small;

pub(crate) use self::{
    signature::{Signature, is_blend},
    small::{SMALL_WIDTH, Small},
};

/// What is measured of a picture, each from 0 to 1.
///
/// Measured on luma and chroma of the picture at 160 pixels' width, without letterbox bars.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(sandbox, derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Score {
    /// How good the picture is as a thumbnail: the mean of contrast, colourfulness, entropy and
    /// sharpness, each as a part of what good pictures have, less for each [`Flaw`].
    pub value: f64,
    /// Mean luma.
    pub brightness: f64,
    /// Standard deviation of luma (RMS contrast; Peli 1990, 'Contrast in complex images').
    pub contrast: f64,
    /// Luma under which 1 % of the pixels lie.
    pub darkest: f64,
    /// Luma over which 1 % of the pixels lie.
    pub brightest: f64,
    /// Share of the pixels in the fullest 5 % of 128 bins of luma (hecate; Song et al. 2016, 'To
    /// click or not to click').
    pub uniformity: f64,
    /// How much another blur would change the picture: 1 less the blur metric of Crete et al.
    /// 2007, 'The blur effect'. Does not depend on what the picture shows.
    pub sharpness: f64,
    /// Hasler and Süsstrunk 2003, 'Measuring colourfulness in natural images', as a part of 109,
    /// which they call extremely colourful.
    pub colourfulness: f64,
    /// Shannon entropy of 64 bins of luma, as a part of 6 bits.
    pub entropy: f64,
    /// Share of squares of 8 x 8 pixels without any detail: titles have much of it.
    pub flatness: f64,
    /// Standard deviation of noise (Immerkær 1996, 'Fast noise variance estimation'), as a part of
    /// that of luma: pictures that are nothing but noise come near 1.
    pub noise: f64,
}

/// What is wrong with a picture, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Flaw {
    /// Black, white or one flat colour.
    Blank,
    /// More than half faded to or from black or white, as far as one picture shows.
    Faded,
    /// Hardly anything can be made out.
    Dark,
    /// Almost everything is white.
    Bright,
    /// Nothing but noise.
    Noise,
    /// Few different tones: a title, credits.
    Uniform,
    /// Little but flat areas: a title.
    Flat,
    /// Out of focus, or moved.
    Blurred,
}

/// From where to where a measure turns from bad to good. Where `bad` is the larger one, less is
/// better.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ramp {
    bad: f64,
    good: f64,
}

impl Ramp {
    const fn new(bad: f64, good: f64) -> Self {
        Self { bad, good }
    }

    /// 0 for what is bad, 1 for what is good.
    fn of(self, measure: f64) -> f64 {
        ((measure - self.bad) / (self.good - self.bad)).clamp(0.0, 1.0)
    }
}

/// The numbers by which pictures are judged. A measure that is bad is a [`Flaw`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Thresholds {
    /// [`Score::contrast`] under which no shape can be made out.
    blank: f64,
    /// [`Score::brightest`] of a picture that is half faded to black, and its
    /// [`Score::brightness`]: pictures of a film mostly reach 0.9 and 0.4.
    black: (f64, f64),
    /// [`Score::darkest`] and [`Score::brightness`] of a picture that is half faded to white:
    /// pictures of a film mostly have 0.05 and 0.4.
    white: (f64, f64),
    /// [`Score::brightness`] of dark pictures; hecate has 0.075.
    dark: Ramp,
    /// [`Score::brightness`] of bright pictures.
    bright: Ramp,
    /// [`Score::uniformity`]; hecate has 0.80.
    uniform: Ramp,
    /// [`Score::flatness`].
    flat: Ramp,
    /// [`Score::sharpness`].
    blurred: Ramp,
    /// [`Score::noise`].
    noise: Ramp,
    /// What good pictures have of contrast, colourfulness, entropy and sharpness.
    usual: [f64; 4],
}

/// Between what good pictures of films have and what bad ones have: see the fields. `dark` and
/// `uniform` begin at hecate's limits.
pub(crate) const THRESHOLDS: Thresholds = Thresholds {
    blank: 3.0 / 255.0,
    black: (0.5, 0.25),
    white: (0.5, 0.7),
    dark: Ramp::new(0.075, 0.15),
    bright: Ramp::new(0.95, 0.85),
    uniform: Ramp::new(0.80, 0.55),
    flat: Ramp::new(0.85, 0.6),
    blurred: Ramp::new(0.3, 0.45),
    noise: Ramp::new(0.6, 0.3),
    usual: [0.25, 0.5, 0.95, 0.75],
};

/// What is left of a picture's value by a flaw, so that flawed pictures still rank.
const LEFT: f64 = 0.05;

impl Score {
    /// Of a picture that was not measured.
    pub(crate) const UNJUDGED: Self = Self {
        value: 0.0,
        brightness: 0.0,
        contrast: 0.0,
        darkest: 0.0,
        brightest: 0.0,
        uniformity: 0.0,
        sharpness: 0.0,
        colourfulness: 0.0,
        entropy: 0.0,
        flatness: 0.0,
        noise: 0.0,
    };

    /// Measures a picture.
    pub(crate) fn of(small: &Small) -> Self {
        let luma = measures::Luma::of(&small.y);
        let mut score = Self {
            value: 0.0,
            brightness: luma.mean,
            contrast: luma.deviation,
            darkest: luma.percentile(0.01),
            brightest: luma.percentile(0.99),
            uniformity: luma.uniformity(),
            sharpness: measures::sharpness(&small.y),
            colourfulness: measures::colourfulness(small),
            entropy: luma.entropy(),
            flatness: measures::flatness(&small.y),
            noise: measures::noise(&small.y, luma.deviation),
        };
        score.value = score.merit() * score.soundness();
        score
    }

    /// The worst that is wrong with the picture.
    #[must_use]
    pub fn flaw(&self) -> Option<Flaw> {
        let limits = &THRESHOLDS;
        let is_bad = |ramp: Ramp, measure: f64| ramp.of(measure) <= 0.0;
        let flaws = [
            (self.contrast < limits.blank, Flaw::Blank),
            (self.is_faded(), Flaw::Faded),
            (is_bad(limits.dark, self.brightness), Flaw::Dark),
            (is_bad(limits.bright, self.brightness), Flaw::Bright),
            (is_bad(limits.noise, self.noise), Flaw::Noise),
            (is_bad(limits.uniform, self.uniformity), Flaw::Uniform),
            (is_bad(limits.flat, self.flatness), Flaw::Flat),
            (is_bad(limits.blurred, self.sharpness), Flaw::Blurred),
        ];
        flaws
            .into_iter()
            .find_map(|(is_it, flaw)| is_it.then_some(flaw))
    }

    /// Whether every measure is a number from 0 to 1.
    #[cfg(sandbox)]
    pub(crate) fn is_sound(&self) -> bool {
        let measures = [
            self.value,
            self.brightness,
            self.contrast,
            self.darkest,
            self.brightest,
            self.uniformity,
            self.sharpness,
            self.colourfulness,
            self.entropy,
            self.flatness,
            self.noise,
        ];
        measures.iter().all(|measure| (0.0..=1.0).contains(measure))
    }

    /// Whether the picture shows anything: it is neither blank nor faded.
    pub(crate) fn is_fit(&self) -> bool {
        !matches!(self.flaw(), Some(Flaw::Blank | Flaw::Faded))
    }

    fn is_faded(&self) -> bool {
        let ((brightest, dark), (darkest, bright)) = (THRESHOLDS.black, THRESHOLDS.white);
        (self.brightest < brightest && self.brightness < dark)
            || (self.darkest > darkest && self.brightness > bright)
    }

    /// What speaks for the picture.
    fn merit(&self) -> f64 {
        let measures = [
            self.contrast,
            self.colourfulness,
            self.entropy,
            self.sharpness,
        ];
        let parts = measures.iter().zip(THRESHOLDS.usual);
        parts
            .map(|(measure, usual)| (measure / usual).min(1.0))
            .sum::<f64>()
            / 4.0
    }

    /// What speaks against the picture, 1 for nothing.
    fn soundness(&self) -> f64 {
        let limits = &THRESHOLDS;
        let parts = [
            limits.dark.of(self.brightness),
            limits.bright.of(self.brightness),
            limits.noise.of(self.noise),
            limits.uniform.of(self.uniformity),
            limits.flat.of(self.flatness),
            limits.blurred.of(self.sharpness),
            if self.is_faded() { 0.0 } else { 1.0 },
            if self.contrast < limits.blank {
                0.0
            } else {
                1.0
            },
        ];
        parts
            .iter()
            .map(|part| LEFT + (1.0 - LEFT) * part)
            .product()
    }
}

#[cfg(test)]
mod tests;
