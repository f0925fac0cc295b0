//! The program's side of a zygote and of its children.

use std::{
    collections::HashMap,
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::{net::UnixStream, process::CommandExt as _},
    },
    process::{Command, Stdio},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
};

use rustix::net::{AddressFamily, Shutdown, SocketFlags, SocketType, shutdown, socketpair};
use tokio::sync::oneshot;

use super::{
    frame::Frame,
    locks::{Landlock, Locks},
    message::{self, Allowance, ChildId, Exit, Order, Refusal, Report},
    zygote,
};
use crate::SandboxError;

/// The program's side of a zygote.
#[derive(Debug)]
pub(super) struct Zygote {
    socket: OwnedFd,
    /// Who waits for the end of each child; `None` once the zygote is gone.
    children: Arc<Mutex<Option<Waiting>>>,
    next: AtomicU64,
}

type Waiting = HashMap<ChildId, oneshot::Sender<Exit>>;

impl Zygote {
    /// Starts a zygote, and a thread that lives as long as the zygote: the kernel ends a process
    /// with the thread that started it.
    pub(super) fn start(landlock: Landlock) -> Result<(Self, Locks), SandboxError> {
        let (ours, theirs) = socketpair(
            AddressFamily::UNIX,
            SocketType::SEQPACKET,
            SocketFlags::CLOEXEC,
            None,
        )
        .map_err(|error| start_error("a socket", error))?;
        let reports = ours
            .try_clone()
            .map_err(|error| start_error("a socket", error))?;
        let children = Arc::new(Mutex::new(Some(Waiting::new())));
        let waiting = Arc::clone(&children);
        let (tell, started) = mpsc::sync_channel(1);
        thread::Builder::new()
            .name("thumbcore-zygote".to_owned())
            .spawn(move || {
                let first = begin(theirs, &reports, landlock);
                let process = first.map(|(process, locks)| {
                    let _ = tell.send(Ok(locks));
                    process
                });
                match process {
                    Ok(mut process) => {
                        follow(&reports, &waiting);
                        let _ = process.wait();
                    }
                    Err(error) => {
                        let _ = tell.send(Err(error));
                    }
                }
            })
            .map_err(|error| start_error("a thread", error))?;
        let locks = started
            .recv()
            .map_err(|error| start_error("a zygote", error))??;
        let zygote = Self {
            socket: ours,
            children,
            next: AtomicU64::new(0),
        };
        Ok((zygote, locks))
    }

    /// Has a child forked.
    pub(super) fn fork(self: &Arc<Self>, allowance: Allowance) -> Result<Child, SandboxError> {
        let (ours, theirs) = UnixStream::pair().map_err(|error| start_error("a socket", error))?;
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (ended, exit) = oneshot::channel();
        lock(&self.children)
            .as_mut()
            .ok_or_else(|| start_error("a child", "the zygote is gone"))?
            .insert(id, ended);
        let order = Order::Fork { id, allowance };
        message::send(self.socket.as_fd(), &order, Some(theirs.as_fd()))
            .map_err(|error| start_error("a child", error))?;
        Ok(Child {
            socket: Some(ours),
            end: End {
                id,
                exit,
                zygote: Arc::clone(self),
            },
        })
    }

    /// Sends an order to a zygote that may be gone: then the child that it is for is gone as well.
    fn order(&self, order: &Order) {
        let _ = message::send(self.socket.as_fd(), order, None);
    }
}

impl Drop for Zygote {
    fn drop(&mut self) {
        // The thread that reads reports has the socket as well.
        let _ = shutdown(&self.socket, Shutdown::Both);
    }
}

/// How the allocator of a child works, where it is glibc's: as one that lives for a video, and in
/// which every page is touched for the first time. One arena, whose memory grows by 8 MiB, stays,
/// and is backed by huge pages where the kernel has them on request, so that pictures cost a few
/// page faults instead of thousands.
const ALLOCATOR: &str = "glibc.malloc.arena_max=1:glibc.malloc.hugetlb=1:\
    glibc.malloc.mmap_threshold=33554432:glibc.malloc.top_pad=8388608:\
    glibc.malloc.trim_threshold=67108864";

/// Starts a zygote on its end of the socket, and waits for its first report.
fn begin(
    socket: OwnedFd,
    reports: &OwnedFd,
    landlock: Landlock,
) -> Result<(std::process::Child, Locks), SandboxError> {
    let mut command = Command::new("/proc/self/exe");
    command
        .arg0("thumbcore-zygote")
        .arg(zygote::MARKER)
        .arg(std::process::id().to_string())
        .arg(landlock.as_arg())
        .env_clear()
        // All symbols are looked up once, and not by every child.
        .env("LD_BIND_NOW", "1")
        .env("GLIBC_TUNABLES", ALLOCATOR)
        .stdin(Stdio::from(socket))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    // Where libraries are, which is no secret.
    if let Some(path) = std::env::var_os("LD_LIBRARY_PATH") {
        command.env("LD_LIBRARY_PATH", path);
    }
    let started = command.spawn();
    // The other end must have one owner, whose death is seen.
    drop(command);
    let mut process = started.map_err(|error| start_error("a zygote", error))?;
    let refused = match message::receive::<Report>(reports.as_fd()) {
        Ok(Some((Report::Started(Ok(locks)), _))) => return Ok((process, locks)),
        Ok(Some((Report::Started(Err(refusal)), _))) => refusal.into(),
        Ok(Some((Report::Ended { .. }, _))) => start_error("a zygote", "it told no locks"),
        Ok(None) => start_error("a zygote", "it ended at once"),
        Err(error) => start_error("a zygote", error),
    };
    let _ = process.kill();
    let _ = process.wait();
    Err(refused)
}

/// Tells who waits for a child that it has ended, until the zygote is gone.
fn follow(reports: &OwnedFd, waiting: &Mutex<Option<Waiting>>) {
    while let Ok(Some((report, _))) = message::receive::<Report>(reports.as_fd()) {
        if let Report::Ended { id, exit } = report
            && let Some(waiting) = lock(waiting).as_mut()
            && let Some(ended) = waiting.remove(&id)
        {
            // Nobody waits where the video was closed.
            let _ = ended.send(exit);
        }
    }
    for (_, ended) in lock(waiting).take().into_iter().flatten() {
        let _ = ended.send(Exit::Lost);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A map is valid after every statement.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn start_error(
    what: &str,
    error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> SandboxError {
    let cause: Box<dyn std::error::Error + Send + Sync> = error.into();
    SandboxError::Start {
        reason: format!("{what}: {cause}"),
        cause: Some(cause.into()),
    }
}

/// The program's side of a child, which is ended when this is dropped.
#[derive(Debug)]
pub(crate) struct Child {
    socket: Option<UnixStream>,
    pub(crate) end: End,
}

/// How a child is ended, and how it has ended.
#[derive(Debug)]
pub(crate) struct End {
    id: ChildId,
    exit: oneshot::Receiver<Exit>,
    zygote: Arc<Zygote>,
}

impl Child {
    /// The socket, once.
    pub(crate) fn take_socket(&mut self) -> Option<UnixStream> {
        self.socket.take()
    }

    /// Reads the first message of a child: whether its locks hold.
    pub(crate) fn check_hello(hello: &[u8]) -> Result<(), SandboxError> {
        let told: Result<(), Refusal> =
            postcard::from_bytes(hello).map_err(|error| SandboxError::Protocol {
                reason: format!("its first message: {error}"),
            })?;
        told.map_err(Into::into)
    }

    /// Waits until the child is locked in, and ends it.
    pub(super) fn try_out(mut self) -> Result<(), SandboxError> {
        let socket = self.take_socket();
        let hello = socket.map(Frame::read_from).transpose();
        let hello = hello.map_err(|error| start_error("a child", error))?;
        match hello.flatten() {
            Some(hello) => Self::check_hello(&hello.head),
            None => Err(start_error("a child", "it ended at once")),
        }
    }
}

impl End {
    /// Allows so many further seconds of CPU time.
    pub(crate) fn renew(&self, cpu_seconds: u64) {
        let id = self.id;
        self.zygote.order(&Order::Renew { id, cpu_seconds });
    }

    /// Ends the child now.
    pub(crate) fn kill(&self) {
        self.zygote.order(&Order::Kill { id: self.id });
    }

    /// How the child has ended, once it has.
    pub(crate) async fn exit(&mut self) -> Exit {
        (&mut self.exit).await.unwrap_or(Exit::Lost)
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.kill();
    }
}
