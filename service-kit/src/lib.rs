//! What the services have in common: settings, AWS, log lines, signals.
//!
//! - `settings` (feature `aws`): where the pipeline's queues, bucket and keys are.
//! - `aws` (feature `aws`): the SDK's configuration, conditional writes, and errors on one line.
//! - [`telemetry`]: log lines and their settings.
//! - [`args`]: value parsers for settings.
//! - [`shutdown`]: turns signals into a cancellation token.

pub mod args;
#[cfg(feature = "aws")]
pub mod aws;
#[cfg(feature = "aws")]
pub mod settings;
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
