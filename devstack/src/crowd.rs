//! Many connections to a server that cost their clients nothing.

use std::io::ErrorKind;

use anyhow::Context;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::{io::AsyncWriteExt, net::TcpStream, process::Command};

/// What the connections of a crowd send, in turns, before they fall silent.
fn words(address: &str) -> [String; 4] {
    [
        String::new(),
        "G".to_owned(),
        format!("GET /health HTTP/1.1\r\nHost: {address}\r\nX-Half: "),
        format!("POST /health HTTP/1.1\r\nHost: {address}\r\nContent-Length: 100\r\n\r\nslow"),
    ]
}

/// Connections that were opened one after the other and are kept.
#[derive(Debug)]
pub struct Crowd(Vec<TcpStream>);

impl Crowd {
    /// Opens `count` connections to `address`: silent ones, ones with half a request's head, and
    /// ones with a head whose body does not come.
    ///
    /// # Errors
    /// A connection cannot be made, so that the server or this process has too few descriptors.
    pub async fn gather(address: &str, count: usize) -> anyhow::Result<Self> {
        let limit = getrlimit(Resource::Nofile);
        let raised = Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        };
        setrlimit(Resource::Nofile, raised).context("raising this test's limit of descriptors")?;
        let words = words(address);
        let mut streams = Vec::with_capacity(count);
        for number in 0..count {
            let mut stream = TcpStream::connect(address)
                .await
                .with_context(|| format!("connection {number}"))?;
            // The server may have ended it already.
            let _ = stream
                .write_all(words[number % words.len()].as_bytes())
                .await;
            streams.push(stream);
        }
        Ok(Self(streams))
    }

    /// How many of them the server has not ended.
    #[must_use]
    pub fn held(&self) -> usize {
        let is_held = |stream: &&TcpStream| {
            let mut buffer = [0; 4096];
            loop {
                match stream.try_read(&mut buffer) {
                    Ok(0) => return false,
                    Ok(_) => {}
                    Err(error) => return error.kind() == ErrorKind::WouldBlock,
                }
            }
        };
        self.0.iter().filter(is_held).count()
    }
}

/// A command that runs `program` with these limits of file descriptors, if any are given.
#[must_use]
pub fn limited(program: &str, descriptors: Option<(u32, u32)>) -> Command {
    let Some((soft, hard)) = descriptors else {
        return Command::new(program);
    };
    let mut command = Command::new("sh");
    let script = format!("ulimit -Sn {soft} && ulimit -Hn {hard} && exec \"$0\"");
    command.args(["-c", &script, program]);
    command
}
