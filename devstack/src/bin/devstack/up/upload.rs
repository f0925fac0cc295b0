//! The videos, and uploading them.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use aws_sdk_s3::primitives::ByteStream;
use devstack::{EXTENSIONS, Stack, media};

/// The prefix of uploads in their bucket.
const UPLOADS: &str = "uploads/";

/// A local file and the key it is uploaded under.
#[derive(Debug, PartialEq)]
pub(crate) struct Video {
    pub(crate) path: PathBuf,
    pub(crate) key: String,
    pub(crate) bytes: u64,
}

impl Video {
    /// The file at `path` as an upload `name` below `uploads/`.
    fn new(path: PathBuf, name: &Path) -> anyhow::Result<Self> {
        let name = name
            .to_str()
            .with_context(|| format!("{} is not a UTF-8 name", name.display()))?;
        let bytes = path
            .metadata()
            .with_context(|| format!("cannot read {}", path.display()))?
            .len();
        Ok(Self {
            key: format!("{UPLOADS}{name}"),
            path,
            bytes,
        })
    }
}

/// The sample videos, made first if they are missing.
pub(crate) async fn samples() -> anyhow::Result<Vec<Video>> {
    let samples = tokio::task::spawn_blocking(media::samples).await??;
    samples
        .into_iter()
        .map(|(name, path)| Video::new(path, Path::new(name)))
        .collect()
}

/// The videos that `paths` name: files, and those in folders and their subfolders, in order of
/// name.
pub(crate) fn find(paths: &[PathBuf]) -> anyhow::Result<Vec<Video>> {
    let mut videos = Vec::new();
    for path in paths {
        if path.is_dir() {
            let before = videos.len();
            walk(path, Path::new(""), &mut videos)?;
            if videos.len() == before {
                bail!(
                    "no video in {}: none of {}",
                    path.display(),
                    EXTENSIONS.join(", ")
                );
            }
        } else {
            let name = path.file_name().map_or(path.as_path(), Path::new);
            let video = Video::new(path.clone(), name)?;
            if !is_video(path) {
                bail!(
                    "{} is not a video by its name: not one of {}",
                    path.display(),
                    EXTENSIONS.join(", ")
                );
            }
            videos.push(video);
        }
    }
    Ok(videos)
}

fn walk(root: &Path, below: &Path, videos: &mut Vec<Video>) -> anyhow::Result<()> {
    let folder = root.join(below);
    let mut entries = fs::read_dir(&folder)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| format!("cannot read {}", folder.display()))?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = below.join(entry.file_name());
        // Links to folders are not followed: one may lead back to this folder.
        if entry.file_type()?.is_dir() {
            walk(root, &name, videos)?;
        } else if is_video(&name) {
            videos.push(Video::new(entry.path(), &name)?);
        }
    }
    Ok(())
}

/// Whether the worker takes a file of this name for a video.
fn is_video(path: &Path) -> bool {
    let name = path.file_name().and_then(OsStr::to_str);
    name.and_then(contract::video_extension).is_some()
}

/// Uploads the video and returns how long it took.
pub(crate) async fn send(stack: &Stack, video: &Video) -> anyhow::Result<Duration> {
    let started = Instant::now();
    put(stack, stack.bucket(), &video.key, &video.path).await?;
    Ok(started.elapsed())
}

/// Puts the samples into the bucket that the dashboard's test copies from, under other names than
/// those of the uploads, which are taken.
pub(crate) async fn lay_out(stack: &Stack, samples: &[Video]) -> anyhow::Result<()> {
    for sample in samples {
        let key = sample.key.replacen(UPLOADS, "test/", 1);
        put(stack, stack.sample_bucket(), &key, &sample.path).await?;
    }
    Ok(())
}

async fn put(stack: &Stack, bucket: &str, key: &str, file: &Path) -> anyhow::Result<()> {
    let body = ByteStream::from_path(file)
        .await
        .with_context(|| format!("cannot read {}", file.display()))?;
    let put = stack.s3().put_object().bucket(bucket).key(key).body(body);
    put.send()
        .await
        .with_context(|| format!("cannot upload {}", file.display()))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_gives_its_videos_below_it() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("inner");
        fs::create_dir(&inner).unwrap();
        for name in ["b.mp4", "a.MOV", "notes.txt", "inner/c d.webm", "x.Mp4"] {
            fs::write(folder.path().join(name), "x").unwrap();
        }
        let keys: Vec<_> = find(&[folder.path().to_owned()])
            .unwrap()
            .into_iter()
            .map(|video| video.key)
            .collect();
        assert_eq!(
            keys,
            [
                "uploads/a.MOV",
                "uploads/b.mp4",
                "uploads/inner/c d.webm",
                "uploads/x.Mp4"
            ]
        );
    }

    #[test]
    fn what_cannot_be_uploaded_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let text = folder.path().join("notes.txt");
        fs::write(&text, "x").unwrap();
        for path in [folder.path(), &text, Path::new("missing.mp4")] {
            let error = format!("{:#}", find(&[path.to_owned()]).unwrap_err());
            assert!(error.contains(path.to_str().unwrap()), "{error}");
        }
    }
}
