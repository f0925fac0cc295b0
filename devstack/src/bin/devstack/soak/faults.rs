//! A proxy before a [`Stack`] that answers badly now and then, as busy services and bad networks
//! do.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::Context;
use bytes::Bytes;
use devstack::Stack;
use futures::stream;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::{
    Request, Response, StatusCode, Uri,
    body::{Frame, Incoming},
    header::{CONTENT_LENGTH, EXPECT, HeaderValue, TRANSFER_ENCODING},
    http::{request, response, uri::PathAndQuery},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
};
use tokio::{
    net::{TcpListener, TcpStream},
    time::sleep,
};
use tokio_util::task::AbortOnDropHandle;

/// What goes wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// It is answered by 503, and has no effect.
    Refused,
    /// It takes a while.
    Delayed,
    /// It has its effect, and the connection ends without an answer.
    AnswerLost,
    /// It has its effect, and the connection ends in the middle of the answer's body.
    BodyCut,
}

const FAULTS: [(Fault, &str); 4] = [
    (Fault::Refused, "refused"),
    (Fault::Delayed, "delayed"),
    (Fault::AnswerLost, "answers lost"),
    (Fault::BodyCut, "bodies cut"),
];

/// Longest delay, in milliseconds.
const DELAY: u64 = 2000;

/// See the module. Ends when dropped.
pub(super) struct FaultyProxy {
    address: SocketAddr,
    state: Arc<State>,
    _accepting: AbortOnDropHandle<()>,
}

struct State {
    client: Client<HttpConnector, Full<Bytes>>,
    upstream: Uri,
    /// How many requests of a hundred go wrong.
    share: u8,
    book: Mutex<Book>,
}

/// What has happened, and what decides what happens next.
struct Book {
    chance: fastrand::Rng,
    requests: usize,
    faults: [usize; FAULTS.len()],
}

/// An answer whose body may end in an error.
type Answer =
    Response<StreamBody<stream::Iter<std::vec::IntoIter<Result<Frame<Bytes>, io::Error>>>>>;

impl FaultyProxy {
    /// A proxy that does something wrong with `share` requests of a hundred.
    pub(super) async fn start(
        stack: &Stack,
        share: u8,
        chance: fastrand::Rng,
    ) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let state = Arc::new(State {
            client: Client::builder(TokioExecutor::new()).build_http(),
            upstream: stack.endpoint().parse()?,
            share,
            book: Mutex::new(Book {
                chance,
                requests: 0,
                faults: [0; FAULTS.len()],
            }),
        });
        let accepting = tokio::spawn({
            let state = state.clone();
            async move {
                while let Ok((connection, _)) = listener.accept().await {
                    tokio::spawn(state.clone().serve(connection));
                }
            }
        });
        Ok(Self {
            address,
            state,
            _accepting: AbortOnDropHandle::new(accepting),
        })
    }

    /// Its base URL.
    pub(super) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many requests went wrong, and how.
    pub(super) fn summary(&self) -> String {
        let book = self
            .state
            .book
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let faults = FAULTS.iter().zip(book.faults);
        let faults: Vec<_> = faults.map(|((_, name), n)| format!("{n} {name}")).collect();
        format!(
            "requests: {}, of which {}",
            book.requests,
            faults.join(", ")
        )
    }
}

impl State {
    async fn serve(self: Arc<Self>, connection: TcpStream) {
        let answer = service_fn(|request| {
            let state = self.clone();
            async move { state.answer(request).await }
        });
        // A broken connection is the peers' business, and often this proxy's doing.
        let _ = http1::Builder::new()
            .serve_connection(TokioIo::new(connection), answer)
            .await;
    }

    /// Answers a request; an error ends the connection without an answer.
    async fn answer(&self, request: Request<Incoming>) -> anyhow::Result<Answer> {
        let (head, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let (fault, delay) = self.draw();
        match fault {
            Some(Fault::Refused) => return Ok(refusal()),
            Some(Fault::Delayed) => sleep(delay).await,
            _ => {}
        }
        let (head, body) = self.pass_on(head, body).await?;
        match fault {
            Some(Fault::AnswerLost) => anyhow::bail!("this answer is to be lost"),
            Some(Fault::BodyCut) if !body.is_empty() => Ok(cut(head, &body)),
            _ => Ok(whole(head, body)),
        }
    }

    /// What is to go wrong with the next request, and how long it takes if it is delayed.
    fn draw(&self) -> (Option<Fault>, Duration) {
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        book.requests += 1;
        if book.chance.u8(..100) >= self.share {
            return (None, Duration::ZERO);
        }
        let nth = book.chance.usize(..FAULTS.len());
        book.faults[nth] += 1;
        let delay = Duration::from_millis(book.chance.u64(..DELAY));
        (Some(FAULTS[nth].0), delay)
    }

    async fn pass_on(
        &self,
        mut head: request::Parts,
        body: Bytes,
    ) -> anyhow::Result<(response::Parts, Bytes)> {
        let mut uri = self.upstream.clone().into_parts();
        let path = head.uri.path_and_query().cloned();
        uri.path_and_query = Some(path.unwrap_or(PathAndQuery::from_static("/")));
        head.uri = Uri::from_parts(uri)?;
        head.headers.remove(EXPECT);
        if head.headers.remove(TRANSFER_ENCODING).is_some() {
            head.headers
                .insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        }
        let request = Request::from_parts(head, Full::new(body));
        let answer = self.client.request(request).await;
        let (head, body) = answer.context("S3 and SQS do not answer")?.into_parts();
        Ok((head, body.collect().await?.to_bytes()))
    }
}

/// What S3 and SQS say when they are busy.
fn refusal() -> Answer {
    let text = "<Error><Code>SlowDown</Code><Message>made up by the soak</Message></Error>";
    let (mut head, ()) = Response::new(()).into_parts();
    head.status = StatusCode::SERVICE_UNAVAILABLE;
    whole(head, Bytes::from_static(text.as_bytes()))
}

fn whole(head: response::Parts, body: Bytes) -> Answer {
    answer(head, vec![Ok(Frame::data(body))])
}

/// Half of the body that the head announces.
fn cut(mut head: response::Parts, body: &Bytes) -> Answer {
    head.headers.remove(TRANSFER_ENCODING);
    head.headers
        .insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    let half = body.slice(..body.len() / 2);
    let end = io::Error::from(io::ErrorKind::ConnectionAborted);
    answer(head, vec![Ok(Frame::data(half)), Err(end)])
}

fn answer(head: response::Parts, frames: Vec<Result<Frame<Bytes>, io::Error>>) -> Answer {
    Response::from_parts(head, StreamBody::new(stream::iter(frames)))
}
