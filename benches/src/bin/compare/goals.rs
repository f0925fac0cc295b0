//! thumbcore's goals, and which of them the measurements miss.

use std::fmt::Write as _;

use benches::{media::Index, text::megabytes};

use crate::{
    peers::Contender,
    results::{Outcome, Sheet},
};

/// Size in bytes from which the goals for large files hold.
const LARGE: u64 = 900_000_000;

/// Least ratio of the original's bytes to ours, where there is an index.
const BYTES: f64 = 500.0;

/// The list of goals that are missed, and by how much.
pub(crate) fn markdown(sheets: &[Sheet]) -> anyhow::Result<String> {
    let mut text = String::new();
    for sheet in sheets {
        original(&mut text, sheet)?;
    }
    for sheet in sheets {
        peers(&mut text, sheet)?;
    }
    if text.is_empty() {
        text.push_str("- none\n");
    }
    text.push('\n');
    let head = "Goals that are not met (1/500 of the original's bytes and 1/50 of its CPU on indexed films of a gigabyte, \
                1/30 where they are fragmented; fewer bytes and round trips and less CPU than every peer that gives \
                right pictures):\n\n";
    Ok(format!("{head}{text}"))
}

fn original(text: &mut String, sheet: &Sheet) -> anyhow::Result<()> {
    let cpu_goal = match sheet.index {
        Index::Whole => 50.0,
        Index::Fragments => 30.0,
        Index::None | Index::Small => return Ok(()),
    };
    let (Some(ours), Some(original)) =
        (sheet.of(Contender::Library), sheet.of(Contender::Original))
    else {
        return Ok(());
    };
    if sheet.bytes < LARGE {
        return Ok(());
    }
    let bytes = ours.ratio(original, |run| run.traffic.bytes as f64);
    if bytes < BYTES {
        writeln!(
            text,
            "- {}: 1/{bytes:.0} of the original's bytes",
            sheet.title
        )?;
    }
    let cpu = ours.ratio(original, |run| run.bill.cpu_s);
    if cpu < cpu_goal {
        writeln!(
            text,
            "- {}: 1/{cpu:.0} of the original's CPU (goal 1/{cpu_goal:.0})",
            sheet.title
        )?;
    }
    Ok(())
}

/// Compares `thumb`, a process as the peers are.
fn peers(text: &mut String, sheet: &Sheet) -> anyhow::Result<()> {
    let Some(ours) = sheet.of(Contender::Thumb) else {
        return Ok(());
    };
    if !ours.is_right() {
        writeln!(
            text,
            "- {}: {} of {} pictures right",
            sheet.title, ours.right, ours.pictures
        )?;
    }
    let theirs = sheet.outcomes.iter().filter(|outcome| {
        let contender = outcome.contender;
        !contender.is_ours() && contender != Contender::Original && outcome.is_right()
    });
    for their in theirs {
        let by = their.contender.title();
        let mut less = |what: &str, of: fn(&Outcome) -> f64, show: fn(f64) -> String| {
            if of(their) >= of(ours) {
                return Ok(());
            }
            let (our, their) = (show(of(ours)), show(of(their)));
            writeln!(text, "- {}: {what} {our}, {by} {their}", sheet.title)
        };
        less("bytes", Outcome::bytes, megabytes)?;
        less("round trips", Outcome::round_trips, |trips| {
            format!("{trips:.0}")
        })?;
        less("CPU", Outcome::cpu, |seconds| {
            format!("{:.0} ms", seconds * 1e3)
        })?;
    }
    Ok(())
}
