//! Video thumbnails without downloading the video.
//!
//! thumbcore reads the few byte ranges of a video that hold its index and the keyframes near the
//! wanted positions, decodes just those with libav, and encodes them as JPEG, WebP or AVIF.

mod container;
mod decode;
mod demux;
mod encode;
mod error;
mod extract;
mod libav;
mod limits;
mod reader;
mod render;
mod select;
pub mod source;

#[cfg(feature = "s3")]
pub use self::source::S3Source;
pub use self::{
    encode::ImageFormat,
    error::{Error, LimitError, SourceError},
    extract::{Extraction, Extractor, ExtractorBuilder, Media, Origin, Probe, Stats, Thumbnail},
    limits::Limits,
    reader::{RangeRead, ReadConfig, Reason},
    select::Position,
    source::{Ends, FileSource, HttpSource, MemorySource, RangeSource, Stat, Validator},
};
