//! The settings, each a flag and an environment variable of the same name.
//!
//! Fields are named after their variables, so that what clap says about a wrong value names it.

use std::{net::SocketAddr, num::NonZeroUsize, time::Duration};

use anyhow::{Context as _, ensure};
use clap::Parser;
use contract::metadata;
use service_kit::{settings::PipelineArgs, telemetry::LogArgs};
use thumbcore::{Extractor, ImageFormat, Position};

use crate::capacity;

/// Most pictures a video may get; the numbers in their names have two digits.
const MAX_POSITIONS: usize = 99;

/// Makes thumbnails of the videos that an SQS queue announces: reads the few byte ranges it needs
/// from S3, uploads the pictures and a manifest, then deletes the message.
///
/// SIGTERM and SIGINT stop it: videos in hand are finished within the grace period, other messages
/// go back to the queue at once. A second signal ends it on the spot.
#[derive(Debug, Clone, Parser)]
#[command(name = "thumbnail-worker", version)]
pub struct Config {
    /// The queues, the bucket and the keys in it.
    #[command(flatten)]
    pub pipeline: PipelineArgs,

    /// Videos processed at the same time [default: from the CPUs and the memory this process may
    /// use]
    #[arg(long, env)]
    pub worker_concurrency: Option<NonZeroUsize>,

    /// Where pictures are taken: percentages of the duration (10%) or seconds (2.5s)
    #[arg(long, env, value_delimiter = ',', default_value = "10%,50%,95%")]
    pub thumbnail_positions: Vec<Position>,

    /// Widest picture in pixels; smaller videos are not enlarged
    #[arg(long, env, default_value_t = 640, value_parser = clap::value_parser!(u32).range(16..=8192))]
    pub thumbnail_max_width: u32,

    /// Format of the pictures: jpg, webp or avif
    #[arg(long, env, default_value_t = ImageFormat::Jpeg)]
    pub thumbnail_format: ImageFormat,

    /// Address of the Prometheus metrics (/metrics) and the health check (/health)
    #[arg(long, env, default_value = "0.0.0.0:9090")]
    pub metrics_addr: SocketAddr,

    /// How long a shutdown waits for the videos in hand. Keep it below the orchestrator's own
    /// period (30 s in Kubernetes)
    #[arg(long, env, default_value_t = 25)]
    pub shutdown_grace_seconds: u64,

    /// What is logged, and how.
    #[command(flatten)]
    pub log: LogArgs,
}

impl Config {
    pub(crate) fn extractor(&self) -> anyhow::Result<Extractor> {
        ensure!(
            self.thumbnail_positions.len() <= MAX_POSITIONS,
            "THUMBNAIL_POSITIONS: {} positions; at most {MAX_POSITIONS}",
            self.thumbnail_positions.len()
        );
        Extractor::builder()
            .positions(self.thumbnail_positions.iter().copied())
            .max_width(self.thumbnail_max_width)
            .format(self.thumbnail_format)
            .build()
            .context("THUMBNAIL_POSITIONS, THUMBNAIL_MAX_WIDTH or THUMBNAIL_FORMAT")
    }

    /// Identifies everything that decides what the pictures look like.
    pub(crate) fn settings_hash(&self) -> String {
        let positions: Vec<String> = self
            .thumbnail_positions
            .iter()
            .map(ToString::to_string)
            .collect();
        metadata::settings_hash([
            ("positions", positions.join(",")),
            ("max_width", self.thumbnail_max_width.to_string()),
            ("format", self.thumbnail_format.to_string()),
        ])
    }

    pub(crate) fn concurrency(&self) -> usize {
        self.worker_concurrency
            .map_or_else(capacity::default_concurrency, NonZeroUsize::get)
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
            "THUMBNAIL_POSITIONS",
            "THUMBNAIL_MAX_WIDTH",
            "THUMBNAIL_FORMAT",
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
            ("--thumbnail-positions=10%,150%", "THUMBNAIL_POSITIONS"),
            ("--thumbnail-max-width=0", "THUMBNAIL_MAX_WIDTH"),
            ("--thumbnail-format=gif", "THUMBNAIL_FORMAT"),
            ("--metrics-addr=9090", "METRICS_ADDR"),
            ("--shutdown-grace-seconds=-1", "SHUTDOWN_GRACE_SECONDS"),
        ] {
            let error = parse(&[flag]).unwrap_err().to_string();
            assert!(error.contains(variable), "{flag}: {error}");
        }
        let many = vec!["1%"; 100].join(",");
        let config = parse(&[&format!("--thumbnail-positions={many}")]).unwrap();
        let error = config.extractor().unwrap_err().to_string();
        assert!(error.contains("THUMBNAIL_POSITIONS"), "{error}");
    }

    #[test]
    fn the_settings_hash_sees_what_changes_the_pictures() {
        let hash = |extra: &[&str]| parse(extra).unwrap().settings_hash();
        assert_eq!(hash(&[]), hash(&["--worker-concurrency=3"]));
        for flag in [
            "--thumbnail-positions=10%,50%",
            "--thumbnail-max-width=320",
            "--thumbnail-format=webp",
        ] {
            assert_ne!(hash(&[]), hash(&[flag]), "{flag}");
        }
    }
}
