//! Terminals, pipes and signals.

use std::{
    fs,
    io::Read,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{Router, extract::Request, routing::any};
use tempfile::TempDir;
use tokio::sync::Semaphore;

use crate::common::{finished, folder, names, run, serve, thumb};

/// Waits for an end that is due now; a hang fails the test instead of blocking it.
fn wait(mut child: Child) -> crate::common::Run {
    let deadline = Instant::now() + Duration::from_mins(1);
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > deadline {
            child.kill().unwrap();
            panic!("still running after a minute");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    finished(child.wait_with_output().unwrap())
}

fn signal(child: &Child, name: &str) {
    let pid = child.id().to_string();
    let status = Command::new("kill").args(["-s", name, &pid]).status();
    assert!(status.unwrap().success());
}

#[test]
fn a_bar_is_drawn_on_a_terminal_and_only_there() {
    // `script` gives its command a terminal.
    let on_terminal = |flags: &str| {
        let command = format!(
            "'{}' extract /nowhere/a.mp4 /nowhere/b.mp4 {flags}",
            env!("CARGO_BIN_EXE_thumb")
        );
        let folder = tempfile::tempdir().unwrap();
        let mut script = Command::new("script");
        script.args(["-q", "-e", "-c", &command, "/dev/null"]);
        script
            .current_dir(folder.path())
            .env("TERM", "xterm")
            .stdin(Stdio::null());
        run(&mut script)
    };
    let shown = on_terminal("");
    assert!(shown.stdout.contains("/2 "), "{:?}", shown.stdout);
    assert!(shown.stdout.contains(" left"), "{:?}", shown.stdout);
    assert_eq!(shown.code, Some(1));
    for flags in ["--quiet", "2>/dev/null"] {
        let hidden = on_terminal(flags);
        assert!(!hidden.stdout.contains("/2 "), "{:?}", hidden.stdout);
    }

    let piped = run(thumb()
        .args(["extract", "/nowhere/a.mp4", "--out"])
        .arg(std::env::temp_dir()));
    assert_eq!(piped.stderr, "thumb: /nowhere/a.mp4: not found\n");
}

#[test]
fn a_reader_that_leaves_ends_the_run_quietly() {
    let mut command = thumb();
    command.args(["probe", "--json"]);
    // More than a pipe holds.
    command.args((0..2000).map(|index| format!("/nowhere/{index:0>50}.mp4")));
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut [0; 10]).unwrap();
    drop(stdout);
    let run = wait(child);
    assert_eq!((run.code, run.stderr.as_str()), (Some(128 + 13), ""));
}

/// Starts an extraction of two good files and a URL whose server never answers; returns when the
/// server was asked and the good files are done.
async fn stuck() -> (Child, TempDir) {
    let asked = Arc::new(Semaphore::new(0));
    let app = Router::new().fallback(any({
        let asked = Arc::clone(&asked);
        move |_: Request| async move {
            asked.add_permits(1);
            std::future::pending::<()>().await;
        }
    }));
    let url = serve(app).await;
    let folder = folder(&["a.mp4", "b.mp4"]);
    let mut command = thumb();
    command.current_dir(folder.path());
    command.args(["extract", "a.mp4", "b.mp4", &format!("{url}/c.mp4")]);
    command.args(["--out", "out", "--jobs", "2", "--json"]);
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let _ = tokio::time::timeout(Duration::from_mins(1), asked.acquire())
        .await
        .expect("the server is asked");
    let deadline = Instant::now() + Duration::from_mins(1);
    while fs::read_dir(folder.path().join("out")).unwrap().count() < 6 {
        assert!(
            Instant::now() < deadline,
            "{:?}",
            names(&folder.path().join("out"))
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    (child, folder)
}

#[tokio::test(flavor = "multi_thread")]
async fn signals_end_the_run_and_leave_whole_files_only() {
    for (name, code) in [("INT", 130), ("TERM", 143)] {
        let (child, folder) = stuck().await;
        signal(&child, name);
        let run = tokio::task::spawn_blocking(|| wait(child)).await.unwrap();
        assert_eq!((run.code, run.stderr.as_str()), (Some(code), ""));
        assert!(run.lines().iter().all(|line| line["ok"] == true));
        assert_eq!(
            names(&folder.path().join("out")),
            [
                "a_1.jpg", "a_2.jpg", "a_3.jpg", "b_1.jpg", "b_2.jpg", "b_3.jpg"
            ]
        );
    }
}

#[test]
fn a_signal_amid_writing_leaves_no_temporary_file() {
    let inputs: Vec<_> = (0..20).map(|index| format!("{index}.mp4")).collect();
    let inputs: Vec<_> = inputs.iter().map(String::as_str).collect();
    let folder = folder(&inputs);
    // Whatever it is doing when the first files appear.
    let mut command = thumb();
    command.current_dir(folder.path());
    command.args(["extract", ".", "--out", "out", "-q"]);
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let out = folder.path().join("out");
    let deadline = Instant::now() + Duration::from_mins(1);
    while !out.exists() || fs::read_dir(&out).unwrap().next().is_none() {
        assert!(Instant::now() < deadline, "nothing is written");
        std::thread::yield_now();
    }
    signal(&child, "INT");
    let run = wait(child);
    assert_eq!((run.code, run.stderr.as_str()), (Some(130), ""));
    let names = names(&out);
    assert!(
        names.len() < 60,
        "the signal came too late to show anything"
    );
    assert!(names.iter().all(|name| !name.starts_with('.')), "{names:?}");
}
