//! `devstack up` says why it cannot go on, and fails. That it works is the last step of `cargo
//! xtask test`.

#![cfg(test)]

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Child, Command, Output, Stdio},
    sync::Mutex,
};

/// A file that is open for writing cannot be run, and a child that another test starts meanwhile
/// holds it open until it runs its own program. So writing and starting take turns.
static STARTING: Mutex<()> = Mutex::new(());

/// Runs `devstack up --once` from a folder of its own, beside `worker`, a shell script.
fn up(worker: Option<&str>) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("devstack");
    let turn = STARTING.lock().unwrap();
    fs::copy(env!("CARGO_BIN_EXE_devstack"), &program).unwrap();
    if let Some(script) = worker {
        let path = folder.path().join("thumbnail-worker");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let child = start(&program, &["up", "--once"]);
    drop(turn);
    child.wait_with_output().unwrap()
}

fn start(program: &Path, arguments: &[&str]) -> Child {
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn error(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_worker_that_ends_is_the_reason_with_its_log() {
    let error = error(&up(Some("echo no luck today; exit 7")));
    assert!(
        error.contains("the worker ended (exit status: 7)"),
        "{error}"
    );
    assert!(error.contains("no luck today"), "{error}");
}

#[test]
fn a_missing_worker_is_named() {
    let error = error(&up(None));
    assert!(error.contains("thumbnail-worker is missing"), "{error}");
}

#[test]
fn an_upload_that_does_not_exist_is_named() {
    let program = Path::new(env!("CARGO_BIN_EXE_devstack"));
    let turn = STARTING.lock().unwrap();
    let child = start(program, &["up", "--once", "--upload", "nowhere.mp4"]);
    drop(turn);
    let error = error(&child.wait_with_output().unwrap());
    assert!(error.contains("cannot read nowhere.mp4"), "{error}");
}
