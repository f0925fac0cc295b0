//! Running things one after another, saying what and how long.

use std::{
    fmt::Write,
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};

/// The steps so far.
#[derive(Default)]
pub(crate) struct Steps {
    done: Vec<(&'static str, Duration)>,
    notes: Vec<String>,
}

impl Steps {
    /// Says what is done, does it, and says how long it took.
    pub(crate) fn run<T>(
        &mut self,
        what: &'static str,
        work: impl FnOnce() -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        eprintln!("==> {what}");
        let started = Instant::now();
        let result = work().with_context(|| format!("{what} failed"))?;
        let took = started.elapsed();
        eprintln!("==> {what}: {:.1} s", took.as_secs_f64());
        self.done.push((what, took));
        Ok(result)
    }

    /// Keeps `text` for the summary.
    pub(crate) fn note(&mut self, text: &TestResults) {
        self.notes.push(text.line());
    }

    /// What was done, once more and together.
    pub(crate) fn summary(&self) {
        let mut text = String::new();
        for (what, took) in &self.done {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{:>8.1} s  {what}", took.as_secs_f64());
        }
        for note in &self.notes {
            let _ = writeln!(text, "{note}");
        }
        print!("{text}");
    }
}

/// Runs `command` to its end, its output going where ours goes.
pub(crate) fn status(command: &mut Command) -> anyhow::Result<()> {
    let status = command
        .status()
        .with_context(|| format!("cannot run {}", command.get_program().display()))?;
    if !status.success() {
        bail!("{}: {status}", describe(command));
    }
    Ok(())
}

/// The program and its arguments, for an error.
fn describe(command: &Command) -> String {
    let mut text = command.get_program().display().to_string();
    for argument in command.get_args() {
        let _ = write!(text, " {}", argument.display());
    }
    text
}

/// The sums over all test programs.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct TestResults {
    passed: u32,
    failed: u32,
    ignored: u32,
}

impl TestResults {
    /// Adds one line of a test program, if it is the closing one: of `cargo test`
    /// `test result: ok. 6 passed; 0 failed; 1 ignored; 0 measured; …`, of nextest
    /// `Summary [  90.310s] 701 tests run: 699 passed (3 slow), 2 failed, 3 skipped`.
    fn add(&mut self, line: &str) {
        let counts = if let Some(rest) = line.strip_prefix("test result: ") {
            rest.split_once(". ")
        } else if line.trim_start().starts_with("Summary [") {
            line.split_once(" run: ")
        } else {
            None
        };
        let counts = counts.map_or("", |(_, counts)| counts);
        for count in counts.split([';', ',']) {
            let mut words = count.split_whitespace();
            let number = words.next().and_then(|number| number.parse::<u32>().ok());
            let (Some(number), Some(what)) = (number, words.next()) else {
                continue;
            };
            match what {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" | "skipped" => self.ignored += number,
                _ => {}
            }
        }
    }

    fn line(&self) -> String {
        let Self {
            passed,
            failed,
            ignored,
        } = self;
        format!("{passed} passed, {failed} failed, {ignored} ignored")
    }
}

/// Runs a test runner, passes its output on, and sums up the closing lines. `cargo test` prints
/// those to standard output, nextest to standard error.
pub(crate) fn test_results(command: &mut Command) -> anyhow::Result<TestResults> {
    let (lines, output) = std::io::pipe().context("cannot make a pipe")?;
    let errors = output.try_clone().context("cannot make a pipe")?;
    let shown = describe(command);
    let mut child = command
        .stdout(output)
        .stderr(errors)
        .spawn()
        .context("cannot run cargo")?;
    // The ends of the pipe that the command holds would keep it open.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut results = TestResults::default();
    for line in BufReader::new(lines).lines() {
        let line = line?;
        println!("{line}");
        results.add(&line);
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("{shown}: {status}; {}", results.line());
    }
    Ok(results)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_are_summed_up() {
        let mut results = TestResults::default();
        for line in [
            "running 7 tests",
            "test a ... ok",
            "test result: ok. 6 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 3.11s",
            "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            "     Summary [   2.768s] 8/48 tests run: 7 passed (1 slow), 1 failed, 3 skipped",
        ] {
            results.add(line);
        }
        assert_eq!(results.line(), "14 passed, 3 failed, 4 ignored");
    }

    #[test]
    fn a_failing_program_is_named_with_its_arguments() {
        let error = status(Command::new("sh").args(["-c", "exit 3"])).unwrap_err();
        assert_eq!(error.to_string(), "sh -c exit 3: exit status: 3");
    }
}
