//! Sums up messages that no worker can read, of which a misdirected sender may send thousands.

use service_kit::sums::Sums;

/// Counts foreign messages and logs their number from time to time.
#[derive(Debug, Default)]
pub(crate) struct Foreign(Sums);

impl Foreign {
    /// Counts a message. Logs the first at once, and later ones in sums.
    pub(crate) fn add(&self, reason: &str) {
        if let Some(messages) = self.0.add() {
            log(messages, reason);
        }
    }

    /// Logs the messages that no log line has counted yet.
    pub(crate) fn finish(&self) {
        if let Some(messages) = self.0.rest() {
            log(messages, "see the earlier lines");
        }
    }
}

fn log(messages: u64, example: &str) {
    tracing::warn!(
        messages,
        example,
        "messages are neither S3 events nor keys of uploads"
    );
}
