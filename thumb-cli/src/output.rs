//! Names of pictures, and writing each file completely or not at all.

use std::{
    collections::HashMap,
    ffi::{OsStr, OsString},
    io::{self, Write},
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;
use thumbcore::{ImageFormat, Thumbnail};

use crate::{input::Input, report::Failure};

/// Gives every input of a run its own base name.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// From a base name to the input that has it.
    taken: HashMap<OsString, String>,
}

impl Names {
    /// The base of the input's pictures' names: its stem or, where an earlier input has that, its
    /// whole file name.
    ///
    /// Different bases never give the same picture name: a base is followed by `_<number>.`, or by
    /// `_<number>_<width>.` with numbers and widths that differ in their digits
    /// ([`ExtractArgs::widths`](crate::args::ExtractArgs::widths)).
    pub(crate) fn claim(&mut self, input: &Input) -> Result<OsString, Failure> {
        let file_name = input.file_name();
        let stem = Path::new(&file_name).file_stem().unwrap_or(&file_name);
        for base in [stem, &file_name] {
            let base = shortened(base);
            if !self.taken.contains_key(&base) {
                self.taken.insert(base.clone(), input.name());
                return Ok(base);
            }
        }
        Err(Failure {
            kind: "collision",
            message: format!(
                "its pictures ({}_1, …) would overwrite those of {}; use another --out",
                file_name.display(),
                self.taken[&shortened(&file_name)]
            ),
        })
    }
}

/// Longest base of a picture's name, in bytes: file systems take 255, an encrypted folder 143, of
/// which number, width and extension need some.
const MAX_BASE: usize = 120;

/// `base`, or a shorter name that no other base gives: its beginning and a hash of all of it.
fn shortened(base: &OsStr) -> OsString {
    let bytes = base.as_encoded_bytes();
    if bytes.len() <= MAX_BASE {
        return base.to_owned();
    }
    let hash = format!("~{:016x}", fnv1a(bytes));
    let mut start = base.to_string_lossy().into_owned();
    start.truncate(start.floor_char_boundary(MAX_BASE - hash.len()));
    (start + &hash).into()
}

/// The 64-bit FNV-1a hash, the same in every version of this program.
/// Source: <http://www.isthe.com/chongo/tech/comp/fnv/>.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// Where pictures go, and in which widths.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    path: PathBuf,
    /// In pixels, the first one first.
    widths: Vec<u32>,
}

impl Folder {
    pub(crate) fn new(path: PathBuf, widths: Vec<u32>) -> Self {
        Self { path, widths }
    }

    /// Writes an input's pictures as `<base>_<n>.<ext>`, in further widths as
    /// `<base>_<n>_<width>.<ext>`, and returns each thumbnail's paths in the order of the widths.
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
            let paths = self.paths(base, index + 1, thumbnail.format);
            let files: Result<Vec<_>, Failure> = paths
                .zip(&thumbnail.renditions)
                .map(|(path, rendition)| {
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

    /// The paths of picture `number`, in the order of the widths.
    fn paths(
        &self,
        base: &OsStr,
        number: usize,
        format: ImageFormat,
    ) -> impl Iterator<Item = PathBuf> {
        let extension = format.extension();
        self.widths.iter().enumerate().map(move |(index, width)| {
            let mut name = base.to_owned();
            name.push(match index {
                0 => format!("_{number}.{extension}"),
                _ => format!("_{number}_{width}.{extension}"),
            });
            self.path.join(name)
        })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_no_file_system_takes_is_shortened() {
        let mut names = Names::default();
        let long = |last: &str| Input::File(format!("{}{last}.mp4", "é".repeat(120)).into());
        let one = names.claim(&long("1")).unwrap();
        let other = names.claim(&long("2")).unwrap();
        assert_ne!(one, other);
        for name in [&one, &other] {
            assert!(name.len() <= MAX_BASE, "{}", name.display());
            assert!(name.to_str().unwrap().starts_with("éééé"));
        }
        assert_eq!(Names::default().claim(&long("1")).unwrap(), one);
        assert_eq!(fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c);
    }

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
