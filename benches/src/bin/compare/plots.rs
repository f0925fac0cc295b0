//! Bars, as SVG: one picture a measure, films side by side, on a logarithmic scale because ways
//! differ a thousandfold.

use std::path::Path;

use anyhow::anyhow;
use benches::text::megabytes;
use plotters::prelude::*;

use crate::{
    peers::{ALL, Contender},
    results::{Outcome, Sheet},
};

const ROW: u32 = 15;
const GAP: u32 = 14;
const LEFT: u32 = 210;
const WIDTH: u32 = 900;
const TOP: u32 = 70;
const BOTTOM: u32 = 30;

struct Measure {
    file: &'static str,
    title: &'static str,
    of: fn(&Outcome) -> f64,
    show: fn(f64) -> String,
}

const MEASURES: [Measure; 3] = [
    Measure {
        file: "bench-bytes.svg",
        title: "Bytes read for three thumbnails (logarithmic)",
        of: Outcome::bytes,
        show: megabytes,
    },
    Measure {
        file: "bench-round-trips.svg",
        title: "Serial round trips (logarithmic)",
        of: Outcome::round_trips,
        show: |trips| format!("{trips:.0}"),
    },
    Measure {
        file: "bench-cpu.svg",
        title: "CPU time, user and system (logarithmic)",
        of: Outcome::cpu,
        show: |seconds| format!("{:.0} ms", seconds * 1e3),
    },
];

/// Draws every measure into `folder`.
pub(crate) fn draw(sheets: &[Sheet], folder: &Path) -> anyhow::Result<()> {
    for measure in &MEASURES {
        // plotters' errors borrow from the canvas.
        bars(measure, sheets, &folder.join(measure.file))
            .map_err(|error| anyhow!("cannot draw {}: {error}", measure.file))?;
    }
    Ok(())
}

fn colour(contender: Contender) -> RGBColor {
    match contender {
        Contender::Library => RGBColor(0, 110, 60),
        Contender::Thumb => RGBColor(70, 170, 100),
        Contender::Original => RGBColor(190, 60, 50),
        Contender::Ffmpeg => RGBColor(225, 130, 50),
        Contender::FfmpegKeyframes => RGBColor(240, 180, 90),
        Contender::Thumbnailer => RGBColor(90, 120, 190),
        Contender::Pyav => RGBColor(150, 110, 180),
    }
}

fn bars(
    measure: &Measure,
    sheets: &[Sheet],
    path: &Path,
) -> Result<(), Box<dyn std::error::Error>> {
    let rows: u32 = sheets
        .iter()
        .map(|sheet| sheet.outcomes.len() as u32 * ROW + GAP)
        .sum();
    let height = TOP + rows + BOTTOM;
    let root = SVGBackend::new(path, (WIDTH, height)).into_drawing_area();
    root.fill(&WHITE)?;
    let text = |size: i32| ("sans-serif", size).into_font().color(&BLACK);
    root.draw(&Text::new(measure.title, (10, 10), text(18)))?;
    for (n, contender) in ALL.into_iter().enumerate() {
        let x = 10 + n as i32 * 126;
        let swatch = [(x, 42), (x + 10, 52)];
        root.draw(&Rectangle::new(swatch, colour(contender).filled()))?;
        let title = contender.title().replace('`', "");
        root.draw(&Text::new(title, (x + 14, 41), text(11)))?;
    }
    let values = || {
        let outcomes = sheets.iter().flat_map(|sheet| &sheet.outcomes);
        outcomes.map(measure.of).filter(|value| *value > 0.0)
    };
    let least = values().fold(f64::INFINITY, f64::min).ln() - 0.5;
    let most = values().fold(f64::NEG_INFINITY, f64::max).ln();
    let room = f64::from(WIDTH - LEFT - 90);
    let mut y = TOP as i32;
    for sheet in sheets {
        let title = sheet.title.replace('`', "");
        root.draw(&Text::new(title, (10, y + 2), text(13)))?;
        for outcome in &sheet.outcomes {
            let value = (measure.of)(outcome);
            let share = (value.max(f64::MIN_POSITIVE).ln() - least) / (most - least);
            let right = LEFT as i32 + (room * share.clamp(0.0, 1.0)) as i32;
            let corners = [(LEFT as i32, y), (right, y + ROW as i32 - 3)];
            let mut said = (measure.show)(value);
            if !outcome.is_right() {
                said.push_str(" (pictures missing or wrong)");
            }
            root.draw(&Rectangle::new(corners, colour(outcome.contender).filled()))?;
            root.draw(&Text::new(said, (right + 4, y), text(11)))?;
            y += ROW as i32;
        }
        y += GAP as i32;
    }
    root.present()?;
    Ok(())
}
