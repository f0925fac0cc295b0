//! Names of pictures, and writing them whole or not at all.

use std::{
    collections::HashMap,
    ffi::{OsStr, OsString},
    io::{self, Write},
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;
use thumbcore::Thumbnail;

use crate::{input::Input, report::Failure};

/// Gives every input of a run names of its own.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// Base name to the input that has it.
    taken: HashMap<OsString, String>,
}

impl Names {
    /// The base of the input's pictures' names: its stem or, where an earlier input has that, its
    /// whole file name.
    ///
    /// As a base is followed by `_<number>.`, different bases never give the same picture name.
    pub(crate) fn claim(&mut self, input: &Input) -> Result<OsString, Failure> {
        let file_name = input.file_name();
        let stem = Path::new(&file_name).file_stem().unwrap_or(&file_name);
        for base in [stem, &file_name] {
            if !self.taken.contains_key(base) {
                self.taken.insert(base.to_owned(), input.name());
                return Ok(base.to_owned());
            }
        }
        Err(Failure {
            kind: "collision",
            message: format!(
                "its pictures ({}_1, …) would overwrite those of {}; use another --out",
                file_name.display(),
                self.taken[&file_name]
            ),
        })
    }
}

/// Writes an input's pictures as `<base>_<n>.<ext>` and returns their paths in order.
///
/// All are written under temporary names in the same folder before the first takes its name, so
/// that a full disk leaves what was there before. A file of an earlier run is replaced.
pub(crate) fn write(
    folder: &Path,
    base: &OsStr,
    thumbnails: &[Thumbnail],
) -> Result<Vec<PathBuf>, Failure> {
    let mut written = Vec::with_capacity(thumbnails.len());
    for (index, thumbnail) in thumbnails.iter().enumerate() {
        let mut name = base.to_owned();
        name.push(format!("_{}.{}", index + 1, thumbnail.format.extension()));
        let path = folder.join(name);
        let file = write_temporary(folder, thumbnail.image()).map_err(|e| failure(&path, &e))?;
        written.push((file, path));
    }
    written
        .into_iter()
        .map(|(file, path)| match file.persist(&path) {
            Ok(_) => Ok(path),
            Err(error) => Err(failure(&path, &error.error)),
        })
        .collect()
}

fn write_temporary(folder: &Path, bytes: &[u8]) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".thumb-");
    // Temporary files are private unless told; pictures follow the umask like any other file.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(bytes)?;
    Ok(file)
}

fn failure(path: &Path, error: &io::Error) -> Failure {
    Failure {
        kind: "output",
        message: format!("cannot write {}: {error}", path.display()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_stems_get_names_of_their_own() {
        let mut names = Names::default();
        let mut claim = |path: &str| names.claim(&Input::File(path.into()));
        assert_eq!(claim("a/b.mp4").unwrap(), "b");
        assert_eq!(claim("b.mov").unwrap(), "b.mov");
        assert_eq!(claim("b.mov.mp4").unwrap(), "b.mov.mp4");
        assert_eq!(claim("c/b.mp4").unwrap(), "b.mp4");
        let error = claim("d/b.mp4").unwrap_err();
        assert_eq!(error.kind, "collision");
        assert!(error.message.contains("c/b.mp4"), "{}", error.message);
    }
}
