//! What the tests share.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use devstack::{media::Clip, oracle};
use thumbcore::{Error, Extraction, Extractor, MemorySource, Thumbnail};

/// Extracts with default settings.
pub(crate) async fn extract(path: &Path) -> Result<Extraction, Error> {
    extract_with(&Extractor::builder().build()?, path).await
}

pub(crate) async fn extract_with(extractor: &Extractor, path: &Path) -> Result<Extraction, Error> {
    extractor.extract(Arc::new(memory(path))).await
}

pub(crate) async fn extract_bytes(bytes: Vec<u8>) -> Result<Extraction, Error> {
    let source = MemorySource::new("m", bytes);
    Extractor::builder()
        .build()?
        .extract(Arc::new(source))
        .await
}

pub(crate) fn memory(path: &Path) -> MemorySource {
    MemorySource::new(path.display().to_string(), std::fs::read(path).unwrap())
}

/// Bytes of the largest group of pictures, with what lies between.
pub(crate) fn largest_group(keyframes: &[oracle::Packet]) -> u64 {
    let groups = keyframes.windows(2).map(|pair| pair[1].pos - pair[0].pos);
    groups.max().unwrap()
}

/// Length of the `idx1` chunk that ends an AVI file.
pub(crate) fn avi_index_len(path: &Path) -> u64 {
    let bytes = std::fs::read(path).unwrap();
    let at = bytes.windows(4).rposition(|kind| kind == b"idx1").unwrap();
    (bytes.len() - at) as u64
}

pub(crate) fn decoded(thumbnail: &Thumbnail) -> image::RgbImage {
    image::load_from_memory(thumbnail.image())
        .unwrap()
        .to_rgb8()
}

/// What of `thumbnails` differs from ffmpeg's frames at the same times.
pub(crate) fn unlike_ffmpeg(path: &Path, thumbnails: &[Thumbnail]) -> Vec<String> {
    let size = |thumbnail: &Thumbnail| (thumbnail.width(), thumbnail.height());
    let mut unlike = Vec::new();
    for alike in thumbnails.chunk_by(|a, b| size(a) == size(b)) {
        let (width, height) = size(&alike[0]);
        let times: Vec<_> = alike.iter().map(|it| it.actual.as_secs_f64()).collect();
        let theirs = match oracle::frames_at(path, &times, width, height) {
            Ok(theirs) => theirs,
            Err(error) => {
                unlike.push(format!("{error:#}"));
                continue;
            }
        };
        for (thumbnail, theirs) in alike.iter().zip(theirs) {
            let ssim = oracle::ssim(&decoded(thumbnail), &theirs);
            if ssim < 0.9 {
                let (at, origin) = (thumbnail.actual, thumbnail.origin);
                unlike.push(format!(
                    "{} at {at:?} ({origin:?}): SSIM {ssim:.3}",
                    path.display()
                ));
            }
        }
    }
    unlike
}

/// Each of `thumbnails` is ffmpeg's frame at the same time.
pub(crate) fn assert_like_ffmpeg(path: &Path, thumbnails: &[Thumbnail]) {
    let unlike = unlike_ffmpeg(path, thumbnails);
    assert!(unlike.is_empty(), "{unlike:#?}");
}

/// `clip` made anew by ffmpeg with `arguments`.
pub(crate) fn remuxed(clip: &Clip, folder: &Path, name: &str, arguments: &[&str]) -> PathBuf {
    let path = folder.join(name);
    let output = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-y", "-i"])
        .arg(clip.make().unwrap())
        .args(arguments)
        .arg(&path)
        .output()
        .unwrap();
    assert!(output.status.success(), "{name}: {output:?}");
    path
}

/// Half a minute of noise, whose keyframes are as large as a camera's.
pub(crate) fn noisy() -> Clip {
    Clip {
        seconds: 30,
        noise: true,
        ..Clip::new("mp4")
    }
}

/// A test video that ffmpeg makes of a moving picture with these arguments, made once.
pub(crate) fn made(name: &str, picture: &str, arguments: &[&str]) -> PathBuf {
    let made = devstack::media::cached(name, |path| {
        let output = Command::new("ffmpeg")
            .args([
                "-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i", picture,
            ])
            .args(arguments)
            .arg(path)
            .output()?;
        assert!(output.status.success(), "{name}: {output:?}");
        Ok(())
    });
    made.unwrap()
}

/// Every thumbnail is ffmpeg's frame of its time, and they come in order.
pub(crate) fn assert_frames(path: &Path, extraction: &Extraction) {
    assert_like_ffmpeg(path, &extraction.thumbnails);
    let times: Vec<_> = extraction.thumbnails.iter().map(|it| it.actual).collect();
    assert!(times.is_sorted_by(|a, b| a < b), "{times:?}");
}

/// Each thumbnail lies within `seconds` of its target.
pub(crate) fn assert_near(extraction: &Extraction, seconds: f64) {
    for thumbnail in &extraction.thumbnails {
        let off = thumbnail.actual.as_secs_f64() - thumbnail.target.as_secs_f64();
        assert!(off.abs() <= seconds, "{thumbnail:?}");
    }
}
