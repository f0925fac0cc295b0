//! What every service does alike: read its settings, find AWS, log, and stop.
//!
//! [`args`] checks settings, worded so that the variable is named; [`aws`] has the SDK's configuration and its errors on
//! one line; [`telemetry`] sets up log lines, and [`shutdown`] waits for signals.

pub mod args;
#[cfg(feature = "aws")]
pub mod aws;
pub mod shutdown;
pub mod telemetry;
