//! What the fuzz target of the protocol reaches: everything that the program does with what a child
//! has written. Behind the feature `testing`; no part of the API.

use tokio::runtime::Builder;

use super::{
    check::Asked,
    wire::{Message, parse},
};
use crate::{
    Error, Request,
    jail::{
        Child,
        frame::{FrameReader, Longest},
    },
};

/// Bytes of the longest message, and of the video.
const LARGEST: usize = 1 << 20;

/// Requests that the program has sent.
const REQUESTS: u64 = 10;

/// Takes `written` for all that a child writes to its socket: a hello, then messages.
///
/// # Panics
/// If an answer that no sound child gives is believed, or words of a child reach a terminal as they
/// are.
#[doc(hidden)]
pub fn hear(written: &[u8]) {
    let Ok(runtime) = Builder::new_current_thread().build() else {
        return;
    };
    let longest = Longest {
        head: LARGEST,
        body: 0,
    };
    let mut frames = FrameReader::new(written, longest);
    let mut is_first = true;
    while let Ok(Some(frame)) = runtime.block_on(frames.next()) {
        let error = if std::mem::take(&mut is_first) {
            Child::check_hello(&frame.head).err().map(Error::from)
        } else {
            match parse(&frame) {
                Ok(message) => fault(message),
                Err(error) => Some(error.into()),
            }
        };
        let Some(error) = error else { continue };
        let words = error.to_string();
        assert!(!words.contains(char::is_control), "{words:?}");
    }
}

/// What is wrong with `message` by its own account, or by what was asked for.
fn fault(message: Message) -> Option<Error> {
    let Message::Done(done) = message else {
        return None;
    };
    let reply = match done.result {
        Ok(reply) => reply,
        Err(failure) => return Some(failure.into()),
    };
    let request = Request::new();
    let [opened, extracted] = [None, Some(&request)].map(|request| {
        let asked = Asked {
            request,
            len: LARGEST as u64,
            requests: REQUESTS,
        };
        asked.check(&reply)
    });
    assert!(opened.is_err() || extracted.is_err(), "{reply:?}");
    opened.and(extracted).err().map(Error::from)
}
