//! Signals that end a service.

use std::{io, process};

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Listens for SIGTERM, SIGINT and SIGHUP: the first cancels the token, the second ends the
/// process.
///
/// # Errors
/// The operating system refuses a signal handler.
pub fn listen() -> io::Result<CancellationToken> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let token = CancellationToken::new();
    tokio::spawn({
        let token = token.clone();
        async move {
            loop {
                let name = tokio::select! {
                    _ = terminate.recv() => "SIGTERM",
                    _ = interrupt.recv() => "SIGINT",
                    _ = hangup.recv() => "SIGHUP",
                };
                if token.is_cancelled() {
                    tracing::warn!(signal = name, "second signal: exiting at once");
                    process::exit(1);
                }
                tracing::info!(signal = name, "shutting down");
                token.cancel();
            }
        }
    });
    Ok(token)
}
