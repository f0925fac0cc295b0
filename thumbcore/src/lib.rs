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
//! - **Storyboards**: [`Video::storyboard`] gives sheets of small pictures for a player's scrub
//!   bar, and the module [`storyboard`] writes what players read of them.
//! - **Previews**: [`Video::preview`] makes a short animation of frames from all over the video.
//! - **Sources**: [`FileSource`], [`HttpSource`], `S3Source` (feature `s3`), [`MemorySource`], or
//!   any [`RangeSource`] of yours; the module [`source`] has a conformance suite for it (feature
//!   `testing`). An [`Opening`] also tells what is known of the source.
//! - **Cost**: an indexed file takes two or three round trips, whatever its size; [`Stats`] counts
//!   them, and [`ReadConfig`] and [`Limits`] bound them.
//! - **Choice**: a picture that is blank or half faded loses to a keyframe beside it. With
//!   [`Pick::Best`] several compete by their [`Score`], and [`Position::Best`] is the most telling
//!   frame of the film.
//! - **Honesty**: every [`Thumbnail`] tells its real time and how it was made ([`Origin`]); a
//!   damaged picture is an error instead.
//! - **Hostile input**: containers and codecs are on allow-lists, nothing but the source is ever
//!   opened, and every claim of a file is checked against [`Limits`]. Decoders are C all the same:
//!   decode what strangers send in processes without rights (`Sandbox`, feature `sandbox`, Linux).
//!
//! # Threads, memory, cancellation
//!
//! What is promised, each with the test that holds it. Tests are those of `thumbcore/tests/`, in
//! the file before the colons, unless the crate's own module is named.
//!
//! **Threads**
//!
//! | promise | test |
//! | --- | --- |
//! | Calls are made within a tokio runtime; without one an error says so. | `host/guest::without_a_runtime_an_error_says_so` |
//! | The runtime needs no timers unless the source wants some, and its clock may be paused. | `host/guest::a_runtime_without_timers_does_unless_the_source_wants_them`, `host/guest::a_paused_clock_does_no_harm` |
//! | Any number of calls may be made at once. [`ExtractorBuilder::max_in_flight`] are worked on; the threads are as many as those and the CPUs together, and one for timers. | `host/load::two_thousand_calls_cost_the_threads_that_were_agreed_on` |
//! | A call that is not worked on yet has read no byte. | `host/load::a_call_that_is_not_let_in_reads_no_byte` |
//! | Pictures are decoded, rendered and encoded under permits, of which there are as many as CPUs; extractors may share them ([`Cpus`]). | `host/load::patience_ends_in_busy_and_never_in_a_poorer_picture` |
//! | A call that waits for bytes holds no permit. | `extract/video::a_video_that_waits_for_bytes_keeps_no_cpu_from_others` |
//! | Waiting for what other calls use is no part of [`Limits::max_time`], so a video gives beside others what it gives alone. | `host/load::a_wait_for_a_cpu_changes_no_picture`, `host/load::many_at_once_give_what_each_gives_alone` |
//! | [`ExtractorBuilder::max_wait`] bounds that wait; its end is [`Error::Busy`], which is transient. | `host/load::patience_ends_in_busy_and_never_in_a_poorer_picture` |
//! | A picture that a spent budget made poorer says so: [`Thumbnail::limit`]. | `extract/faults::over_budget_a_keyframe_does_instead_of_the_exact_picture` |
//! | Calls on one [`Video`] take turns. | `extract/video::calls_on_one_video_take_turns` |
//! | Spans and subscriber of `tracing` follow the work onto its thread. | `host/guest::spans_follow_the_work_onto_its_thread` |
//!
//! **Memory**
//!
//! | promise | test |
//! | --- | --- |
//! | A call takes at most [`Limits::max_memory`], counted as [`MemoryBudget`] says, and is charged before it reads or decodes. | `reader::tests::what_is_fetched_is_charged_before_it_is_asked_for` |
//! | Calls that share a [`MemoryBudget`] stay within it together, and wait for each other. | `extract/memory::hostile_claims_take_turns_and_good_videos_finish` |
//! | An open [`Video`] holds [`ReadConfig::cache`] bytes of its source at most, and its index. | `extract/video::what_a_video_holds_is_bounded` |
//! | Encoded pictures have no spare capacity. | `host/guest::results_have_no_spare_capacity` |
//!
//! **Cancellation**
//!
//! | promise | test |
//! | --- | --- |
//! | Dropping a call's future cancels it: reads end at once, decoding with the picture or packet that is being decoded. A [`Video`] can be used again. | `extract/video::a_call_that_is_dropped_leaves_the_video_usable` |
//! | The place of a dropped call is given to the next. | `host/load::calls_that_are_dropped_while_they_wait_cost_nothing` |
//!
//! **Sources of yours**
//!
//! | promise | test |
//! | --- | --- |
//! | A panic in a source is [`SourceError::Io`] with the panic's message. So are answers that are too short or too long, and two lengths of one file. All are transient. | `host/foreign::no_misdeed_of_a_source_becomes_a_fault_of_the_video` |
//! | A source that stops answering ends in [`LimitError::Time`]. | `extract/faults::a_stalled_source_ends_at_the_time_limit` |
//! | No more requests and bytes are asked for than [`Limits`] allow, from the first request on, and no more at once than [`ReadConfig::concurrency`]. | `reader::tests::budgets_hold_from_the_first_request_on` |
//!
//! **The process**
//!
//! | promise | test |
//! | --- | --- |
//! | libav's log level and largest allocation are global. They are set at its first use, or by [`libav::init`], which can leave them alone. | `libav::tests::what_is_left_alone_stays` |
//! | No process-wide crypto provider is needed or installed (feature `http`). | `host/guest::the_programs_crypto_provider_is_its_own_affair` |
//! | Opening a [`FileSource`] waits for no other process. | `source::file::tests::a_path_that_turns_into_a_pipe_is_refused_and_not_waited_for` |
//!
//! The crate is for unix, and links FFmpeg 5.1 or newer.

mod checksum;
mod codec;
mod confined;
mod container;
mod decode;
mod demux;
mod encode;
mod error;
mod extract;
#[cfg(sandbox)]
mod jail;
mod lend;
pub mod libav;
mod limits;
mod memory;
mod panic;
mod patience;
mod position;
pub mod preview;
mod reader;
mod render;
#[cfg(sandbox)]
pub mod sandbox;
mod score;
mod select;
pub mod source;
pub mod storyboard;
mod text;
mod time;

/// What the fuzz targets reach; no part of the API.
#[cfg(feature = "testing")]
#[doc(hidden)]
pub mod fuzzing {
    pub use crate::container::fuzzing::{locate, sniff};
    #[cfg(sandbox)]
    pub use crate::extract::hear;
}

#[cfg(sandbox)]
pub use self::jail::Sandbox;
#[cfg(feature = "http")]
pub use self::source::HttpSource;
#[cfg(feature = "s3")]
pub use self::source::S3Source;
pub use self::{
    codec::Codec,
    container::{Container, IFrame},
    encode::ImageFormat,
    error::{Cause, Error, LimitError, SandboxError, SourceError},
    extract::{
        Candidate, CpuPermit, Cpus, Extraction, Extractor, ExtractorBuilder, KeyframeEntry, Media,
        Opening, Origin, Pick, Probe, Rendition, Request, Stats, Thumbnail, Video,
    },
    limits::Limits,
    memory::MemoryBudget,
    position::Position,
    reader::{RangeRead, ReadConfig, Reason},
    score::{Flaw, Score},
    source::{Ends, FileSource, MemorySource, RangeSource, Stat, Validator},
};
