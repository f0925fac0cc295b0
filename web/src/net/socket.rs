//! The WebSocket, made again and again; HTTP while it is down.

use std::{cell::Cell, time::Duration};

use contract::api::Update;
use futures::{
    StreamExt,
    channel::mpsc,
    future::{Either, select},
    pin_mut,
};
use gloo_events::EventListener;
use gloo_net::websocket::{Message, State as SocketState, futures::WebSocket};
use gloo_timers::future::sleep;
use yew::Callback;

use super::api::Api;
use crate::{
    model::{backoff::Backoff, state::Action},
    page::{document, is_hidden},
    task::Task,
};

/// A connection that is silent for longer is a dead one that nobody closed: the API says something
/// every ten seconds.
const SILENCE: Duration = Duration::from_secs(15);
/// A connection that stood for so long was none that ends at once again and again.
const STOOD: Duration = Duration::from_secs(10);
/// An attempt that is younger than this is not given up for another one.
const ATTEMPT: Duration = Duration::from_secs(3);
/// How long the WebSocket may take before HTTP is asked.
const PATIENCE: Duration = Duration::from_secs(1);
/// Between two of those questions, on top.
const PAUSE: Duration = Duration::from_secs(4);

/// The running connection. Dropping it closes the socket and stops everything.
pub(crate) struct Connection {
    _task: Task,
    _wakers: Vec<EventListener>,
}

/// Keeps `dispatch` told of everything the API says.
pub(crate) fn connect(dispatch: Callback<Action>) -> Connection {
    // One is enough: whoever waits wakes up.
    let (waker, wakes) = mpsc::channel(1);
    Connection {
        _task: Task::spawn(forever(dispatch, wakes)),
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
            if is_hidden() {
                return;
            }
            // Full: it has been woken already.
            let _ = waker.try_send(());
        })
    };
    let mut wakers = vec![listen(&window, "online"), listen(&window, "focus")];
    if let Some(document) = document() {
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
        // What happened before this attempt does not call for another one.
        while wakes.try_recv().is_ok() {}
        let end = listen(dispatch, live, &mut wakes).await;
        live.set(false);
        if end.stood {
            backoff.reset();
        }
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
    /// It was one for a while.
    stood: bool,
}

impl End {
    fn lost(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            woken: false,
            stood: false,
        }
    }
}

/// Milliseconds since `then`. Timers stand still while a computer sleeps; its clock does not.
fn since(then: f64) -> f64 {
    js_sys::Date::now() - then
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// Listens until the connection ends.
async fn listen(
    dispatch: &Callback<Action>,
    live: &Cell<bool>,
    wakes: &mut mpsc::Receiver<()>,
) -> End {
    let Some(url) = url() else {
        return End::lost("this page has no address");
    };
    let Ok(mut socket) = WebSocket::open(&url) else {
        return End::lost("the browser opens no connection");
    };
    let (mut first, mut last) = (None, js_sys::Date::now());
    let (reason, woken) = loop {
        let left = (millis(SILENCE) - since(last)).max(0.0);
        let silence = sleep(Duration::from_millis(left as u64));
        let quiet = select(silence, wakes.next());
        let heard = match select(socket.next(), quiet).await {
            Either::Left((message, _)) => message,
            Either::Right((quiet, _)) => {
                let woken = matches!(quiet, Either::Right(_));
                let connecting = matches!(socket.state(), SocketState::Connecting);
                let patience = if woken && connecting {
                    ATTEMPT
                } else {
                    SILENCE
                };
                if woken && since(last) < millis(patience) {
                    continue;
                }
                let reason = if connecting {
                    "the API does not answer"
                } else {
                    "the API went silent"
                };
                break (reason.to_owned(), woken);
            }
        };
        match heard {
            Some(Ok(Message::Text(text))) => match serde_json::from_str::<Update>(&text) {
                Ok(update) => {
                    last = js_sys::Date::now();
                    first = first.or(Some(last));
                    live.set(true);
                    dispatch.emit(Action::Heard(Box::new(update), last));
                }
                Err(error) => break (format!("a message that could not be read: {error}"), false),
            },
            Some(Ok(Message::Bytes(_))) => {}
            Some(Err(_)) | None => break ("no connection to the API".to_owned(), false),
        }
    };
    End {
        reason,
        woken,
        stood: first.is_some_and(|first| last - first >= millis(STOOD)),
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

/// The WebSocket's address, beside the page.
fn url() -> Option<String> {
    let page = web_sys::window()?.location().href().ok()?;
    let url = web_sys::Url::new_with_base("ws", &page).ok()?;
    let is_secure = url.protocol() == "https:";
    url.set_protocol(if is_secure { "wss:" } else { "ws:" });
    Some(url.href())
}
