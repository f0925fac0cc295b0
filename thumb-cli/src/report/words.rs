//! A report as text for people.

use std::fmt::Write as _;

use indicatif::DecimalBytes;

use super::{Outcome, Product, milliseconds};

impl Outcome {
    /// What is said of the input `name`; with every range that was read, where `trace` is set.
    pub(super) fn words(&self, name: &str, trace: bool) -> String {
        let Self { media, stats, .. } = self;
        let mut text = format!(
            "{name}: {} {} {}x{}",
            media.container, media.codec, media.width, media.height
        );
        if let Some(duration) = media.duration {
            let _ = write!(text, " {:.1} s", duration.as_secs_f64());
        }
        let _ = write!(
            text,
            "; read {} of {} in {} {}, {:.0} ms",
            DecimalBytes(stats.bytes_fetched),
            DecimalBytes(stats.source_bytes),
            stats.requests,
            if stats.requests == 1 {
                "request"
            } else {
                "requests"
            },
            milliseconds(stats.wall),
        );
        self.product.describe(&mut text);
        if trace {
            text.push_str("\n  round trip   why              from         to      bytes    ms");
            for read in &stats.reads {
                let _ = write!(
                    text,
                    "\n  {:>10}   {:8} {:>12} {:>10} {:>10} {:>5.0}",
                    read.round_trip,
                    read.reason.as_str(),
                    read.start,
                    read.end,
                    read.end - read.start,
                    milliseconds(read.waited)
                );
            }
        }
        text
    }
}

impl Product {
    /// Adds to `text`, for people, a line for each file.
    fn describe(&self, text: &mut String) {
        match self {
            Self::Pictures { thumbnails } => {
                for picture in thumbnails {
                    for path in picture.paths() {
                        let at = picture.actual_s;
                        let _ = write!(text, "\n  {} at {at:.1} s", path.display());
                    }
                }
            }
            Self::Storyboard(board) => {
                let _ = write!(text, "\n  {}", board.summary());
                for path in &board.files {
                    let _ = write!(text, "\n  {path}");
                }
            }
            Self::Preview { preview } => {
                let _ = write!(text, "\n  {}", preview.summary());
            }
            Self::Nothing {} => {}
        }
    }
}
