//! The progress bar.

use std::{cell::Cell, time::Duration};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Parts of an input that the bar counts, where inputs take long.
const PARTS: u64 = 1000;

/// What the bar counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Inputs,
    /// Thousandths of an input, with an estimate of the time that is left.
    Parts,
}

impl Unit {
    fn an_input(self) -> u64 {
        match self {
            Self::Inputs => 1,
            Self::Parts => PARTS,
        }
    }

    /// A bar on stderr for so many inputs, shown only if that is a terminal.
    pub(crate) fn bar(self, inputs: usize) -> ProgressBar {
        let length = inputs as u64 * self.an_input();
        let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr());
        let template = match self {
            Self::Inputs => "{spinner} {pos}/{len} {wide_bar} {elapsed}",
            Self::Parts => "{spinner} {percent}% {wide_bar} {elapsed}, about {eta} left",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(100));
        bar
    }

    /// The part of `bar` that one input is.
    pub(crate) fn portion(self, bar: &ProgressBar) -> Portion<'_> {
        Portion {
            bar,
            whole: self.an_input(),
            done: Cell::new(0),
        }
    }
}

/// The part of the bar that one input is, which is done when this is dropped.
#[derive(Debug)]
pub(crate) struct Portion<'a> {
    bar: &'a ProgressBar,
    whole: u64,
    done: Cell<u64>,
}

impl Portion<'_> {
    /// So many of so many steps are done.
    pub(crate) fn reach(&self, steps: usize, of: usize) {
        let done = self.whole * steps as u64 / of.max(1) as u64;
        self.bar.inc(done.saturating_sub(self.done.replace(done)));
    }
}

impl Drop for Portion<'_> {
    fn drop(&mut self) {
        self.reach(1, 1);
    }
}
