//! Finding every keyframe of a stretch, for many times that lie near to each other.

use super::{GroupSize, LAST_STEP, SEAM, Scanner, Sighting};
use crate::{
    Error,
    reader::{Reader, Reason},
};

/// Bytes in which a whole keyframe must be seen before it is passed over: 16 MiB.
const LONGEST: u64 = 16 << 20;

/// Every whole keyframe from `start` on, by its place, as far as the first one later than
/// `until_us`, or the end of the media at `end`.
///
/// # Errors
/// A spent budget is none: what was found before is the answer.
pub(crate) async fn every_keyframe(
    reader: &Reader,
    scanner: &dyn Scanner,
    (start, end): (u64, u64),
    until_us: i64,
    group: &GroupSize,
) -> Result<Vec<Sighting>, Error> {
    let mut found: Vec<Sighting> = Vec::new();
    let (mut from, mut read) = (start, start);
    let is_beyond = |found: &[Sighting]| found.last().is_some_and(|it| it.time_us > until_us);
    while read < end && !is_beyond(&found) {
        read = read.saturating_add(LAST_STEP).min(end);
        let bytes = match reader.read(from..read, Reason::Search).await {
            Err(error) if error.is_budget() => break,
            bytes => bytes?,
        };
        let mut seen = scanner.scan(&bytes, from).keyframes;
        let is_cut = |last: &Sighting| read < end && (last.end.is_none() || last.next.is_none());
        let cut = seen.pop_if(|last| is_cut(last)).map(|last| last.start);
        let after = found.last().map(|last| last.start);
        // What lies in the seam is seen twice.
        seen.retain(|it| it.end.is_some() && Some(it.start) > after);
        found.extend(seen);
        let seam = read.saturating_sub(SEAM);
        from = cut
            .filter(|at| read - at < LONGEST)
            .unwrap_or(seam)
            .max(from);
    }
    group.learn(&found);
    Ok(found)
}
