//! The report of `docs/benchmarks.md`.

use std::{fmt::Write as _, path::Path};

use benches::{cpu::median, text::section};

use crate::{
    contenders::{Contender, POSITIONS},
    film::{Fault, Truth},
    run::{Outcome, Possible, Source, Verdict},
    sizes::Ranks,
};

/// Writes the report into `benchmarks.md` in `docs`, or prints it.
pub(crate) fn write(
    outcomes: &[Outcome],
    source: Source,
    docs: Option<&Path>,
) -> anyhow::Result<()> {
    let Source { seed, clips } = source;
    let (frames, keyframes) = (positions(outcomes, FRAME), positions(outcomes, KEYFRAME));
    let (films, all) = (outcomes.len(), outcomes.len() * POSITIONS.len());
    let mut text = format!(
        "{films} films from seed {seed} on, cut from {clips} clips. Of their {all} positions, {frames} have good frames \
         within reach, and {keyframes} a good keyframe.\n\n",
    );
    table(&mut text, outcomes)?;
    kinds(&mut text, outcomes)?;
    ranks(&mut text, outcomes)?;
    if let Some(docs) = docs {
        return section(&docs.join("benchmarks.md"), "pick", &text);
    }
    println!("{text}");
    Ok(())
}

/// Whether a position counts.
type Counts = fn(&Possible) -> bool;

const FRAME: Counts = |possible| possible.frame;
const KEYFRAME: Counts = |possible| possible.keyframe;

fn positions(outcomes: &[Outcome], counts: Counts) -> usize {
    let all = outcomes.iter().flat_map(|outcome| &outcome.possible);
    all.filter(|possible| counts(possible)).count()
}

fn films(outcomes: &[Outcome], counts: Counts) -> usize {
    let has_one = |outcome: &&Outcome| outcome.possible.iter().any(counts);
    outcomes.iter().filter(has_one).count()
}

/// The contenders that took part.
fn contenders(outcomes: &[Outcome]) -> impl Iterator<Item = Contender> {
    let verdicts = outcomes.first().map(|outcome| outcome.verdicts.iter());
    verdicts
        .into_iter()
        .flatten()
        .map(|verdict| verdict.contender)
}

/// One contender's verdicts, each with what its film allows.
fn of(outcomes: &[Outcome], contender: Contender) -> Vec<(&Outcome, &Verdict)> {
    let all = outcomes.iter().flat_map(|outcome| {
        let verdicts = outcome.verdicts.iter();
        verdicts.map(move |verdict| (outcome, verdict))
    });
    all.filter(|(_, verdict)| verdict.contender == contender)
        .collect()
}

/// The pictures, at positions that count, that `is_it`; and the films that have one.
fn bad(
    verdicts: &[(&Outcome, &Verdict)],
    counts: Counts,
    is_it: impl Fn(Truth) -> bool,
) -> (usize, usize) {
    let (mut pictures, mut films) = (0, 0);
    for (outcome, verdict) in verdicts {
        let pairs = verdict.shown.iter().zip(&outcome.possible);
        let those = pairs.filter(|(shown, possible)| counts(possible) && is_it(**shown));
        let count = those.count();
        pictures += count;
        films += usize::from(count > 0);
    }
    (pictures, films)
}

fn is_bad(truth: Truth) -> bool {
    matches!(truth, Truth::Bad(_))
}

fn is_empty(truth: Truth) -> bool {
    matches!(truth, Truth::Bad(Fault::Blank | Fault::Faded))
}

fn table(text: &mut String, outcomes: &[Outcome]) -> anyhow::Result<()> {
    text.push_str(
        "| by | bad pictures | films with one | blank or faded in spite of a good keyframe | films with one | CPU a film | kB read | round trips |\n\
         | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
    );
    let share = |count: usize, of: usize| 100.0 * count as f64 / of.max(1) as f64;
    for contender in contenders(outcomes) {
        let verdicts = of(outcomes, contender);
        let (pictures, with_bad) = bad(&verdicts, FRAME, is_bad);
        let (empty, with_empty) = bad(&verdicts, KEYFRAME, is_empty);
        let cpu: Vec<_> = verdicts.iter().map(|(_, it)| it.cpu_s).collect();
        writeln!(
            text,
            "| {} | {:.1} % | {:.1} % | {:.1} % | {:.1} % | {:.0} ms | {} | {} |",
            contender.title(),
            share(pictures, positions(outcomes, FRAME)),
            share(with_bad, films(outcomes, FRAME)),
            share(empty, positions(outcomes, KEYFRAME)),
            share(with_empty, films(outcomes, KEYFRAME)),
            median(&cpu) * 1e3,
            figure(&verdicts, |it| it.bytes.map(|bytes| bytes / 1e3)),
            figure(&verdicts, |it| it.round_trips),
        )?;
    }
    let extraction = |contender| {
        let verdicts = of(outcomes, contender);
        let times: Vec<_> = verdicts
            .iter()
            .filter_map(|(_, it)| it.extraction_s)
            .collect();
        (!times.is_empty()).then(|| median(&times) * 1e3)
    };
    if let (Some(nearest), Some(best)) =
        (extraction(Contender::Nearest), extraction(Contender::Best))
    {
        writeln!(
            text,
            "\nWithout the start of the process, `nearest` takes {nearest:.1} ms of CPU a film and `best` {best:.1} ms: \
             {:.1} x.",
            best / nearest
        )?;
    }
    text.push('\n');
    Ok(())
}

/// The median of a measure, where it is known.
fn figure(verdicts: &[(&Outcome, &Verdict)], of: impl Fn(&Verdict) -> Option<f64>) -> String {
    let values: Vec<_> = verdicts.iter().filter_map(|(_, it)| of(it)).collect();
    if values.is_empty() {
        return "–".to_owned();
    }
    format!("{:.0}", median(&values))
}

/// What the bad pictures are.
fn kinds(text: &mut String, outcomes: &[Outcome]) -> anyhow::Result<()> {
    text.push_str("| bad pictures |");
    for fault in Fault::ALL {
        write!(text, " {} |", fault.name())?;
    }
    text.push_str("\n| --- |");
    text.push_str(&" ---: |".repeat(Fault::ALL.len()));
    text.push('\n');
    for contender in contenders(outcomes) {
        let verdicts = of(outcomes, contender);
        write!(text, "| {} |", contender.title())?;
        for fault in Fault::ALL {
            let (pictures, _) = bad(&verdicts, FRAME, |truth| truth == Truth::Bad(fault));
            write!(text, " {pictures} |")?;
        }
        text.push('\n');
    }
    text.push('\n');
    Ok(())
}

fn ranks(text: &mut String, outcomes: &[Outcome]) -> anyhow::Result<()> {
    let all: Vec<Ranks> = outcomes
        .iter()
        .filter_map(|outcome| outcome.ranks)
        .collect();
    let middle = |of: fn(&Ranks) -> f64| median(&all.iter().map(of).collect::<Vec<_>>());
    writeln!(
        text,
        "Size alone: the rank correlation of a keyframe's size with its score is {:.2} (median of films). Of a good \
         and a bad keyframe of one film, the good one is the larger in {:.0} % of pairs, and has the higher score in \
         {:.0} %.",
        middle(|it| it.correlation),
        middle(|it| it.by_size) * 100.0,
        middle(|it| it.by_score) * 100.0,
    )?;
    Ok(())
}
