//! What can go wrong in a source of bytes.

use std::{borrow::Cow, fmt, sync::Arc};

use crate::text::shown;

/// Why a source could not deliver bytes.
///
/// Neither the error nor its [`source`](std::error::Error::source) holds a credential or a URL's
/// query. The message leaves the causes to `source()`, as usual.
///
/// ```
/// use thumbcore::SourceError;
///
/// let reset = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
/// let error = SourceError::io("clip.mp4", "the connection broke").caused_by(reset);
/// assert_eq!(error.to_string(), "clip.mp4: the connection broke");
/// assert!(std::error::Error::source(&error).is_some());
/// assert!(error.is_transient());
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum SourceError {
    /// There is no such file or object.
    #[non_exhaustive]
    NotFound {
        /// The input, as it may be shown.
        name: String,
    },
    /// The source refuses these credentials, or wants some.
    #[non_exhaustive]
    Denied {
        /// The input, as it may be shown.
        name: String,
        /// The source's words.
        reason: String,
        /// What was behind it.
        cause: Option<Cause>,
    },
    /// The object was overwritten between two reads. Starting afresh reads the new version.
    #[non_exhaustive]
    Changed {
        /// The input, as it may be shown.
        name: String,
    },
    /// The server does not serve byte ranges.
    #[non_exhaustive]
    NoRanges {
        /// The input, as it may be shown.
        name: String,
    },
    /// The source is throttling or broken right now (429, 5xx), after the reader's own retries.
    #[non_exhaustive]
    Unavailable {
        /// The input, as it may be shown.
        name: String,
        /// The source's words.
        reason: String,
        /// What was behind it.
        cause: Option<Cause>,
    },
    /// The connection broke or stalled, or the answer has another length than was asked for.
    #[non_exhaustive]
    Io {
        /// The input, as it may be shown.
        name: String,
        /// What happened.
        reason: String,
        /// What was behind it.
        cause: Option<Cause>,
    },
    /// Any other answer that a retry will not change.
    #[non_exhaustive]
    Rejected {
        /// The input, as it may be shown.
        name: String,
        /// The source's words.
        reason: String,
        /// What was behind it.
        cause: Option<Cause>,
    },
}

/// What was behind an error, shared so that errors can be cloned.
pub type Cause = Arc<dyn std::error::Error + Send + Sync>;

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound { name } => write!(f, "{name}: not found"),
            Self::Denied { name, reason, .. } => write!(f, "{name}: access denied ({reason})"),
            Self::Changed { name } => write!(f, "{name}: changed while it was read"),
            Self::NoRanges { name } => write!(f, "{name}: the server does not serve byte ranges"),
            Self::Unavailable { name, reason, .. } => {
                write!(f, "{name}: temporarily unavailable ({reason})")
            }
            Self::Io { name, reason, .. } | Self::Rejected { name, reason, .. } => {
                write!(f, "{name}: {reason}")
            }
        }
    }
}

// By hand: an `Arc` that `thiserror` took for the source would hide the cause's type.
impl std::error::Error for SourceError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Denied { cause, .. }
            | Self::Unavailable { cause, .. }
            | Self::Io { cause, .. }
            | Self::Rejected { cause, .. } => cause.as_deref().map(|cause| cause as _),
            Self::NotFound { .. } | Self::Changed { .. } | Self::NoRanges { .. } => None,
        }
    }
}

/// What every implementation of [`RangeSource`](crate::RangeSource) makes its errors with. `name`
/// is the source's, as it may be shown. Control characters in names and reasons are escaped.
impl SourceError {
    /// There is no such file or object.
    pub fn not_found(name: impl Into<String>) -> Self {
        let name = line(name);
        Self::NotFound { name }
    }

    /// The source refuses these credentials, or wants some.
    pub fn denied(name: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Denied {
            name: line(name),
            reason: line(reason),
            cause: None,
        }
    }

    /// The object was overwritten since it was first read.
    pub fn changed(name: impl Into<String>) -> Self {
        let name = line(name);
        Self::Changed { name }
    }

    /// The server does not serve byte ranges.
    pub fn no_ranges(name: impl Into<String>) -> Self {
        let name = line(name);
        Self::NoRanges { name }
    }

    /// The source is throttling or broken right now.
    pub fn unavailable(name: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Unavailable {
            name: line(name),
            reason: line(reason),
            cause: None,
        }
    }

    /// The connection broke or stalled, or delivered what was not asked for.
    pub fn io(name: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Io {
            name: line(name),
            reason: line(reason),
            cause: None,
        }
    }

    /// Any other answer that a retry will not change.
    pub fn rejected(name: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Rejected {
            name: line(name),
            reason: line(reason),
            cause: None,
        }
    }

    /// Keeps `error` as the cause, which must hold no secret. [`NotFound`](Self::NotFound),
    /// [`Changed`](Self::Changed) and [`NoRanges`](Self::NoRanges) say all there is, and keep none.
    #[must_use]
    pub fn caused_by(mut self, error: impl std::error::Error + Send + Sync + 'static) -> Self {
        match &mut self {
            Self::Denied { cause, .. }
            | Self::Unavailable { cause, .. }
            | Self::Io { cause, .. }
            | Self::Rejected { cause, .. } => *cause = Some(Arc::new(error)),
            Self::NotFound { .. } | Self::Changed { .. } | Self::NoRanges { .. } => {}
        }
        self
    }
}

/// `text` as it may be shown on one line.
fn line(text: impl Into<String>) -> String {
    let text = text.into();
    match shown(&text) {
        Cow::Borrowed(_) => text,
        Cow::Owned(escaped) => escaped,
    }
}

impl SourceError {
    /// Whether the same read may succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Changed { .. } | Self::Unavailable { .. } | Self::Io { .. }
        )
    }

    /// Whether repeating this one read within the same extraction makes sense: a changed object
    /// needs a new extraction instead.
    #[must_use]
    pub fn is_retryable_read(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Io { .. })
    }

    /// A stable name for the kind of error, for JSON and metric labels.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "not_found",
            Self::Denied { .. } => "denied",
            Self::Changed { .. } => "changed",
            Self::NoRanges { .. } => "no_ranges",
            Self::Unavailable { .. } => "unavailable",
            Self::Io { .. } => "io",
            Self::Rejected { .. } => "rejected",
        }
    }
}
