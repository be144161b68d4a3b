//! Plots of the last five minutes: one point a second, drawn as SVG, with their last values in words.

use std::fmt::{Result, Write};

use super::{
    super::html::{Count, Millis},
    sheet::Sheet,
    trace::{HEIGHT, Trace, WIDTH},
};
use crate::observe::Point;

/// One line of a plot: its name, which is its class, and a value a second.
type Line<'a> = (&'static str, &'a dyn Fn(&Point) -> Option<f64>);

/// Requests and errors, and beside them the percentiles of latency.
pub(super) fn write(sheet: &mut Sheet, points: &[Point]) -> Result {
    let left_out = points.len().saturating_sub(WIDTH);
    let points = points.get(left_out..).unwrap_or_default();
    figure(
        sheet,
        "Requests per second",
        points,
        [
            ("requests", &|point| Some(f64::from(point.requests))),
            ("errors", &|point| Some(f64::from(point.errors))),
        ],
        whole,
    )?;
    figure(
        sheet,
        "Latency",
        points,
        [
            ("p99", &|point| point.latency.map(|took| took.p99)),
            ("p95", &|point| point.latency.map(|took| took.p95)),
            ("p50", &|point| point.latency.map(|took| took.p50)),
        ],
        |value| Millis(value).to_string(),
    )
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts of a second"
)]
fn whole(value: f64) -> String {
    Count(value as u64).to_string()
}

fn figure<const LINES: usize>(
    sheet: &mut Sheet,
    title: &str,
    points: &[Point],
    lines: [Line<'_>; LINES],
    shown: impl Fn(f64) -> String,
) -> Result {
    let most_of = |(_, of): &Line<'_>| points.iter().filter_map(of).fold(0.0, f64::max);
    let last_of = |(_, of): &Line<'_>| points.iter().rev().take(10).find_map(of);
    let top = ceiling(lines.iter().map(most_of).fold(0.0, f64::max));
    write!(sheet, "<figure><figcaption><b>{title}</b>")?;
    for line in &lines {
        let last = last_of(line).map_or_else(|| "–".to_owned(), &shown);
        let (name, most) = (line.0, shown(most_of(line)));
        write!(
            sheet,
            " <span class=\"key {name}\">{name} <b>{last}</b> <small>max {most}</small></span>"
        )?;
    }
    write!(
        sheet,
        "</figcaption><svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" preserveAspectRatio=\"none\" role=\"img\">\
         <title>{title}, the last five minutes</title>\
         <path class=\"grid\" d=\"M0 0H{WIDTH}M0 50H{WIDTH}M0 100H{WIDTH}M60 0V100M120 0V100M180 0V100M240 0V100\"/>"
    )?;
    for (name, of) in &lines {
        write!(
            sheet,
            "<path class=\"{name}\" d=\"{}\"/>",
            Trace { points, of, top }
        )?;
    }
    write!(
        sheet,
        "</svg><span class=\"top\" aria-hidden=\"true\">{}</span>\
         <span class=\"time\" aria-hidden=\"true\"><i>5 min ago</i><i>4</i><i>3</i><i>2</i><i>1</i><i>now</i></span></figure>",
        shown(top)
    )
}

/// The next round number.
fn ceiling(most: f64) -> f64 {
    let power = 10_f64.powf(most.max(1.0).log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0];
    let round = steps.map(|step| step * power);
    round
        .into_iter()
        .find(|top| *top >= most)
        .unwrap_or(10.0 * power)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axis_ends_at_a_round_number() {
        for (most, expected) in [
            (0.0, 1.0),
            (0.3, 1.0),
            (1.0, 1.0),
            (3.2, 5.0),
            (51.0, 100.0),
            (1999.0, 2000.0),
        ] {
            assert!((ceiling(most) - expected).abs() < 1e-6, "{most}");
        }
    }
}
