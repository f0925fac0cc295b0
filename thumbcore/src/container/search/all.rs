//! Finding every keyframe of a stretch, for many times that lie near to each other.

use super::{GroupSize, LAST_STEP, SEAM, Scanner, Sighting};
use crate::{
    Error,
    reader::{Reader, Reason},
};

/// Bytes in which a whole keyframe must be seen before it is passed over: 16 MiB.
const LONGEST: u64 = 16 << 20;

/// About as many bytes as the longest search reads, as long as no group of pictures was seen.
const LONGEST_SEARCH: u64 = 32 << 20;

/// Reading all that lies between times that are asked for together. A search reads about a group of
/// pictures, so where times are nearer to each other than keyframes, a sweep reads less.
#[derive(Debug)]
pub(crate) struct Sweep<'a> {
    /// The last time, in microseconds.
    pub(crate) until_us: i64,
    /// Where the media ends.
    pub(crate) end: u64,
    /// Bytes from one time to the next.
    pub(crate) apart: u64,
    pub(crate) group: &'a GroupSize,
}

impl Sweep<'_> {
    /// Whether a sweep reads less than searching for each time, as far as groups were seen.
    pub(crate) fn is_worth_it(&self) -> bool {
        self.apart < self.group.search_bytes().unwrap_or(LONGEST_SEARCH)
    }

    /// Every whole keyframe from `start` on, by its place, as far as the first one later than the
    /// last time, or the end of the media. Whether all up to there were seen: groups that turn out
    /// short end the sweep.
    ///
    /// # Errors
    /// A spent budget is none: what was found before is the answer.
    pub(crate) async fn run(
        &self,
        reader: &Reader,
        scanner: &dyn Scanner,
        start: u64,
    ) -> Result<(Vec<Sighting>, bool), Error> {
        let mut found: Vec<Sighting> = Vec::new();
        let (mut from, mut read) = (start, start);
        while read < self.end && found.last().is_none_or(|it| it.time_us <= self.until_us) {
            read = read.saturating_add(LAST_STEP).min(self.end);
            let bytes = match reader.read(from..read, Reason::Search).await {
                Err(error) if error.is_budget() => return Ok((found, false)),
                bytes => bytes?,
            };
            let mut seen = scanner.scan(&bytes, from).keyframes;
            let is_cut = |last: &Sighting| read < self.end && last.end.is_none();
            let cut = seen.pop_if(|last| is_cut(last)).map(|last| last.start);
            let after = found.last().map(|last| last.start);
            // What lies in the seam is seen twice.
            seen.retain(|it| it.end.is_some() && Some(it.start) > after);
            found.extend(seen);
            self.group.learn(&found);
            if !self.is_worth_it() {
                return Ok((found, false));
            }
            let cut = cut.filter(|at| read - at < LONGEST);
            from = cut.unwrap_or(read.saturating_sub(SEAM)).max(from);
        }
        Ok((found, true))
    }
}
