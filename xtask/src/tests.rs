//! Running the tests, by nextest where it is installed.

use std::process::{Command, Stdio};

use crate::{
    ALL,
    step::{self, TestResults},
};

/// What runs the tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Runner {
    /// `cargo nextest`: tests of all programs side by side, each in a process of its own.
    Nextest,
    /// `cargo test`: one test program after the other.
    Cargo,
}

impl Runner {
    /// nextest, if it is installed.
    pub(crate) fn installed() -> Self {
        let version = crate::cargo()
            .args(["nextest", "--version"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        if version.is_ok_and(|status| status.success()) {
            Self::Nextest
        } else {
            eprintln!(
                "cargo-nextest is not installed: tests run by cargo test, which takes longer"
            );
            Self::Cargo
        }
    }

    fn command(self) -> Command {
        let mut command = crate::cargo();
        match self {
            Self::Nextest => command.args(["nextest", "run"]).args(ALL),
            Self::Cargo => command
                .args(["test", "--no-fail-fast", "--all-targets"])
                .args(ALL),
        };
        command
    }

    /// Builds what [`run`](Self::run) runs.
    pub(crate) fn build(self) -> anyhow::Result<()> {
        step::status(self.command().arg("--no-run"))
    }

    /// Runs every test but the documentation's examples.
    pub(crate) fn run(self) -> anyhow::Result<TestResults> {
        step::test_results(&mut self.command())
    }
}

/// Runs the documentation's examples, which nextest does not.
pub(crate) fn examples() -> anyhow::Result<TestResults> {
    step::test_results(crate::cargo().args(["test", "--doc"]).args(ALL))
}
