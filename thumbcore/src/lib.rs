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
//!     Err(error) => println!("no retry can help: {error}"),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! [`Extractor::extract`] opens a video and takes the pictures of the default [`Request`]. Whoever
//! wants several sets of pictures of one video opens it once with [`Extractor::open`]: each further
//! [`Video::extract`] costs the pictures' own bytes only, mostly one round trip.
//!
//! - **Sources**: [`FileSource`], [`HttpSource`], `S3Source` (feature `s3`), [`MemorySource`], or
//!   any [`RangeSource`] of yours; the module [`source`] has a conformance suite for it (feature
//!   `testing`). An [`Opening`] also tells what is known of the source.
//! - **Cost**: an indexed file takes two or three round trips, whatever its size; [`Stats`] counts
//!   them, and [`ReadConfig`] and [`Limits`] bound them.
//! - **Honesty**: every [`Thumbnail`] tells its real time and how it was made ([`Origin`]); a
//!   damaged picture is an error instead.
//! - **Hostile input**: containers and codecs are on allow-lists, nothing but the source is ever
//!   opened, and every claim of a file is checked against [`Limits`]. Decoders are C all the same:
//!   decode what strangers send in a process that holds no secrets.
//!
//! # Threads, memory, cancellation
//!
//! - **Threads**: every call needs a tokio runtime and blocks none of its threads. The work of a
//!   call runs on one thread of its own, since libav blocks; large keyframes are decoded by helper
//!   threads where CPUs are free. Decoding, rendering and encoding wait for one of as many permits
//!   as there are CPUs ([`ExtractorBuilder::decoding`]), which all videos of an [`Extractor`]
//!   share; a call that waits for bytes holds no permit. So start as many calls as there are videos
//!   to wait for.
//! - **Memory**: a call holds up to [`ReadConfig::cache`] bytes of its source, its index, eight
//!   compressed keyframes, and for each decoder its reference pictures, of at most
//!   [`Limits::max_pixels`] each. An open [`Video`] keeps cache and index between calls:
//!   [`Video::held_bytes`].
//! - **Cancellation**: dropping a call's future cancels it. Reads end at once; decoding ends with
//!   the picture or packet that is being decoded. A [`Video`] can be used again.
//! - **Process**: unix only. FFmpeg 5.1 or newer is linked; its log level and its largest
//!   allocation are set for the whole process.

mod codec;
mod container;
mod decode;
mod demux;
mod encode;
mod error;
mod extract;
pub mod libav;
mod limits;
mod memory;
mod panic;
mod position;
mod reader;
mod render;
mod select;
pub mod source;
mod text;

#[cfg(feature = "testing")]
#[doc(hidden)]
pub use self::container::fuzzing;
#[cfg(feature = "http")]
pub use self::source::HttpSource;
#[cfg(feature = "s3")]
pub use self::source::S3Source;
pub use self::{
    codec::Codec,
    container::Container,
    encode::ImageFormat,
    error::{Cause, Error, LimitError, SourceError},
    extract::{
        Extraction, Extractor, ExtractorBuilder, KeyframeEntry, Media, Opening, Origin, Probe,
        Rendition, Request, Stats, Thumbnail, Video,
    },
    limits::Limits,
    memory::MemoryBudget,
    position::Position,
    reader::{RangeRead, ReadConfig, Reason},
    source::{Ends, FileSource, MemorySource, RangeSource, Stat, Validator},
};
