//! `devstack up` says why it cannot go on, and fails. That it works is the last step of `cargo xtask test`.

#![cfg(test)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

/// Runs `devstack up --once` from a folder of its own, beside `worker`, a shell script.
fn up(worker: Option<&str>) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("devstack");
    fs::copy(env!("CARGO_BIN_EXE_devstack"), &program).unwrap();
    if let Some(script) = worker {
        let path = folder.path().join("thumbnail-worker");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    run(&program, &["up", "--once"])
}

fn run(program: &Path, arguments: &[&str]) -> Output {
    Command::new(program).args(arguments).output().unwrap()
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
    let error = error(&run(program, &["up", "--once", "--upload", "nowhere.mp4"]));
    assert!(error.contains("cannot read nowhere.mp4"), "{error}");
}
