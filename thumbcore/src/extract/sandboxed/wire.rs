//! What the program and a child say to each other.

use std::{ops::Range, time::Duration};

use bytes::Bytes;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    Error, Extraction, KeyframeEntry, LimitError, Limits, Media, Position, ReadConfig, Request,
    SandboxError, SourceError, Stat, Stats, jail::frame::Frame, text::line,
};

/// Names one question or loan of a child.
pub(super) type Id = u64;

/// From the program to a child.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Order {
    /// The first: what the child's extractor is built with.
    Begin(Box<Setup>),
    /// Do this; the caller has waited for so long already.
    Call { call: Call, waited: Duration },
    /// Nobody waits for the call any more.
    Cancel,
    /// What the source says. Bytes are the message's body.
    Answer { id: Id, answer: Answer },
    /// What was wanted is lent, or not.
    Lent { id: Id, is_lent: bool },
}

/// A video, and what its extractor is built with.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Setup {
    /// The source's name, for errors.
    pub(super) name: String,
    pub(super) stat: Option<Stat>,
    pub(super) positions: Vec<Position>,
    pub(super) limits: Limits,
    pub(super) read: ReadConfig,
    pub(super) attached_picture: bool,
    pub(super) max_wait: Option<Duration>,
    pub(super) cpus: usize,
    /// `None` where videos share no memory.
    pub(super) memory: Option<Lent>,
}

/// Memory that is lent from the start.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Lent {
    /// Bytes of the whole budget.
    pub(super) limit: u64,
    /// Bytes lent so far.
    pub(super) bytes: u64,
}

/// What a child does with its video. One at a time.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Call {
    /// Opens the video and keeps it open.
    Open,
    /// Opens the video and takes pictures, with one budget; nothing is kept.
    Once(Request),
    /// Takes pictures of the open video.
    Extract(Request),
}

/// What the source says.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Answer {
    Stat(Stat),
    Bytes,
    /// The first `head` bytes of the body are the file's first, the others its last.
    Ends {
        stat: Stat,
        head: u64,
        requests: u64,
        bytes_fetched: u64,
    },
    Failed(SourceFailure),
}

/// From a child to the program, which takes it for hostile.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Message {
    /// Asks the source.
    Ask { id: Id, question: Question },
    /// Wants to borrow.
    Borrow { id: Id, wanted: Wanted },
    /// Gives a CPU back.
    ReturnCpu,
    /// The call is done.
    Done(Box<Done>),
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Question {
    Stat,
    Read(Range<u64>),
    ReadIf(Range<u64>, Stat),
    Ends { head: u64, tail: u64 },
}

/// As [`Lender`](crate::lend::Lender) has it.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) enum Wanted {
    SpareMemory { bytes: u64 },
    Memory { bytes: u64, unused: u64 },
    SpareCpu,
    Cpu,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Done {
    pub(super) result: Result<Reply, Failure>,
    /// Bytes that the open video holds.
    pub(super) held_bytes: u64,
    /// Bytes of the memory lent that are not in use any more.
    pub(super) unused_memory: u64,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Reply {
    Opened {
        media: Media,
        keyframes: Option<Vec<KeyframeEntry>>,
        /// How long the pictures last.
        film: Option<Duration>,
        stats: Stats,
    },
    Extracted(Extraction),
}

/// An error of a source without its cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SourceFailure {
    kind: String,
    name: String,
    reason: String,
}

/// An [`Error`] without its causes.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Failure {
    Limit(LimitError),
    Unsupported { what: String, name: String },
    Corrupt(String),
    NoVideo(String),
    Source(SourceFailure),
    Encode { format: String, reason: String },
    Invalid { option: String, reason: String },
    Busy { resource: String, waited: Duration },
    Cancelled,
    Internal(String),
}

/// A message as it is sent.
pub(super) fn frame(message: &impl Serialize, body: Bytes) -> Result<Frame, Error> {
    let head = postcard::to_stdvec(message).map_err(|error| Error::Internal {
        reason: format!("a message cannot be written: {error}"),
    })?;
    Ok(Frame {
        head: head.into(),
        body,
    })
}

/// A message as it was read.
pub(super) fn parse<T: DeserializeOwned>(frame: &Frame) -> Result<T, SandboxError> {
    let (message, rest) =
        postcard::take_from_bytes(&frame.head).map_err(|error| SandboxError::Protocol {
            reason: format!("a message cannot be read: {error}"),
        })?;
    if rest.is_empty() {
        return Ok(message);
    }
    Err(SandboxError::Protocol {
        reason: format!("a message has {} bytes too many", rest.len()),
    })
}

impl From<&SourceError> for SourceFailure {
    fn from(error: &SourceError) -> Self {
        let (name, reason) = match error {
            SourceError::NotFound { name }
            | SourceError::Changed { name }
            | SourceError::NoRanges { name } => (name, ""),
            SourceError::Denied { name, reason, .. }
            | SourceError::Unavailable { name, reason, .. }
            | SourceError::Io { name, reason, .. }
            | SourceError::Rejected { name, reason, .. } => (name, &**reason),
        };
        Self {
            kind: error.kind().to_owned(),
            name: name.clone(),
            reason: reason.to_owned(),
        }
    }
}

impl From<SourceFailure> for SourceError {
    fn from(SourceFailure { kind, name, reason }: SourceFailure) -> Self {
        let (name, reason) = (line(&name), line(&reason));
        match &*kind {
            "not_found" => Self::not_found(name),
            "changed" => Self::changed(name),
            "no_ranges" => Self::no_ranges(name),
            "denied" => Self::denied(name, reason),
            "unavailable" => Self::unavailable(name, reason),
            "rejected" => Self::rejected(name, reason),
            _ => Self::io(name, reason),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Limit(limit) => Self::Limit(limit),
            Error::Unsupported { what, name } => Self::Unsupported {
                what: what.to_owned(),
                name,
            },
            Error::Corrupt { reason } => Self::Corrupt(reason),
            Error::NoVideo { reason } => Self::NoVideo(reason),
            Error::Source(error) => Self::Source((&error).into()),
            Error::Encode { format, reason } => Self::Encode {
                format: format.to_owned(),
                reason,
            },
            Error::Invalid { option, reason } => Self::Invalid {
                option: option.to_owned(),
                reason,
            },
            Error::Busy { resource, waited } => Self::Busy {
                resource: resource.to_owned(),
                waited,
            },
            Error::Cancelled => Self::Cancelled,
            Error::Internal { reason } => Self::Internal(reason),
            error => Self::Internal(error.to_string()),
        }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Limit(limit) => limit.into(),
            Failure::Unsupported { what, name } => Self::Unsupported {
                what: known(
                    &what,
                    &["container", "codec", "encryption", "output format"],
                ),
                name: line(&name),
            },
            Failure::Corrupt(reason) => Self::Corrupt {
                reason: line(&reason),
            },
            Failure::NoVideo(reason) => Self::NoVideo {
                reason: line(&reason),
            },
            Failure::Source(failure) => SourceError::from(failure).into(),
            Failure::Encode { format, reason } => Self::Encode {
                format: known(&format, &["jpg", "webp", "avif"]),
                reason: line(&reason),
            },
            Failure::Invalid { option, reason } => Self::Invalid {
                option: "request",
                reason: line(&format!("{option}: {reason}")),
            },
            Failure::Busy { resource, waited } => Self::Busy {
                resource: known(
                    &resource,
                    &[
                        "CPU",
                        "memory",
                        "thread",
                        "turn on the video",
                        "place among the calls in flight",
                    ],
                ),
                waited,
            },
            Failure::Cancelled => Self::Cancelled,
            Failure::Internal(reason) => Self::Internal {
                reason: line(&reason),
            },
        }
    }
}

/// The one of `words` that `text` is.
fn known(text: &str, words: &[&'static str]) -> &'static str {
    let word = words.iter().find(|word| **word == text);
    word.copied().unwrap_or("something unknown")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn crossed(error: Error) -> Error {
        let frame = frame(&Failure::from(error), Bytes::new()).unwrap();
        parse::<Failure>(&frame).unwrap().into()
    }

    #[test]
    fn errors_cross_with_their_kinds_and_words() {
        let waited = Duration::from_secs(3);
        let text = |text: &str| text.to_owned();
        let errors = [
            LimitError::Bytes { spent: 1, limit: 2 }.into(),
            Error::Unsupported {
                what: "codec",
                name: text("magicyuv"),
            },
            Error::Corrupt { reason: text("a") },
            Error::NoVideo { reason: text("b") },
            Error::Encode {
                format: "webp",
                reason: text("c"),
            },
            Error::Busy {
                resource: "CPU",
                waited,
            },
            Error::Cancelled,
            Error::Internal { reason: text("d") },
            SourceError::not_found("n").into(),
            SourceError::denied("n", "r").into(),
            SourceError::changed("n").into(),
            SourceError::no_ranges("n").into(),
            SourceError::unavailable("n", "r").into(),
            SourceError::io("n", "r").into(),
            SourceError::rejected("n", "r").into(),
        ];
        for error in errors {
            let other = crossed(error.clone());
            assert_eq!(other.to_string(), error.to_string());
            assert_eq!(other.kind(), error.kind());
            assert_eq!(other.is_transient(), error.is_transient());
        }
    }

    #[test]
    fn words_of_a_child_are_short_and_on_one_line() {
        let reason = format!("\u{1b}[2J\r\n{}", "x".repeat(10_000));
        let said = crossed(Error::Corrupt { reason }).to_string();
        assert!(!said.contains(char::is_control), "{said}");
        assert!(said.len() < 2 * crate::text::LONGEST);
        let what = crossed(Error::Unsupported {
            what: "rm -rf",
            name: String::new(),
        });
        assert!(what.to_string().contains("something unknown"), "{what}");
    }

    #[test]
    fn what_follows_a_message_is_refused() {
        let mut head = postcard::to_stdvec(&Message::ReturnCpu).unwrap();
        parse::<Message>(&Frame::of(head.clone())).unwrap();
        head.push(0);
        let error = parse::<Message>(&Frame::of(head)).unwrap_err();
        assert!(!error.is_transient(), "{error}");
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_message_or_an_error(head in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse::<Message>(&Frame::of(head));
        }
    }
}
