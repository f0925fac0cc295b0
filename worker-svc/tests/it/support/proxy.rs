//! A TCP proxy between the worker and the stack that counts requests, can hold one back, or break.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use anyhow::Result;
use devstack::Stack;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tokio_util::task::AbortOnDropHandle;

use super::until;

pub(crate) struct Proxy {
    address: SocketAddr,
    state: Arc<State>,
    _accepting: AbortOnDropHandle<()>,
}

struct State {
    upstream: String,
    /// What a held request begins with.
    prefix: String,
    /// How many such requests pass before they are held.
    free: usize,
    seen: AtomicUsize,
    held: AtomicUsize,
    open: watch::Sender<bool>,
    broken: AtomicBool,
    /// The first lines of all requests.
    lines: Mutex<Vec<String>>,
    /// How long each receive may wait for a message, in seconds.
    polls: Mutex<Vec<u32>>,
}

impl Proxy {
    /// Passes everything on.
    pub(crate) async fn counting(stack: &Stack) -> Result<Self> {
        Self::holding(stack, "", usize::MAX).await
    }

    /// Holds requests for the object's bytes, after the first `free` ones, until
    /// [`release`](Self::release).
    pub(crate) async fn holding(stack: &Stack, key: &str, free: usize) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let state = Arc::new(State {
            upstream: stack.endpoint().trim_start_matches("http://").to_owned(),
            prefix: format!("GET /{}/{key}", stack.bucket()),
            free,
            seen: AtomicUsize::new(0),
            held: AtomicUsize::new(0),
            open: watch::Sender::new(false),
            broken: AtomicBool::new(false),
            lines: Mutex::default(),
            polls: Mutex::default(),
        });
        let accepting = tokio::spawn({
            let state = state.clone();
            async move {
                while let Ok((client, _)) = listener.accept().await {
                    let state = state.clone();
                    tokio::spawn(async move {
                        // A broken connection is the peers' business.
                        let _ = state.serve(client).await;
                    });
                }
            }
        });
        Ok(Self {
            address,
            state,
            _accepting: AbortOnDropHandle::new(accepting),
        })
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The methods of the requests for an object so far.
    pub(crate) fn methods(&self, stack: &Stack, key: &str) -> Vec<String> {
        let path = format!(" /{}/{key}", stack.bucket());
        let lines = self.state.lines();
        let of_key = |line: &String| {
            let (method, target) = line.split_at(line.find(' ')?);
            let target = target.strip_prefix(&path)?;
            target.starts_with([' ', '?']).then(|| method.to_owned())
        };
        lines.iter().filter_map(of_key).collect()
    }

    /// How long each receive so far may wait for a message, in seconds.
    pub(crate) fn polls(&self) -> Vec<u32> {
        let polls = self.state.polls.lock();
        polls.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until a request is held back.
    pub(crate) async fn held(&self) -> Result<()> {
        until("a request is held back", || {
            let held = self.state.held.load(Ordering::SeqCst) > 0;
            async move { Ok(held.then_some(())) }
        })
        .await
    }

    /// Lets held requests and all later ones pass.
    pub(crate) fn release(&self) {
        self.state.open.send_replace(true);
    }

    /// While broken, connections end with the next byte sent over them.
    pub(crate) fn set_broken(&self, broken: bool) {
        self.state.broken.store(broken, Ordering::SeqCst);
    }
}

impl State {
    fn lines(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note_poll(&self, text: &str) {
        let Some((_, rest)) = text.split_once("\"WaitTimeSeconds\":") else {
            return;
        };
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        let mut polls = self.polls.lock().unwrap_or_else(PoisonError::into_inner);
        polls.extend(digits.parse::<u32>());
    }

    async fn serve(&self, client: TcpStream) -> Result<()> {
        let server = TcpStream::connect(&self.upstream).await?;
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_server, mut to_server) = server.into_split();
        let requests = async {
            let mut buffer = vec![0; 64 << 10];
            loop {
                let n = from_client.read(&mut buffer).await?;
                if n == 0 || self.broken.load(Ordering::SeqCst) {
                    return anyhow::Ok(());
                }
                let line = buffer[..n].split(|byte| *byte == b'\r').next();
                let line = String::from_utf8_lossy(line.unwrap_or_default());
                if line.ends_with(" HTTP/1.1") {
                    self.lines().push(line.into_owned());
                }
                self.note_poll(&String::from_utf8_lossy(&buffer[..n]));
                // A GET is small and comes in one piece.
                if buffer[..n].starts_with(self.prefix.as_bytes())
                    && self.seen.fetch_add(1, Ordering::SeqCst) >= self.free
                {
                    self.held.fetch_add(1, Ordering::SeqCst);
                    self.open.subscribe().wait_for(|open| *open).await?;
                }
                to_server.write_all(&buffer[..n]).await?;
            }
        };
        tokio::select! {
            _ = requests => {}
            _ = copy(&mut from_server, &mut to_client) => {}
        }
        Ok(())
    }
}
