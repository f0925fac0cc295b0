//! Children that do wrong on purpose, for tests of what stops them.

use std::{os::unix::net::UnixStream, sync::OnceLock};

use bytes::Bytes;

use super::wire::{Done, Failure, Message, frame};

/// Does what a source's name asks for, in a child and with its socket. What came of it, or `None`
/// where the name asks for nothing.
pub(crate) type Misdeeds = fn(name: &str, socket: &UnixStream) -> Option<String>;

static MISDEEDS: OnceLock<Misdeeds> = OnceLock::new();

/// Has children do `misdeeds` before they do anything else.
pub(crate) fn set(misdeeds: Misdeeds) {
    let _ = MISDEEDS.set(misdeeds);
}

/// Does what `name` asks for.
pub(super) fn commit(name: &str, socket: &UnixStream) -> Option<String> {
    MISDEEDS.get().and_then(|misdeeds| misdeeds(name, socket))
}

/// Answers the call with what came of a misdeed.
pub(super) fn answer(socket: &UnixStream, said: String) {
    let done = Done {
        result: Err(Failure::Internal(said)),
        held_bytes: 0,
        unused_memory: 0,
    };
    if let Ok(frame) = frame(&Message::Done(Box::new(done)), Bytes::new()) {
        let _ = frame.write_to(socket);
    }
}
