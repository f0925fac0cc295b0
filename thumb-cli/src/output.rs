//! Writing each file completely or not at all.

use std::{
    ffi::OsStr,
    io::{self, Write},
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;
use thumbcore::Thumbnail;

use crate::{names::Naming, report::Failure};

/// Where pictures go, and how they are called.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    path: PathBuf,
    naming: Naming,
}

impl Folder {
    pub(crate) fn new(path: PathBuf, naming: Naming) -> Self {
        Self { path, naming }
    }

    pub(crate) fn naming(&self) -> &Naming {
        &self.naming
    }

    /// Whether all pictures of an input are there.
    pub(crate) fn has_all(&self, base: &OsStr) -> bool {
        let names = self.naming.names(base);
        names.iter().all(|name| self.path.join(name).is_file())
    }

    /// Writes an input's pictures under their names, and returns each thumbnail's paths
    /// in the order of the widths.
    ///
    /// All are written under temporary names in the same folder before the first gets its name, so
    /// that a full disk leaves earlier files as they were. A file of an earlier run is replaced.
    pub(crate) fn write(
        &self,
        base: &OsStr,
        thumbnails: &[Thumbnail],
    ) -> Result<Vec<Vec<PathBuf>>, Failure> {
        let mut written = Vec::with_capacity(thumbnails.len());
        for (index, thumbnail) in thumbnails.iter().enumerate() {
            let names = self.naming.renditions(base, index + 1);
            let files: Result<Vec<_>, Failure> = names
                .zip(&thumbnail.renditions)
                .map(|(name, rendition)| {
                    let path = self.path.join(name);
                    let file = write_temporary(&self.path, &rendition.image);
                    Ok((file.map_err(|error| failure(&path, &error))?, path))
                })
                .collect();
            written.push(files?);
        }
        written
            .into_iter()
            .map(|files| files.into_iter().map(persist).collect())
            .collect()
    }
}

/// Gives a complete file its name.
fn persist((file, path): (NamedTempFile, PathBuf)) -> Result<PathBuf, Failure> {
    match file.persist(&path) {
        Ok(_) => Ok(path),
        Err(error) => Err(failure(&path, &error.error)),
    }
}

/// Writes a file under a temporary name, and gives it `path` once it is complete.
pub(crate) fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let file = write_temporary(folder, bytes).map_err(|error| failure(path, &error))?;
    persist((file, path.to_owned()))?;
    Ok(())
}

fn write_temporary(folder: &Path, bytes: &[u8]) -> io::Result<NamedTempFile> {
    let mut file = temporary_file(folder)?;
    file.write_all(bytes)?;
    Ok(file)
}

/// A hidden file in `folder`, removed unless it is given a name.
pub(crate) fn temporary_file(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".thumb-");
    // Temporary files are private by default; pictures follow the umask like any other file.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
}

pub(crate) fn failure(path: &Path, error: &io::Error) -> Failure {
    Failure {
        kind: "output",
        message: format!("cannot write {}: {error}", path.display()),
    }
}
