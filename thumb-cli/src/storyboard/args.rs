//! The command line of `thumb storyboard`.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use thumbcore::{
    Extractor, ExtractorBuilder, ImageFormat, Limits, ReadConfig,
    storyboard::{Grid, Interval, StoryboardRequest},
};

use super::Files;
use crate::args::{InputArgs, format_parser};

#[derive(Debug, Args)]
pub(crate) struct StoryboardArgs {
    #[command(flatten)]
    pub(crate) inputs: InputArgs,

    /// Folder for the storyboards; created if missing
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,

    /// A tile every so often, as in `10s`
    #[arg(long, value_name = "TIME", default_value = "10s")]
    interval: Interval,

    /// So many tiles, evenly spread
    #[arg(long, value_name = "N", conflicts_with = "interval")]
    count: Option<usize>,

    /// Width of a tile in pixels; a narrower video is not enlarged
    #[arg(long, value_name = "PIXELS", default_value_t = 320)]
    tile_width: u32,

    /// Columns and rows of a sheet
    #[arg(long, value_name = "COLUMNSxROWS", default_value = "10x10")]
    grid: Grid,

    /// Format of the sheets
    #[arg(long, default_value = "jpg", value_parser = format_parser())]
    format: ImageFormat,

    /// Quality, 1 to 100 [default: 85 for jpg, 80 for webp, 60 for avif]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=100))]
    quality: Option<u8>,

    /// What to write the sheets for; jellyfin and bif take jpg only
    #[arg(
        long = "for",
        value_name = "FILES",
        value_delimiter = ',',
        default_value = "vtt"
    )]
    files: Vec<For>,

    /// Go on where an earlier run with the same options was stopped, and leave alone what it
    /// finished
    #[arg(long)]
    pub(crate) resume: bool,
}

impl StoryboardArgs {
    /// What to write.
    pub(crate) fn files(&self) -> Result<Files, String> {
        let has = |file| self.files.contains(&file) || self.files.contains(&For::All);
        let files = Files {
            vtt: has(For::Vtt),
            jellyfin: has(For::Jellyfin),
            hls: has(For::Hls),
            dash: has(For::Dash),
            bif: has(For::Bif),
            json: has(For::Json),
        };
        let needs_jpeg = [(files.jellyfin, "jellyfin"), (files.bif, "bif")];
        let needs_jpeg = needs_jpeg.into_iter().find(|(wanted, _)| *wanted);
        match needs_jpeg.filter(|_| self.format != ImageFormat::Jpeg) {
            Some((_, name)) => Err(format!(
                "--for {name} takes jpg only, and --format is {}",
                self.format
            )),
            None => Ok(files),
        }
    }

    /// What to make.
    pub(crate) fn request(&self) -> Result<StoryboardRequest, String> {
        let request = StoryboardRequest::new()
            .tile_width(self.tile_width)
            .grid(self.grid.columns, self.grid.rows)
            .format(self.format)
            .single_tiles(self.files()?.bif);
        let request = match self.quality {
            Some(quality) => request.quality(quality),
            None => request,
        };
        let request = match self.count {
            Some(count) => request.count(count),
            None => request.interval(self.interval.0),
        };
        request.check().map_err(|error| error.to_string())?;
        Ok(request)
    }

    /// A sheet has a hundred pictures, whose keyframes are asked for together: so it is one round
    /// trip, where fewer connections would make it several. Nobody waits for it at a screen.
    pub(crate) fn extractor() -> ExtractorBuilder {
        let limits = Limits {
            // Without an index, a sheet of tiles at short intervals may take all that lies between
            // them twice: to find keyframes, and to decode.
            max_bytes: 1 << 30,
            max_requests: 2048,
            max_time: Duration::from_mins(10),
            max_decoding: Duration::from_secs(30),
            ..Limits::default()
        };
        let read = ReadConfig {
            concurrency: 100,
            ..ReadConfig::default()
        };
        Extractor::builder().limits(limits).read(read)
    }
}

/// What sheets can be written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum For {
    Vtt,
    Jellyfin,
    Hls,
    Dash,
    Bif,
    Json,
    All,
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::{Cli, Command};

    fn parsed(arguments: &[&str]) -> StoryboardArgs {
        let command = ["thumb", "storyboard", "a.mp4", "--out", "o"];
        let cli = Cli::try_parse_from(command.iter().chain(arguments)).unwrap();
        match cli.command {
            Command::Storyboard(args) => args,
            command => panic!("{command:?}"),
        }
    }

    #[test]
    fn what_takes_jpeg_only_refuses_other_formats_by_name() {
        let refused = |files| {
            parsed(&["--for", files, "--format", "webp"])
                .files()
                .unwrap_err()
        };
        assert_eq!(
            refused("vtt,bif"),
            "--for bif takes jpg only, and --format is webp"
        );
        assert!(refused("all").starts_with("--for jellyfin"));
        assert!(parsed(&["--for", "all"]).files().is_ok());
        assert!(
            parsed(&["--for", "vtt,hls", "--format", "avif"])
                .files()
                .is_ok()
        );
    }

    #[test]
    fn options_that_make_no_storyboard_are_refused() {
        let refused = |arguments: &[&str]| parsed(arguments).request().unwrap_err();
        assert!(refused(&["--interval", "0.01s"]).contains("interval"));
        assert!(refused(&["--grid", "0x3"]).contains("grid"));
        assert!(refused(&["--count", "0"]).contains("count"));
        assert!(
            parsed(&["--interval", "2.5", "--grid", "5x4"])
                .request()
                .is_ok()
        );
    }
}
