//! The S3 that all contenders read from: `s3s-fs` in a process of its own, with a network's delays
//! put before it and every request counted.

use std::{
    mem,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use anyhow::Context;
use axum::{
    Router,
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
    serve::ListenerExt,
};
use bytes::Bytes;
use futures::stream;
use http_body_util::BodyExt;
use s3s::{
    auth::SimpleAuth,
    service::{S3Service, S3ServiceBuilder},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    net::TcpSocket,
    process::{Child, ChildStdin, ChildStdout, Command},
};

use crate::requests::Request;

/// Credentials of the local server; they open nothing else.
pub(crate) const ACCESS_KEY: &str = "bench";
pub(crate) const SECRET_KEY: &str = "benchbench";
pub(crate) const REGION: &str = "us-east-1";

/// What the kernel may take ahead of the client: without this bound, megabytes that a client asked
/// for and never read would count as sent.
const SEND_BUFFER: u32 = 128 << 10;

/// A network: every request waits for its first byte, then for its bytes at the bandwidth of one
/// connection.
#[derive(Debug, Clone, Copy, clap::Args, serde::Serialize, serde::Deserialize, PartialEq)]
pub(crate) struct Network {
    /// Wait for the first byte of each answer, in milliseconds
    #[arg(long, default_value_t = 30)]
    pub(crate) latency: u64,

    /// Bandwidth of one connection, in MB/s
    #[arg(long, default_value_t = 100)]
    pub(crate) bandwidth: u64,
}

#[derive(Clone)]
struct Front {
    service: S3Service,
    network: Network,
    log: Arc<Log>,
}

struct Log {
    epoch: Instant,
    requests: Mutex<Requests>,
}

#[derive(Default)]
struct Requests {
    /// How many were taken away before the ones here.
    taken: usize,
    here: Vec<Request>,
}

impl Log {
    fn now(&self) -> u64 {
        self.epoch.elapsed().as_micros() as u64
    }

    fn requests(&self) -> MutexGuard<'_, Requests> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves the folders below `root` as buckets until standard input ends. Prints its address;
/// answers each line on standard input with the requests since the last one.
pub(crate) fn serve(root: PathBuf, network: Network) -> anyhow::Result<()> {
    let files = s3s_fs::FileSystem::new(root)
        .map_err(|error| anyhow::anyhow!("cannot serve files: {error:?}"))?;
    let mut service = S3ServiceBuilder::new(files);
    service.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
    let front = Front {
        service: service.build(),
        network,
        log: Arc::new(Log {
            epoch: Instant::now(),
            requests: Mutex::default(),
        }),
    };
    let log = Arc::clone(&front.log);
    let socket = TcpSocket::new_v4()?;
    // Connections take it over.
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.bind("127.0.0.1:0".parse()?)?;
    let listener = socket.listen(128)?;
    println!("{}", listener.local_addr()?);
    let listener = listener.tap_io(|connection| {
        // Small answers wait for an acknowledgement otherwise, 40 ms at times. Without it they are
        // only slower.
        let _ = connection.set_nodelay(true);
    });
    let app = Router::new().fallback(answer).with_state(front);
    tokio::spawn(async move { axum::serve(listener, app).await });

    // Blocks this thread, which the others do not need.
    for line in std::io::stdin().lines() {
        line?;
        let requests = {
            let mut requests = log.requests();
            requests.taken += requests.here.len();
            mem::take(&mut requests.here)
        };
        println!("{}", serde_json::to_string(&requests)?);
    }
    Ok(())
}

async fn answer(State(front): State<Front>, request: axum::extract::Request) -> Response {
    let index = {
        let mut requests = front.log.requests();
        requests.here.push(Request {
            path: request.uri().path().to_owned(),
            start: front.log.now(),
            first: None,
            bytes: 0,
        });
        requests.taken + requests.here.len() - 1
    };
    let entry = Entry {
        log: Arc::clone(&front.log),
        index,
    };
    let (response, ()) = tokio::join!(
        front.service.call(request.map(s3s::Body::http_body_unsync)),
        tokio::time::sleep(Duration::from_millis(front.network.latency)),
    );
    entry.change(|request, now| request.first = Some(now));
    match response {
        Ok(response) => response.map(|body| paced(body, front.network, entry)),
        Err(error) => (
            axum::http::StatusCode::INTERNAL_SERVER_ERROR,
            format!("{error:?}"),
        )
            .into_response(),
    }
}

/// A request of the log that goes on.
struct Entry {
    log: Arc<Log>,
    index: usize,
}

impl Entry {
    /// Changes it, unless the log was taken meanwhile: then its client is gone.
    fn change(&self, change: impl FnOnce(&mut Request, u64)) {
        let now = self.log.now();
        let mut requests = self.log.requests();
        let place = self.index.checked_sub(requests.taken);
        if let Some(request) = place.and_then(|place| requests.here.get_mut(place)) {
            change(request, now);
        }
    }
}

fn paced(body: s3s::Body, network: Network, entry: Entry) -> Body {
    let started = tokio::time::Instant::now();
    let rate = (network.bandwidth.max(1) * 1_000_000) as f64;
    let state = (body, entry, 0u64);
    Body::from_stream(stream::unfold(
        state,
        move |(mut body, entry, sent)| async move {
            loop {
                let bytes = match body.frame().await? {
                    Ok(frame) => match frame.into_data() {
                        Ok(bytes) => bytes,
                        Err(_trailers) => continue,
                    },
                    Err(error) => return Some((Err(error), (body, entry, sent))),
                };
                let due = started + Duration::from_secs_f64(sent as f64 / rate);
                if due > tokio::time::Instant::now() {
                    tokio::time::sleep_until(due).await;
                }
                let len = bytes.len() as u64;
                entry.change(|request, _| request.bytes += len);
                return Some((Ok::<Bytes, _>(bytes), (body, entry, sent + len)));
            }
        },
    ))
}

/// The server as a child process, which ends with this.
pub(crate) struct Server {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    /// `http://127.0.0.1:PORT`
    pub(crate) endpoint: String,
}

impl Server {
    pub(crate) async fn start(root: &Path, network: Network) -> anyhow::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("serve")
            .arg(root)
            .args(["--latency", &network.latency.to_string()])
            .args(["--bandwidth", &network.bandwidth.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("cannot start the server")?;
        let input = child.stdin.take().context("no standard input")?;
        let output = child.stdout.take().context("no standard output")?;
        let mut output = BufReader::new(output).lines();
        let address = output.next_line().await?.context("the server ended")?;
        Ok(Self {
            child,
            input,
            output,
            endpoint: format!("http://{address}"),
        })
    }

    /// The requests since the last call.
    pub(crate) async fn requests(&mut self) -> anyhow::Result<Vec<Request>> {
        self.input.write_all(b"take\n").await?;
        let line = self.output.next_line().await?;
        let line = line.with_context(|| format!("the server ended: {:?}", self.child.id()))?;
        Ok(serde_json::from_str(&line)?)
    }
}
