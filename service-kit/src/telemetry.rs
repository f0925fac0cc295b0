//! Log lines, on standard error.

use std::io::{self, IsTerminal as _};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;

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

/// Starts logging to standard error.
///
/// # Errors
/// The filter is malformed (the error names `RUST_LOG`), or the process already logs.
pub fn init(settings: &LogArgs) -> anyhow::Result<()> {
    let filter = EnvFilter::builder()
        .parse(&settings.rust_log)
        .context("RUST_LOG")?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr);
    match settings.log_format {
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
        LogFormat::Text => builder.with_ansi(io::stderr().is_terminal()).try_init(),
    }
    .map_err(|error| anyhow::anyhow!("cannot set up logging: {error}"))
}
