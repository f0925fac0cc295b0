//! Where videos are decoded: in processes without rights, where the machine has them.

use std::io::{self, Write as _};

use clap::ValueEnum;
use thumbcore::{SandboxError, sandbox::Sandbox};

/// What `--sandbox` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Choice {
    /// A sandbox where there can be one; else a warning.
    Auto,
    /// A sandbox, or an error.
    On,
    /// None.
    Off,
}

/// Where videos are decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Sandbox,
    Program,
}

impl Place {
    /// In `sandbox`, if there is one.
    pub(crate) fn of(sandbox: Option<&Sandbox>) -> Self {
        sandbox.map_or(Self::Program, |_| Self::Sandbox)
    }
}

impl Choice {
    /// Starts the sandbox that this asks for.
    pub(crate) fn start(self) -> Result<Option<Sandbox>, SandboxError> {
        if self == Self::Off {
            return Ok(None);
        }
        match Sandbox::start() {
            Ok(sandbox) => {
                tracing::debug!(locks = %sandbox.locks(), "sandbox");
                Ok(Some(sandbox))
            }
            Err(error) if self == Self::Auto => {
                // Whether anybody reads it changes nothing.
                let _ = writeln!(
                    io::stderr(),
                    "thumb: videos are decoded without a sandbox: {error}"
                );
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}
