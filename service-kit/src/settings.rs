//! The settings that all services of the pipeline share, to `#[command(flatten)]` into a service's
//! own.
//!
//! Fields are named after their variables, so that clap's message about a wrong value names the
//! variable.

use std::fmt;

use anyhow::Context as _;
use clap::Args;
use contract::Prefixes;

use crate::args::{http_url, optional_http_url};

/// A setting that is `on` or `off`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Switch {
    /// `on`.
    On,
    /// `off`.
    Off,
}

impl Switch {
    /// Whether it is `on`.
    #[must_use]
    pub fn is_on(self) -> bool {
        self == Self::On
    }
}

impl fmt::Display for Switch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_on() { "on" } else { "off" })
    }
}

/// Where the pipeline lives in AWS: its queues, its bucket, and the keys in it.
#[derive(Debug, Clone, Args)]
pub struct PipelineArgs {
    /// AWS region [default: the SDK's own search]
    #[arg(long, env)]
    pub aws_region: Option<String>,

    /// Endpoint of another service that speaks the protocols of S3 and SQS, instead of AWS
    #[arg(long, env, value_parser = http_url)]
    pub aws_endpoint_url: Option<String>,

    /// URL of the queue that announces uploads
    #[arg(long, env, value_parser = http_url)]
    pub sqs_queue_url: String,

    /// URL of the dead-letter queue, where the worker moves videos that no retry can help and
    /// where the API finds failures. Without it the queue's redrive policy moves such videos,
    /// and the API shows no failures
    #[arg(long, env, value_parser = optional_http_url)]
    pub sqs_dlq_url: Option<String>,

    /// Bucket of the videos and their thumbnails
    #[arg(long, env, value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub s3_bucket: String,

    /// Prefix of the videos' keys
    #[arg(long, env, default_value = "uploads/")]
    pub s3_upload_prefix: String,

    /// Prefix of the thumbnails' keys
    #[arg(long, env, default_value = "thumbnails/")]
    pub s3_thumbnail_prefix: String,
}

impl PipelineArgs {
    /// Both prefixes, checked.
    ///
    /// # Errors
    /// A prefix that cannot be used; the error names the variables.
    pub fn prefixes(&self) -> anyhow::Result<Prefixes> {
        Prefixes::new(&self.s3_upload_prefix, &self.s3_thumbnail_prefix)
            .context("S3_UPLOAD_PREFIX and S3_THUMBNAIL_PREFIX")
    }

    /// The dead-letter queue; `None` where the variable is missing or empty.
    #[must_use]
    pub fn dlq_url(&self) -> Option<&str> {
        self.sqs_dlq_url.as_deref().filter(|url| !url.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser};

    use super::*;
    use crate::telemetry::{LogArgs, LogFormat};

    #[derive(Debug, Parser)]
    struct Service {
        #[command(flatten)]
        pipeline: PipelineArgs,
        #[command(flatten)]
        log: LogArgs,
    }

    fn parse(extra: &[&str]) -> Result<Service, clap::Error> {
        let base = [
            "service",
            "--sqs-queue-url=http://127.0.0.1:1/q",
            "--s3-bucket=b",
        ];
        Service::try_parse_from(base.iter().chain(extra))
    }

    #[test]
    fn help_lists_every_variable() {
        let command = Service::command();
        let help = command.clone().render_long_help().to_string();
        for argument in command.get_arguments() {
            let variable = argument.get_id().as_str().to_uppercase();
            assert!(help.contains(&format!("[env: {variable}")), "{variable}");
        }
        assert_eq!(command.get_arguments().count(), 9);
    }

    #[test]
    fn a_wrong_value_names_its_variable() {
        for (flag, variable) in [
            ("--sqs-queue-url=nowhere", "SQS_QUEUE_URL"),
            ("--sqs-dlq-url=nowhere", "SQS_DLQ_URL"),
            ("--aws-endpoint-url=ftp://x", "AWS_ENDPOINT_URL"),
            ("--s3-bucket=", "S3_BUCKET"),
            ("--log-format=xml", "LOG_FORMAT"),
            ("--rust-log=a=b=c", "RUST_LOG"),
        ] {
            let error = parse(&[flag]).unwrap_err().to_string();
            assert!(error.contains(variable), "{flag}: {error}");
        }
        let service = parse(&["--s3-thumbnail-prefix="]).unwrap();
        let error = format!("{:#}", service.pipeline.prefixes().unwrap_err());
        assert!(error.contains("S3_THUMBNAIL_PREFIX"), "{error}");
    }

    #[test]
    fn an_empty_dlq_is_none() {
        let service = parse(&["--sqs-dlq-url="]).unwrap();
        assert_eq!(service.pipeline.dlq_url(), None);
        assert_eq!(service.log.log_format, LogFormat::Json);
    }
}
