//! The WebSocket, made again and again; HTTP while it is down.

use std::cell::Cell;
use std::time::Duration;

use contract::api::Update;
use futures::channel::mpsc;
use futures::future::{AbortHandle, Abortable, Either, select};
use futures::{StreamExt, pin_mut};
use gloo_events::EventListener;
use gloo_net::websocket::{Message, State as SocketState, futures::WebSocket};
use gloo_timers::future::sleep;
use wasm_bindgen_futures::spawn_local;
use yew::Callback;

use super::api::Api;
use crate::model::backoff::Backoff;
use crate::model::state::Action;

/// A connection that is silent for longer is a dead one that nobody closed: the API says something every ten seconds.
const SILENCE: Duration = Duration::from_secs(15);
/// How long the WebSocket may take before HTTP is asked.
const PATIENCE: Duration = Duration::from_secs(1);
/// Between two of those questions, on top.
const PAUSE: Duration = Duration::from_secs(4);

/// The running connection. Dropping it closes the socket and stops everything.
pub(crate) struct Connection {
    abort: AbortHandle,
    _wakers: Vec<EventListener>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.abort.abort();
    }
}

/// Keeps `dispatch` told of everything the API says.
pub(crate) fn connect(dispatch: Callback<Action>) -> Connection {
    // One is enough: whoever waits wakes up.
    let (waker, wakes) = mpsc::channel(1);
    let (abort, registration) = AbortHandle::new_pair();
    spawn_local(async move {
        let _ = Abortable::new(forever(dispatch, wakes), registration).await;
    });
    Connection {
        abort,
        _wakers: wakers(&waker),
    }
}

/// What makes another attempt worth while at once: the network is back, or someone looks.
fn wakers(waker: &mpsc::Sender<()>) -> Vec<EventListener> {
    let Some(window) = web_sys::window() else {
        return Vec::new();
    };
    let listen = |target: &web_sys::EventTarget, event: &'static str| {
        let mut waker = waker.clone();
        EventListener::new(target, event, move |_| {
            // Full: it has been woken already.
            let _ = waker.try_send(());
        })
    };
    let mut wakers = vec![listen(&window, "online"), listen(&window, "focus")];
    if let Some(document) = window.document() {
        wakers.push(listen(&document, "visibilitychange"));
    }
    wakers
}

async fn forever(dispatch: Callback<Action>, wakes: mpsc::Receiver<()>) {
    let live = Cell::new(false);
    let listening = listen_again(&dispatch, &live, wakes);
    let polling = poll(&dispatch, &live);
    pin_mut!(listening, polling);
    // Neither ends by itself.
    select(listening, polling).await;
}

/// Connects whenever there is no connection. Never ends by itself.
async fn listen_again(
    dispatch: &Callback<Action>,
    live: &Cell<bool>,
    mut wakes: mpsc::Receiver<()>,
) {
    let mut backoff = Backoff::default();
    loop {
        let end = listen(dispatch, live, &mut backoff, &mut wakes).await;
        live.set(false);
        dispatch.emit(Action::Lost(end.reason));
        if !end.woken {
            let wait = sleep(backoff.next(js_sys::Math::random()));
            select(wait, wakes.next()).await;
        }
    }
}

/// How a connection ended.
struct End {
    /// Why, in words.
    reason: String,
    /// Someone looks, or the network is back: another attempt is worth while at once.
    woken: bool,
}

impl End {
    fn lost(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            woken: false,
        }
    }
}

/// Listens until the connection ends.
async fn listen(
    dispatch: &Callback<Action>,
    live: &Cell<bool>,
    backoff: &mut Backoff,
    wakes: &mut mpsc::Receiver<()>,
) -> End {
    let Some(url) = url() else {
        return End::lost("this page has no address");
    };
    let Ok(mut socket) = WebSocket::open(&url) else {
        return End::lost("the browser opens no connection");
    };
    let mut heard_at = js_sys::Date::now();
    loop {
        let silence = sleep(SILENCE);
        let quiet = select(silence, wakes.next());
        let heard = match select(socket.next(), quiet).await {
            Either::Left((message, _)) => message,
            Either::Right((quiet, _)) => {
                let connecting = matches!(socket.state(), SocketState::Connecting);
                let woken = matches!(quiet, Either::Right(_));
                // Timers stand still while a computer sleeps; its clock does not.
                let silent = js_sys::Date::now() - heard_at > SILENCE.as_millis() as f64;
                if woken && !connecting && !silent {
                    continue;
                }
                let reason = if connecting {
                    "the API does not answer"
                } else {
                    "the API went silent"
                };
                return End {
                    woken,
                    ..End::lost(reason)
                };
            }
        };
        match heard {
            Some(Ok(Message::Text(text))) => match serde_json::from_str::<Update>(&text) {
                Ok(update) => {
                    backoff.reset();
                    live.set(true);
                    heard_at = js_sys::Date::now();
                    dispatch.emit(Action::Heard(Box::new(update), heard_at));
                }
                Err(error) => {
                    return End::lost(format!("a message that makes no sense: {error}"));
                }
            },
            Some(Ok(Message::Bytes(_))) => {}
            Some(Err(_)) | None => return End::lost("no connection to the API"),
        }
    }
}

/// Asks by HTTP what the WebSocket would tell while it is not `live`. Never ends by itself.
async fn poll(dispatch: &Callback<Action>, live: &Cell<bool>) {
    loop {
        sleep(PATIENCE).await;
        if live.get() {
            continue;
        }
        let action = match Api::default().state().await {
            Ok(update) => Action::Polled(Box::new(update), js_sys::Date::now()),
            Err(_) => Action::PollFailed,
        };
        dispatch.emit(action);
        sleep(PAUSE).await;
    }
}

fn url() -> Option<String> {
    let location = web_sys::window()?.location();
    let scheme = match location.protocol().ok()?.as_str() {
        "https:" => "wss",
        _ => "ws",
    };
    Some(format!("{scheme}://{}/ws", location.host().ok()?))
}
