//! What the program and its zygote say to each other. Both are trusted; no child has the socket.

use std::{
    fmt,
    io::{IoSlice, IoSliceMut},
    mem::MaybeUninit,
    os::fd::{BorrowedFd, OwnedFd},
};

use rustix::{
    io::Errno,
    net::{
        RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
        SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
    },
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::locks::{Lock, Locks};
use crate::{SandboxError, text::line};

/// Longest message in bytes.
const LONGEST: usize = 4096;

/// Names a child for as long as its zygote lives.
pub(super) type ChildId = u64;

/// What a child may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Allowance {
    /// Bytes of memory that the video may take, beside what the process itself takes.
    pub(crate) memory: u64,
    /// Seconds of CPU time of all threads together, until the next renewal.
    pub(crate) cpu_seconds: u64,
}

/// From the program to the zygote.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Order {
    /// Start a child; its end of the socket comes along.
    Fork {
        id: ChildId,
        allowance: Allowance,
    },
    /// So many further seconds of CPU time for a child.
    Renew {
        id: ChildId,
        cpu_seconds: u64,
    },
    Kill {
        id: ChildId,
    },
}

/// From the zygote to the program.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Report {
    /// The first one: which locks hold.
    Started(Result<Locks, Refusal>),
    Ended {
        id: ChildId,
        exit: Exit,
    },
}

/// Why a process of the sandbox does not start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Refusal {
    /// The lock that cannot be had; `None` where something else is wrong.
    pub(super) lock: Option<Lock>,
    /// The system's words.
    pub(super) reason: String,
}

impl Refusal {
    /// `lock` cannot be had for `reason`.
    pub(super) fn of(lock: Lock) -> impl FnOnce(String) -> Self {
        move |reason| Self {
            lock: Some(lock),
            reason,
        }
    }

    /// Something else is wrong: what was done, and why it failed.
    pub(super) fn to(what: &str, error: impl fmt::Display) -> Self {
        Self {
            lock: None,
            reason: format!("{what}: {error}"),
        }
    }
}

impl From<Refusal> for SandboxError {
    fn from(Refusal { lock, reason }: Refusal) -> Self {
        let reason = line(&reason);
        match lock {
            Some(lock) => Self::Lock {
                lock: lock.as_str(),
                reason,
            },
            None => Self::Start {
                reason,
                cause: None,
            },
        }
    }
}

/// How a child ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Exit {
    Code(i32),
    Signal(i32),
    /// It never began: the system's words.
    Refused(String),
    /// The zygote is gone, and all its children with it.
    Lost,
}

/// Sends one message, whole.
pub(super) fn send(
    socket: BorrowedFd<'_>,
    message: &impl Serialize,
    descriptor: Option<BorrowedFd<'_>>,
) -> Result<(), String> {
    let bytes = postcard::to_stdvec(message).map_err(|error| error.to_string())?;
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let descriptors: Vec<_> = descriptor.into_iter().collect();
    if !descriptors.is_empty() && !control.push(SendAncillaryMessage::ScmRights(&descriptors)) {
        return Err("no room for a descriptor".to_owned());
    }
    loop {
        match sendmsg(
            socket,
            &[IoSlice::new(&bytes)],
            &mut control,
            SendFlags::NOSIGNAL,
        ) {
            Ok(_) => return Ok(()),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.to_string()),
        }
    }
}

/// Waits for one message; `None` once the other side is gone.
pub(super) fn receive<T: DeserializeOwned>(
    socket: BorrowedFd<'_>,
) -> Result<Option<(T, Option<OwnedFd>)>, String> {
    let mut bytes = [0; LONGEST];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = loop {
        let mut parts = [IoSliceMut::new(&mut bytes)];
        match recvmsg(socket, &mut parts, &mut control, RecvFlags::CMSG_CLOEXEC) {
            Ok(received) => break received.bytes,
            Err(Errno::INTR) => {}
            Err(Errno::CONNRESET) => break 0,
            Err(error) => return Err(error.to_string()),
        }
    };
    if received == 0 {
        return Ok(None);
    }
    let descriptor = control.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
        _ => None,
    });
    let message = postcard::from_bytes(&bytes[..received]).map_err(|error| error.to_string())?;
    Ok(Some((message, descriptor)))
}
