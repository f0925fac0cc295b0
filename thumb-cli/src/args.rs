//! The command line.

use std::{
    collections::HashSet, ffi::OsString, iter, num::NonZeroUsize, path::PathBuf, str::FromStr,
    thread,
};

use clap::{
    Args, Parser, Subcommand,
    builder::{PossibleValue, PossibleValuesParser, TypedValueParser, ValueParser},
};
use thumbcore::{Error, Extractor, ExtractorBuilder, ImageFormat, Pick, Position};

use crate::{
    names::{Naming, Template},
    preview::PreviewArgs,
    sandbox::Choice,
    storyboard::StoryboardArgs,
};

const EXAMPLES: &str = "\
Examples:
  thumb extract clip.mp4                      clip_1.jpg, clip_2.jpg, clip_3.jpg
  thumb extract videos/ --out thumbs          every video in the folder and below
  thumb extract s3://bucket/a.mkv --at 5,50%  at 5 seconds and in the middle
  thumb extract https://example.com/a.webm --format webp --max-width 320 --json
  thumb extract clip.mp4 --widths 640,320     clip_1.jpg, clip_1_320.jpg, clip_2.jpg, ...
  thumb extract clip.mp4 --at best            the most telling frame of the film
  thumb extract videos/ --skip-existing --name '{n} {stem}'
                                              only what has no pictures yet; 1 clip.jpg, ...
  thumb storyboard film.mp4 --out boards --for vtt,hls    sheets for a scrub bar
  thumb preview film.mp4                      film_preview.webp, an animation
  thumb probe clip.mp4 --json                 facts, and what they cost to read

S3 takes credentials, region and AWS_ENDPOINT_URL as the AWS tools do.

Exit status: 0 if every input gave every picture, 1 if not, 2 for a wrong command line,
128 + n if signal n stopped the run.";

/// Video thumbnails without downloading the video.
#[derive(Debug, Parser)]
#[command(name = "thumb", version, after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// No progress bar and no summaries; errors are still shown
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,

    /// Log to stderr; twice for more detail. `RUST_LOG` overrides
    #[arg(short, long, global = true, action = clap::ArgAction::Count, conflicts_with = "quiet")]
    pub(crate) verbose: u8,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write thumbnails as `<stem>_<n>.<format>`, and `<stem>_<n>_<width>.<format>` in further
    /// widths
    #[command(after_help = EXAMPLES)]
    Extract(ExtractArgs),
    /// Write sheets of small pictures for a scrub bar into `<stem>.storyboard/`
    #[command(after_help = EXAMPLES)]
    Storyboard(StoryboardArgs),
    /// Write a short animation of frames from all over the video as `<stem>_preview.webp`
    #[command(after_help = EXAMPLES)]
    Preview(PreviewArgs),
    /// Show container, codec, size and duration, and what reading them cost
    #[command(after_help = EXAMPLES)]
    Probe(ProbeArgs),
}

impl Command {
    pub(crate) fn inputs(&self) -> &InputArgs {
        match self {
            Self::Extract(args) => &args.inputs,
            Self::Storyboard(args) => &args.inputs,
            Self::Preview(args) => &args.inputs,
            Self::Probe(args) => &args.inputs,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct ExtractArgs {
    #[command(flatten)]
    pub(crate) inputs: InputArgs,

    /// Where to take pictures: percentages of the duration, seconds, best for the most telling
    /// frame of the film, or best:N for so many of them in the order of time
    #[arg(
        long,
        value_name = "POSITIONS",
        value_delimiter = ',',
        default_value = "10%,50%,95%"
    )]
    at: Vec<At>,

    /// Which keyframe near a position is taken: the nearest that shows something, or the best
    #[arg(long, default_value_t = Pick::Nearest, value_parser = pick_parser(), conflicts_with = "exact")]
    pick: Pick,

    /// Folder for the pictures; created if missing
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) out: PathBuf,

    /// How pictures are called, without width and extension: {stem} is the video's name without
    /// its extension, {n} the picture's number
    #[arg(long, value_name = "TEMPLATE", default_value = "{stem}_{n}")]
    name: Template,

    /// Leave out videos whose pictures are all there
    #[arg(long)]
    pub(crate) skip_existing: bool,

    /// Widest picture in pixels; a narrower video is not enlarged
    #[arg(long, value_name = "PIXELS", default_value_t = 640, value_parser = clap::value_parser!(u32).range(1..))]
    max_width: u32,

    /// Widths in pixels, of which each picture is made in all: the first as `<stem>_<n>`, further
    /// ones, of at least 100, as `<stem>_<n>_<width>`; a narrower video is not enlarged
    #[arg(long, value_name = "PIXELS,...", value_delimiter = ',', conflicts_with = "max_width", value_parser = clap::value_parser!(u32).range(1..))]
    widths: Vec<u32>,

    /// Format of the pictures
    #[arg(long, default_value = "jpg", value_parser = format_parser())]
    format: ImageFormat,

    /// Quality, 1 to 100
    #[arg(long, value_name = "N", default_value_t = 85, value_parser = clap::value_parser!(u8).range(1..=100))]
    quality: u8,

    /// Decode to the exact time instead of taking the nearest keyframe
    #[arg(long)]
    exact: bool,

    /// Of a file without a film, such as music, take the picture that is attached to it
    #[arg(long)]
    attached_picture: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ProbeArgs {
    #[command(flatten)]
    pub(crate) inputs: InputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct InputArgs {
    #[arg(
        value_name = "INPUT",
        required = true,
        help = "A file, a folder (with the folders below it), an http(s) URL or s3://bucket/key"
    )]
    pub(crate) inputs: Vec<OsString>,

    /// One line of JSON an input on stdout, in the order of the inputs
    #[arg(long)]
    pub(crate) json: bool,

    /// Show every range that was read, and why
    #[arg(long)]
    pub(crate) trace: bool,

    /// Where videos are decoded: in processes that can reach nothing (on), in this one (off), or
    /// in such processes where the machine allows them (auto)
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Choice::Auto)]
    pub(crate) sandbox: Choice,

    /// Inputs read at the same time [default: number of CPUs]
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
}

impl InputArgs {
    pub(crate) fn jobs(&self) -> usize {
        self.jobs
            .or_else(|| thread::available_parallelism().ok())
            .map_or(1, NonZeroUsize::get)
    }
}

impl ExtractArgs {
    pub(crate) fn extractor(&self) -> Result<ExtractorBuilder, String> {
        Ok(Extractor::builder()
            .positions(self.positions())
            .pick(self.pick)
            .widths(self.widths()?)
            .format(self.format)
            .quality(self.quality)
            .exact(self.exact)
            .attached_picture(self.attached_picture))
    }

    /// How the pictures are called.
    pub(crate) fn naming(&self) -> Result<Naming, String> {
        Ok(Naming {
            template: self.name.clone(),
            pictures: self.positions().len(),
            widths: self.widths()?,
            format: self.format,
        })
    }

    fn positions(&self) -> Vec<Position> {
        let all = self.at.iter();
        all.flat_map(|at| iter::repeat_n(at.position, at.count))
            .collect()
    }

    /// The widths of the pictures, the first one first.
    ///
    /// Numbers of at most two digits and further widths of at least three tell the second width of
    /// `clip.mp4`, `clip_1_320.jpg`, from a picture of `clip_1.mp4`.
    fn widths(&self) -> Result<Vec<u32>, String> {
        let Some((_, further)) = self.widths.split_first() else {
            return Ok(vec![self.max_width]);
        };
        if let Some(narrow) = further.iter().find(|width| **width < MIN_FURTHER_WIDTH) {
            return Err(format!(
                "--widths: {narrow}: widths after the first must be at least {MIN_FURTHER_WIDTH}"
            ));
        }
        let mut seen = HashSet::new();
        if let Some(twice) = self.widths.iter().find(|width| !seen.insert(**width)) {
            return Err(format!("--widths: {twice} is given twice"));
        }
        if !further.is_empty() && self.positions().len() > MAX_POSITIONS {
            return Err(format!(
                "--at: at most {MAX_POSITIONS} positions with more than one width"
            ));
        }
        Ok(self.widths.clone())
    }
}

/// A position as `--at` takes it.
#[derive(Debug, Clone, Copy, PartialEq)]
struct At {
    position: Position,
    /// More than one of [`Position::Best`] only.
    count: usize,
}

impl FromStr for At {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (position, count) = match text.trim().strip_prefix("best:") {
            Some(count) => (Position::Best, count.parse().unwrap_or(0)),
            None => (text.parse().map_err(|error: Error| error.to_string())?, 1),
        };
        if !(1..=MAX_BEST).contains(&count) {
            return Err(format!("{text:?}: best:1 to best:{MAX_BEST} are possible"));
        }
        Ok(Self { position, count })
    }
}

/// Most pictures that `best:N` stands for.
const MAX_BEST: usize = 50;

/// Smallest width, in pixels, that may follow the first one.
const MIN_FURTHER_WIDTH: u32 = 100;

/// Most positions where there are further widths.
const MAX_POSITIONS: usize = 99;

fn pick_parser() -> ValueParser {
    PossibleValuesParser::new(["nearest", "best"])
        .try_map(|name| name.parse::<Pick>())
        .into()
}

pub(crate) fn format_parser() -> ValueParser {
    PossibleValuesParser::new([
        PossibleValue::new("jpg").alias("jpeg"),
        PossibleValue::new("webp"),
        PossibleValue::new("avif"),
    ])
    .try_map(|name| name.parse::<ImageFormat>())
    .into()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn best_may_be_several() {
        let positions = |at: &str| {
            let cli = Cli::try_parse_from(["thumb", "extract", "a.mp4", "--at", at]).unwrap();
            let Command::Extract(args) = cli.command else {
                panic!("{cli:?}")
            };
            args.positions()
        };
        assert_eq!(positions("best:3"), [Position::Best; 3]);
        assert_eq!(
            positions("50%,best"),
            [Position::Fraction(0.5), Position::Best]
        );
        for wrong in ["best:0", "best:99", "best:", "best:x", "worst"] {
            let parsed = Cli::try_parse_from(["thumb", "extract", "a.mp4", "--at", wrong]);
            let error = parsed.unwrap_err().to_string();
            assert!(error.contains(wrong), "{error}");
        }
    }

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_leading_dash_is_a_file_after_two_dashes() {
        let cli = Cli::try_parse_from(["thumb", "probe", "--", "-x.mp4"]).unwrap();
        let Command::Probe(args) = cli.command else {
            panic!("{cli:?}")
        };
        assert_eq!(args.inputs.inputs, ["-x.mp4"]);
    }
}
