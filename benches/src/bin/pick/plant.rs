//! Faults that are planted in films, and how ffmpeg makes them.

use std::fmt::Write as _;

use crate::{
    film::{Fault, Truth},
    random::Random,
};

/// What becomes of a clip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plant {
    Flat,
    FadeIn,
    FadeOut,
    Dark,
    Title,
    Credits,
    Blur,
    Noise,
    /// Into another clip.
    CrossFade,
    /// A picture that stands still, which is no fault.
    Freeze,
}

/// How ffmpeg plants a fault, and the truth of each part, by the share of the stretch at which the
/// part ends.
pub(crate) struct Recipe {
    pub(crate) filters: String,
    pub(crate) parts: Vec<(f64, Truth)>,
}

/// Colours that flat pictures, titles and fades have.
const FLAT: [&str; 5] = ["black", "black", "white", "navy", "0x503020"];
const FADES: [&str; 3] = ["black", "black", "white"];
const TITLES: [&str; 4] = ["CHAPTER ONE", "The End", "Ten years later", "PART II"];
const NAMES: &str = "Anna Berta Carl Dora Emil";

const FADED: Truth = Truth::Bad(Fault::Faded);

impl Plant {
    pub(crate) const ALL: [Self; 10] = [
        Self::Flat,
        Self::FadeIn,
        Self::FadeOut,
        Self::Dark,
        Self::Title,
        Self::Credits,
        Self::Blur,
        Self::Noise,
        Self::CrossFade,
        Self::Freeze,
    ];

    /// The recipe for a stretch of `seconds`.
    pub(crate) fn recipe(self, seconds: f64, random: &mut Random) -> Recipe {
        let fade = |direction: &str, random: &mut Random| {
            let colour = random.one_of(&FADES);
            format!("fade=t={direction}:d={seconds:.1}:color={colour}")
        };
        let filters = match self {
            Self::Flat => {
                let colour: &&str = random.one_of(&FLAT);
                fill(colour)
            }
            Self::FadeIn => fade("in", random),
            Self::FadeOut => fade("out", random),
            Self::Dark => {
                "lutyuv=y='16+(val-16)*0.09':u='128+(val-128)*0.2':v='128+(val-128)*0.2'".to_owned()
            }
            Self::Title => title(random),
            Self::Credits => credits(random),
            Self::Blur => format!("gblur=sigma={:.1}", random.between(7.0, 14.0)),
            Self::Noise => format!("{},noise=alls=100:allf=t", fill("gray")),
            Self::CrossFade => "null".to_owned(),
            Self::Freeze => "trim=end_frame=1,loop=loop=-1:size=1,setpts=N".to_owned(),
        };
        Recipe {
            filters,
            parts: self.parts(),
        }
    }

    fn parts(self) -> Vec<(f64, Truth)> {
        let all = |fault| vec![(1.0, Truth::Bad(fault))];
        let (good, between) = (Truth::Good, Truth::Between);
        match self {
            Self::Flat => all(Fault::Blank),
            Self::FadeIn => vec![(0.5, FADED), (0.8, between), (1.0, good)],
            Self::FadeOut => vec![(0.2, good), (0.5, between), (1.0, FADED)],
            Self::Dark => all(Fault::Dark),
            Self::Title => all(Fault::Title),
            Self::Credits => all(Fault::Credits),
            Self::Blur => all(Fault::Blurred),
            Self::Noise => all(Fault::Noise),
            Self::CrossFade => {
                let blend = Truth::Bad(Fault::Blend);
                vec![(0.25, between), (0.75, blend), (1.0, between)]
            }
            Self::Freeze => vec![(1.0, good)],
        }
    }
}

fn fill(colour: &str) -> String {
    format!("drawbox=c={colour}:t=fill")
}

fn title(random: &mut Random) -> String {
    let (text, colour) = (*random.one_of(&TITLES), *random.one_of(&FLAT));
    let ink = if colour == "white" { "black" } else { "white" };
    let place = "x=(w-tw)/2:y=(h-th)/2";
    format!(
        "{},drawtext=text='{text}':fontsize=26:fontcolor={ink}:{place}",
        fill(colour)
    )
}

/// Lines that move up.
fn credits(random: &mut Random) -> String {
    let mut filters = fill("black");
    for nth in 0..12 {
        let length = random.between(5.0, NAMES.len() as f64) as usize;
        let (name, top) = (&NAMES[..length], 20 + 24 * nth);
        // Writing to a string cannot fail.
        let _ = write!(
            filters,
            ",drawtext=text='{name}':fontsize=13:fontcolor=white:x=(w-tw)/2:y={top}-18*t"
        );
    }
    filters
}
