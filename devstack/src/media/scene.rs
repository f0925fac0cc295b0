//! What a clip shows.

/// A picture that moves, drawn by ffmpeg.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scene {
    /// Colours, shapes and a clock that run across the picture: what tests tell frames apart by.
    #[default]
    Pattern,
    /// A flight into the Mandelbrot set.
    Fractal,
    /// Conway's game of life.
    Life,
    /// Colours turning around a point that wanders.
    Spiral,
    /// Water and sand, from above.
    Shore,
}

impl Scene {
    /// The part of a file's name; nothing for the default.
    pub(super) fn suffix(self) -> &'static str {
        match self {
            Self::Pattern => "",
            Self::Fractal => "-fractal",
            Self::Life => "-life",
            Self::Spiral => "-spiral",
            Self::Shore => "-shore",
        }
    }

    /// A source for ffmpeg's `lavfi`, with the filters that belong to it.
    pub(super) fn source(self, width: u32, height: u32, fps: u32) -> String {
        let size = format!("size={width}x{height}:rate={fps}");
        match self {
            Self::Pattern => {
                // Shares of the picture's size per second, without a common period shorter than 100
                // s.
                let (right, down) = (0.37 / f64::from(fps), 0.29 / f64::from(fps));
                format!("testsrc2={size},scroll=h={right}:v={down}")
            }
            Self::Fractal => {
                // Ten seconds to the end of the flight, which costs more the deeper it goes.
                let frames = 10 * fps;
                format!(
                    "mandelbrot={size}:end_scale=0.003:end_pts={frames}:maxiter=300:inner=mincol,hue=h=-110:s=0.75"
                )
            }
            Self::Life => format!(
                "life=size={}x{}:rate={fps}:mold=40:ratio=0.35:seed=5:life_color=#ffe08a:death_color=#1d6fb8:\
                 mold_color=#0b1a33,scale={width}:{height}:flags=neighbor",
                width / 4,
                height / 4
            ),
            Self::Spiral => format!(
                "gradients={size}:type=spiral:speed=0.02:seed=7:nb_colors=5:c0=#2b1055:c1=#7597de:c2=#ff9a8b:\
                 c3=#ffe29a:c4=#2b1055"
            ),
            Self::Shore => format!(
                "gradients={size}:type=linear:speed=0.01:seed=7:nb_colors=4:c0=#0b3d91:c1=#1fa2c4:c2=#f2e2b6:\
                 c3=#e0a458"
            ),
        }
    }
}
