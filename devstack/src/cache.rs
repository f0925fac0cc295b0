//! Files that are made once and kept under `target/`, however many tests and processes ask for them
//! at the same time.

use std::{
    env,
    fs::{self, File},
    path::{Path, PathBuf},
};

use anyhow::Context;

/// Cargo's target folder: the one the running program lies in, else the workspace's.
pub(crate) fn target_dir() -> PathBuf {
    // CARGO_TARGET_DIR may name another folder than `<workspace>/target`. Cargo marks the folder
    // with CACHEDIR.TAG.
    let of_program = env::current_exe().ok().and_then(|exe| {
        exe.ancestors()
            .find(|folder| folder.join("CACHEDIR.TAG").exists())
            .map(Path::to_path_buf)
    });
    of_program.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"))
}

/// Holds `folder`'s lock named `name` until the returned file is dropped.
pub(crate) fn lock(folder: &Path, name: &str) -> anyhow::Result<File> {
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let path = folder.join(format!("{name}.lock"));
    let file = File::create(&path).with_context(|| format!("cannot create {}", path.display()))?;
    file.lock()
        .with_context(|| format!("cannot lock {}", path.display()))?;
    Ok(file)
}

/// The file `name` in `folder`, made by `make` if it is missing.
///
/// `make` writes to a temporary path with the same extension; the file appears under its name only
/// when complete.
pub(crate) fn file(
    folder: &Path,
    name: &str,
    make: impl FnOnce(&Path) -> anyhow::Result<()>,
) -> anyhow::Result<PathBuf> {
    let path = folder.join(name);
    if path.exists() {
        return Ok(path);
    }
    let _lock = lock(folder, name)?;
    if path.exists() {
        return Ok(path);
    }
    // A fixed name is safe under the lock, and the rest of a killed process is overwritten.
    let unfinished = folder.join(format!("unfinished-{name}"));
    make(&unfinished).with_context(|| format!("cannot make {name}"))?;
    fs::rename(&unfinished, &path).with_context(|| format!("cannot move {name} into place"))?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicU32, Ordering},
        thread,
    };

    use super::*;

    #[test]
    fn concurrent_callers_make_a_file_once() {
        let folder = tempfile::tempdir().unwrap();
        let made = AtomicU32::new(0);
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let path = file(folder.path(), "a.txt", |path| {
                        made.fetch_add(1, Ordering::Relaxed);
                        Ok(fs::write(path, "whole")?)
                    })
                    .unwrap();
                    assert_eq!(fs::read_to_string(path).unwrap(), "whole");
                });
            }
        });
        assert_eq!(made.into_inner(), 1);
    }

    #[test]
    fn a_failed_make_leaves_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let error = file(folder.path(), "a.txt", |path| {
            fs::write(path, "half")?;
            anyhow::bail!("disk on fire")
        })
        .unwrap_err();
        assert!(format!("{error:#}").contains("disk on fire"));
        assert!(!folder.path().join("a.txt").exists());
    }
}
