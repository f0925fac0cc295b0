//! Real videos, which lie beside the project where somebody has put them: tests read them there,
//! and check nothing where they are not.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail, ensure};

/// A video of the corpus.
#[derive(Debug, Clone)]
pub struct Real {
    /// Name of the file.
    pub name: String,
    /// Where the file lies.
    pub path: PathBuf,
    /// Whether ffmpeg gives a picture at time 0.
    pub ffmpeg_decodes: bool,
}

/// The folder that `THUMBCORE_CORPUS` names, or the one beside the project; `None` where that is
/// not there.
///
/// # Errors
/// If `THUMBCORE_CORPUS` names a folder without `index.tsv`.
pub fn folder() -> anyhow::Result<Option<PathBuf>> {
    let named = env::var_os("THUMBCORE_CORPUS").map(PathBuf::from);
    let is_named = named.is_some();
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus");
    let folder = named.unwrap_or_else(beside);
    let found = folder.join("index.tsv").exists();
    let shown = folder.display();
    ensure!(
        found || !is_named,
        "THUMBCORE_CORPUS: no index.tsv in {shown}"
    );
    if !found {
        eprintln!("no corpus in {shown}: nothing checked");
    }
    Ok(found.then_some(folder))
}

/// All videos of the corpus, by name; none where there is no corpus.
///
/// # Errors
/// As [`folder`], and if the index cannot be read or has another shape.
pub fn videos() -> anyhow::Result<Vec<Real>> {
    let Some(folder) = folder()? else {
        return Ok(Vec::new());
    };
    let index = folder.join("index.tsv");
    let lines = fs::read_to_string(&index).with_context(|| index.display().to_string())?;
    let videos = lines.lines().skip(1).map(|line| real(&folder, line));
    let mut videos = videos.collect::<anyhow::Result<Vec<_>>>()?;
    videos.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(videos)
}

/// The video of a line, whose last columns say whether ffmpeg gives a picture at time 0, and a
/// checksum.
fn real(folder: &Path, line: &str) -> anyhow::Result<Real> {
    let columns: Vec<_> = line.split('\t').collect();
    let [name, .., at_zero, _] = columns.as_slice() else {
        bail!("a line of the corpus's index has fewer than three columns: {line}");
    };
    Ok(Real {
        name: (*name).to_owned(),
        path: folder.join(name),
        ffmpeg_decodes: *at_zero == "yes",
    })
}
