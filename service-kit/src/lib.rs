//! What the services have in common: settings, AWS, HTTP, log lines, start and end.
//!
//! - [`program`]: the `main` of a service, which says why it ends.
//! - [`start`]: the steps by which a service starts, each with a deadline.
//! - [`shutdown`]: turns signals into a cancellation token.
//! - [`telemetry`]: log lines and their settings; [`sums`]: log lines that count.
//! - [`args`]: value parsers for settings.
//! - [`descriptors`]: how many files and connections the process may have open.
//! - [`http`]: a server that is bounded in connections and in patience.
//! - `settings` (feature `aws`): where the pipeline's queues, bucket and keys are.
//! - `aws` (feature `aws`): the SDK's configuration, credentials that can be renewed, conditional
//!   writes, and why requests fail.
//! - `sandbox` (feature `sandbox`): where videos are decoded.

pub mod args;
#[cfg(feature = "aws")]
pub mod aws;
pub mod descriptors;
pub mod http;
pub mod program;
#[cfg(feature = "sandbox")]
pub mod sandbox;
#[cfg(feature = "aws")]
pub mod settings;
pub mod shutdown;
pub mod start;
pub mod sums;
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
