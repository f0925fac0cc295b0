//! How much the size of a keyframe's packet, which an index tells for nothing, says of its picture.

use std::{path::Path, sync::Arc};

use thumbcore::{Extractor, FileSource, Position, Request};

use crate::film::{Film, Truth};

/// Most keyframes that are asked for at once.
const AT_ONCE: usize = 100;

/// Of the keyframes of one film.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ranks {
    /// Spearman's rank correlation of size and score.
    pub(crate) correlation: f64,
    /// How often a good picture's keyframe is larger than a bad one's, of all such pairs.
    pub(crate) by_size: f64,
    /// How often its score is higher.
    pub(crate) by_score: f64,
}

/// `None` where a film has good or bad keyframes only.
pub(crate) async fn ranks(film: &Film, path: &Path) -> anyhow::Result<Option<Ranks>> {
    let extractor = Extractor::builder().build()?;
    let video = extractor
        .open(Arc::new(FileSource::open(path).await?))
        .await?;
    let entries = video.keyframes().unwrap_or_default();
    let mut judged = Vec::new();
    for entries in entries.chunks(AT_ONCE) {
        let times = entries.iter().map(|entry| Position::Time(entry.time));
        // Exact pictures are taken as they are, whatever they show.
        let request = Request::new().positions(times).widths([320]).exact(true);
        let extraction = video.extract(&request).await?;
        for (entry, thumbnail) in entries.iter().zip(&extraction.thumbnails) {
            let size = entry.size.unwrap_or(0) as f64;
            let truth = film.truth(thumbnail.actual.as_secs_f64() + 0.05);
            judged.push((size, thumbnail.score.value, truth));
        }
    }
    let (sizes, scores): (Vec<_>, Vec<_>) = judged.iter().map(|it| (it.0, it.1)).unzip();
    let of = |is_it: fn(Truth) -> bool| {
        let those = judged.iter().filter(|it| is_it(it.2));
        those.map(|it| (it.0, it.1)).collect::<Vec<_>>()
    };
    let good = of(|truth| truth == Truth::Good);
    let bad = of(|truth| matches!(truth, Truth::Bad(_)));
    if good.is_empty() || bad.is_empty() {
        return Ok(None);
    }
    Ok(Some(Ranks {
        correlation: correlation(&places(&sizes), &places(&scores)),
        by_size: share_above(&good, &bad, |it| it.0),
        by_score: share_above(&good, &bad, |it| it.1),
    }))
}

/// The share of pairs in which the good one is above the bad one; equal ones count half.
fn share_above(good: &[(f64, f64)], bad: &[(f64, f64)], of: fn(&(f64, f64)) -> f64) -> f64 {
    let mut above = 0.0;
    for good in good {
        for bad in bad {
            above += match of(good).total_cmp(&of(bad)) {
                std::cmp::Ordering::Greater => 1.0,
                std::cmp::Ordering::Equal => 0.5,
                std::cmp::Ordering::Less => 0.0,
            };
        }
    }
    above / (good.len() * bad.len()) as f64
}

/// The place of each value in the order of values; equal ones share the mean of theirs.
fn places(values: &[f64]) -> Vec<f64> {
    let place = |value: &f64| {
        let below = values.iter().filter(|other| *other < value).count();
        let same = values
            .iter()
            .filter(|other| other.total_cmp(value).is_eq())
            .count();
        below as f64 + (same as f64 - 1.0) / 2.0
    };
    values.iter().map(place).collect()
}

/// Pearson's correlation; 0 where one of the two does not vary.
fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len().max(1) as f64;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let (mut both, mut squares_a, mut squares_b) = (0.0, 0.0, 0.0);
    for (a, b) in a.iter().zip(b) {
        let (a, b) = (a - mean_a, b - mean_b);
        both += a * b;
        squares_a += a * a;
        squares_b += b * b;
    }
    let norm = f64::sqrt(squares_a * squares_b);
    if norm > 0.0 { both / norm } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn correlations_of_ranks_are_spearmans() {
        let of = |a: &[f64], b: &[f64]| correlation(&places(a), &places(b));
        assert!((of(&[1.0, 2.0, 30.0], &[5.0, 6.0, 7.0]) - 1.0).abs() < 1e-9);
        assert!((of(&[1.0, 2.0, 3.0], &[9.0, 8.0, 1.0]) + 1.0).abs() < 1e-9);
        // Worked by hand: places 0, 1.5, 1.5, 3 and 0, 2, 1, 3.
        let worked = of(&[1.0, 2.0, 2.0, 3.0], &[1.0, 3.0, 2.0, 4.0]);
        assert!((worked - 0.948_683).abs() < 1e-5, "{worked}");
        assert!(of(&[1.0, 1.0], &[1.0, 2.0]).abs() < 1e-9);
    }

    #[test]
    fn pairs_count_once_and_ties_half() {
        let good = [(3.0, 0.0), (1.0, 0.0)];
        let bad = [(1.0, 0.0), (2.0, 0.0)];
        assert!((share_above(&good, &bad, |it| it.0) - 2.5 / 4.0).abs() < 1e-9);
    }
}
