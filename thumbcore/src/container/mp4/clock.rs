//! Time scales that make no sense, as of a writer that left the field out: with the same ticks, the
//! film would last an instant, or years. How long its track lasts is said in the movie's time scale
//! as well.

use super::{
    boxes::{child, children, descendant},
    header::{duration, timescale, timescale_at, track_duration},
    samples::{counted, word},
};

/// What most pictures of a track last at least and at most, in seconds, where its time scale is
/// right.
const PICTURE: (f64, f64) = (1.0 / 2000.0, 60.0);
/// How many times longer or shorter a film is for its time scale to be nonsense.
const OFF: f64 = 20.0;
/// Pictures a second of nearly all films.
const RATES: [(f64, f64); 9] = [
    (24.0, 1.0),
    (25.0, 1.0),
    (30.0, 1.0),
    (50.0, 1.0),
    (60.0, 1.0),
    (24_000.0, 1001.0),
    (30_000.0, 1001.0),
    (60_000.0, 1001.0),
    (15.0, 1.0),
];

/// The time scales of the videos in `movie`, a movie box's payload, that make no sense: where each
/// lies in it, and what is right.
pub(super) fn corrected(movie: &[u8]) -> Vec<(usize, u32)> {
    let header = child(movie, b"mvhd").unwrap_or_default();
    let Some(scale) = timescale(header) else {
        return Vec::new();
    };
    let stated = duration(header);
    let traks = children(movie).filter(|(kind, _)| kind == b"trak");
    let corrected = traks.filter_map(|(_, trak)| corrected_track(trak, f64::from(scale), stated));
    corrected
        .map(|(field, right)| (field.as_ptr().addr() - movie.as_ptr().addr(), right))
        .collect()
}

fn corrected_track(trak: &[u8], scale: f64, stated: Option<u64>) -> Option<(&[u8], u32)> {
    let media = child(trak, b"mdia")?;
    let is_video = descendant(media, &[b"hdlr"])?.get(8..12)? == b"vide";
    let header = child(media, b"mdhd").filter(|_| is_video)?;
    let field = header.get(timescale_at(header)?..)?.get(..4)?;
    let own = f64::from(u32::from_be_bytes(field.try_into().ok()?));
    let times = Times::parse(descendant(media, &[b"minf", b"stbl", b"stts"])?)?;
    let track = child(trak, b"tkhd").and_then(track_duration);
    let stated = track.filter(|ticks| *ticks > 0).or(stated)?;
    let seconds = stated as f64 / scale;
    let told = times.ticks / own.max(f64::MIN_POSITIVE);
    // Of most pictures: one alone may last for hours.
    let picture = times.usual / own.max(f64::MIN_POSITIVE);
    let is_sound = (PICTURE.0..PICTURE.1).contains(&picture);
    let is_off = told > seconds * OFF || told * OFF < seconds;
    let mean = seconds / times.pictures;
    if is_sound || !is_off || !(PICTURE.0..PICTURE.1).contains(&mean) {
        return None;
    }
    let right = times.scale(seconds);
    (right >= 1.0 && right <= f64::from(i32::MAX)).then_some((field, right as u32))
}

/// The times of a track, by their table.
struct Times {
    pictures: f64,
    ticks: f64,
    /// Of the most usual picture.
    usual: f64,
}

impl Times {
    fn parse(table: &[u8]) -> Option<Self> {
        let (mut pictures, mut ticks, mut usual) = (0.0, 0.0, (0, 0));
        for run in counted(table, 8)?.chunks_exact(8) {
            let [count, delta] = [0, 4].map(|at| word(run, at));
            pictures += f64::from(count);
            ticks += f64::from(count) * f64::from(delta);
            usual = usual.max((count, delta));
        }
        (ticks > 0.0).then_some(Self {
            pictures,
            ticks,
            usual: f64::from(usual.1),
        })
    }

    /// The ticks of a second, where all pictures last `seconds`.
    fn scale(&self, seconds: f64) -> f64 {
        const NEAR: f64 = 0.01;
        let right = self.ticks / seconds;
        let usual = RATES.map(|(pictures, seconds)| pictures * self.usual / seconds);
        let near = usual.into_iter().filter(|scale| {
            let is_whole = (scale - scale.round()).abs() < 1e-6;
            is_whole && (scale / right - 1.0).abs() < NEAR
        });
        let off = |scale: &f64| (scale - right).abs();
        near.min_by(|a, b| off(a).total_cmp(&off(b)))
            .unwrap_or(right)
            .round()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_scale_is_that_of_a_usual_rate_where_one_is_near() {
        let times = Times {
            pictures: 600.0,
            ticks: 600.0 * 1001.0,
            usual: 1001.0,
        };
        assert!((times.scale(20.021) - 30_000.0).abs() < 1e-9);
        assert!((times.scale(31.7) - 18_946.0).abs() < 1e-9);
    }
}
