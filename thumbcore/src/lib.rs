//! Video thumbnails without downloading the video.
//!
//! thumbcore reads the few byte ranges of a video that hold its index and the keyframes near the
//! wanted positions, decodes just those with libav, and encodes them as JPEG, WebP or AVIF.
//!
//! ```no_run
//! use std::sync::Arc;
//! use thumbcore::{Extractor, HttpSource};
//!
//! # async fn example() -> Result<(), thumbcore::Error> {
//! let extractor = Extractor::builder().build()?;
//! let source = Arc::new(HttpSource::new("https://example.com/talk.mkv")?);
//! match extractor.extract(source).await {
//!     Ok(extraction) => println!("{} pictures", extraction.thumbnails.len()),
//!     Err(error) if error.is_transient() => println!("try again: {error}"),
//!     Err(error) => println!("hopeless: {error}"),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! - **Sources**: [`FileSource`], [`HttpSource`], `S3Source` (feature `s3`), [`MemorySource`], or
//!   any [`RangeSource`] of yours; the module [`source`] has a conformance suite for it (feature
//!   `testing`).
//! - **Cost**: an indexed file takes two or three round trips, whatever its size; [`Stats`] counts
//!   them, and [`ReadConfig`] and [`Limits`] bound them.
//! - **Honesty**: every [`Thumbnail`] says its real time and how it was come by ([`Origin`]); a
//!   damaged picture is an error instead.
//! - **Hostile input**: containers and codecs are on allow-lists, nothing but the source is ever
//!   opened, and every claim of a file is checked against [`Limits`]. Decoders are C all the same:
//!   decode what strangers send in a process that holds no secrets.
//!
//! Needs tokio, and FFmpeg 5.1 or newer to link with, whose log level and largest allocation it
//! sets for the whole process.

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

#[cfg(feature = "testing")]
#[doc(hidden)]
pub use self::container::fuzzing;
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
