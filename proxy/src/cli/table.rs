//! A table for people: columns as wide as they must be, and cut where a terminal ends.

use std::io::{IsTerminal, stdout};

use unicode_width::UnicodeWidthStr;

/// Between two columns.
const GAP: usize = 2;
/// Narrower than this no column is made, whatever the terminal.
const NARROWEST: usize = 12;

/// Rows of cells under headings, each with lines of their own below.
pub(super) struct Table<const N: usize> {
    pub(super) headings: [&'static str; N],
    pub(super) rows: Vec<Row<N>>,
}

pub(super) struct Row<const N: usize> {
    pub(super) cells: [String; N],
    /// Below the cells, indented, never cut.
    pub(super) notes: Vec<String>,
}

impl<const N: usize> Table<N> {
    /// Without the last line break. `width` is that of the terminal; none cuts nothing.
    pub(super) fn show(&self, width: Option<usize>) -> String {
        let widths = self.widths(width);
        let mut lines = vec![line(&self.headings.map(str::to_owned), &widths)];
        for row in &self.rows {
            lines.push(line(&row.cells, &widths));
            lines.extend(row.notes.iter().map(|note| format!("  {}", plain(note))));
        }
        lines.join("\n")
    }

    /// What each column needs. Of a table that is too wide the widest columns give way.
    fn widths(&self, width: Option<usize>) -> [usize; N] {
        let mut widths = self.headings.map(UnicodeWidthStr::width);
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(&row.cells) {
                *width = (*width).max(plain(cell).width());
            }
        }
        let room = width.map_or(usize::MAX, |width| {
            width.saturating_sub(GAP * N.saturating_sub(1))
        });
        while widths.iter().sum::<usize>() > room {
            let widest = widths.iter_mut().max_by_key(|width| **width);
            match widest {
                Some(widest) if *widest > NARROWEST => *widest -= 1,
                _ => break,
            }
        }
        widths
    }
}

fn line<const N: usize>(cells: &[String; N], widths: &[usize; N]) -> String {
    let mut line = String::new();
    for (cell, &width) in cells.iter().zip(widths) {
        let cell = cut(&plain(cell), width);
        let padding = width.saturating_sub(cell.width()) + GAP;
        line.push_str(&cell);
        line.extend(std::iter::repeat_n(' ', padding));
    }
    line.trim_end().to_owned()
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

    fn table() -> Table<3> {
        let row = |cells: [&str; 3], notes: &[&str]| Row {
            cells: cells.map(str::to_owned),
            notes: notes.iter().map(|&note| note.to_owned()).collect(),
        };
        Table {
            headings: ["HOSTS", "FROM", "NEXT"],
            rows: vec![
                row(["a-rather-long-name.example.ch", "files", "-"], &[]),
                row(
                    ["zürich.test", "acme x", "ordering"],
                    &["it\u{1b}[31m says\nno"],
                ),
            ],
        }
    }

    #[test]
    fn columns_are_as_wide_as_they_must_be() {
        let expected = "\
HOSTS                          FROM    NEXT
a-rather-long-name.example.ch  files   -
zürich.test                    acme x  ordering
  it [31m says no";
        assert_eq!(table().show(None), expected);
        assert_eq!(table().show(Some(47)), expected);
    }

    #[test]
    fn the_widest_column_gives_way_to_a_terminal() {
        let expected = "\
HOSTS         FROM    NEXT
a-rather-lo…  files   -
zürich.test   acme x  ordering
  it [31m says no";
        assert_eq!(table().show(Some(30)), expected);
        assert_eq!(table().show(Some(3)), expected);
        let widest = table()
            .show(Some(40))
            .lines()
            .map(UnicodeWidthStr::width)
            .max();
        assert_eq!(widest, Some(40));
    }

    #[test]
    fn wide_letters_take_two_columns() {
        assert_eq!(cut("日本語", 6), "日本語");
        assert_eq!(cut("日本語", 5), "日本…");
        assert_eq!(cut("日本語", 4), "日…");
        assert_eq!(cut("abc", 1), "…");
    }
}
