//! What the tests share.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use devstack::media::Clip;
use thumbcore::{Extraction, Extractor, ExtractorBuilder, MemorySource, Position, RangeSource};

/// Two seconds of 96x64 pixels: a few kilobytes that decode at once.
pub(crate) fn tiny(extension: &'static str) -> PathBuf {
    let clip = Clip {
        width: 96,
        height: 64,
        seconds: 2,
        ..Clip::new(extension)
    };
    clip.make().unwrap()
}

/// `path` held in memory.
pub(crate) fn memory(path: &Path) -> Arc<dyn RangeSource> {
    let bytes = std::fs::read(path).unwrap();
    Arc::new(MemorySource::new(path.display().to_string(), bytes))
}

/// Options for one small picture a video.
pub(crate) fn one_picture() -> ExtractorBuilder {
    Extractor::builder()
        .positions([Position::Fraction(0.5)])
        .max_width(64)
}

/// All pictures, each with its time.
pub(crate) fn pictures(extraction: &Extraction) -> Vec<(u128, Bytes)> {
    let thumbnails = extraction.thumbnails.iter();
    thumbnails
        .map(|thumbnail| (thumbnail.actual.as_micros(), thumbnail.image().clone()))
        .collect()
}

/// Threads of the library that run now.
pub(crate) fn threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let names =
        tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|name| name.starts_with("thumbcore")).count()
}
