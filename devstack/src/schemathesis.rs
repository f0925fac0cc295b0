//! The `schemathesis` program, which tests whether an API keeps to its OpenAPI document.

use std::{io::Write, process::Command};

use crate::{process, python::python};

const VERSION: &str = "4.32.5";

/// Sends requests generated from the OpenAPI document at `document` to the server that serves it.
///
/// `config` is a configuration file's text; `arguments` go to `schemathesis run`.
///
/// # Errors
/// The program found a fault (the error shows its report), or cannot be installed.
pub fn check(document: &str, config: &str, arguments: &[&str]) -> anyhow::Result<()> {
    let python = python("schemathesis", &[&format!("schemathesis=={VERSION}")])?;
    let program = python.with_file_name("schemathesis");
    // The same requests in each run: a test that fails today must fail tomorrow.
    let mut command = Command::new(program);
    let mut file = tempfile::Builder::new().suffix(".toml").tempfile()?;
    file.write_all(config.as_bytes())?;
    command
        .arg("--config-file")
        .arg(file.path())
        .args([
            "run",
            document,
            "--seed",
            "1",
            "--workers",
            "1",
            "--no-color",
        ])
        .args(arguments);
    process::output(&mut command).map(|_| ())
}
