//! The `main` of a service: settings, runtime, and an end that says why.

use std::{
    ffi::OsString,
    io::{self, IsTerminal as _},
    process::ExitCode,
    time::Duration,
};

use clap::{Parser, ValueEnum as _, error::ErrorKind};

use crate::telemetry::{self, LogArgs, LogFormat};

/// Longest wait at the end for blocking work that nobody waits for any more, such as a DNS query.
const BLOCKED: Duration = Duration::from_secs(1);

/// Status of a program whose settings are wrong, as clap has it.
const WRONG_SETTINGS: u8 = 2;

/// Runs a service with the settings of the command line and the environment.
///
/// Why it cannot start, or ends early, is one line of its log: of JSON where `LOG_FORMAT` says so,
/// and also where nothing does and nobody sits at a terminal. The status is then not 0.
pub fn main<C, F>(run: impl FnOnce(C) -> F) -> ExitCode
where
    C: Parser,
    F: Future<Output = anyhow::Result<()>>,
{
    let settings = match C::try_parse() {
        Ok(settings) => settings,
        Err(error) => return refuse(&error),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.into()),
    };
    let result = runtime.block_on(run(settings));
    runtime.shutdown_timeout(BLOCKED);
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

/// Says why the settings cannot be used, or what `--help` and `--version` say.
fn refuse(error: &clap::Error) -> ExitCode {
    let is_answer = matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    );
    let format = format(std::env::args_os(), std::env::var_os("LOG_FORMAT"));
    if is_answer || format == LogFormat::Text {
        // Nothing is left to do where standard error cannot be written to.
        let _ = error.print();
        return ExitCode::from(if is_answer { 0 } else { WRONG_SETTINGS });
    }
    begin_to_log(format);
    let text = error.to_string();
    let (reason, _) = text.split_once("\n\nFor more").unwrap_or((&text, ""));
    let reason: Vec<_> = reason.split_whitespace().collect();
    let reason = reason.join(" ");
    let reason = reason.strip_prefix("error: ").unwrap_or(&reason);
    tracing::error!(error = reason, "the settings cannot be used");
    ExitCode::from(WRONG_SETTINGS)
}

/// Says why the service ends.
fn fail(error: &anyhow::Error) -> ExitCode {
    begin_to_log(format(std::env::args_os(), std::env::var_os("LOG_FORMAT")));
    if tracing::enabled!(tracing::Level::ERROR) {
        tracing::error!(error = format!("{error:#}"), "the service ends");
    } else {
        // `RUST_LOG` wants no such lines, but nothing else tells.
        eprintln!("{error:#}");
    }
    ExitCode::FAILURE
}

/// Starts logging, if the service has not done so itself.
fn begin_to_log(format: LogFormat) {
    let settings = LogArgs {
        log_format: format,
        rust_log: "info".to_owned(),
    };
    // It has.
    let _ = telemetry::init(&settings);
}

/// The format that the settings ask for, though they cannot be parsed.
fn format(arguments: impl Iterator<Item = OsString>, variable: Option<OsString>) -> LogFormat {
    let mut arguments = arguments.filter_map(|argument| argument.into_string().ok());
    let mut flag = None;
    while let Some(argument) = arguments.next() {
        if let Some(value) = argument.strip_prefix("--log-format=") {
            flag = Some(value.to_owned());
        } else if argument == "--log-format" {
            flag = arguments.next();
        }
    }
    let value = flag.or_else(|| variable?.into_string().ok());
    let format = value.and_then(|value| LogFormat::from_str(&value, false).ok());
    let default = if io::stderr().is_terminal() {
        LogFormat::Text
    } else {
        LogFormat::Json
    };
    format.unwrap_or(default)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_is_found_though_other_settings_are_wrong() {
        let format = |arguments: &[&str], variable: Option<&str>| {
            format(
                arguments.iter().map(OsString::from),
                variable.map(OsString::from),
            )
        };
        let wrong = "--metrics-addr=9090";
        for (arguments, variable, expected) in [
            (&[wrong, "--log-format=text"][..], None, LogFormat::Text),
            (&["--log-format", "json", wrong], None, LogFormat::Json),
            (&[wrong], Some("text"), LogFormat::Text),
            (&["--log-format=json"], Some("text"), LogFormat::Json),
        ] {
            assert_eq!(format(arguments, variable), expected, "{arguments:?}");
        }
    }
}
