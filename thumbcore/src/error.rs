//! What can go wrong, sorted by what the caller can do about it.

mod sandbox;
mod source;

use std::time::Duration;

pub use self::{
    sandbox::SandboxError,
    source::{Cause, SourceError},
};

/// What the kernel sends where memory runs out.
const SIGKILL: i32 = 9;

/// Why an extraction failed.
///
/// [`Error::is_transient`] answers the question a queue consumer asks: may the same input succeed
/// if it is tried again?
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A limit of [`Limits`](crate::Limits) or a budget was reached.
    #[error("limit reached: {0}")]
    Limit(#[from] LimitError),
    /// The container or codec is not on the allow-list, or this build of libav lacks it.
    #[error("unsupported {what}: {name}")]
    Unsupported {
        /// `"container"`, `"codec"`, `"encryption"`, `"output format"`, `"storyboard"` or
        /// `"preview"`.
        what: &'static str,
        /// Its name, as far as it could be read.
        name: String,
    },
    /// The bytes are not a video that can be read: truncated, damaged or nothing we know.
    #[error("corrupt or truncated video: {reason}")]
    Corrupt {
        /// What was found, in words.
        reason: String,
    },
    /// The container is sound and holds no video stream.
    #[error("no video stream: {reason}")]
    NoVideo {
        /// What was found instead.
        reason: String,
    },
    /// The source could not deliver the bytes.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A picture was decoded and could not be written in the wanted format.
    #[error("cannot encode the picture as {format}: {reason}")]
    Encode {
        /// `"jpg"`, `"webp"` or `"avif"`.
        format: &'static str,
        /// The encoder's words.
        reason: String,
    },
    /// A wrong option: nothing was read.
    #[error("invalid {option}: {reason}")]
    Invalid {
        /// The option's name.
        option: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// Other calls had what this one needs for as long as it may wait
    /// ([`ExtractorBuilder::max_wait`](crate::ExtractorBuilder::max_wait)), or the system had no
    /// thread to give. Nothing is wrong with the video.
    #[error("busy: there was no {resource} to be had, after a wait of {waited:?}")]
    Busy {
        /// What was waited for, in words.
        resource: &'static str,
        /// How long the call had waited, for this and for other things.
        waited: Duration,
    },
    /// The caller went away before the work was done.
    #[error("cancelled")]
    Cancelled,
    /// The sandboxed process that decoded the video was ended by a signal, and so was the one that
    /// took its place. By SIGKILL, which the kernel sends where memory runs out, a later call may
    /// succeed; any other signal is the video's doing.
    #[error("the sandboxed process that decoded the video was ended by signal {signal}")]
    Crashed {
        /// The signal's number: 11 for SIGSEGV, 31 for SIGSYS (a forbidden system call).
        signal: i32,
    },
    /// There is no sandbox, or its process cannot be trusted any more.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// A fault of this crate: a panic that was stopped, or libav broke its own contract.
    #[error("internal error: {reason}")]
    Internal {
        /// What happened.
        reason: String,
    },
}

impl Error {
    /// Whether the same call may succeed later without anyone changing the input.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Source(error) => error.is_transient(),
            Self::Limit(LimitError::Memory { needed, limit }) => needed <= limit,
            Self::Limit(error) => matches!(error, LimitError::Time { .. }),
            Self::Crashed { signal } => *signal == SIGKILL,
            Self::Sandbox(error) => error.is_transient(),
            Self::Busy { .. } | Self::Cancelled | Self::Internal { .. } => true,
            Self::Unsupported { .. }
            | Self::Corrupt { .. }
            | Self::NoVideo { .. }
            | Self::Encode { .. }
            | Self::Invalid { .. } => false,
        }
    }

    /// Bytes of memory that the video needs in all, where others use them now.
    pub(crate) fn is_short_of(&self) -> Option<u64> {
        match self {
            Self::Limit(LimitError::Memory { needed, limit }) if needed <= limit => Some(*needed),
            _ => None,
        }
    }

    /// Whether something cheaper may still succeed.
    pub(crate) fn is_budget(&self) -> bool {
        self.spent_budget().is_some()
    }

    /// The budget that was spent, where something cheaper may still succeed.
    pub(crate) fn spent_budget(&self) -> Option<LimitError> {
        match self {
            Self::Limit(limit) if limit.is_budget() => Some(limit.clone()),
            _ => None,
        }
    }

    /// A stable name for the kind of error, for JSON and metric labels.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Limit(_) => "limit",
            Self::Unsupported { .. } => "unsupported",
            Self::Corrupt { .. } => "corrupt",
            Self::NoVideo { .. } => "no_video",
            Self::Source(error) => error.kind(),
            Self::Encode { .. } => "encode",
            Self::Invalid { .. } => "invalid",
            Self::Busy { .. } => "busy",
            Self::Cancelled => "cancelled",
            Self::Crashed { .. } => "crashed",
            Self::Sandbox(_) => "sandbox",
            Self::Internal { .. } => "internal",
        }
    }
}

/// Which limit stopped the work, and what had been spent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[cfg_attr(sandbox, derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum LimitError {
    /// More bytes would have been fetched than the budget allows.
    #[error("{spent} bytes fetched of at most {limit}")]
    Bytes {
        /// Bytes fetched so far.
        spent: u64,
        /// The budget.
        limit: u64,
    },
    /// More requests would have been sent than the budget allows.
    #[error("{spent} requests sent of at most {limit}")]
    Requests {
        /// Requests sent so far.
        spent: u64,
        /// The budget.
        limit: u64,
    },
    /// The wall-clock budget of a video ran out.
    #[error("{spent:?} spent of at most {limit:?}")]
    Time {
        /// Time since the extraction began.
        spent: Duration,
        /// The budget.
        limit: Duration,
    },
    /// The video claims more pixels than may be decoded.
    #[error("{width}x{height} pixels; at most {max_pixels} in all")]
    Dimensions {
        /// Coded width in pixels.
        width: u32,
        /// Coded height in pixels.
        height: u32,
        /// Most pixels allowed in one picture.
        max_pixels: u64,
    },
    /// The container declares more streams than may be opened.
    #[error("{streams} streams; at most {limit}")]
    Streams {
        /// Streams declared.
        streams: usize,
        /// Streams allowed.
        limit: usize,
    },
    /// The container's index claims more samples than may be listed in memory.
    #[error("{samples} samples claimed; at most {limit}")]
    Samples {
        /// Samples claimed, of all tracks together.
        samples: u64,
        /// Samples allowed.
        limit: u64,
    },
    /// The video needs more memory than it may use. Where `needed` is within the `limit`, others
    /// use that memory now.
    #[error("{needed} bytes of memory needed of at most {limit}")]
    Memory {
        /// Bytes in use and asked for, together.
        needed: u64,
        /// Bytes that the video may use.
        limit: u64,
    },
    /// Too many packets were read in search of a picture.
    #[error("{limit} packets read without a picture")]
    Packets {
        /// Packets allowed for one picture.
        limit: usize,
    },
}

impl LimitError {
    /// Whether something cheaper may still succeed: what was spent was effort, not a property of
    /// the video.
    pub(crate) fn is_budget(&self) -> bool {
        match self {
            Self::Bytes { .. }
            | Self::Requests { .. }
            | Self::Time { .. }
            | Self::Packets { .. } => true,
            Self::Dimensions { .. }
            | Self::Streams { .. }
            | Self::Samples { .. }
            | Self::Memory { .. } => false,
        }
    }
}

/// [`Error::Invalid`] unless `is_valid`: an option of the caller.
pub(crate) fn check(is_valid: bool, option: &'static str, reason: &str) -> Result<(), Error> {
    if is_valid {
        return Ok(());
    }
    Err(Error::Invalid {
        option,
        reason: reason.to_owned(),
    })
}
