//! A connection that became a WebSocket: bytes both ways until either side ends.

use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::copy_bidirectional;
use tokio_util::sync::CancellationToken;

/// Joins the two until one of them ends or `stop`. The API pings its clients, so a peer that is
/// gone is noticed there.
pub(super) async fn run(browser: OnUpgrade, api: OnUpgrade, stop: CancellationToken) {
    let joined = async {
        let (browser, api) = futures::try_join!(browser, api)?;
        let (mut browser, mut api) = (TokioIo::new(browser), TokioIo::new(api));
        // How a connection breaks is nobody's business here.
        let _ = copy_bidirectional(&mut browser, &mut api).await;
        Ok::<_, hyper::Error>(())
    };
    tokio::select! {
        () = stop.cancelled() => {}
        ended = joined => {
            if let Err(error) = ended {
                tracing::debug!(%error, "a connection was not upgraded");
            }
        }
    }
}
