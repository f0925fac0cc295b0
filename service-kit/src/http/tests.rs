use axum::{extract::Request, routing::any};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    sync::{Notify, Semaphore},
    task::JoinHandle,
};

use super::*;

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";

/// A server that answers `/` at once, and `/wait` when the test lets it.
struct Server {
    address: SocketAddr,
    stop: CancellationToken,
    serving: JoinHandle<bool>,
    /// Tells of each request for `/wait`.
    asked: Arc<Notify>,
    /// A permit for each answer of `/wait`.
    answers: Arc<Semaphore>,
}

impl Server {
    async fn start(limits: Limits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (asked, answers) = (Arc::new(Notify::new()), Arc::new(Semaphore::new(0)));
        let wait = {
            let (asked, answers) = (asked.clone(), answers.clone());
            async move || {
                asked.notify_one();
                answers.acquire().await.unwrap().forget();
                "waited"
            }
        };
        let router = Router::new()
            .route("/wait", any(wait))
            .route("/echo", any(async |request: Request| request.into_body()))
            .fallback(any("here"));
        let stop = CancellationToken::new();
        let serving = tokio::spawn({
            let stop = stop.clone();
            async move { serve(listener, router, limits, &stop, Duration::from_mins(1)).await }
        });
        Self {
            address,
            stop,
            serving,
            asked,
            answers,
        }
    }

    async fn connect(&self, bytes: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        stream
    }

    /// Asks over a new connection, and gives the answer.
    async fn ask(&self) -> String {
        let mut stream = self.connect(GET).await;
        read_until(&mut stream, "here").await
    }
}

/// Reads until the text has come; panics if the connection ends before.
async fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut text = Vec::new();
    while !text.ends_with(end.as_bytes()) {
        let byte = stream.read_u8().await;
        text.push(byte.unwrap_or_else(|error| panic!("{error} after {text:?}")));
    }
    String::from_utf8(text).unwrap()
}

/// Waits until the server ends the connection, which it may do by a reset.
async fn ended(mut stream: TcpStream) {
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
}

#[tokio::test]
async fn clients_are_waited_for_within_limits() {
    let short = Duration::from_millis(50);
    // Each limit alone ends what it is for.
    let server = Server::start(Limits::new(10).idle(short)).await;
    ended(server.connect(b"").await).await;
    let mut used = server.connect(GET).await;
    read_until(&mut used, "here").await;
    ended(used).await;

    let server = Server::start(Limits::new(10).head(short)).await;
    ended(server.connect(b"GET / HTT").await).await;
    let mut used = server.connect(GET).await;
    read_until(&mut used, "here").await;
    used.write_all(b"GET /second HTTP/1.1\r\nHos")
        .await
        .unwrap();
    ended(used).await;
}

#[tokio::test]
async fn whoever_waits_for_this_process_is_not_ended() {
    let short = Duration::from_millis(20);
    let server = Server::start(Limits::new(10).idle(short).head(short)).await;
    let mut slow = server
        .connect(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
        .await;
    server.asked.notified().await;
    // Later than the limits: another connection has come to them meanwhile.
    ended(server.connect(b"").await).await;
    server.answers.add_permits(1);
    read_until(&mut slow, "waited").await;
}

#[tokio::test]
async fn the_longest_wait_for_a_client_makes_room() {
    let server = Server::start(Limits::new(2)).await;
    let mut busy = server
        .connect(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
        .await;
    server.asked.notified().await;
    let half = server.connect(b"GET / HTT").await;
    for _ in 0..20 {
        assert!(server.ask().await.starts_with("HTTP/1.1 200"));
    }
    ended(half).await;
    server.answers.add_permits(1);
    read_until(&mut busy, "waited").await;
}

#[tokio::test]
async fn without_room_a_connection_is_refused_until_there_is() {
    let server = Server::start(Limits::new(1)).await;
    let mut busy = server
        .connect(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
        .await;
    server.asked.notified().await;
    ended(TcpStream::connect(server.address).await.unwrap()).await;
    server.answers.add_permits(1);
    read_until(&mut busy, "waited").await;
    assert!(server.ask().await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn half_a_head_does_not_hold_up_the_stop_and_a_request_is_finished() {
    // A grace period shorter than the limits, and longer than a signal may be waited for.
    let patient = Duration::from_hours(1);
    let server = Server::start(Limits::new(10).idle(patient).head(patient)).await;
    let _silent = server.connect(b"").await;
    let _half = server.connect(b"GET / HTTP/1.1\r\nHos").await;
    let mut used = server.connect(GET).await;
    read_until(&mut used, "here").await;
    used.write_all(b"GET /second HT").await.unwrap();
    let mut busy = server
        .connect(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
        .await;
    server.asked.notified().await;
    server.stop.cancel();
    server.answers.add_permits(1);
    read_until(&mut busy, "waited").await;
    assert!(server.serving.await.unwrap());
}

#[tokio::test]
async fn handlers_see_the_client_and_bodies_pass() {
    let server = Server::start(Limits::new(10)).await;
    let head = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nabc";
    let mut stream = server.connect(head).await;
    read_until(&mut stream, "abc").await;
    stream.write_all(b"def").await.unwrap();
    read_until(&mut stream, "def").await;
}
