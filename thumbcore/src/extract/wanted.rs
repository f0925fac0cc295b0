//! What a request wants, on the timeline of one video.

use std::{ops::Range, time::Duration};

use super::{pick::Pick, request::Request};
use crate::Position;

/// Part of the film at its start and at its end that no best frame is taken from: leaders, titles
/// and credits.
const MARGIN: f64 = 0.03;

/// How far from its position, as a part of the film, another picture is taken where the nearest
/// shows nothing, even if the tolerance allows more.
const MAX_WAY: f64 = 0.05;

/// How many keyframes compete for the best frame of the film, or of a part of it.
const COVER_CANDIDATES: usize = 8;

/// Where one picture is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    /// In microseconds of the container's timeline.
    pub(super) time_us: i64,
    /// Where its picture may be from, both ends included, unless nothing there shows anything.
    pub(super) reach: Range<i64>,
    pub(super) choice: Choice,
    /// Any part of the reach is as good as any other: [`Position::Best`].
    pub(super) is_cover: bool,
}

/// How one keyframe is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice {
    /// The nearest that shows something.
    Nearest,
    /// The best of so many.
    Best(usize),
}

impl Request {
    /// What is wanted of a film of `film_us` microseconds that starts at `start_us`.
    pub(super) fn wanted(&self, start_us: i64, film_us: Option<i64>) -> Vec<Wanted> {
        let film = film_us.map(|us| Duration::from_micros(us.unsigned_abs()));
        let covers = self
            .positions
            .iter()
            .filter(|it| **it == Position::Best)
            .count();
        let mut cover = 0;
        let mut wanted = Vec::with_capacity(self.positions.len());
        for position in &self.positions {
            if *position == Position::Best {
                wanted.push(best_of_part(start_us, film_us, (cover, covers)));
                cover += 1;
                continue;
            }
            let micros = i64::try_from(position.resolve(film).as_micros()).unwrap_or(i64::MAX);
            let time_us = start_us.saturating_add(micros);
            let (choice, within) = match self.pick {
                Pick::Nearest => (Choice::Nearest, self.tolerance.min(MAX_WAY)),
                Pick::Best { within, candidates } => (Choice::Best(candidates), within),
            };
            let within_us = (film_us.unwrap_or(0) as f64 * within) as i64;
            wanted.push(Wanted {
                time_us,
                reach: time_us.saturating_sub(within_us)..time_us.saturating_add(within_us),
                choice,
                is_cover: false,
            });
        }
        keep_apart(&mut wanted);
        wanted
    }
}

/// The best frame of the `nth` of `count` equal parts of a film without its margins.
fn best_of_part(start_us: i64, film_us: Option<i64>, (nth, count): (usize, usize)) -> Wanted {
    let at = |part: f64| {
        let share = MARGIN + (1.0 - 2.0 * MARGIN) * part;
        start_us.saturating_add((film_us.unwrap_or(0) as f64 * share) as i64)
    };
    let part = |nth: f64| at(nth / count as f64);
    let reach = part(nth as f64)..part((nth + 1) as f64);
    Wanted {
        time_us: part(nth as f64 + 0.5),
        reach: match film_us {
            Some(_) => reach,
            None => start_us..i64::MAX,
        },
        // Several best frames cost as much as one each at a position.
        choice: Choice::Best(if count == 1 {
            COVER_CANDIDATES
        } else {
            COVER_CANDIDATES / 2
        }),
        is_cover: true,
    }
}

/// Cuts each reach halfway to the targets beside it, so that no two pictures come from one place.
fn keep_apart(wanted: &mut [Wanted]) {
    let mut times: Vec<_> = wanted
        .iter()
        .filter(|it| !it.is_cover)
        .map(|it| it.time_us)
        .collect();
    times.sort_unstable();
    times.dedup();
    for it in wanted.iter_mut().filter(|it| !it.is_cover) {
        let nth = times.partition_point(|time| *time < it.time_us);
        let halfway = |other: &i64| other / 2 + it.time_us / 2;
        let before = nth
            .checked_sub(1)
            .and_then(|nth| times.get(nth))
            .map(halfway);
        let after = times.get(nth + 1).map(halfway);
        let start = it.reach.start.max(before.unwrap_or(i64::MIN));
        it.reach = start..it.reach.end.min(after.unwrap_or(i64::MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    fn seconds(request: &Request, film: i64) -> Vec<(i64, i64, i64)> {
        let wanted = request.wanted(0, Some(film * SECOND));
        let rounded = |us: i64| (us + SECOND / 2) / SECOND;
        let parts = wanted.iter().map(|it| {
            (
                rounded(it.reach.start),
                rounded(it.time_us),
                rounded(it.reach.end),
            )
        });
        parts.collect()
    }

    #[test]
    fn best_frames_share_the_film_without_its_margins() {
        let best = |count| Request::new().positions(vec![Position::Best; count]);
        assert_eq!(seconds(&best(1), 1000), [(30, 500, 970)]);
        assert_eq!(seconds(&best(2), 1000), [(30, 265, 500), (500, 735, 970)]);
    }

    #[test]
    fn reaches_end_halfway_to_the_targets_beside() {
        let at = [0.5, 0.56, 0.9].map(Position::Fraction);
        let request = Request::new().positions(at).pick(Pick::BEST);
        assert_eq!(
            seconds(&request, 1000),
            [(450, 500, 530), (530, 560, 610), (850, 900, 950)]
        );
        // The tolerance says which keyframe is near enough, not how far one may be looked for.
        let any = Request::new()
            .positions([Position::Fraction(0.5)])
            .tolerance(1.0);
        assert_eq!(seconds(&any, 1000), [(450, 500, 550)]);
        // A cover is a picture of its own, whatever else is taken.
        let with_cover = [Position::Fraction(0.5), Position::Best];
        let request = Request::new().positions(with_cover);
        assert_eq!(seconds(&request, 1000), [(450, 500, 550), (30, 500, 970)]);
    }
}
