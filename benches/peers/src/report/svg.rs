//! The plot: for each line a group of bars, each as long as the figure, so that the shorter is the better.

use std::fmt::Write as _;

use super::{Board, Line, digits::short};
use crate::peer::Kind;

const PEERS: [(Kind, &str); 6] = [
    (Kind::Simplon, "#0b6e4f"),
    (Kind::Profiled, "#5fb08f"),
    (Kind::Nginx, "#8fa3ad"),
    (Kind::Haproxy, "#6c8ebf"),
    (Kind::Caddy, "#c9a66b"),
    (Kind::Relay, "#d9d9d9"),
];

const WIDTH: usize = 860;
/// Where bars begin, and how long the longest of a line is.
const LEFT: usize = 250;
const LONGEST: f64 = 440.0;
const BAR: usize = 14;
const GAP: usize = 14;
const TOP: usize = 76;

pub(super) fn draw(board: &Board) -> String {
    let mut bars = String::new();
    let mut y = TOP;
    for line in &board.lines {
        y = group(&mut bars, line, y) + GAP;
    }
    let height = y + GAP;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n\
         <text x=\"12\" y=\"24\" font-size=\"16\" font-weight=\"bold\">Simplon beside its peers</text>\n"
    );
    text(&mut svg, 12, 42, &under_the_title(board));
    let mut x = 12;
    for (kind, colour) in PEERS {
        rectangle(&mut svg, (x, 54), (10, 10), colour);
        text(&mut svg, x + 14, 63, &kind.to_string());
        x += 90;
    }
    svg + &bars + "</svg>\n"
}

fn under_the_title(board: &Board) -> String {
    let host = &board.host;
    let versions: Vec<_> = board
        .versions
        .iter()
        .filter(|(name, _)| *name != "relay")
        .map(|(_, said)| said.as_str())
        .collect();
    format!(
        "shorter is better · {}, {} cores, {} · {}",
        host.processor,
        host.cores,
        host.kernel,
        versions.join(", ")
    )
}

/// Draws the bars of a line from `y` down, and returns where they end.
fn group(svg: &mut String, line: &Line, mut y: usize) -> usize {
    let shown: Vec<_> = PEERS
        .iter()
        .filter_map(|(kind, colour)| Some((*kind, *colour, line.median(*kind)?)))
        .collect();
    let most = shown
        .iter()
        .map(|(_, _, value)| *value)
        .fold(f64::MIN_POSITIVE, f64::max);
    text(svg, 12, y + BAR - 3, &line.name);
    text(svg, 12, y + 2 * BAR - 2, line.unit);
    if let Some(lead) = line.lead() {
        let said = format!(
            "{:.2} of {} ({:.2}–{:.2})",
            lead.by.median, lead.over, lead.by.low, lead.by.high
        );
        text(svg, 12, y + 3 * BAR - 1, &said);
    }
    let least = y + 3 * BAR;
    for (kind, colour, value) in shown {
        let width = whole(value.max(0.0) / most * LONGEST);
        rectangle(svg, (LEFT, y), (width, BAR - 2), colour);
        let mark = if line.idled(kind).is_some() { "°" } else { "" };
        text(
            svg,
            LEFT + width + 6,
            y + BAR - 4,
            &format!("{}{mark} {kind}", short(value)),
        );
        y += BAR;
    }
    y.max(least)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a width in pixels"
)]
fn whole(pixels: f64) -> usize {
    pixels.round() as usize
}

fn rectangle(
    svg: &mut String,
    (x, y): (usize, usize),
    (width, height): (usize, usize),
    colour: &str,
) {
    // Writing to a string does not fail.
    let _ = writeln!(
        svg,
        "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"{colour}\"/>"
    );
}

fn text(svg: &mut String, x: usize, y: usize, said: &str) {
    let said = said
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    let _ = writeln!(svg, "<text x=\"{x}\" y=\"{y}\">{said}</text>");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::board;

    #[test]
    fn the_longest_bar_is_of_the_dearest_and_the_others_are_in_proportion() {
        let svg = draw(&board());
        for (width, colour) in [
            (440, "#c9a66b"),
            (352, "#8fa3ad"),
            (293, "#0b6e4f"),
            (176, "#d9d9d9"),
        ] {
            let bar = format!("width=\"{width}\" height=\"12\" fill=\"{colour}\"");
            assert!(svg.contains(&bar), "{bar}\n{svg}");
        }
    }

    #[test]
    fn names_cannot_break_the_markup() {
        let mut board = board();
        board.host.processor = "<b> & co".to_owned();
        assert!(draw(&board).contains("&lt;b&gt; &amp; co"));
    }

    #[test]
    fn the_machine_and_the_versions_are_in_it() {
        let svg = draw(&board());
        assert!(svg.contains("EPYC") && svg.contains("nginx/1.22.1"));
    }
}
