//! Log lines, on standard error.

use std::io::{self, IsTerminal as _};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use tracing_subscriber::{
    EnvFilter, Layer as _, filter::filter_fn, layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

use crate::args::log_filter;

/// Form of the log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// Plain text, for people.
    Text,
}

/// What is logged, and in which form: settings to `#[command(flatten)]` into a service's own.
#[derive(Debug, Clone, Args)]
pub struct LogArgs {
    /// Form of the log lines
    #[arg(long, env, value_enum, default_value_t = LogFormat::Json)]
    pub log_format: LogFormat,

    /// Which log lines are written, in the syntax of tracing-subscriber's `EnvFilter`
    #[arg(long, env, default_value = "info", value_parser = log_filter)]
    pub rust_log: String,
}

/// Crates that log whole requests at `trace`: session tokens and presigned URLs among them.
const TALKATIVE: [&str; 7] = [
    "aws_config",
    "aws_runtime",
    "aws_sdk",
    "aws_sigv4",
    "aws_smithy",
    "h2",
    "hyper",
];

/// Whether lines of this kind may hold secrets, so that no setting turns them on.
fn may_hold_secrets(metadata: &tracing::Metadata<'_>) -> bool {
    let target = metadata.target();
    *metadata.level() > tracing::Level::DEBUG
        && TALKATIVE.iter().any(|name| target.starts_with(name))
}

/// Starts logging to standard error. Whatever `RUST_LOG` says, no line is written that may hold a
/// secret.
///
/// # Errors
/// The filter is malformed (the error names `RUST_LOG`), or the process already logs.
pub fn init(settings: &LogArgs) -> anyhow::Result<()> {
    let filter = EnvFilter::builder()
        .parse(&settings.rust_log)
        .context("RUST_LOG")?;
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    let lines = match settings.log_format {
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
        LogFormat::Text => lines.with_ansi(io::stderr().is_terminal()).boxed(),
    };
    tracing_subscriber::registry()
        .with(lines)
        .with(filter)
        .with(filter_fn(|metadata| !may_hold_secrets(metadata)))
        .try_init()
        .context("cannot set up logging")
}
