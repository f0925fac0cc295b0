//! What no child can do, each tried in a real one.

#![allow(
    unsafe_code,
    reason = "forbidden calls have no safe wrapper; what they would do is stopped by the kernel"
)]

use std::{
    fs, io,
    io::Write as _,
    net::{TcpStream, UdpSocket},
    os::{fd::BorrowedFd, unix::net::UnixStream},
    process::Command,
    ptr, thread,
    time::Duration,
};

use rustix::process::{Pid, Resource, Rlimit};
use thumbcore::{
    Error, Extractor,
    sandbox::{Landlock, Lock, Sandbox, Strength},
};

use crate::support::{in_sandbox, misdeed, processes};

/// Signal 31: a system call that the filter forbids.
const SIGSYS: i32 = 31;

/// What is tried, and what stops it: the filter ends the process, or answers that there is no such
/// call.
const FORBIDDEN: &[(&str, Stopped)] = &[
    ("open a file", Stopped::Refused),
    ("create a file", Stopped::Refused),
    ("read another process's environment", Stopped::Refused),
    ("read another process's memory", Stopped::Ended),
    ("list a folder", Stopped::Refused),
    ("connect", Stopped::Ended),
    ("send a datagram", Stopped::Ended),
    ("make a socket pair", Stopped::Ended),
    ("fork", Stopped::Ended),
    ("run a program", Stopped::Ended),
    ("replace itself", Stopped::Ended),
    ("trace another process", Stopped::Ended),
    ("map memory to be executed", Stopped::Ended),
    ("make memory executable", Stopped::Ended),
    ("map a file", Stopped::Ended),
    ("signal another process", Stopped::Ended),
    ("signal every process", Stopped::Ended),
    ("signal a thread of another process", Stopped::Ended),
    ("take a descriptor", Stopped::Ended),
    ("raise a limit", Stopped::Ended),
    ("lift no_new_privs", Stopped::Ended),
    ("enter a namespace", Stopped::Ended),
    ("make a file in memory", Stopped::Ended),
    ("use a ring of calls", Stopped::Ended),
    ("read a key", Stopped::Ended),
    ("be traced", Stopped::Ended),
    ("handle a signal", Stopped::Ended),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stopped {
    Ended,
    Refused,
}

/// Commits what `name` asks for, in a child.
pub(crate) fn commit(name: &str, socket: &UnixStream) -> Option<String> {
    let misdeed = name.strip_prefix("misdeed:")?;
    let done = crime(misdeed).or_else(|| Some(death(misdeed, socket)));
    Some(match done? {
        Ok(done) => format!("done: {done}"),
        Err(error) => format!("refused: {error}"),
    })
}

fn raw(result: i64) -> io::Result<String> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result.to_string())
    }
}

/// Every act of [`FORBIDDEN`].
fn crime(name: &str) -> Option<io::Result<String>> {
    let text = |bytes: Vec<u8>| format!("{} bytes", bytes.len());
    Some(match name {
        "open a file" => fs::read("/etc/passwd").map(text),
        "create a file" => fs::write("/tmp/thumbcore-was-here", "x").map(|()| "written".to_owned()),
        "read another process's environment" => fs::read("/proc/1/environ").map(text),
        "list a folder" => fs::read_dir("/").map(|entries| entries.count().to_string()),
        "connect" => TcpStream::connect("127.0.0.1:80").map(|_| "connected".to_owned()),
        "send a datagram" => UdpSocket::bind("127.0.0.1:0").map(|_| "bound".to_owned()),
        "make a socket pair" => UnixStream::pair().map(|_| "made".to_owned()),
        "run a program" => Command::new("/bin/true").spawn().map(|_| "run".to_owned()),
        "signal another process" => rustix::process::test_kill_process(Pid::INIT)
            .map_err(Into::into)
            .map(|()| "signalled".to_owned()),
        "raise a limit" => {
            let all = Rlimit {
                current: None,
                maximum: None,
            };
            rustix::process::setrlimit(Resource::Cpu, all)
                .map_err(Into::into)
                .map(|()| "raised".to_owned())
        }
        "lift no_new_privs" => rustix::thread::set_no_new_privs(false)
            .map_err(Into::into)
            .map(|()| "lifted".to_owned()),
        name => return system_call(name),
    })
}

/// Those acts of [`FORBIDDEN`] that are one system call.
fn system_call(name: &str) -> Option<io::Result<String>> {
    let read_write = libc::PROT_READ | libc::PROT_WRITE;
    let anonymous = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    let null = ptr::null_mut::<libc::c_void>();
    // SAFETY: each call gets null pointers, lengths of nothing or memory that it maps itself; those
    // that would change this process are stopped, or the test fails with it.
    let result = unsafe {
        match name {
            "read another process's memory" => {
                libc::process_vm_readv(1, ptr::null(), 0, ptr::null(), 0, 0) as i64
            }
            "fork" => i64::from(libc::fork()),
            "replace itself" => {
                let arguments = [ptr::null()];
                i64::from(libc::execv(c"/bin/true".as_ptr(), arguments.as_ptr()))
            }
            "trace another process" => libc::ptrace(libc::PTRACE_ATTACH, 1, null, null),
            "be traced" => libc::ptrace(libc::PTRACE_TRACEME, 0, null, null),
            "map memory to be executed" => {
                libc::mmap(null, 4096, read_write | libc::PROT_EXEC, anonymous, -1, 0) as i64
            }
            "make memory executable" => {
                let page = libc::mmap(null, 4096, read_write, anonymous, -1, 0);
                i64::from(libc::mprotect(
                    page,
                    4096,
                    libc::PROT_READ | libc::PROT_EXEC,
                ))
            }
            "map a file" => libc::mmap(null, 4096, libc::PROT_READ, libc::MAP_SHARED, 0, 0) as i64,
            "signal every process" => i64::from(libc::kill(-1, 0)),
            "signal a thread of another process" => libc::syscall(libc::SYS_tgkill, 1, 1, 0),
            "take a descriptor" => libc::recvmsg(3, ptr::null_mut(), 0) as i64,
            "enter a namespace" => i64::from(libc::unshare(libc::CLONE_NEWUSER)),
            "make a file in memory" => i64::from(libc::memfd_create(c"x".as_ptr(), 0)),
            "use a ring of calls" => libc::syscall(libc::SYS_io_uring_setup, 1, null),
            "read a key" => libc::syscall(libc::SYS_keyctl, 0, 0, 0, 0, 0),
            "handle a signal" => libc::signal(libc::SIGXCPU, libc::SIG_IGN) as i64,
            _ => return None,
        }
    };
    Some(raw(result))
}

/// What ends a child, or leaves the program without a sound answer.
fn death(name: &str, mut socket: &UnixStream) -> io::Result<String> {
    match name {
        "abort" => std::process::abort(),
        // SAFETY: there is nothing at address 8, and the kernel says so by a signal.
        "segv" => unsafe { Ok(ptr::read_volatile(8 as *const u8).to_string()) },
        // SAFETY: ends the process.
        "exit" => unsafe { libc::_exit(3) },
        "hang" => loop {
            thread::sleep(Duration::from_secs(1));
        },
        "spin" => loop {
            std::hint::spin_loop();
        },
        "eat" => {
            let eaten = (0..1 << 10).map(|_| Vec::<u8>::with_capacity(64 << 20));
            Ok(eaten.collect::<Vec<_>>().len().to_string())
        }
        "close" => Err(io::ErrorKind::Other.into()),
        "claim" => socket.write_all(&[0xff; 8]).map(|()| "claimed".to_owned()),
        "babble" => {
            // A head of four bytes that is no message.
            socket.write_all(&[4, 0, 0, 0, 0, 0, 0, 0, 0xee, 0xee, 0xee, 0xee])?;
            thread::sleep(Duration::from_mins(1));
            Ok("babbled".to_owned())
        }
        "body" => {
            socket.write_all(&[0, 0, 0, 0, 1, 0, 0, 0, 0])?;
            thread::sleep(Duration::from_mins(1));
            Ok("sent".to_owned())
        }
        "descriptors" => Ok(descriptors()),
        "environment" => Ok(std::env::vars_os().count().to_string()),
        name => Err(io::Error::other(format!("{name} is unknown"))),
    }
}

/// The descriptors on which anything can be written.
fn descriptors() -> String {
    let open = (0..1024).filter(|descriptor| {
        // SAFETY: only asks whether nothing can be written; what is not open says so.
        let borrowed = unsafe { BorrowedFd::borrow_raw(*descriptor) };
        rustix::io::write(borrowed, &[]).is_ok()
    });
    open.map(|descriptor| descriptor.to_string())
        .collect::<Vec<_>>()
        .join(",")
}

/// What came of an act.
async fn tried(extractor: &Extractor, name: &str) -> Error {
    extractor.extract(misdeed(name)).await.unwrap_err()
}

async fn check_all(extractor: &Extractor) {
    let mut faults = Vec::new();
    for (name, stopped) in FORBIDDEN {
        let error = tried(extractor, name).await;
        let found = match &error {
            Error::Crashed { signal: SIGSYS } => Some(Stopped::Ended),
            Error::Internal { reason } if reason.starts_with("refused: ") => Some(Stopped::Refused),
            _ => None,
        };
        if found != Some(*stopped) {
            faults.push(format!("{name}: {error}"));
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

pub(crate) async fn everything_forbidden_is_blocked() {
    check_all(&in_sandbox(Extractor::builder())).await;
    assert!(!fs::exists("/tmp/thumbcore-was-here").unwrap());
}

pub(crate) async fn without_landlock_everything_forbidden_is_blocked_as_well() {
    let sandbox = Sandbox::builder().landlock(Landlock::Off).start().unwrap();
    assert_eq!(sandbox.locks().strength(Lock::Landlock), Strength::None);
    check_all(&Extractor::builder().sandbox(sandbox).build().unwrap()).await;
}

pub(crate) async fn the_locks_are_those_that_the_kernel_shows() {
    let sandbox = Sandbox::start().unwrap();
    for (lock, strength) in sandbox.locks().iter() {
        let is_known = lock == Lock::Landlock || strength == Strength::Full;
        assert!(is_known, "{lock:?}: {strength:?}");
    }
    let extractor = Extractor::builder().sandbox(sandbox).build().unwrap();
    let hanging = misdeed("hang");
    let call = extractor.extract(hanging);
    let look = async {
        let child = crate::support::wait_for("a child", || processes().1.first().copied()).await;
        crate::support::wait_for("its filter", || {
            let status = fs::read_to_string(format!("/proc/{child}/status")).ok()?;
            status.contains("Seccomp_filters:\t2").then_some(status)
        })
        .await
    };
    let status = tokio::select! {
        status = look => status,
        error = call => panic!("{error:?}"),
    };
    assert!(status.contains("NoNewPrivs:\t1"), "{status}");
    assert!(status.contains("Seccomp:\t2"), "{status}");
}

pub(crate) async fn a_child_has_one_descriptor_and_no_environment() {
    let extractor = in_sandbox(Extractor::builder());
    let said = |error: Error| match error {
        Error::Internal { reason } => reason,
        error => panic!("{error:?}"),
    };
    // `/dev/null` three times, the first for reading only, and the socket.
    let open = said(tried(&extractor, "descriptors").await);
    let open: Vec<_> = open.trim_start_matches("done: ").split(',').collect();
    assert_eq!(open.len(), 3, "{open:?}");
    assert_eq!(&open[..2], ["1", "2"]);
    let variables = said(tried(&extractor, "environment").await);
    // Those that the sandbox itself sets for the loader and the allocator.
    assert!(["done: 2", "done: 3"].contains(&&*variables), "{variables}");
}
