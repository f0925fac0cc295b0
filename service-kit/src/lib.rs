//! What every service does alike: read its settings, find AWS, log, and stop.
//!
//! [`args`] checks settings, worded so that the variable is named; [`aws`] has the SDK's
//! configuration and its errors on one line; [`telemetry`] sets up log lines, and [`shutdown`]
//! waits for signals.

pub mod args;
#[cfg(feature = "aws")]
pub mod aws;
pub mod shutdown;
pub mod telemetry;

/// An error and its causes, on one line.
///
/// ```
/// let number: Result<u8, _> = "x".parse();
/// let error = number.unwrap_err();
/// assert_eq!(service_kit::causes(&error), "invalid digit found in string");
/// ```
#[must_use]
pub fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
