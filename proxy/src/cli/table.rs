//! A table for people: columns as wide as they must be, and cut where a terminal ends.

use std::io::{IsTerminal, stdout};

use unicode_width::UnicodeWidthStr;

/// Between two columns.
const GAP: &str = "  ";
/// Narrower than this no column is made, whatever the terminal.
const NARROWEST: usize = 12;

/// Rows of cells under headings, each with lines of their own below.
pub(super) struct Table<const N: usize> {
    pub(super) columns: [(&'static str, Give, Side); N],
    pub(super) rows: Vec<Row<N>>,
}

/// Where the cells of a column stand.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    /// For numbers.
    Right,
}

/// How a column makes room.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Give {
    Never,
    /// Its cells lose their ends.
    Cut,
    /// It goes as a whole, if cutting others is not enough; the rightmost first.
    Whole,
}

pub(super) struct Row<const N: usize> {
    pub(super) cells: [String; N],
    /// The colour of one cell, by its index; for terminals that want colours.
    pub(super) paint: Option<(usize, Colour)>,
    /// Below the cells, indented, never cut.
    pub(super) notes: Vec<String>,
}

/// As terminals know them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Colour {
    Red = 31,
    Green = 32,
    Brown = 33,
    Blue = 34,
    Yellow = 93,
}

/// The width of each column; none of one that is left out.
type Widths<const N: usize> = [Option<usize>; N];

impl<const N: usize> Table<N> {
    /// Without the last line break. `room` is the width of the terminal; none leaves out nothing.
    pub(super) fn show(&self, room: Option<usize>) -> String {
        let widths = self.widths(room.unwrap_or(usize::MAX));
        let headings = Row {
            cells: self.columns.map(|(heading, ..)| heading.to_owned()),
            paint: None,
            notes: Vec::new(),
        };
        let mut lines = vec![self.line(&headings, &widths)];
        for row in &self.rows {
            lines.push(self.line(row, &widths));
            lines.extend(row.notes.iter().map(|note| format!("  {}", plain(note))));
        }
        lines.join("\n")
    }

    fn widths(&self, room: usize) -> Widths<N> {
        let mut natural = self.columns.map(|(heading, ..)| Some(heading.width()));
        for row in &self.rows {
            for (width, cell) in natural.iter_mut().zip(&row.cells) {
                *width = (*width).max(Some(plain(cell).width()));
            }
        }
        loop {
            let widths = self.cut(natural, room);
            let goes = self
                .columns
                .iter()
                .zip(&mut natural)
                .rfind(|(column, width)| column.1 == Give::Whole && width.is_some());
            match goes {
                Some((_, width)) if total(&widths) > room => *width = None,
                _ => return widths,
            }
        }
    }

    /// The widest of the columns that may be cut gives way first.
    fn cut(&self, mut widths: Widths<N>, room: usize) -> Widths<N> {
        while total(&widths) > room {
            let widest = self
                .columns
                .iter()
                .zip(&mut widths)
                .filter(|((_, give, _), _)| *give == Give::Cut)
                .filter_map(|(_, width)| width.as_mut())
                .max_by_key(|width| **width);
            match widest {
                Some(width) if *width > NARROWEST => *width -= 1,
                _ => break,
            }
        }
        widths
    }

    fn line(&self, row: &Row<N>, widths: &Widths<N>) -> String {
        let mut line = String::new();
        for (nth, (cell, width)) in row.cells.iter().zip(widths).enumerate() {
            let Some(width) = *width else { continue };
            let cell = cut(&plain(cell), width);
            let padding = " ".repeat(width.saturating_sub(cell.width()));
            let is_right = self
                .columns
                .get(nth)
                .is_some_and(|column| column.2 == Side::Right);
            let cell = match row.paint {
                Some((at, colour)) if at == nth => format!("\x1b[{}m{cell}\x1b[0m", colour as u8),
                _ => cell,
            };
            let (before, after) = if is_right {
                (&*padding, "")
            } else {
                ("", &*padding)
            };
            line.extend([before, &cell, after, GAP]);
        }
        line.trim_end().to_owned()
    }
}

fn total<const N: usize>(widths: &Widths<N>) -> usize {
    let shown = widths.iter().flatten();
    shown
        .map(|width| width + GAP.len())
        .sum::<usize>()
        .saturating_sub(GAP.len())
}

/// At most so wide, with a sign if something is left out.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    for character in text.chars() {
        kept.push(character);
        if kept.width() + 1 > width {
            kept.pop();
            break;
        }
    }
    kept + "…"
}

/// One line that does nothing to a terminal: words of a CA, or of a certificate, may be anybody's.
pub(super) fn plain(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// As [`plain`], but with its lines.
pub(super) fn lines(text: &str) -> String {
    text.lines().map(plain).collect::<Vec<_>>().join("\n")
}

/// Columns of the terminal on standard output, if that is one.
pub(super) fn terminal_width() -> Option<usize> {
    let out = stdout();
    let size = out
        .is_terminal()
        .then(|| rustix::termios::tcgetwinsize(&out).ok());
    let columns = size.flatten()?.ws_col;
    (columns > 0).then_some(usize::from(columns))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table<4> {
        let row = |cells: [&str; 4], notes: &[&str]| Row {
            cells: cells.map(str::to_owned),
            paint: None,
            notes: notes.iter().map(|&note| note.to_owned()).collect(),
        };
        Table {
            columns: [
                ("HOSTS", Give::Cut, Side::Left),
                ("FROM", Give::Never, Side::Left),
                ("KEY", Give::Whole, Side::Left),
                ("NEXT", Give::Never, Side::Left),
            ],
            rows: vec![
                row(
                    ["a-rather-long-name.example.ch", "files", "RSA 2048", "-"],
                    &[],
                ),
                row(
                    ["zürich.test", "acme x", "-", "ordering"],
                    &["it\u{1b}[31m says\nno"],
                ),
            ],
        }
    }

    const WHOLE: &str = "\
HOSTS                          FROM    KEY       NEXT
a-rather-long-name.example.ch  files   RSA 2048  -
zürich.test                    acme x  -         ordering
  it [31m says no";
    const CUT: &str = "\
HOSTS         FROM    KEY       NEXT
a-rather-lo…  files   RSA 2048  -
zürich.test   acme x  -         ordering
  it [31m says no";
    const LEAST: &str = "\
HOSTS         FROM    NEXT
a-rather-lo…  files   -
zürich.test   acme x  ordering
  it [31m says no";
    const WITHOUT_KEY: &str = "\
HOSTS            FROM    NEXT
a-rather-long-…  files   -
zürich.test      acme x  ordering
  it [31m says no";

    #[test]
    fn columns_are_as_wide_as_they_must_be_and_give_way_to_a_terminal() {
        for (room, expected) in [
            (None, WHOLE),
            (Some(57), WHOLE),
            (Some(40), CUT),
            (Some(33), WITHOUT_KEY),
            (Some(30), LEAST),
            (Some(3), LEAST),
        ] {
            assert_eq!(table().show(room), expected, "{room:?}");
        }
    }

    #[test]
    fn numbers_stand_at_the_right_and_colours_take_no_room() {
        let row = |name: &str, count: &str, paint| Row {
            cells: [name.to_owned(), count.to_owned()],
            paint,
            notes: Vec::new(),
        };
        let table = Table {
            columns: [
                ("NAME", Give::Never, Side::Left),
                ("COUNT", Give::Never, Side::Right),
            ],
            rows: vec![
                row("a", "7", Some((0, Colour::Red))),
                row("longer", "1234567", Some((1, Colour::Green))),
                row("", "", None),
            ],
        };
        let expected = "\
NAME      COUNT
\u{1b}[31ma\u{1b}[0m             7
longer  \u{1b}[32m1234567\u{1b}[0m
";
        assert_eq!(table.show(None), expected);
    }

    #[test]
    fn wide_letters_take_two_columns() {
        assert_eq!(cut("日本語", 6), "日本語");
        assert_eq!(cut("日本語", 5), "日本…");
        assert_eq!(cut("日本語", 4), "日…");
        assert_eq!(cut("abc", 1), "…");
    }
}
