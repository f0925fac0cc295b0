//! Messages on the socket between the program and a child: a head, which is a serialised message,
//! and a body of plain bytes.
//!
//! ```text
//! length of head: u32 | length of body: u32 | head | body      (little endian)
//! ```
//!
//! The program takes what a child sends for hostile: lengths are checked before memory is taken,
//! and memory is taken as bytes arrive.

use std::io::{self, Read, Write};

use bytes::{Buf as _, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// Bytes of both lengths.
const PREFIX: usize = 8;

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) head: Bytes,
    pub(crate) body: Bytes,
}

/// The longest that each part of a message may be, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Longest {
    pub(crate) head: usize,
    pub(crate) body: usize,
}

impl Longest {
    /// Both lengths of a prefix, if they are allowed.
    fn check(self, prefix: [u8; PREFIX]) -> io::Result<(usize, usize)> {
        let [a, b, c, d, rest @ ..] = prefix;
        let head = u32::from_le_bytes([a, b, c, d]) as usize;
        let body = u32::from_le_bytes(rest) as usize;
        if head > self.head || body > self.body {
            let reason = format!("a message of {head} and {body} bytes");
            return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
        }
        Ok((head, body))
    }
}

impl Frame {
    /// A message without a body.
    pub(crate) fn of(head: Vec<u8>) -> Self {
        Self {
            head: head.into(),
            body: Bytes::new(),
        }
    }

    /// The bytes that come before head and body.
    pub(crate) fn prefix(&self) -> io::Result<[u8; PREFIX]> {
        let len = |part: &Bytes| {
            u32::try_from(part.len())
                .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "a message over 4 GiB"))
        };
        let mut prefix = [0; PREFIX];
        prefix[..4].copy_from_slice(&len(&self.head)?.to_le_bytes());
        prefix[4..].copy_from_slice(&len(&self.body)?.to_le_bytes());
        Ok(prefix)
    }

    /// Writes the message to a socket that blocks.
    pub(crate) fn write_to(&self, mut socket: impl Write) -> io::Result<()> {
        let mut start = Vec::with_capacity(PREFIX + self.head.len());
        start.extend_from_slice(&self.prefix()?);
        start.extend_from_slice(&self.head);
        socket.write_all(&start)?;
        socket.write_all(&self.body)
    }

    /// Waits for a message from the program, which is trusted, on a socket that blocks. `None` once
    /// the program is gone.
    pub(crate) fn read_from(mut socket: impl Read) -> io::Result<Option<Self>> {
        let mut prefix = [0; PREFIX];
        match socket.read_exact(&mut prefix) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            Err(error) => return Err(error),
        }
        let any = Longest {
            head: usize::MAX,
            body: usize::MAX,
        };
        let (head, body) = any.check(prefix)?;
        let mut bytes = vec![0; head];
        socket.read_exact(&mut bytes)?;
        let mut rest = vec![0; body];
        socket.read_exact(&mut rest)?;
        Ok(Some(Self {
            head: bytes.into(),
            body: rest.into(),
        }))
    }
}

/// Reads what a child sends. A read that is cancelled loses nothing.
#[derive(Debug)]
pub(crate) struct FrameReader<S> {
    socket: S,
    longest: Longest,
    arrived: BytesMut,
}

impl<S: AsyncRead + Unpin> FrameReader<S> {
    pub(crate) fn new(socket: S, longest: Longest) -> Self {
        Self {
            socket,
            longest,
            arrived: BytesMut::new(),
        }
    }

    /// The next message; `None` where the child has closed the socket between two messages.
    pub(crate) async fn next(&mut self) -> io::Result<Option<Frame>> {
        loop {
            if let Some(frame) = self.take()? {
                return Ok(Some(frame));
            }
            if self.socket.read_buf(&mut self.arrived).await? == 0 {
                if self.arrived.is_empty() {
                    return Ok(None);
                }
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// A message that has arrived whole.
    fn take(&mut self) -> io::Result<Option<Frame>> {
        let Some(prefix) = self.arrived.first_chunk::<PREFIX>() else {
            return Ok(None);
        };
        let (head, body) = self.longest.check(*prefix)?;
        if self.arrived.len() - PREFIX < head + body {
            return Ok(None);
        }
        self.arrived.advance(PREFIX);
        let frame = Frame {
            head: self.arrived.split_to(head).freeze(),
            body: self.arrived.split_to(body).freeze(),
        };
        // Memory of a long message is not kept for short ones.
        if self.arrived.is_empty() {
            self.arrived = BytesMut::new();
        }
        Ok(Some(frame))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LONGEST: Longest = Longest { head: 64, body: 16 };

    fn read_all(bytes: &[u8]) -> (Vec<Frame>, io::Result<()>) {
        futures::executor::block_on(async {
            let mut reader = FrameReader::new(bytes, LONGEST);
            let mut frames = Vec::new();
            loop {
                match reader.next().await {
                    Ok(Some(frame)) => frames.push(frame),
                    Ok(None) => return (frames, Ok(())),
                    Err(error) => return (frames, Err(error)),
                }
            }
        })
    }

    #[test]
    fn both_sides_read_what_was_written() {
        let frames = [
            Frame::of(b"one".to_vec()),
            Frame {
                head: Bytes::from_static(b"two"),
                body: Bytes::from_static(b"body"),
            },
            Frame::of(Vec::new()),
        ];
        let mut wire = Vec::new();
        for frame in &frames {
            frame.write_to(&mut wire).unwrap();
        }
        let (read, end) = read_all(&wire);
        assert_eq!(read, frames);
        end.unwrap();
        let mut rest = &wire[..];
        for frame in frames {
            assert_eq!(Frame::read_from(&mut rest).unwrap(), Some(frame));
        }
        assert_eq!(Frame::read_from(rest).unwrap(), None);
    }

    #[test]
    fn what_is_too_long_is_refused_before_it_arrives() {
        for prefix in [
            [65, 0, 0, 0, 0, 0, 0, 0],
            [1, 0, 0, 0, 17, 0, 0, 0],
            [0xff; 8],
        ] {
            let (_, end) = read_all(&prefix);
            assert_eq!(end.unwrap_err().kind(), io::ErrorKind::InvalidData);
        }
        let (_, end) = read_all(&[3, 0, 0, 0, 0, 0, 0, 0, b'x']);
        assert_eq!(end.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    proptest! {
        #[test]
        fn any_bytes_end(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let (frames, _) = read_all(&bytes);
            let used: usize = frames.iter().map(|frame| 8 + frame.head.len() + frame.body.len()).sum();
            prop_assert!(used <= bytes.len());
        }
    }
}
