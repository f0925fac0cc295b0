//! The steps by which a service starts: each with a deadline of its own, none in silence.

use std::{convert::Infallible, pin::pin, time::Duration};

use anyhow::bail;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// A step that takes longer is logged while it lasts.
const SLOW: Duration = Duration::from_secs(3);

/// Runs the steps of a start, until a signal ends it.
#[derive(Debug, Clone)]
pub struct Start(CancellationToken);

impl Start {
    /// Longest time of a step that asks AWS, in which the SDK sends a request up to three times.
    pub const AWS: Duration = Duration::from_secs(20);

    /// A start that ends when `stop` is cancelled, as [`shutdown::listen`](crate::shutdown::listen)
    /// does.
    #[must_use]
    pub fn new(stop: CancellationToken) -> Self {
        Self(stop)
    }

    /// Runs one step. `what` says what is done, and names the variable that it depends on:
    /// `looking for the bucket (S3_BUCKET)`.
    ///
    /// # Errors
    /// The step's own error; the step is not done within `limit`, or a signal came before it was;
    /// the last two name `what`.
    pub async fn step<T>(
        &self,
        what: &str,
        limit: Duration,
        work: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        let mut work = pin!(timeout(limit, work));
        let slow = async {
            sleep(SLOW).await;
            tracing::warn!(
                step = what,
                limit_s = limit.as_secs(),
                "the start takes more than three seconds"
            );
            std::future::pending::<Infallible>().await
        };
        tokio::select! {
            biased;
            () = self.0.cancelled() => {
                bail!("{what}: a signal ended the start before this was done")
            }
            done = &mut work => match done {
                Ok(done) => done,
                Err(_) => bail!("{what}: not done within {} s", limit.as_secs_f64()),
            },
            never = slow => match never {},
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    #[tokio::test]
    async fn a_step_ends_with_its_result_its_limit_or_a_signal() {
        let stop = CancellationToken::new();
        let start = Start::new(stop.clone());
        let limit = Duration::from_millis(20);
        let done = start.step("one", limit, ready(Ok(7))).await;
        assert_eq!(done.unwrap(), 7);
        let late = start.step::<()>("two (TWO)", limit, pending()).await;
        let late = late.unwrap_err().to_string();
        assert_eq!(late, "two (TWO): not done within 0.02 s");
        stop.cancel();
        let ended = start.step("three", limit, ready(Ok(7))).await;
        let ended = ended.unwrap_err().to_string();
        assert!(ended.starts_with("three: a signal"), "{ended}");
    }
}
