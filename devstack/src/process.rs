//! Running another program to its end, with an error that shows its output.

use std::process::{Command, Stdio};

use anyhow::{Context, bail};

/// Runs `command` to its end and returns its standard output.
///
/// The error of a program that fails holds the end of its standard error, or of its output if it
/// wrote no errors.
pub(crate) fn output(command: &mut Command) -> anyhow::Result<Vec<u8>> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot run `{name}`; is it installed?"))?;
    if !output.status.success() {
        bail!(
            "`{name}` failed ({}): {}",
            output.status,
            tail(if output.stderr.is_empty() {
                &output.stdout
            } else {
                &output.stderr
            })
        );
    }
    Ok(output.stdout)
}

/// The last lines of a program's log, enough to see why it failed.
pub(crate) fn tail(log: &[u8]) -> String {
    const LINES: usize = 60;
    let text = String::from_utf8_lossy(log);
    let lines: Vec<_> = text.trim().lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}
