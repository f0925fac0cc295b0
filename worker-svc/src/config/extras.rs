//! The settings of what is made beside the pictures.

use std::{fmt, str::FromStr, time::Duration};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use contract::metadata;
use thumbcore::{
    Limits,
    preview::PreviewRequest,
    storyboard::{Grid, Interval, StoryboardRequest},
};

/// What is made beside the pictures, once these are published.
#[derive(Debug, Clone, Args)]
pub struct ExtrasArgs {
    /// Whether each video gets a storyboard (sheets of small pictures for a player's scrub bar),
    /// and which files of it: `off`, or a list of vtt, hls, dash and json. The JSON index is
    /// always one of them
    #[arg(long, env, default_value = "off")]
    pub storyboard: Storyboards,

    /// Time between two tiles of a storyboard, as in `10s`
    #[arg(long, env, default_value = "10s")]
    pub storyboard_interval: Interval,

    /// Width of a storyboard's tiles in pixels; a narrower video is not enlarged
    #[arg(long, env, default_value_t = 320)]
    pub storyboard_tile_width: u32,

    /// Columns and rows of a storyboard's sheets
    #[arg(long, env, default_value = "10x10")]
    pub storyboard_grid: Grid,

    /// Whether each video gets an animated preview, and its format: `off` or `webp`
    #[arg(long, env, value_enum, default_value_t = PreviewFormat::Off)]
    pub preview: PreviewFormat,
}

/// The files of a storyboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storyboards {
    /// `off`: there is none.
    Off,
    /// The JSON index, and these.
    Of(PlayerFiles),
}

/// What is written for players.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PlayerFiles {
    /// `WebVTT`.
    pub vtt: bool,
    /// Playlists of images and, where there can be one, of keyframes.
    pub hls: bool,
    /// A DASH adaptation set.
    pub dash: bool,
}

impl FromStr for Storyboards {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(Self::Off);
        }
        let mut files = PlayerFiles::default();
        for word in text.split(',').map(str::trim) {
            match word {
                "vtt" => files.vtt = true,
                "hls" => files.hls = true,
                "dash" => files.dash = true,
                "json" => {}
                "bif" | "jellyfin" => {
                    return Err(format!(
                        "{word}: a file for a media server's or a device's own disk, which \
                         `thumb storyboard --for {word}` writes; want off, or a list of vtt, hls, \
                         dash, json"
                    ));
                }
                other => {
                    return Err(format!(
                        "{other:?}: want off, or a list of vtt, hls, dash, json"
                    ));
                }
            }
        }
        Ok(Self::Of(files))
    }
}

impl fmt::Display for PlayerFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = [(self.vtt, "vtt,"), (self.hls, "hls,"), (self.dash, "dash,")];
        for (_, name) in all.iter().filter(|(wanted, _)| *wanted) {
            f.write_str(name)?;
        }
        f.write_str("json")
    }
}

/// The format of a preview.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PreviewFormat {
    /// There is none.
    Off,
    /// Animated `WebP`.
    Webp,
}

/// What is made beside the pictures, checked.
#[derive(Debug, Clone, Default)]
pub(crate) struct ExtrasSettings {
    pub(crate) storyboard: Option<StoryboardSettings>,
    pub(crate) preview: Option<PreviewSettings>,
}

#[derive(Debug, Clone)]
pub(crate) struct StoryboardSettings {
    pub(crate) request: StoryboardRequest,
    pub(crate) files: PlayerFiles,
    /// The settings hash.
    pub(crate) hash: String,
}

#[derive(Debug, Clone)]
pub(crate) struct PreviewSettings {
    pub(crate) request: PreviewRequest,
    /// The settings hash.
    pub(crate) hash: String,
}

impl ExtrasArgs {
    /// Checks the settings.
    pub(crate) fn settings(&self) -> anyhow::Result<ExtrasSettings> {
        let storyboard = match self.storyboard {
            Storyboards::Off => None,
            Storyboards::Of(files) => Some(self.of_storyboard(files)?),
        };
        let preview = match self.preview {
            PreviewFormat::Off => None,
            PreviewFormat::Webp => Some(PreviewSettings {
                request: PreviewRequest::new(),
                hash: metadata::settings_hash([("preview", "webp".to_owned())]),
            }),
        };
        Ok(ExtrasSettings {
            storyboard,
            preview,
        })
    }

    fn of_storyboard(&self, files: PlayerFiles) -> anyhow::Result<StoryboardSettings> {
        let grid = self.storyboard_grid;
        let Interval(interval) = self.storyboard_interval;
        let request = StoryboardRequest::new()
            .interval(interval)
            .tile_width(self.storyboard_tile_width)
            .grid(grid.columns, grid.rows);
        request
            .check()
            .context("STORYBOARD_INTERVAL, STORYBOARD_TILE_WIDTH or STORYBOARD_GRID")?;
        let hash = metadata::settings_hash([
            ("storyboard", files.to_string()),
            ("interval", interval.as_micros().to_string()),
            ("tile_width", self.storyboard_tile_width.to_string()),
            ("grid", grid.to_string()),
        ]);
        Ok(StoryboardSettings {
            request,
            files,
            hash,
        })
    }
}

/// Limits of one sheet: it has a hundred pictures where a video has three. A sheet still takes no
/// longer than a video may, so that a shutdown finds the sheet finished.
pub(crate) fn limits() -> Limits {
    Limits {
        max_requests: 2048,
        max_decoding: Duration::from_secs(20),
        ..Limits::default()
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Only {
        #[command(flatten)]
        extras: ExtrasArgs,
    }

    fn settings(flags: &[&str]) -> Result<ExtrasSettings, String> {
        let parsed = Only::try_parse_from(["worker"].iter().chain(flags));
        let parsed = parsed.map_err(|error| error.to_string())?;
        let settings = parsed.extras.settings();
        settings.map_err(|error| format!("{error:#}"))
    }

    fn hash(flags: &[&str]) -> String {
        settings(flags).unwrap().storyboard.unwrap().hash
    }

    #[test]
    fn nothing_is_made_unless_it_is_asked_for() {
        let none = settings(&[]).unwrap();
        assert!(none.storyboard.is_none() && none.preview.is_none());
        let both = settings(&["--storyboard=hls, vtt", "--preview=webp"]).unwrap();
        let files = both.storyboard.unwrap().files;
        assert_eq!(files.to_string(), "vtt,hls,json");
        assert!(both.preview.is_some());
        assert_eq!(
            settings(&["--storyboard=json"])
                .unwrap()
                .storyboard
                .unwrap()
                .files,
            PlayerFiles::default()
        );
    }

    #[test]
    fn a_wrong_value_names_its_variable() {
        for (flag, variable) in [
            ("--storyboard=vtt,bif", "STORYBOARD"),
            ("--storyboard=jellyfin", "`thumb storyboard --for jellyfin`"),
            ("--storyboard=vtt,gif", "STORYBOARD"),
            ("--storyboard=", "STORYBOARD"),
            ("--storyboard-interval=soon", "STORYBOARD_INTERVAL"),
            ("--storyboard-interval=0.01s", "STORYBOARD_INTERVAL"),
            ("--storyboard-tile-width=1", "STORYBOARD_TILE_WIDTH"),
            ("--storyboard-grid=10", "STORYBOARD_GRID"),
            ("--storyboard-grid=0x5", "STORYBOARD_GRID"),
            ("--preview=gif", "PREVIEW"),
        ] {
            let flags: &[&str] = match flag.strip_prefix("--storyboard=") {
                Some(_) => &[flag],
                None => &["--storyboard=vtt", flag],
            };
            let error = settings(flags).unwrap_err();
            assert!(error.contains(variable), "{flag}: {error}");
        }
    }

    #[test]
    fn the_hash_sees_what_changes_a_storyboard() {
        let plain = hash(&["--storyboard=vtt"]);
        assert_eq!(plain, hash(&["--storyboard=json,vtt", "--preview=webp"]));
        for flag in [
            "--storyboard-interval=5s",
            "--storyboard-tile-width=160",
            "--storyboard-grid=5x5",
        ] {
            assert_ne!(plain, hash(&["--storyboard=vtt", flag]), "{flag}");
        }
        assert_ne!(plain, hash(&["--storyboard=vtt,dash"]));
    }
}
