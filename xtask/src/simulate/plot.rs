//! The picture: pods and waiting messages over time, a row for each scenario.

use std::fmt::Write as _;

use super::engine::Outcome;

const WIDTH: f64 = 860.0;
const ROW: f64 = 150.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 80.0;
const TOP: f64 = 34.0;
const GAP: f64 = 56.0;
const PODS: &str = "#1f6feb";
const WAITING: &str = "#c2410c";

/// An SVG of the outcomes with their titles, `minutes` wide.
pub(super) fn svg(rows: &[(String, &Outcome)], minutes: f64) -> String {
    let height = TOP + rows.len() as f64 * (ROW + GAP) + 10.0;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\" fill=\"#57606a\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n"
    );
    for (index, (title, outcome)) in rows.iter().enumerate() {
        let top = TOP + index as f64 * (ROW + GAP);
        row(&mut text, top, title, outcome, minutes);
    }
    text.push_str("</svg>\n");
    text
}

/// Writing to a string cannot fail, so the results are dropped here and below.
fn row(text: &mut String, top: f64, title: &str, outcome: &Outcome, minutes: f64) {
    let bottom = top + ROW;
    let right = WIDTH - RIGHT;
    let _ = writeln!(
        text,
        "<text x=\"{LEFT}\" y=\"{}\" font-size=\"14\" fill=\"#24292f\">{title}</text>",
        top - 12.0
    );
    for part in 0..=6 {
        let minute = minutes * f64::from(part) / 6.0;
        let x = LEFT + (right - LEFT) * f64::from(part) / 6.0;
        let _ = writeln!(
            text,
            "<line x1=\"{x:.1}\" y1=\"{top}\" x2=\"{x:.1}\" y2=\"{bottom}\" stroke=\"#eaeef2\"/>\
             <text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{minute:.0} min</text>",
            bottom + 16.0
        );
    }
    let _ = writeln!(
        text,
        "<rect x=\"{LEFT}\" y=\"{top}\" width=\"{}\" height=\"{ROW}\" fill=\"none\" stroke=\"#d0d7de\"/>",
        right - LEFT
    );
    let points = outcome.timeline.iter();
    let waiting: Vec<_> = points
        .clone()
        .map(|(time, _, count)| (*time, *count))
        .collect();
    let pods: Vec<_> = points.map(|(time, count, _)| (*time, *count)).collect();
    for (series, color, x, anchor, label) in [
        (waiting, WAITING, right + 6.0, "start", "waiting"),
        (pods, PODS, LEFT - 6.0, "end", "pods"),
    ] {
        let most = ceiling(series.iter().map(|(_, count)| *count).max().unwrap_or(0));
        let _ = writeln!(
            text,
            "<g fill=\"{color}\" text-anchor=\"{anchor}\"><text x=\"{x}\" y=\"{}\">{most}</text>\
             <text x=\"{x}\" y=\"{}\">{label}</text><text x=\"{x}\" y=\"{bottom}\">0</text></g>",
            top + 10.0,
            top + ROW / 2.0
        );
        let line: Vec<String> = series
            .iter()
            .map(|(time, count)| {
                let x = LEFT + (right - LEFT) * time / (minutes * 60.0);
                let y = bottom - ROW * *count as f64 / most as f64;
                format!("{x:.1},{y:.1}")
            })
            .collect();
        let _ = writeln!(
            text,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"1.8\"/>",
            line.join(" ")
        );
    }
}

/// The next number of the form 1, 2 or 5 times a power of ten.
fn ceiling(value: usize) -> usize {
    let mut unit = 1;
    loop {
        for step in [1, 2, 5] {
            if step * unit >= value {
                return step * unit;
            }
        }
        unit *= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_end_at_round_numbers() {
        assert_eq!([0, 1, 3, 10, 11, 51].map(ceiling), [1, 1, 5, 10, 20, 100]);
    }

    #[test]
    fn every_point_lies_in_its_frame() {
        let outcome = Outcome {
            timeline: vec![(0.0, 0, 0), (600.0, 7, 300), (1800.0, 10, 0)],
            ..Outcome::default()
        };
        let svg = svg(&[("a".to_owned(), &outcome)], 30.0);
        let lines: Vec<&str> = svg.split("points=\"").skip(1).collect();
        assert_eq!(lines.len(), 2);
        for line in lines {
            let (points, _) = line.split_once('"').unwrap();
            for point in points.split(' ') {
                let (x, y) = point.split_once(',').unwrap();
                let (x, y): (f64, f64) = (x.parse().unwrap(), y.parse().unwrap());
                assert!((LEFT..=WIDTH - RIGHT).contains(&x), "{point}");
                assert!((TOP..=TOP + ROW).contains(&y), "{point}");
            }
        }
    }
}
