//! Where a film's last picture is, where sound goes on behind it.

use std::ops::{Range, RangeInclusive};

use futures::future::try_join_all;

use super::{Anchor, Scan, Scanner};
use crate::{
    Error,
    container::duration::SOUND_BEHIND_US,
    reader::{Reader, Reason},
};

/// Places looked at at once: a round trip costs more than so few bytes.
const WAYS: u64 = 4;

/// The last picture of `media`, at whose start pictures are and at whose end there are none; the
/// place lies shortly behind its start. `None` where no picture is found. A look at a place reads
/// so many bytes of `look`, more where these tell no time of any track.
pub(in super::super) async fn last_picture(
    reader: &Reader,
    scanner: &dyn Scanner,
    media: Range<u64>,
    look: RangeInclusive<u64>,
) -> Result<Option<Anchor>, Error> {
    let (mut low, mut high) = (media.start, media.end);
    let mut last = Scan::default();
    while high.saturating_sub(low) > WAYS * look.start() {
        let step = (high - low) / WAYS;
        let places: Vec<_> = (1..WAYS).map(|nth| low + nth * step).collect();
        let looks = places
            .iter()
            .map(|at| look_at(reader, scanner, *at..high, &look));
        let found = try_join_all(looks).await?;
        let nth = found.iter().rposition(|scan| scan.last_picture.is_some());
        if let Some(picture) = nth.and_then(|nth| found[nth].last_picture) {
            last.see_picture(picture);
        }
        let next = nth.map_or(0, |nth| nth + 1);
        high = places.get(next).copied().unwrap_or(high);
        low = nth.map_or(low, |nth| places[nth]);
    }
    // What tells the time of a picture at `high` may lie before it by as much as a look.
    let end = high.saturating_add(*look.end()).min(media.end);
    let bytes = reader.read(low..end, Reason::Search).await?;
    if let Some(picture) = scanner.scan(&bytes, low).last_picture {
        last.see_picture(picture);
    }
    let behind = |picture: Anchor| Anchor {
        position: picture
            .position
            .saturating_add(*look.start())
            .min(media.end),
        ..picture
    };
    Ok(last.last_picture.map(behind))
}

/// What is at the start of `range`.
async fn look_at(
    reader: &Reader,
    scanner: &dyn Scanner,
    range: Range<u64>,
    look: &RangeInclusive<u64>,
) -> Result<Scan, Error> {
    let mut len = *look.start();
    loop {
        let end = range.start.saturating_add(len).min(range.end);
        let bytes = reader.read(range.start..end, Reason::Search).await?;
        let scan = scanner.scan(&bytes, range.start);
        if scan.first_time_us.is_some() || end >= range.end || len >= *look.end() {
            return Ok(scan);
        }
        len = (len * 4).min(*look.end());
    }
}

/// Whether the last packets of a file, among which no picture was seen, go on for so long that
/// sound alone is at its end.
pub(in super::super) fn is_sound_alone(times_us: impl IntoIterator<Item = i64>) -> bool {
    let ends = times_us.into_iter().fold(None, |ends, time_us| {
        let (first, last) = ends.unwrap_or((time_us, time_us));
        Some((time_us.min(first), time_us.max(last)))
    });
    ends.is_some_and(|(first, last)| last.saturating_sub(first) > SOUND_BEHIND_US)
}
