//! The settings, each a flag and an environment variable of the same name.
//!
//! Fields are named after their variables, so that clap's message about a wrong value names the
//! variable.

mod extras;
mod widths;

use std::{net::SocketAddr, num::NonZeroUsize, time::Duration};

use anyhow::{Context as _, bail, ensure};
use clap::Parser;
use contract::{metadata, naming::MAX_NUMBER};
use service_kit::{
    descriptors::Descriptors,
    settings::{PipelineArgs, Switch},
    telemetry::LogArgs,
};
use thumbcore::{
    Cpus, Extractor, ExtractorBuilder, ImageFormat, MemoryBudget, Pick, Position, Sandbox,
};

pub(crate) use self::extras::{ExtrasSettings, PreviewSettings, StoryboardSettings};
pub use self::{
    extras::{ExtrasArgs, PlayerFiles, PreviewFormat, Storyboards},
    widths::Widths,
};
use crate::{capacity, publish::Outputs};

/// Width of the pictures in pixels where no setting tells.
const DEFAULT_WIDTH: u32 = 640;

/// Makes thumbnails of the videos that an SQS queue announces: reads the few byte ranges that it
/// needs from S3, uploads the pictures and a manifest, then deletes the message.
///
/// SIGTERM, SIGINT and SIGHUP stop the worker: it finishes the videos in hand within the grace
/// period and returns all other messages to the queue at once. A second signal ends it immediately.
#[derive(Debug, Clone, Parser)]
#[command(name = "thumbnail-worker", version)]
pub struct Config {
    /// The queues, the bucket and the keys in it.
    #[command(flatten)]
    pub pipeline: PipelineArgs,

    /// Videos processed at the same time [default: computed from the CPUs, the memory and the file
    /// descriptors that this process may use]
    #[arg(long, env)]
    pub worker_concurrency: Option<NonZeroUsize>,

    /// Memory in bytes that this process may use [default: the limit of the cgroup, else the
    /// machine's memory]. A quarter of it, 96 MiB to 512 MiB, is kept back for the process itself;
    /// all videos share the rest. A video waits while its share is not free, and fails with
    /// `limit` only if it needs more than the rest, or more than 512 MiB
    #[arg(long, env, value_parser = clap::value_parser!(u64).range(128 << 20..))]
    pub worker_memory_bytes: Option<u64>,

    /// Where pictures are taken: percentages of the duration (10%) or seconds (2.5s)
    #[arg(long, env, value_delimiter = ',', default_value = "10%,50%,95%")]
    pub thumbnail_positions: Vec<Position>,

    /// Widths of the pictures in pixels, separated by commas [default: 640]. Each picture is made
    /// in every width from one decode. The first width is that of the pictures named `NAME_1.jpg`;
    /// further ones, of at least 100 pixels, are named `NAME_1_WIDTH.jpg`. Smaller videos are not
    /// enlarged
    #[arg(long, env)]
    pub thumbnail_widths: Option<Widths>,

    /// The same for a single width: the older name of `THUMBNAIL_WIDTHS`
    #[arg(long, env, value_parser = clap::value_parser!(u32).range(16..=8192))]
    pub thumbnail_max_width: Option<u32>,

    /// Format of the pictures: jpg, webp or avif
    #[arg(long, env, default_value_t = ImageFormat::Jpeg)]
    pub thumbnail_format: ImageFormat,

    /// Which keyframe near a position is taken: the nearest that shows something, or the best of
    /// several, which costs up to 2 MB more a video
    #[arg(long, env, default_value_t = Pick::Nearest)]
    pub thumbnail_pick: Pick,

    /// Whether each video gets one more picture, `NAME_cover.jpg`, of the most telling frame of
    /// the film: on or off
    #[arg(long, env, value_enum, default_value_t = Switch::Off)]
    pub thumbnail_cover: Switch,

    /// What is made beside the pictures.
    #[command(flatten)]
    pub extras: ExtrasArgs,

    /// Whether each video is decoded in a process of its own that holds no credentials and can
    /// reach nothing. A machine that cannot lock such a process in is an error at the start
    #[arg(long, env, value_enum, default_value_t = Switch::On)]
    pub decode_sandbox: Switch,

    /// Address of the Prometheus metrics (/metrics) and the health check (/health)
    #[arg(long, env, default_value = "0.0.0.0:9090")]
    pub metrics_addr: SocketAddr,

    /// How many seconds a shutdown waits for the videos in hand. Keep it below the orchestrator's
    /// own grace period (30 s in Kubernetes)
    #[arg(long, env, default_value_t = 25)]
    pub shutdown_grace_seconds: u64,

    /// What is logged, and how.
    #[command(flatten)]
    pub log: LogArgs,
}

/// What all extractors of the worker share.
#[derive(Debug)]
pub(crate) struct Shared {
    memory: Option<MemoryBudget>,
    cpus: Cpus,
    pub(crate) sandbox: Option<Sandbox>,
}

impl Shared {
    fn builder(&self) -> ExtractorBuilder {
        let mut builder = Extractor::builder().cpus(self.cpus.clone());
        if let Some(memory) = &self.memory {
            builder = builder.memory(memory.clone());
        }
        if let Some(sandbox) = &self.sandbox {
            builder = builder.sandbox(sandbox.clone());
        }
        builder
    }
}

impl Config {
    /// What all extractors share: the memory, the CPUs, and `sandbox`.
    pub(crate) fn shared(&self, sandbox: Option<Sandbox>) -> Shared {
        Shared {
            memory: self.memory().map(capacity::budget),
            cpus: Cpus::default(),
            sandbox,
        }
    }

    /// What is made beside the pictures, and by which extractor.
    pub(crate) fn extras(&self, shared: &Shared) -> anyhow::Result<(ExtrasSettings, Extractor)> {
        let builder = shared.builder().limits(extras::limits());
        let extractor = builder.build().context("the extractor of storyboards")?;
        Ok((self.extras.settings()?, extractor))
    }

    pub(crate) fn extractor(&self, shared: &Shared) -> anyhow::Result<Extractor> {
        ensure!(
            self.thumbnail_positions.len() <= MAX_NUMBER,
            "THUMBNAIL_POSITIONS: {} positions; at most {MAX_NUMBER}",
            self.thumbnail_positions.len()
        );
        shared
            .builder()
            .positions(self.positions())
            .pick(self.thumbnail_pick)
            .widths(self.widths()?.iter())
            .format(self.thumbnail_format)
            .build()
            .context("THUMBNAIL_POSITIONS, THUMBNAIL_WIDTHS or THUMBNAIL_FORMAT")
    }

    /// What a video's outputs are.
    pub(crate) fn outputs(&self) -> anyhow::Result<Outputs> {
        Ok(Outputs {
            pictures: self.thumbnail_positions.len(),
            has_cover: self.thumbnail_cover.is_on(),
            widths: self.widths()?,
            format: self.thumbnail_format,
            settings: self.settings_hash()?,
        })
    }

    /// Where the pictures are taken, the cover last.
    fn positions(&self) -> impl Iterator<Item = Position> {
        let cover = self.thumbnail_cover.is_on().then_some(Position::Best);
        self.thumbnail_positions.iter().copied().chain(cover)
    }

    /// The widths of the pictures.
    ///
    /// # Errors
    /// Both variables are set, and differently; the error names them.
    pub(crate) fn widths(&self) -> anyhow::Result<Widths> {
        let single = self.thumbnail_max_width.map(Widths::one);
        match (self.thumbnail_widths.clone(), single) {
            (Some(widths), Some(single)) if widths != single => bail!(
                "THUMBNAIL_WIDTHS is {widths} and THUMBNAIL_MAX_WIDTH is {single}: set only the first"
            ),
            (Some(widths), _) | (None, Some(widths)) => Ok(widths),
            (None, None) => Ok(Widths::one(DEFAULT_WIDTH)),
        }
    }

    /// Identifies everything that decides what the pictures look like. Quality and tolerance are
    /// thumbcore's defaults and no settings; when those change, so does the pipeline's version.
    pub(crate) fn settings_hash(&self) -> anyhow::Result<String> {
        let positions: Vec<String> = self
            .thumbnail_positions
            .iter()
            .map(ToString::to_string)
            .collect();
        Ok(metadata::settings_hash([
            ("positions", positions.join(",")),
            ("widths", self.widths()?.to_string()),
            ("format", self.thumbnail_format.to_string()),
            ("pick", self.thumbnail_pick.to_string()),
            ("cover", self.thumbnail_cover.to_string()),
        ]))
    }

    /// Memory in bytes that the process may use; `None` where nothing tells.
    fn memory(&self) -> Option<u64> {
        self.worker_memory_bytes.or_else(capacity::default_memory)
    }

    pub(crate) fn concurrency(&self, descriptors: Descriptors) -> usize {
        let default = || capacity::default_concurrency(self.memory(), descriptors);
        self.worker_concurrency
            .map_or_else(default, NonZeroUsize::get)
    }

    pub(crate) fn shutdown_grace(&self) -> Duration {
        Duration::from_secs(self.shutdown_grace_seconds)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn parse(extra: &[&str]) -> Result<Config, clap::Error> {
        let base = [
            "thumbnail-worker",
            "--sqs-queue-url=http://127.0.0.1:1/q",
            "--s3-bucket=b",
        ];
        Config::try_parse_from(base.iter().chain(extra))
    }

    #[test]
    fn help_lists_every_variable() {
        let help = Config::command().render_long_help().to_string();
        for variable in [
            "AWS_REGION",
            "AWS_ENDPOINT_URL",
            "SQS_QUEUE_URL",
            "SQS_DLQ_URL",
            "S3_BUCKET",
            "S3_UPLOAD_PREFIX",
            "S3_THUMBNAIL_PREFIX",
            "WORKER_CONCURRENCY",
            "WORKER_MEMORY_BYTES",
            "THUMBNAIL_POSITIONS",
            "THUMBNAIL_WIDTHS",
            "THUMBNAIL_MAX_WIDTH",
            "THUMBNAIL_FORMAT",
            "THUMBNAIL_PICK",
            "THUMBNAIL_COVER",
            "STORYBOARD",
            "STORYBOARD_INTERVAL",
            "STORYBOARD_TILE_WIDTH",
            "STORYBOARD_GRID",
            "PREVIEW",
            "DECODE_SANDBOX",
            "METRICS_ADDR",
            "SHUTDOWN_GRACE_SECONDS",
            "LOG_FORMAT",
            "RUST_LOG",
        ] {
            assert!(help.contains(&format!("[env: {variable}")), "{variable}");
        }
    }

    #[test]
    fn a_wrong_value_names_its_variable() {
        for (flag, variable) in [
            ("--worker-concurrency=0", "WORKER_CONCURRENCY"),
            ("--worker-memory-bytes=1000", "WORKER_MEMORY_BYTES"),
            ("--thumbnail-positions=10%,150%", "THUMBNAIL_POSITIONS"),
            ("--thumbnail-widths=640,8", "THUMBNAIL_WIDTHS"),
            ("--thumbnail-max-width=0", "THUMBNAIL_MAX_WIDTH"),
            ("--thumbnail-format=gif", "THUMBNAIL_FORMAT"),
            ("--thumbnail-pick=worst", "THUMBNAIL_PICK"),
            ("--thumbnail-cover=yes", "THUMBNAIL_COVER"),
            ("--decode-sandbox=maybe", "DECODE_SANDBOX"),
            ("--metrics-addr=9090", "METRICS_ADDR"),
            ("--shutdown-grace-seconds=-1", "SHUTDOWN_GRACE_SECONDS"),
        ] {
            let error = parse(&[flag]).unwrap_err().to_string();
            assert!(error.contains(variable), "{flag}: {error}");
        }
        let many = vec!["1%"; 100].join(",");
        let config = parse(&[&format!("--thumbnail-positions={many}")]).unwrap();
        let error = config.extractor(&config.shared(None)).unwrap_err();
        let error = error.to_string();
        assert!(error.contains("THUMBNAIL_POSITIONS"), "{error}");
    }

    #[test]
    fn widths_have_two_names() {
        let widths = |extra: &[&str]| {
            let widths = parse(extra).unwrap().widths();
            widths.map(|widths| widths.to_string())
        };
        assert_eq!(widths(&[]).unwrap(), "640");
        assert_eq!(widths(&["--thumbnail-max-width=320"]).unwrap(), "320");
        assert_eq!(widths(&["--thumbnail-widths=640,320"]).unwrap(), "640,320");
        let both = ["--thumbnail-max-width=320", "--thumbnail-widths=320"];
        assert_eq!(widths(&both).unwrap(), "320");
        for list in ["640", "320,640", "640,320"] {
            let list = format!("--thumbnail-widths={list}");
            let error = widths(&["--thumbnail-max-width=320", &list]).unwrap_err();
            let error = error.to_string();
            assert!(error.contains("THUMBNAIL_WIDTHS"), "{list}: {error}");
            assert!(error.contains("THUMBNAIL_MAX_WIDTH"), "{list}: {error}");
        }
    }

    #[test]
    fn the_settings_hash_sees_what_changes_the_pictures() {
        let hash = |extra: &[&str]| parse(extra).unwrap().settings_hash().unwrap();
        assert_eq!(hash(&[]), hash(&["--worker-concurrency=3"]));
        assert_eq!(
            hash(&["--thumbnail-max-width=640"]),
            hash(&["--thumbnail-widths=640"])
        );
        for flag in [
            "--thumbnail-positions=10%,50%",
            "--thumbnail-max-width=320",
            "--thumbnail-widths=640,320",
            "--thumbnail-widths=320,640",
            "--thumbnail-format=webp",
            "--thumbnail-pick=best",
            "--thumbnail-cover=on",
        ] {
            assert_ne!(hash(&[]), hash(&[flag]), "{flag}");
        }
    }
}
