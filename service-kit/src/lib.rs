//! What every service does alike: read its settings, find AWS, log, and stop.
//!
//! - [`args`]: checks of settings, worded so that the variable is named.
//! - [`aws`]: the SDK's configuration, and its errors on one line.
//! - [`telemetry`]: log lines.
//! - [`shutdown`]: signals.

pub mod args;
pub mod aws;
pub mod shutdown;
pub mod telemetry;
