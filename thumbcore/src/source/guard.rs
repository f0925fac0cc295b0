//! A source of whoever embeds the crate, whose panics stop here.

use std::{
    any::Any,
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use bytes::Bytes;
use futures::{FutureExt, future::BoxFuture};

use super::{Ends, RangeSource, Stat};
use crate::{SourceError, panic::message, text::shown};

/// A source whose panics, as it is asked or while it answers, are [`SourceError::Io`]: the next
/// read may do better.
#[derive(Debug, Clone)]
pub(crate) struct Guard {
    inner: Arc<dyn RangeSource>,
    name: String,
}

impl Guard {
    pub(crate) fn new(inner: Arc<dyn RangeSource>) -> Self {
        let name = catch_unwind(AssertUnwindSafe(|| shown(inner.name()).into_owned()));
        Self {
            name: name.unwrap_or_else(|_| "a source that tells no name".to_owned()),
            inner,
        }
    }

    /// The source's name as it may be shown.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) async fn stat(&self) -> Result<Stat, SourceError> {
        self.ask(|source| source.stat()).await
    }

    pub(crate) async fn read(&self, range: Range<u64>) -> Result<Bytes, SourceError> {
        self.ask(|source| source.read(range)).await
    }

    pub(crate) async fn read_if(
        &self,
        range: Range<u64>,
        expected: &Stat,
    ) -> Result<Bytes, SourceError> {
        self.ask(|source| source.read_if(range, expected)).await
    }

    pub(crate) async fn ends(&self, head: u64, tail: u64) -> Result<Ends, SourceError> {
        self.ask(|source| source.ends(head, tail)).await
    }

    async fn ask<'a, T>(
        &'a self,
        question: impl FnOnce(&'a dyn RangeSource) -> BoxFuture<'a, Result<T, SourceError>>,
    ) -> Result<T, SourceError> {
        let asked = catch_unwind(AssertUnwindSafe(|| question(&*self.inner)));
        let answer = match asked {
            Ok(answer) => AssertUnwindSafe(answer).catch_unwind().await,
            Err(panic) => Err(panic),
        };
        answer.unwrap_or_else(|panic| Err(self.panicked(&*panic)))
    }

    fn panicked(&self, panic: &(dyn Any + Send)) -> SourceError {
        let reason = format!("the source panicked: {}", message(panic));
        SourceError::io(&self.name, reason)
    }
}
