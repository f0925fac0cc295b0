//! The `schemathesis` program: does an API do what its OpenAPI document says, whatever it is sent?

use std::{io::Write, process::Command};

use crate::{process, python::python};

const VERSION: &str = "4.32.5";

/// Sends requests made from the OpenAPI document at `document` to the server that has it.
///
/// `config` is a configuration file's text; `arguments` go to `schemathesis run`.
///
/// # Errors
/// The program's words if it finds anything, or cannot be installed.
pub fn check(document: &str, config: &str, arguments: &[&str]) -> anyhow::Result<()> {
    let python = python("schemathesis", &[&format!("schemathesis=={VERSION}")])?;
    let program = python.with_file_name("schemathesis");
    // The same requests each time: a test that fails today must fail tomorrow.
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
