//! A proxy before a [`Stack`] that misbehaves as a test asks: it counts requests, holds some back,
//! refuses some, or breaks.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tokio_util::task::AbortOnDropHandle;

use crate::{Stack, program::until};

/// See the module. Ends when dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    state: Arc<State>,
    _accepting: AbortOnDropHandle<()>,
}

#[derive(Debug)]
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
    refusals: Mutex<Vec<Refusal>>,
    /// The first lines of all requests.
    lines: Mutex<Vec<String>>,
    /// How long each receive may wait for a message, in seconds.
    polls: Mutex<Vec<u32>>,
}

/// Requests that AWS's answer is made up for.
#[derive(Debug, Clone)]
struct Refusal {
    /// What the request's head contains, all of it.
    contains: Vec<String>,
    /// The status and the code of the answer; `None` for no answer at all.
    answer: Option<(u16, String)>,
}

impl Proxy {
    /// Passes everything on.
    ///
    /// # Errors
    /// No port is free.
    pub async fn counting(stack: &Stack) -> anyhow::Result<Self> {
        Self::holding(stack, "", usize::MAX).await
    }

    /// Holds requests for the object's bytes, after the first `free` ones, until
    /// [`release`](Self::release).
    ///
    /// # Errors
    /// No port is free.
    pub async fn holding(stack: &Stack, key: &str, free: usize) -> anyhow::Result<Self> {
        Self::holding_requests(stack, ("GET", key), free).await
    }

    /// Holds writes of the object, after the first `free` ones, until [`release`](Self::release).
    ///
    /// # Errors
    /// No port is free.
    pub async fn holding_writes(stack: &Stack, key: &str, free: usize) -> anyhow::Result<Self> {
        Self::holding_requests(stack, ("PUT", key), free).await
    }

    async fn holding_requests(
        stack: &Stack,
        (method, key): (&str, &str),
        free: usize,
    ) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let state = Arc::new(State {
            upstream: stack.endpoint().trim_start_matches("http://").to_owned(),
            prefix: format!("{method} /{}/{key}", stack.bucket()),
            free,
            seen: AtomicUsize::new(0),
            held: AtomicUsize::new(0),
            open: watch::Sender::new(false),
            broken: AtomicBool::new(false),
            refusals: Mutex::default(),
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

    /// Its base URL, to be a service's `AWS_ENDPOINT_URL`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers requests whose heads contain all of `contains` with this status and AWS's error
    /// `code`, in the form of the service that is asked.
    pub fn refuse(&self, contains: &[&str], status: u16, code: &str) {
        self.state.refuse(contains, Some((status, code.to_owned())));
    }

    /// Takes requests whose heads contain all of `contains`, and answers nothing.
    pub fn ignore(&self, contains: &[&str]) {
        self.state.refuse(contains, None);
    }

    /// Refuses nothing any more.
    pub fn accept_all(&self) {
        lock(&self.state.refusals).clear();
    }

    /// The methods of the requests for an object so far.
    #[must_use]
    pub fn methods(&self, stack: &Stack, key: &str) -> Vec<String> {
        let path = format!(" /{}/{key}", stack.bucket());
        let lines = lock(&self.state.lines);
        let of_key = |line: &String| {
            let (method, target) = line.split_at(line.find(' ')?);
            let target = target.strip_prefix(&path)?;
            target.starts_with([' ', '?']).then(|| method.to_owned())
        };
        lines.iter().filter_map(of_key).collect()
    }

    /// How long each receive so far may wait for a message, in seconds.
    #[must_use]
    pub fn polls(&self) -> Vec<u32> {
        lock(&self.state.polls).clone()
    }

    /// Waits until a request is held back.
    ///
    /// # Errors
    /// None is, for longer than any condition may take.
    pub async fn held(&self) -> anyhow::Result<()> {
        until("a request is held back", || {
            let held = self.state.held.load(Ordering::SeqCst) > 0;
            async move { Ok(held.then_some(())) }
        })
        .await
    }

    /// Lets held requests and all later ones pass.
    pub fn release(&self) {
        self.state.open.send_replace(true);
    }

    /// While broken, connections end with the next byte sent over them.
    pub fn set_broken(&self, broken: bool) {
        self.state.broken.store(broken, Ordering::SeqCst);
    }
}

impl State {
    fn refuse(&self, contains: &[&str], answer: Option<(u16, String)>) {
        lock(&self.refusals).push(Refusal {
            contains: contains.iter().map(|&text| text.to_owned()).collect(),
            answer,
        });
    }

    fn note_poll(&self, text: &str) {
        let Some((_, rest)) = text.split_once("\"WaitTimeSeconds\":") else {
            return;
        };
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        lock(&self.polls).extend(digits.parse::<u32>());
    }

    async fn serve(&self, client: TcpStream) -> anyhow::Result<()> {
        let server = TcpStream::connect(&self.upstream).await?;
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_server, mut to_server) = server.into_split();
        let mut refused = None;
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
                    lock(&self.lines).push(line.into_owned());
                }
                let text = String::from_utf8_lossy(&buffer[..n]);
                self.note_poll(&text);
                if let Some(refusal) = self.refusal(&text) {
                    refused = Some(refusal.answer_to(&text));
                    return Ok(());
                }
                // The head of a request is small and comes in one piece.
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
        let Some(answer) = refused else {
            return Ok(());
        };
        if let Some(answer) = answer {
            to_client.write_all(answer.as_bytes()).await?;
            to_client.shutdown().await?;
        }
        // A connection with unread bytes would be reset, and the answer lost. Whoever is answered
        // nothing waits.
        let mut rest = Vec::new();
        from_client.read_to_end(&mut rest).await?;
        Ok(())
    }

    /// What is to be done with a request, if it is not to be passed on.
    fn refusal(&self, request: &str) -> Option<Refusal> {
        let refusals = lock(&self.refusals);
        let contains_all = |refusal: &&Refusal| {
            let mut parts = refusal.contains.iter();
            parts.all(|part| request.contains(part))
        };
        refusals.iter().find(contains_all).cloned()
    }
}

impl Refusal {
    /// The made-up answer to a request.
    fn answer_to(&self, request: &str) -> Option<String> {
        let (status, code) = self.answer.as_ref()?;
        let lower = request.to_ascii_lowercase();
        let body = if request.starts_with("HEAD ") {
            String::new()
        } else if lower.contains("x-amz-target:") {
            format!(r#"{{"__type":"com.amazonaws.sqs#{code}","message":"made up by the test"}}"#)
        } else {
            format!("<Error><Code>{code}</Code><Message>made up by the test</Message></Error>")
        };
        let length = body.len();
        Some(format!(
            "HTTP/1.1 {status} Refused\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        ))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
