//! `thumb preview`: one animation a video.

use std::{
    ffi::{OsStr, OsString},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use clap::Args;
use serde::Serialize;
use thumbcore::{
    Extractor, RangeSource,
    preview::{Preview, PreviewFrame, PreviewRequest},
};
use tokio::task;

use crate::{
    args::InputArgs,
    output::write_file,
    report::{Failure, Outcome, Product, seconds},
};

#[derive(Debug, Args)]
pub(crate) struct PreviewArgs {
    #[command(flatten)]
    pub(crate) inputs: InputArgs,

    /// Folder for the previews; created if missing
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) out: PathBuf,

    /// How long all frames together are shown
    #[arg(long, value_name = "SECONDS", default_value_t = 6.0)]
    seconds: f64,

    /// Frames, from all over the video
    #[arg(long, value_name = "N", default_value_t = 12)]
    frames: usize,

    /// Width in pixels; a narrower video is not enlarged
    #[arg(long, value_name = "PIXELS", default_value_t = 320)]
    width: u32,

    /// Quality, 1 to 100, where the bytes suffice
    #[arg(long, value_name = "N", default_value_t = 75)]
    quality: u8,

    /// Most bytes of a preview: where they do not suffice, its quality is lower, and then its
    /// frames are fewer
    #[arg(long, value_name = "N", default_value_t = 500_000)]
    max_bytes: usize,
}

impl PreviewArgs {
    /// What to make.
    pub(crate) fn request(&self) -> Result<PreviewRequest, String> {
        let duration = Duration::try_from_secs_f64(self.seconds)
            .map_err(|error| format!("--seconds: {error}"))?;
        let request = PreviewRequest::new()
            .frames(self.frames)
            .duration(duration)
            .width(self.width)
            .quality(self.quality)
            .max_bytes(self.max_bytes);
        request.check().map_err(|error| error.to_string())?;
        Ok(request)
    }
}

/// Which previews are made, and where.
#[derive(Debug)]
pub(crate) struct Previewer {
    pub(crate) extractor: Extractor,
    pub(crate) request: PreviewRequest,
    pub(crate) out: PathBuf,
}

/// A preview that was written, as the JSON line has it.
#[derive(Debug, Serialize)]
pub(crate) struct Animation {
    path: String,
    width: u32,
    height: u32,
    bytes: usize,
    duration_s: f64,
    quality: u8,
    frames: Vec<Frame>,
}

#[derive(Debug, Serialize)]
struct Frame {
    target_s: f64,
    actual_s: f64,
    origin: &'static str,
}

impl Previewer {
    /// The name of a preview.
    pub(crate) fn name(base: &OsStr) -> OsString {
        let mut name = base.to_owned();
        name.push("_preview.webp");
        name
    }

    /// Makes the preview of `source`.
    pub(crate) async fn make(
        &self,
        source: Arc<dyn RangeSource>,
        base: &OsStr,
    ) -> Result<Outcome, Failure> {
        let video = self.extractor.open(source).await?;
        let preview = video.preview(&self.request).await?;
        let path = self.out.join(Self::name(base));
        let animation = Animation::new(path.to_string_lossy().into_owned(), &preview);
        let image = preview.image;
        let write = task::spawn_blocking(move || write_file(&path, &image));
        write.await.map_err(|error| Failure {
            kind: "output",
            message: error.to_string(),
        })??;
        let mut stats = video.opened().clone();
        stats += preview.stats;
        Ok(Outcome {
            media: video.facts().clone(),
            stats,
            product: Product::Preview { preview: animation },
        })
    }
}

impl Animation {
    fn new(path: String, preview: &Preview) -> Self {
        let frame = |frame: &PreviewFrame| Frame {
            target_s: seconds(frame.target),
            actual_s: seconds(frame.actual),
            origin: frame.origin.as_str(),
        };
        Self {
            path,
            width: preview.width,
            height: preview.height,
            bytes: preview.image.len(),
            duration_s: seconds(preview.duration),
            quality: preview.quality,
            frames: preview.frames.iter().map(frame).collect(),
        }
    }

    /// For people: what was made.
    pub(crate) fn summary(&self) -> String {
        let count = self.frames.len();
        let plural = if count == 1 { "" } else { "s" };
        format!(
            "{}: {count} frame{plural} of {}x{} in {} s",
            self.path, self.width, self.height, self.duration_s
        )
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::{Cli, Command};

    #[test]
    fn options_that_make_no_preview_are_refused() {
        let request = |arguments: &[&str]| {
            let command = ["thumb", "preview", "a.mp4"];
            let cli = Cli::try_parse_from(command.iter().chain(arguments)).unwrap();
            match cli.command {
                Command::Preview(args) => args.request(),
                command => panic!("{command:?}"),
            }
        };
        assert_eq!(request(&[]).unwrap(), PreviewRequest::new());
        assert!(
            request(&["--seconds=-1"])
                .unwrap_err()
                .contains("--seconds")
        );
        assert!(
            request(&["--seconds=1000"])
                .unwrap_err()
                .contains("duration")
        );
        assert!(request(&["--frames=1"]).unwrap_err().contains("frames"));
        assert!(request(&["--width=8"]).unwrap_err().contains("width"));
    }
}
