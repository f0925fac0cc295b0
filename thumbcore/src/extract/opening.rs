//! What is opened, and what is known of it.

use std::sync::Arc;

use crate::{Position, RangeSource, source::Stat};

/// What to open: a source, and what the caller already knows of it.
///
/// A shared source is an opening that nothing is known of, so that [`Extractor`](super::Extractor)
/// takes either.
///
/// ```
/// use std::sync::Arc;
/// use thumbcore::{MemorySource, Opening, Position};
///
/// let source = Arc::new(MemorySource::new("clip", Vec::new()));
/// let opening = Opening::new(source).positions([Position::Fraction(0.5)]);
/// ```
#[derive(Debug, Clone)]
pub struct Opening {
    pub(super) source: Arc<dyn RangeSource>,
    pub(super) stat: Option<Stat>,
    pub(super) positions: Vec<Position>,
}

impl Opening {
    /// A source of which nothing is known.
    #[must_use]
    pub fn new(source: Arc<dyn RangeSource>) -> Self {
        Self {
            source,
            stat: None,
            positions: Vec::new(),
        }
    }

    /// The source's length and version, where a listing or an event told them: saves a request or
    /// a round trip. If the source is another version by now, that one is opened.
    #[must_use]
    pub fn stat(mut self, stat: Stat) -> Self {
        self.stat = Some(stat);
        self
    }

    /// Where pictures will be taken first, so that what they need of an index can be read along.
    #[must_use]
    pub fn positions(mut self, positions: impl IntoIterator<Item = Position>) -> Self {
        self.positions = positions.into_iter().collect();
        self
    }
}

impl From<Arc<dyn RangeSource>> for Opening {
    fn from(source: Arc<dyn RangeSource>) -> Self {
        Self::new(source)
    }
}

impl<S: RangeSource + 'static> From<Arc<S>> for Opening {
    fn from(source: Arc<S>) -> Self {
        Self::new(source)
    }
}
