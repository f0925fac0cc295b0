//! Video thumbnails without downloading the video.
//!
//! thumbcore reads the few byte ranges of a video that hold its index and the keyframes near the
//! wanted positions, decodes just those with libav, and encodes them as JPEG, WebP or AVIF.

mod encode;
mod error;
mod extract;
mod limits;
mod select;
pub mod source;

pub use self::{
    encode::ImageFormat,
    error::{Error, LimitError, SourceError},
    extract::{Extraction, Extractor, ExtractorBuilder, Media, Origin, Probe, Stats, Thumbnail},
    limits::Limits,
    select::Position,
    source::{Ends, MemorySource, RangeSource, Stat, Validator},
};
