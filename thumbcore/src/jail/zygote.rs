//! The zygote: a process with libav loaded, one thread and no secret, which forks a child for each
//! video.
//!
//! It is this program, started anew with an environment of its own, so that nothing which the
//! program has in memory is in the zygote's. It reads no video. Landlock and the limits that hold
//! for good are set once here, and every child inherits them.

use std::{
    collections::BTreeMap,
    env, fs, io,
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::net::UnixStream,
    },
    process,
};

use rustix::{
    event::{PollFd, PollFlags, poll},
    io::{Errno, fcntl_dupfd_cloexec},
    process::{
        Pid, PidfdFlags, Resource, Rlimit, Signal, WaitId, WaitIdOptions, WaitIdStatus, getppid,
        pidfd_open, pidfd_send_signal, prlimit, set_parent_process_death_signal, setsid, waitid,
    },
    thread::set_no_new_privs,
};

use super::{
    Body, child, clock,
    filter::Filters,
    locks::{self, Landlock, Lock, Locks},
    message::{self, Allowance, ChildId, Exit, Order, Refusal, Report},
};

/// The first argument of a zygote's command line. The process that starts it and the policy for
/// Landlock follow.
pub(super) const MARKER: &str = "--thumbcore-sandbox-zygote";

/// Becomes the zygote where the command line says so, and does not return then.
pub(super) fn enter(body: &Body) {
    let mut args = env::args_os()
        .skip(1)
        .map(|arg| arg.to_string_lossy().into_owned());
    if args.next().as_deref() != Some(MARKER) {
        return;
    }
    let code = match run(args, body) {
        Ok(()) => 0,
        // Nobody reads it where the program started the zygote; a person may have.
        Err(reason) => {
            let _ = io::Write::write_fmt(
                &mut io::stderr(),
                format_args!("{MARKER} is for the program's own use: {reason}\n"),
            );
            2
        }
    };
    process::exit(code)
}

/// Serves the program until it is gone; or as a child, one video.
fn run(args: impl Iterator<Item = String>, body: &Body) -> Result<(), String> {
    let control = take_control()?;
    let prepared = prepare(args, body);
    let (started, prepared) = match prepared {
        Ok(prepared) => (Ok(prepared.locks), Some(prepared)),
        Err(refusal) => (Err(refusal), None),
    };
    message::send(control.as_fd(), &Report::Started(started), None)?;
    let Some(prepared) = prepared else {
        return Ok(());
    };
    let mut zygote = Zygote {
        control,
        children: BTreeMap::new(),
        prepared,
    };
    let Some(begun) = zygote.serve()? else {
        return Ok(());
    };
    // Closed: the socket to the program, and the handles of other children.
    drop(zygote);
    child::run(begun, body.serve);
    Ok(())
}

/// The socket to the program, which is standard input; every other descriptor is closed.
fn take_control() -> Result<OwnedFd, String> {
    // SAFETY: nothing in this process has opened a descriptor yet, so none that is closed here is
    // owned by anything: they were left open by whoever started it.
    let closed = unsafe { libc::close_range(3, libc::c_uint::MAX, 0) };
    if closed != 0 {
        return Err(format!("close_range: {}", io::Error::last_os_error()));
    }
    let control = fcntl_dupfd_cloexec(io::stdin(), 3).map_err(|error| error.to_string())?;
    rustix::net::sockopt::socket_type(&control).map_err(|error| error.to_string())?;
    let null = fs::File::open("/dev/null").map_err(|error| format!("/dev/null: {error}"))?;
    rustix::stdio::dup2_stdin(&null).map_err(|error| error.to_string())?;
    Ok(control)
}

/// What is made once, for all children.
#[derive(Debug, Clone)]
pub(super) struct Prepared {
    locks: Locks,
    pub(super) filters: Filters,
    /// Bytes of address space that a process takes before it has a video.
    pub(super) base: u64,
}

/// Sets what holds for the zygote and all its children.
fn prepare(mut args: impl Iterator<Item = String>, body: &Body) -> Result<Prepared, Refusal> {
    let parent = args.next().and_then(|arg| arg.parse().ok());
    let policy = args.next().and_then(|arg| Landlock::from_arg(&arg));
    let (Some(parent), Some(policy)) = (parent, policy) else {
        return Err(Refusal::to(
            "reading the command line",
            "an argument is missing",
        ));
    };
    end_with(parent).map_err(Refusal::of(Lock::ParentDeath))?;
    // Out of reach of a terminal's signals, which are for the program to answer. It fails for the
    // leader of a group, which a process that was just forked is not.
    setsid().map_err(|error| Refusal::to("setsid", error))?;
    let threads = fs::read_dir("/proc/self/task").map(Iterator::count);
    let threads = threads.map_err(|error| Refusal::to("/proc/self/task", error))?;
    if threads != 1 {
        let reason = format!("{threads} threads run: init() must be the first call in main()");
        return Err(Refusal::to("counting threads", reason));
    }
    (body.warm)();
    let base = clock::address_space().map_err(|error| Refusal::to("/proc/self/statm", error))?;
    let text = |error: Errno| error.to_string();
    locks::limit_for_good()
        .map_err(text)
        .map_err(Refusal::of(Lock::ResourceLimits))?;
    set_no_new_privs(true)
        .map_err(text)
        .map_err(Refusal::of(Lock::NoNewPrivileges))?;
    let landlock = policy.apply().map_err(Refusal::of(Lock::Landlock))?;
    Ok(Prepared {
        locks: Locks::new(landlock),
        filters: Filters::compile().map_err(Refusal::of(Lock::Seccomp))?,
        base,
    })
}

/// Has the kernel end this process with `parent`, which must still be there.
pub(super) fn end_with(parent: i32) -> Result<(), String> {
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(|error| error.to_string())?;
    if Pid::as_raw(getppid()) == parent {
        Ok(())
    } else {
        Err("the process that started this one is gone".to_owned())
    }
}

/// A child's side of what was just forked.
#[derive(Debug)]
pub(super) struct Begun {
    pub(super) socket: UnixStream,
    pub(super) allowance: Allowance,
    pub(super) prepared: Prepared,
    /// The zygote.
    pub(super) parent: i32,
}

#[derive(Debug)]
struct Running {
    pid: Pid,
    handle: OwnedFd,
}

#[derive(Debug)]
struct Zygote {
    control: OwnedFd,
    children: BTreeMap<ChildId, Running>,
    prepared: Prepared,
}

impl Zygote {
    /// Follows orders until the program is gone (`None`), or returns in a child that was forked.
    fn serve(&mut self) -> Result<Option<Begun>, String> {
        loop {
            let (has_order, ended) = self.wait()?;
            for id in ended {
                self.reap(id)?;
            }
            if !has_order {
                continue;
            }
            let Some((order, socket)) = message::receive(self.control.as_fd())? else {
                return Ok(None);
            };
            match (order, socket) {
                (Order::Fork { id, allowance }, Some(socket)) => {
                    if let Some(begun) = self.fork(id, allowance, socket)? {
                        return Ok(Some(begun));
                    }
                }
                (Order::Fork { id, .. }, None) => {
                    self.tell(id, Exit::Refused("no socket came along".to_owned()))?;
                }
                (Order::Renew { id, cpu_seconds }, _) => self.renew(id, cpu_seconds),
                (Order::Kill { id }, _) => self.kill(id),
            }
        }
    }

    /// Waits for an order or the end of children: whether there is one, and which have ended.
    fn wait(&self) -> Result<(bool, Vec<ChildId>), String> {
        let handles = self.children.values().map(|child| &child.handle);
        let mut waited: Vec<_> = std::iter::once(&self.control)
            .chain(handles)
            .map(|handle| PollFd::new(handle, PollFlags::IN))
            .collect();
        match poll(&mut waited, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(format!("poll: {error}")),
        }
        let (control, children) = waited.split_at(1);
        let is_ready = |waited: &PollFd<'_>| !waited.revents().is_empty();
        let ended = self.children.keys().zip(children);
        let ended = ended.filter(|(_, waited)| is_ready(waited));
        Ok((
            control.iter().any(is_ready),
            ended.map(|(id, _)| *id).collect(),
        ))
    }

    /// Forks. `Some` in the child.
    fn fork(
        &mut self,
        id: ChildId,
        allowance: Allowance,
        socket: OwnedFd,
    ) -> Result<Option<Begun>, String> {
        let parent = process::id().cast_signed();
        // SAFETY: this process has one thread, as `prepare` has made sure of and nothing since has
        // changed. So no lock is held by a thread that the child lacks, and the child may do
        // whatever any process may.
        let pid = unsafe { libc::fork() };
        if pid == 0 {
            return Ok(Some(Begun {
                socket: socket.into(),
                allowance,
                prepared: self.prepared.clone(),
                parent,
            }));
        }
        let Some(pid) = Pid::from_raw(pid).filter(|pid| pid.as_raw_nonzero().get() > 0) else {
            let error = io::Error::last_os_error();
            self.tell(id, Exit::Refused(format!("fork: {error}")))?;
            return Ok(None);
        };
        // A child is not reaped before its handle is open, so the handle is the child's.
        match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(handle) => {
                self.children.insert(id, Running { pid, handle });
            }
            Err(error) => {
                let _ = rustix::process::kill_process(pid, Signal::KILL);
                let _ = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED);
                self.tell(id, Exit::Refused(format!("pidfd_open: {error}")))?;
            }
        }
        Ok(None)
    }

    fn reap(&mut self, id: ChildId) -> Result<(), String> {
        let Some(child) = self.children.remove(&id) else {
            return Ok(());
        };
        let status = waitid(WaitId::PidFd(child.handle.as_fd()), WaitIdOptions::EXITED);
        let status = status.map_err(|error| format!("waitid: {error}"))?;
        let signal = status.as_ref().and_then(WaitIdStatus::terminating_signal);
        let code = status.as_ref().and_then(WaitIdStatus::exit_status);
        let exit = match (signal, code) {
            (Some(signal), _) => Exit::Signal(signal),
            (None, Some(code)) => Exit::Code(code),
            (None, None) => Exit::Lost,
        };
        self.tell(id, exit)
    }

    /// A child that has just ended needs none.
    fn renew(&self, id: ChildId, cpu_seconds: u64) {
        if let Some(child) = self.children.get(&id)
            && let Some(used) = clock::cpu_seconds(child.pid)
        {
            let limit = Rlimit {
                current: Some(used + cpu_seconds),
                maximum: None,
            };
            let _ = prlimit(Some(child.pid), Resource::Cpu, limit);
        }
    }

    fn kill(&self, id: ChildId) {
        if let Some(child) = self.children.get(&id) {
            // One that has ended by itself is reaped soon.
            let _ = pidfd_send_signal(&child.handle, Signal::KILL);
        }
    }

    fn tell(&self, id: ChildId, exit: Exit) -> Result<(), String> {
        message::send(self.control.as_fd(), &Report::Ended { id, exit }, None)
    }
}
