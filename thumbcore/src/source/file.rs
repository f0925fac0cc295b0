//! A file on disk.

use std::{
    fs::{File, Metadata, OpenOptions},
    io::{self, ErrorKind},
    ops::Range,
    os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use bytes::Bytes;
use rustix::{fs::OFlags, io::Errno};

use super::{Ends, RangeSource, Stat, Validator, past_the_end};
use crate::{SourceError, text::shown};

/// A file on disk, read with `pread` on the runtime's blocking threads.
///
/// The file is opened once. Its version is inode, length and modification time; each read looks at
/// the path again afterwards (one `stat`), so a file that was replaced, rewritten, truncated or
/// removed gives [`SourceError::Changed`].
///
/// ```no_run
/// use thumbcore::{FileSource, RangeSource};
///
/// # async fn example() -> Result<(), thumbcore::SourceError> {
/// let source = FileSource::open("clip.mp4").await?;
/// let first = source.read(0..16).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct FileSource {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    name: String,
    /// Absolute, so that a change of the working directory is not taken for a change of the file.
    path: PathBuf,
    file: File,
    version: Version,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Version {
    inode: u64,
    len: u64,
    modified_s: i64,
    modified_ns: i64,
}

impl Version {
    fn of(metadata: &Metadata) -> Self {
        Self {
            inode: metadata.ino(),
            len: metadata.len(),
            modified_s: metadata.mtime(),
            modified_ns: metadata.mtime_nsec(),
        }
    }
}

impl FileSource {
    /// Opens the file at `path`.
    ///
    /// # Errors
    /// [`SourceError::NotFound`], [`SourceError::Denied`], [`SourceError::Rejected`] for a folder,
    /// another thing without a length (a pipe, a socket, a device) or symbolic links that lead in a
    /// circle, or [`SourceError::Io`]. Opening never waits for another process.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, SourceError> {
        let path = path.as_ref().to_owned();
        let name = shown(&path.display().to_string()).into_owned();
        let lost = name.clone();
        blocking(&lost, move || {
            // Looked at before it is opened, since opening a device may do something.
            let metadata = std::fs::metadata(&path).map_err(|error| failure(&name, error))?;
            check_kind(&name, &metadata)?;
            let (file, metadata) = open_regular(&name, &path)?;
            let path = std::path::absolute(&path).map_err(|error| failure(&name, error))?;
            Ok(Self {
                inner: Arc::new(Inner {
                    name,
                    path,
                    file,
                    version: Version::of(&metadata),
                }),
            })
        })
        .await
    }

    async fn pread<const N: usize>(
        &self,
        ranges: [Range<u64>; N],
    ) -> Result<[Bytes; N], SourceError> {
        for range in &ranges {
            past_the_end(&self.inner.name, range, self.inner.version.len)?;
        }
        if ranges.iter().all(Range::is_empty) {
            return Ok(ranges.map(|_| Bytes::new()));
        }
        let inner = Arc::clone(&self.inner);
        blocking(&self.inner.name, move || inner.pread(ranges)).await
    }
}

impl Inner {
    fn pread<const N: usize>(&self, ranges: [Range<u64>; N]) -> Result<[Bytes; N], SourceError> {
        let mut parts = [const { Bytes::new() }; N];
        for (part, range) in parts.iter_mut().zip(ranges) {
            let mut buffer = vec![0; (range.end - range.start) as usize];
            self.file
                .read_exact_at(&mut buffer, range.start)
                .map_err(|error| match error.kind() {
                    ErrorKind::UnexpectedEof => self.changed(),
                    _ => failure(&self.name, error),
                })?;
            *part = buffer.into();
        }
        // Afterwards, not before: a writer moves the modification time before it moves bytes, so
        // bytes that were read before an unchanged time are of the version that was opened.
        match std::fs::metadata(&self.path) {
            Ok(metadata) if Version::of(&metadata) == self.version => Ok(parts),
            Ok(_) => Err(self.changed()),
            Err(error) if error.kind() == ErrorKind::NotFound => Err(self.changed()),
            Err(error) => Err(failure(&self.name, error)),
        }
    }

    fn changed(&self) -> SourceError {
        SourceError::changed(&self.name)
    }
}

#[async_trait]
impl RangeSource for FileSource {
    fn name(&self) -> &str {
        &self.inner.name
    }

    async fn stat(&self) -> Result<Stat, SourceError> {
        let version = self.inner.version;
        Ok(Stat {
            len: version.len,
            validator: Some(Validator(format!(
                "{:x}-{:x}-{:x}.{:x}",
                version.inode, version.len, version.modified_s, version.modified_ns
            ))),
        })
    }

    async fn read(&self, range: Range<u64>) -> Result<Bytes, SourceError> {
        let [bytes] = self.pread([range]).await?;
        Ok(bytes)
    }

    async fn ends(&self, head: u64, tail: u64) -> Result<Ends, SourceError> {
        let stat = self.stat().await?;
        let head_end = head.min(stat.len);
        let tail_start = stat.len.saturating_sub(tail).max(head_end);
        let [head, tail] = self.pread([0..head_end, tail_start..stat.len]).await?;
        Ok(Ends {
            requests: u64::from(!head.is_empty()) + u64::from(!tail.is_empty()),
            bytes_fetched: (head.len() + tail.len()) as u64,
            stat,
            head,
            tail,
        })
    }
}

/// Opens the regular file at `path`. It is looked at again once it is open, for the path may lead
/// to another thing by now; and the opening never waits, as that of a pipe without writers would.
fn open_regular(name: &str, path: &Path) -> Result<(File, Metadata), SourceError> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits() as i32)
        .open(path)
        .map_err(|error| failure(name, error))?;
    let metadata = file.metadata().map_err(|error| failure(name, error))?;
    check_kind(name, &metadata)?;
    Ok((file, metadata))
}

/// Fails for anything but a regular file.
fn check_kind(name: &str, metadata: &Metadata) -> Result<(), SourceError> {
    if metadata.is_dir() {
        return Err(SourceError::rejected(name, "is a folder, not a file"));
    }
    if !metadata.is_file() {
        return Err(SourceError::rejected(name, "is not a regular file"));
    }
    Ok(())
}

/// What the system said when it was asked to open or read the file.
fn failure(name: &str, error: io::Error) -> SourceError {
    let told = match error.kind() {
        _ if error.raw_os_error() == Some(Errno::LOOP.raw_os_error()) => {
            SourceError::rejected(name, "its symbolic links lead in a circle")
        }
        // What opening a socket says, or a pipe or device with nobody behind it.
        _ if error.raw_os_error() == Some(Errno::NXIO.raw_os_error()) => {
            SourceError::rejected(name, "is not a regular file")
        }
        ErrorKind::NotFound | ErrorKind::NotADirectory => SourceError::not_found(name),
        ErrorKind::PermissionDenied => SourceError::denied(name, "the file may not be read"),
        ErrorKind::InvalidInput | ErrorKind::InvalidFilename => {
            SourceError::rejected(name, "no such name is possible")
        }
        _ => SourceError::io(name, "the file cannot be read"),
    };
    told.caused_by(error)
}

async fn blocking<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> Result<T, SourceError> + Send + 'static,
) -> Result<T, SourceError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        // Only when the runtime shuts down.
        Err(error) => Err(SourceError::io(name, "the runtime shuts down").caused_by(error)),
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    #[tokio::test]
    async fn what_is_no_file_is_named_in_the_error() {
        let folder = folder();
        let path = folder.path();
        let error = FileSource::open(path).await.unwrap_err();
        assert!(error.to_string().contains("is a folder"), "{error}");
        assert!(error.to_string().contains(path.to_str().unwrap()));
        let error = FileSource::open("/dev/null").await.unwrap_err();
        assert_eq!(error.kind(), "rejected", "{error}");
        let error = FileSource::open(path.join("none.mp4")).await.unwrap_err();
        assert_eq!(error.kind(), "not_found", "{error}");
        fs::write(path.join("file"), "x").unwrap();
        let error = FileSource::open(path.join("file/x.mp4")).await.unwrap_err();
        assert_eq!(error.kind(), "not_found", "{error}");
        let error = FileSource::open("").await.unwrap_err();
        assert_eq!(error.kind(), "not_found", "{error}");
    }

    #[tokio::test]
    async fn a_pipe_is_refused_and_not_waited_for() {
        let folder = folder();
        let path = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        assert!(made.unwrap().success());
        let error = FileSource::open(&path).await.unwrap_err();
        assert!(error.to_string().contains("not a regular file"), "{error}");
    }

    #[tokio::test]
    async fn a_path_that_turns_into_a_pipe_is_refused_and_not_waited_for() {
        let folder = folder();
        let path = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        assert!(made.unwrap().success());
        // As if it had been a file when it was looked at first.
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || tell.send(open_regular("pipe", &path).map(|_| ())));
        let told = told.recv_timeout(std::time::Duration::from_mins(1));
        let error = told.expect("opening waits").unwrap_err();
        assert_eq!(error.to_string(), "pipe: is not a regular file");
        assert!(!error.is_transient());
    }

    #[tokio::test]
    async fn links_in_a_circle_and_sockets_are_refused_for_good() {
        let folder = folder();
        let path = folder.path().join("circle");
        std::os::unix::fs::symlink(&path, &path).unwrap();
        let error = FileSource::open(&path).await.unwrap_err();
        assert!(error.to_string().contains("circle"), "{error}");
        assert!(!error.is_transient(), "{error:?}");
        let path = folder.path().join("socket");
        let _socket = std::os::unix::net::UnixListener::bind(&path).unwrap();
        assert_eq!(
            FileSource::open(&path).await.unwrap_err().kind(),
            "rejected"
        );
        let error = open_regular("socket", &path).unwrap_err();
        assert!(!error.is_transient(), "{error:?}");
    }

    #[tokio::test]
    async fn a_name_cannot_write_lines_of_its_own() {
        let folder = folder();
        let path = folder.path().join("a\n\u{1b}[31mERROR\u{202e}b.mp4");
        let error = FileSource::open(&path).await.unwrap_err().to_string();
        assert!(
            error.contains("a\\n\\u{1b}[31mERROR\\u{202e}b.mp4"),
            "{error}"
        );
        fs::write(&path, "x").unwrap();
        let source = FileSource::open(&path).await.unwrap();
        assert!(!source.name().contains('\n'), "{:?}", source.name());
        assert_eq!(&source.read(0..1).await.unwrap()[..], b"x");
    }

    #[tokio::test]
    async fn an_unreadable_file_is_denied() {
        let folder = folder();
        let path = folder.path().join("secret.mp4");
        fs::write(&path, "x").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
        // Root may read it all the same.
        match File::open(&path) {
            Ok(_) => assert!(FileSource::open(&path).await.is_ok()),
            Err(_) => assert_eq!(FileSource::open(&path).await.unwrap_err().kind(), "denied"),
        }
        let denied = io::Error::from(ErrorKind::PermissionDenied);
        assert_eq!(failure("x", denied).kind(), "denied");
    }

    #[tokio::test]
    async fn truncated_rewritten_and_removed_files_are_changed() {
        let folder = folder();
        let path = folder.path().join("clip.mp4");
        let changes: [fn(&Path) -> io::Result<()>; 4] = [
            |path| OpenOptions::new().write(true).open(path)?.set_len(5),
            |path| fs::write(path, "012345678901"),
            |path| fs::remove_file(path),
            |path| {
                let file = OpenOptions::new().write(true).open(path)?;
                file.set_modified(std::time::UNIX_EPOCH)
            },
        ];
        for change in changes {
            fs::write(&path, "0123456789").unwrap();
            let source = FileSource::open(&path).await.unwrap();
            assert_eq!(&source.read(2..5).await.unwrap()[..], b"234");
            change(&path).unwrap();
            for range in [0..2, 8..10] {
                let error = source.read(range).await.unwrap_err();
                assert_eq!(error.kind(), "changed", "{error}");
            }
        }
    }
}
