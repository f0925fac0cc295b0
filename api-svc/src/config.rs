//! The settings, each a flag and an environment variable of the same name.
//!
//! Fields are named after their variables, so that what clap says about a wrong value names it.

use std::{net::SocketAddr, num::NonZeroUsize, path::PathBuf, time::Duration};

use clap::Parser;
use service_kit::{settings::PipelineArgs, telemetry::LogArgs};
use url::Url;

use crate::{access::AccessConfig, actions::ActionsConfig};

/// Serves what the dashboard and an operator need of the thumbnail pipeline: its state over HTTP
/// and WebSocket, thumbnails, videos, failures, and the few things one can do to it.
///
/// OpenAPI is at /api/openapi.json, a page to browse it at /api/docs, Prometheus at /metrics.
/// SIGTERM, SIGINT and SIGHUP stop it: WebSockets are closed and requests in hand finished within
/// the grace period. A second signal ends it immediately.
#[derive(Debug, Clone, Parser)]
#[command(name = "thumbnail-api", version)]
pub struct Config {
    /// The queues, the bucket and the keys in it.
    #[command(flatten)]
    pub pipeline: PipelineArgs,

    /// Where the worker takes its pictures, as it is told by the same variable
    #[arg(long, env, value_delimiter = ',', default_value = "10%,50%,95%")]
    pub thumbnail_positions: Vec<String>,

    /// Address to serve on
    #[arg(long, env, default_value = "127.0.0.1:8000")]
    pub api_addr: SocketAddr,

    /// Namespace of the workers' pods
    #[arg(long, env, default_value = "default")]
    pub worker_namespace: String,

    /// Label selector of the workers' pods; empty for every pod of the namespace
    #[arg(long, env, default_value = "app=thumbnail-worker")]
    pub worker_selector: String,

    /// Origins, beside the API's own, whose pages may open the WebSocket, such as `https://dashboard.example`
    #[arg(long, env, value_delimiter = ',', value_parser = origin)]
    pub allowed_origins: Vec<String>,

    /// Milliseconds between two looks at the queue, the bucket and the cluster
    #[arg(long, env, default_value_t = 5000, value_parser = clap::value_parser!(u64).range(20..=60_000))]
    pub sample_interval_ms: u64,

    /// Most requests a look may send to S3 while the index of thumbnails is incomplete, and to
    /// read new manifests. Once it is complete a look takes two and one for each new video
    #[arg(long, env, default_value = "40")]
    pub index_requests: NonZeroUsize,

    /// Most requests served at the same time; more are refused with 503
    #[arg(long, env, default_value = "512")]
    pub max_requests: NonZeroUsize,

    /// Most WebSockets open at the same time; more are refused with 503
    #[arg(long, env, default_value = "10000")]
    pub max_websockets: NonZeroUsize,

    /// Seconds a request may take
    #[arg(long, env, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..))]
    pub request_timeout_seconds: u64,

    /// How long a shutdown waits for requests in hand. Keep it below the orchestrator's own period
    /// (30 s in Kubernetes)
    #[arg(long, env, default_value_t = 20)]
    pub shutdown_grace_seconds: u64,

    /// The built dashboard, a folder with index.html, to be served beside the API [default: none]
    #[arg(long, env)]
    pub web_dir: Option<PathBuf>,

    /// Who may do what.
    #[command(flatten)]
    pub access: AccessConfig,

    /// What one can do.
    #[command(flatten)]
    pub actions: ActionsConfig,

    /// What is logged, and how.
    #[command(flatten)]
    pub log: LogArgs,
}

impl Config {
    pub(crate) fn sample_interval(&self) -> Duration {
        Duration::from_millis(self.sample_interval_ms)
    }

    pub(crate) fn request_timeout(&self) -> Duration {
        Duration::from_secs(self.request_timeout_seconds)
    }

    pub(crate) fn shutdown_grace(&self) -> Duration {
        Duration::from_secs(self.shutdown_grace_seconds)
    }

    /// The percentage of each position, in the order of the pictures' numbers; `None` for one in
    /// seconds.
    pub(crate) fn frames(&self) -> Vec<Option<u32>> {
        let percentage = |position: &String| position.trim().strip_suffix('%')?.parse().ok();
        self.thumbnail_positions.iter().map(percentage).collect()
    }
}

/// Takes what a browser sends as `Origin`.
fn origin(value: &str) -> Result<String, String> {
    let url = Url::parse(value.trim()).map_err(|error| format!("not a URL: {error}"))?;
    let origin = url.origin();
    if !origin.is_tuple() || url.path() != "/" || url.query().is_some() {
        return Err("not an origin: it has a scheme, a host and perhaps a port".to_owned());
    }
    Ok(origin.ascii_serialization())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn parse(extra: &[&str]) -> Result<Config, clap::Error> {
        let base = [
            "thumbnail-api",
            "--sqs-queue-url=http://127.0.0.1:1/q",
            "--s3-bucket=b",
        ];
        Config::try_parse_from(base.iter().chain(extra))
    }

    #[test]
    fn help_lists_every_variable() {
        let command = Config::command();
        let help = command.clone().render_long_help().to_string();
        for argument in command.get_arguments() {
            let variable = argument.get_id().as_str().to_uppercase();
            assert!(help.contains(&format!("[env: {variable}")), "{variable}");
        }
        for variable in ["API_ADDR", "WORKER_NAMESPACE", "SQS_DLQ_URL", "S3_BUCKET"] {
            assert!(help.contains(&format!("[env: {variable}")), "{variable}");
        }
    }

    #[test]
    fn a_wrong_value_names_its_variable() {
        for (flag, variable) in [
            ("--sqs-dlq-url=nowhere", "SQS_DLQ_URL"),
            ("--aws-endpoint-url=ftp://x", "AWS_ENDPOINT_URL"),
            ("--api-addr=8000", "API_ADDR"),
            ("--allowed-origins=example", "ALLOWED_ORIGINS"),
            ("--allowed-origins=https://a.example/x", "ALLOWED_ORIGINS"),
            ("--sample-interval-ms=1", "SAMPLE_INTERVAL_MS"),
            ("--index-requests=0", "INDEX_REQUESTS"),
            ("--max-requests=x", "MAX_REQUESTS"),
            ("--max-websockets=0", "MAX_WEBSOCKETS"),
            ("--request-timeout-seconds=0", "REQUEST_TIMEOUT_SECONDS"),
            ("--log-format=xml", "LOG_FORMAT"),
            ("--rust-log=a=b=c", "RUST_LOG"),
        ] {
            let error = parse(&[flag]).unwrap_err().to_string();
            assert!(error.contains(variable), "{flag}: {error}");
        }
    }

    #[test]
    fn frames_are_percentages() {
        let config = parse(&["--thumbnail-positions=10%,2.5s,95%"]).unwrap();
        assert_eq!(config.frames(), [Some(10), None, Some(95)]);
        assert_eq!(parse(&[]).unwrap().frames(), [Some(10), Some(50), Some(95)]);
    }

    #[test]
    fn origins_are_as_browsers_write_them() {
        let config = parse(&["--allowed-origins=https://A.example:443,http://b:3000/"]).unwrap();
        assert_eq!(
            config.allowed_origins,
            ["https://a.example", "http://b:3000"]
        );
    }
}
