//! The WebSocket, made again and again; HTTP while it is down.

use std::rc::Rc;
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

/// The queue's history gets a point every five seconds, so a silent connection is a dead one that nobody closed.
const SILENCE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_secs(5);

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

async fn forever(dispatch: Callback<Action>, mut wakes: mpsc::Receiver<()>) {
    let dispatch = Rc::new(dispatch);
    let mut backoff = Backoff::default();
    loop {
        let reason = listen(&dispatch, &mut backoff).await;
        dispatch.emit(Action::Lost(reason));
        // Those that came while it stood mean nothing.
        while wakes.try_recv().is_ok() {}
        let wait = sleep(backoff.next(js_sys::Math::random()));
        let polling = poll(&dispatch);
        pin_mut!(wait, polling);
        select(select(wait, wakes.next()), polling).await;
    }
}

/// Listens until the connection ends, and says why it did.
async fn listen(dispatch: &Callback<Action>, backoff: &mut Backoff) -> String {
    let Some(url) = url() else {
        return "this page has no address".to_owned();
    };
    let Ok(mut socket) = WebSocket::open(&url) else {
        return "the browser opens no connection".to_owned();
    };
    loop {
        let heard = match select(socket.next(), sleep(SILENCE)).await {
            Either::Left((message, _)) => Some(message),
            Either::Right(_) => None,
        };
        match heard {
            Some(Some(Ok(Message::Text(text)))) => match serde_json::from_str::<Update>(&text) {
                Ok(update) => {
                    backoff.reset();
                    dispatch.emit(Action::Heard(Box::new(update), js_sys::Date::now()));
                }
                Err(error) => return format!("a message that makes no sense: {error}"),
            },
            Some(Some(Ok(Message::Bytes(_)))) => {}
            Some(Some(Err(_)) | None) => return "no connection to the API".to_owned(),
            None if matches!(socket.state(), SocketState::Connecting) => {
                return "the API does not answer".to_owned();
            }
            None => return "the API went silent".to_owned(),
        }
    }
}

/// Asks by HTTP what the WebSocket would tell. Never ends by itself.
async fn poll(dispatch: &Callback<Action>) {
    loop {
        let action = match Api::default().state().await {
            Ok(update) => Action::Polled(Box::new(update), js_sys::Date::now()),
            Err(_) => Action::PollFailed,
        };
        dispatch.emit(action);
        sleep(POLL).await;
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
