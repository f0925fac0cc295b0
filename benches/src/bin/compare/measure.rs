//! Running contenders' programs and adding up what they cost.

use std::{
    ffi::{OsStr, OsString},
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

use crate::server::{ACCESS_KEY, REGION, SECRET_KEY};

/// What the programs of one contender have cost on one subject.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Bill {
    /// Wall-clock time, in seconds.
    pub(crate) wall_s: f64,
    /// User and system time of all processes, in seconds.
    pub(crate) cpu_s: f64,
    /// Memory of the largest process at its peak, in KiB.
    pub(crate) peak_kib: u64,
}

/// A picture that a contender made.
#[derive(Debug, Clone)]
pub(crate) struct Picture {
    pub(crate) path: PathBuf,
    /// What time of the video it was asked for, in seconds.
    pub(crate) target: f64,
    /// What time its maker says it shows, in seconds; `None` where it does not say.
    pub(crate) stated: Option<f64>,
}

/// Runs programs for one contender.
pub(crate) struct Meter {
    endpoint: String,
    folder: PathBuf,
    limit: u64,
    pub(crate) bill: Bill,
    pub(crate) pictures: Vec<Picture>,
}

impl Meter {
    /// For programs that may use `folder`, and each for `limit` seconds at most.
    pub(crate) fn new(endpoint: &str, folder: &Path, limit: u64) -> anyhow::Result<Self> {
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        fs::create_dir_all(folder)?;
        Ok(Self {
            endpoint: endpoint.to_owned(),
            folder: folder.to_owned(),
            limit,
            bill: Bill::default(),
            pictures: Vec::new(),
        })
    }

    /// A path in the contender's folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Runs `program`, puts what it cost on the bill, and returns its standard output.
    pub(crate) fn run<I, S>(
        &mut self,
        program: impl AsRef<OsStr>,
        arguments: I,
    ) -> anyhow::Result<String>
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        let arguments: Vec<OsString> = arguments
            .into_iter()
            .map(|argument| argument.as_ref().to_owned())
            .collect();
        let bill = self.path("bill.json");
        let output = Command::new(sibling("meter")?)
            .arg(&bill)
            .arg(self.limit.to_string())
            .arg(&program)
            .args(&arguments)
            .envs([
                ("AWS_ENDPOINT_URL", self.endpoint.as_str()),
                ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
                ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
                ("AWS_REGION", REGION),
                ("AWS_DEFAULT_REGION", REGION),
                ("AWS_EC2_METADATA_DISABLED", "true"),
            ])
            .stdin(Stdio::null())
            .output()?;
        let name = Path::new(program.as_ref());
        let name = name.file_name().unwrap_or_default().to_string_lossy();
        let read = fs::read(&bill).with_context(|| format!("cannot meter {name}"))?;
        let read: Bill = serde_json::from_slice(&read)?;
        self.bill.wall_s += read.wall_s;
        self.bill.cpu_s += read.cpu_s;
        self.bill.peak_kib = self.bill.peak_kib.max(read.peak_kib);
        if output.status.code() == Some(TIMED_OUT) {
            bail!("{name} took more than {} s", self.limit);
        }
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            // Its last line, without the URL, which is signed.
            let last = said.lines().last().unwrap_or_default();
            let last = last.split("http://").next().unwrap_or_default();
            bail!("{name} failed: {last}");
        }
        Ok(String::from_utf8(output.stdout)?)
    }
}

/// What `timeout` exits with.
const TIMED_OUT: i32 = 124;

/// The program `name` that cargo built beside this one.
pub(crate) fn sibling(name: &str) -> anyhow::Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name(name);
    if !path.exists() {
        bail!("{} is not built", path.display());
    }
    Ok(path)
}
