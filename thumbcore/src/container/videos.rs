//! The videos of a transport or program stream, of which one is followed.

use async_trait::async_trait;

use super::{Around, Locator, Searched, Swept, Timeline, stream::StreamLocator};
use crate::{
    Error,
    reader::{Piece, Reader},
};

/// A locator for each video of a stream.
#[derive(Debug)]
pub(super) struct Videos {
    /// Finds keyframes of the video that is followed.
    followed: StreamLocator,
    /// libav's number of it.
    id: i32,
    others: Vec<(i32, StreamLocator)>,
}

impl Videos {
    /// The first of `all`, which come with libav's numbers of them, is followed, until another is
    /// chosen. `None` where there is none.
    pub(super) fn new(all: impl IntoIterator<Item = (i32, StreamLocator)>) -> Option<Self> {
        let mut others = all.into_iter();
        let (id, followed) = others.next()?;
        Some(Self {
            followed,
            id,
            others: others.collect(),
        })
    }
}

#[async_trait]
impl Locator for Videos {
    fn timeline(&self) -> Timeline {
        self.followed.timeline()
    }

    async fn around(&self, reader: &Reader, time_us: i64) -> Result<Around, Error> {
        self.followed.around(reader, time_us).await
    }

    async fn sweep(&self, reader: &Reader, times_us: &[i64]) -> Result<Swept, Error> {
        self.followed.sweep(reader, times_us).await
    }

    fn looking(&self) -> u64 {
        self.followed.looking()
    }

    fn searched(&self) -> Searched {
        let others = self.others.iter().map(|(id, _)| *id);
        Searched::Ids([self.id].into_iter().chain(others).collect())
    }

    fn follow(&mut self, id: i32) {
        if let Some((other, locator)) = self.others.iter_mut().find(|(other, _)| *other == id) {
            std::mem::swap(&mut self.id, other);
            std::mem::swap(&mut self.followed, locator);
        }
    }

    fn headers(&self) -> Option<Vec<Piece>> {
        self.followed.headers()
    }

    fn wrap_bits(&self) -> Option<u32> {
        self.followed.wrap_bits()
    }
}
