//! `GET /ws`: the state, and what changes, over a WebSocket.
//!
//! Each client is one task with small buffers that forwards messages which the feed serialised
//! once. A client that does not take a message in time, or lags behind the feed's backlog, is
//! dropped: its browser connects again and gets the full state.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{
        State,
        ws::{
            CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code,
            rejection::WebSocketUpgradeRejection,
        },
    },
    http::{HeaderMap, StatusCode, header},
    response::Response,
};
use contract::api;
use metrics::{counter, gauge};
use tokio::{
    sync::{OwnedSemaphorePermit, broadcast::error::RecvError},
    time::{MissedTickBehavior, interval, sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::problem::Problem;
use crate::{
    app::App,
    feed::Subscription,
    prometheus::{WEBSOCKETS, WEBSOCKETS_DROPPED},
};

/// Longest time that a client may take for one message.
const SEND_LIMIT: Duration = Duration::from_secs(10);
/// Longest time for the last message: the close frame, or one under way when the service stops.
const CLOSE_LIMIT: Duration = Duration::from_secs(1);
/// Time between pings: shorter than any proxy's idle timeout. A client that answers none of two is
/// gone.
const PING_EVERY: Duration = Duration::from_secs(20);
/// Longest silence towards a client, as pages cannot see pings. An empty message means that nothing
/// changed.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(10);
/// Largest message from a client in bytes: clients send nothing but pongs.
const MAX_INCOMING: usize = 4 << 10;
/// Read buffer of a client in bytes. The library's default of 128 KiB is meant for large messages.
const READ_BUFFER: usize = 2 << 10;

/// The pipeline's state on connect, then what changes, as text messages of JSON.
///
/// A section that a message lacks is unchanged. After ten seconds without a change an empty message
/// (`{}`) tells that the connection stands. Browsers may connect from the API's own origin and
/// those in `ALLOWED_ORIGINS`.
#[utoipa::path(get, path = "/ws", tag = "state", responses(
    (status = 101, description = "Messages follow", body = api::Update),
    (status = 400, description = "Not a WebSocket handshake", body = api::Problem, content_type = "application/problem+json"),
    (status = 403, description = "The origin is not allowed", body = api::Problem, content_type = "application/problem+json"),
    (status = 426, description = "The connection cannot become a WebSocket", body = api::Problem, content_type = "application/problem+json"),
    (status = 503, description = "Too many clients", body = api::Problem, content_type = "application/problem+json"),
))]
pub(super) async fn live(
    State(app): State<App>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    check_origin(&headers, &app.service.config.allowed_origins)?;
    let upgrade =
        upgrade.map_err(|rejection| Problem::new(rejection.status(), rejection.body_text()))?;
    let place = Arc::clone(&app.service.websockets)
        .try_acquire_owned()
        .map_err(|_| Problem::unavailable("too many WebSockets are open"))?;
    let tasks = app.service.tasks.clone();
    let upgrade = upgrade
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_message_size(MAX_INCOMING)
        .max_frame_size(MAX_INCOMING);
    Ok(upgrade.on_upgrade(async move |socket| {
        // The shutdown waits for this task, so that every client gets its close frame.
        let _ = tasks.spawn(serve(app, socket, place)).await;
    }))
}

/// Why a connection ends.
enum End {
    /// The client closed the connection, or broke the protocol.
    Gone,
    /// The client does not keep up.
    Slow,
    /// The service stops.
    Stopping,
}

async fn serve(app: App, mut socket: WebSocket, _place: OwnedSemaphorePermit) {
    gauge!(WEBSOCKETS).increment(1.0);
    let close = match forward(&app, &mut socket).await {
        End::Gone => None,
        End::Slow => {
            counter!(WEBSOCKETS_DROPPED).increment(1);
            Some((close_code::AGAIN, "too slow; connect again"))
        }
        End::Stopping => Some((close_code::AWAY, "the service stops")),
    };
    if let Some((code, reason)) = close {
        let frame = CloseFrame {
            code,
            reason: reason.into(),
        };
        let _ = timeout(CLOSE_LIMIT, socket.send(Message::Close(Some(frame)))).await;
    }
    gauge!(WEBSOCKETS).decrement(1.0);
}

async fn forward(app: &App, socket: &mut WebSocket) -> End {
    let Subscription { hello, mut updates } = app.watch.feed.subscribe();
    let stop = &app.service.stop;
    if let Err(end) = send(socket, Message::Text(hello), stop).await {
        return end;
    }
    let mut pings = interval(PING_EVERY);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    pings.reset();
    let mut heartbeats = interval(HEARTBEAT_EVERY);
    heartbeats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    heartbeats.reset();
    let mut unanswered = 0;
    loop {
        let message = tokio::select! {
            () = stop.cancelled() => return End::Stopping,
            update = updates.recv() => match update {
                Ok(update) => {
                    heartbeats.reset();
                    Message::Text(update)
                }
                Err(RecvError::Lagged(_)) => return End::Slow,
                Err(RecvError::Closed) => return End::Stopping,
            },
            incoming = socket.recv() => match incoming {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return End::Gone,
                Some(Ok(_)) => {
                    unanswered = 0;
                    continue;
                }
            },
            _ = heartbeats.tick() => Message::Text("{}".into()),
            _ = pings.tick() => {
                if unanswered == 2 {
                    return End::Gone;
                }
                unanswered += 1;
                Message::Ping(axum::body::Bytes::new())
            }
        };
        if let Err(end) = send(socket, message, stop).await {
            return end;
        }
    }
}

async fn send(
    socket: &mut WebSocket,
    message: Message,
    stop: &CancellationToken,
) -> Result<(), End> {
    let at_the_end = async {
        stop.cancelled().await;
        sleep(CLOSE_LIMIT).await;
    };
    tokio::select! {
        sent = timeout(SEND_LIMIT, socket.send(message)) => match sent {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Gone),
            Err(_) => Err(End::Slow),
        },
        // No close frame can follow a message that was cut.
        () = at_the_end => Err(End::Gone),
    }
}

/// Browsers send the page's origin. Other programs send none, and have no cookies to abuse.
fn check_origin(headers: &HeaderMap, allowed: &[String]) -> Result<(), Problem> {
    let Some(origin) = headers.get(header::ORIGIN) else {
        return Ok(());
    };
    let origin = origin.to_str().unwrap_or_default();
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    if allowed.iter().any(|known| known == origin) || is_of_host(origin, host) {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::FORBIDDEN,
        "pages of this origin may not connect; ALLOWED_ORIGINS lists the origins that may",
    ))
}

/// Whether an origin is on `host`, a name or address with perhaps a port.
fn is_of_host(origin: &str, host: &str) -> bool {
    let Ok(origin) = Url::parse(origin) else {
        return false;
    };
    // A Host header without a port means the scheme's default port.
    let Ok(own) = Url::parse(&format!("{}://{host}", origin.scheme())) else {
        return false;
    };
    matches!(origin.scheme(), "http" | "https")
        && own.host().is_some()
        && own.username().is_empty()
        && own.path() == "/"
        && origin.origin() == own.origin()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_of_this_host_or_of_the_list() {
        let check = |origin: &str, host: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ORIGIN, origin.parse().unwrap());
            headers.insert(header::HOST, host.parse().unwrap());
            check_origin(&headers, &["https://dashboard.example".to_owned()]).is_ok()
        };
        for (origin, host) in [
            ("http://127.0.0.1:8000", "127.0.0.1:8000"),
            ("https://api.example", "api.example"),
            ("https://api.example", "api.example:443"),
            ("https://API.example", "api.example"),
            ("https://dashboard.example", "api.example"),
            ("http://[::1]:8000", "[::1]:8000"),
        ] {
            assert!(check(origin, host), "{origin} {host}");
        }
        for (origin, host) in [
            ("https://evil.example", "api.example"),
            ("https://api.example.evil", "api.example"),
            ("http://api.example:8080", "api.example"),
            ("http://dashboard.example", "api.example"),
            ("null", "api.example"),
            ("", ""),
            ("file:///x", ""),
            ("https://evil.example", "x@evil.example"),
        ] {
            assert!(!check(origin, host), "{origin} {host}");
        }
        assert!(check_origin(&HeaderMap::new(), &[]).is_ok());
    }
}
