//! Prints reports, and what they add up to.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    io::{self, Write as _},
    time::Duration,
};

use indicatif::DecimalBytes;

use super::{Failure, Report, Success};
use crate::{args::InputArgs, sandbox::Place};

/// Prints reports: results on stdout, errors on stderr. For people errors come last, where nothing
/// scrolls them away.
#[derive(Debug)]
pub(crate) struct Printer {
    json: bool,
    /// With every range that was read.
    trace: bool,
    quiet: bool,
    /// Where videos are decoded.
    place: Place,
    /// `None` where nobody asks for the sum.
    tally: Option<Tally>,
    /// What is to be said of failures.
    failures: Vec<String>,
}

impl Printer {
    /// Prints what `args` ask for of so many inputs.
    pub(crate) fn new(args: &InputArgs, quiet: bool, place: Place, inputs: usize) -> Self {
        Self {
            json: args.json,
            trace: args.trace,
            quiet,
            place,
            tally: (inputs > 1 && !quiet && !args.json).then(Tally::default),
            failures: Vec::new(),
        }
    }

    /// Prints a report.
    ///
    /// # Errors
    /// Stdout cannot be written.
    pub(crate) fn print(&mut self, report: &Report) -> io::Result<()> {
        if let Some(tally) = &mut self.tally {
            tally.add(&report.result);
        }
        let text = match &report.result {
            _ if self.json => report.json(self.trace, self.place)?,
            Err(failure) => {
                // The errors of sources begin with the input's name already.
                let prefix = format!("{}: ", report.name);
                let reason = failure.message.strip_prefix(&prefix);
                let reason = reason.unwrap_or(&failure.message);
                self.failures.push(plain(&format!("{prefix}{reason}")));
                return Ok(());
            }
            Ok(_) if self.quiet => return Ok(()),
            Ok(Success::Done(outcome)) => plain(&outcome.words(&report.name, self.trace)),
            Ok(Success::Skipped) => plain(&format!("{}: skipped, its pictures exist", report.name)),
        };
        writeln!(io::stdout(), "{text}")
    }

    /// Prints the failures, and, where there were several inputs, the sum of all.
    ///
    /// # Errors
    /// Stdout cannot be written.
    pub(crate) fn finish(&self, took: Duration) -> io::Result<()> {
        for failure in &self.failures {
            // A closed stderr must not hide the sum.
            let _ = writeln!(io::stderr(), "thumb: {failure}");
        }
        if let Some(tally) = &self.tally {
            writeln!(io::stdout(), "{}", tally.words(took))?;
        }
        Ok(())
    }
}

/// Sums over the inputs of a run.
#[derive(Debug, Default)]
struct Tally {
    videos: u64,
    skipped: u64,
    pictures: u64,
    /// How many failed, by the kind of their failure.
    failed: BTreeMap<&'static str, u64>,
    bytes_fetched: u64,
    source_bytes: u64,
}

impl Tally {
    fn add(&mut self, result: &Result<Success, Failure>) {
        match result {
            Ok(Success::Done(outcome)) => {
                self.videos += 1;
                self.pictures += outcome.product.pictures() as u64;
                self.bytes_fetched += outcome.stats.bytes_fetched;
                self.source_bytes += outcome.stats.source_bytes;
            }
            Ok(Success::Skipped) => self.skipped += 1,
            Err(failure) => *self.failed.entry(failure.kind).or_default() += 1,
        }
    }

    fn words(&self, took: Duration) -> String {
        let mut text = plural(self.videos, "video");
        if self.pictures > 0 {
            let _ = write!(text, ", {}", plural(self.pictures, "picture"));
        }
        if self.skipped > 0 {
            let _ = write!(text, ", {} skipped", self.skipped);
        }
        let failed: u64 = self.failed.values().sum();
        if failed > 0 {
            let kinds = self
                .failed
                .iter()
                .map(|(kind, count)| format!("{count} {kind}"));
            let kinds = kinds.collect::<Vec<_>>().join(", ");
            let _ = write!(text, ", {failed} failed ({kinds})");
        }
        let _ = write!(
            text,
            "; read {} of {} in {:.1} s",
            DecimalBytes(self.bytes_fetched),
            DecimalBytes(self.source_bytes),
            took.as_secs_f64()
        );
        text
    }
}

fn plural(count: u64, word: &str) -> String {
    let end = if count == 1 { "" } else { "s" };
    format!("{count} {word}{end}")
}

/// Replaces control characters: file names and messages of servers may hold terminal control
/// sequences.
fn plain(text: &str) -> String {
    let harmful = |c: char| c.is_control() && c != '\n';
    text.replace(harmful, "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_tells_what_failed_by_kind() {
        let mut tally = Tally::default();
        let failure = |kind| Failure {
            kind,
            message: String::new(),
        };
        for kind in ["corrupt", "limit", "corrupt"] {
            tally.add(&Err(failure(kind)));
        }
        tally.add(&Ok(Success::Skipped));
        assert_eq!(
            tally.words(Duration::from_millis(1234)),
            "0 videos, 1 skipped, 3 failed (2 corrupt, 1 limit); read 0 B of 0 B in 1.2 s"
        );
    }

    #[test]
    fn control_sequences_do_not_reach_the_terminal() {
        assert_eq!(plain("a\u{1b}[2J\r\n"), "a\u{fffd}[2J\u{fffd}\n");
    }
}
