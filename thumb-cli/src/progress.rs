//! How far a run is, and how long the rest will take.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use indicatif::{DecimalBytes, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::input::Item;

/// Steps of the bar for an input.
const STEPS: u64 = 1000;

/// The progress of a run, on stderr where that is a terminal.
#[derive(Debug)]
pub(crate) struct Progress {
    pub(crate) bar: ProgressBar,
    began: Instant,
    videos: Share,
    /// Sizes of the inputs, as far as they are known before they are opened.
    bytes: Share,
}

/// How much of something is done.
#[derive(Debug)]
struct Share {
    done: Cell<f64>,
    all: f64,
}

impl Share {
    fn new(all: f64) -> Self {
        Self {
            done: Cell::new(0.0),
            all,
        }
    }

    fn add(&self, done: f64) {
        self.done.update(|before| before + done);
    }

    /// Between 0 and 1; `None` of nothing.
    fn part(&self) -> Option<f64> {
        (self.all > 0.0).then(|| self.done.get() / self.all)
    }
}

impl Progress {
    /// Of these inputs; nothing is drawn unless it `shows`.
    pub(crate) fn new(items: &[Item], shows: bool) -> Self {
        let target = if shows {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let steps = items.len() as u64 * STEPS;
        let bar = ProgressBar::with_draw_target(Some(steps), target);
        let style = ProgressStyle::with_template("{spinner} {prefix} {wide_bar} {elapsed}{msg}");
        if let Ok(style) = style {
            bar.set_style(style);
        }
        if shows {
            bar.enable_steady_tick(Duration::from_millis(100));
        }
        let bytes = items.iter().map(|item| item.bytes as f64);
        let progress = Self {
            bar,
            began: Instant::now(),
            videos: Share::new(items.len() as f64),
            bytes: Share::new(bytes.sum()),
        };
        progress.show();
        progress
    }

    /// Time since the run began.
    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// The part of the run that one input of so many bytes is.
    pub(crate) fn portion(&self, bytes: u64) -> Portion<'_> {
        Portion {
            progress: self,
            bytes: bytes as f64,
            done: Cell::new(0.0),
        }
    }

    fn show(&self) {
        let (done, all) = (self.videos.done.get(), self.videos.all);
        // Parts of a video may add up to a little less than the whole.
        self.bar
            .set_prefix(format!("{}/{all}", (done + 1e-6).floor()));
        self.bar.set_position((done * STEPS as f64).round() as u64);
        let mut message = String::new();
        if self.bytes.all > 0.0 {
            let [done, all] = [self.bytes.done.get(), self.bytes.all];
            let [done, all] = [done, all].map(|bytes| DecimalBytes(bytes.round() as u64));
            message = format!(", {done} of {all}");
        }
        if let Some(left) = left(self.elapsed(), self.videos.part(), self.bytes.part()) {
            message = format!("{message}, about {} left", HumanDuration(left));
        }
        self.bar.set_message(message);
    }
}

/// The part of a run that one input is, which is done when this is dropped.
#[derive(Debug)]
pub(crate) struct Portion<'a> {
    progress: &'a Progress,
    bytes: f64,
    /// Between 0 and 1.
    done: Cell<f64>,
}

impl Portion<'_> {
    /// So many of so many steps are done.
    pub(crate) fn reach(&self, steps: usize, of: usize) {
        let done = steps as f64 / of.max(1) as f64;
        let more = done - self.done.replace(done);
        self.progress.videos.add(more);
        self.progress.bytes.add(more * self.bytes);
        self.progress.show();
    }
}

impl Drop for Portion<'_> {
    fn drop(&mut self) {
        self.reach(1, 1);
    }
}

/// How long the rest takes, given what parts of the videos and of their bytes are done. What a
/// video costs is neither the same for each nor follows its size, so both count, half each.
fn left(elapsed: Duration, videos: Option<f64>, bytes: Option<f64>) -> Option<Duration> {
    let videos = videos?;
    let part = f64::midpoint(videos, bytes.unwrap_or(videos));
    if part <= 0.0 {
        return None;
    }
    Some(elapsed.mul_f64(((1.0 - part) / part).max(0.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_is_told_by_videos_and_bytes() {
        let left = |videos, bytes| left(Duration::from_secs(30), videos, bytes);
        assert_eq!(left(Some(0.5), None), Some(Duration::from_secs(30)));
        // Many small ones are done, and the large ones are still to come.
        assert_eq!(left(Some(0.9), Some(0.3)), Some(Duration::from_secs(20)));
        assert_eq!(left(Some(0.0), Some(0.0)), None);
        assert_eq!(left(Some(1.0), Some(1.0)), Some(Duration::ZERO));
    }

    #[test]
    fn parts_of_a_video_count() {
        let bytes = 3_000_000;
        let items = [0, 1].map(|_| Item {
            name: String::new(),
            input: Err(crate::report::Failure {
                kind: "",
                message: String::new(),
            }),
            bytes,
        });
        let progress = Progress::new(&items, false);
        let portion = progress.portion(bytes);
        portion.reach(1, 3);
        assert_eq!(progress.bar.position(), 333);
        assert_eq!(progress.bar.prefix(), "0/2");
        assert!(progress.bar.message().starts_with(", 1.00 MB of 6.00 MB"));
        drop(portion);
        assert_eq!(progress.bar.position(), 1000);
        assert_eq!(progress.bar.prefix(), "1/2");
    }
}
