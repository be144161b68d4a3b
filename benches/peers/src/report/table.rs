//! The table, in Markdown, which a terminal shows as well.

use super::{Board, Line, digits::short};
use crate::peer::Kind;

const COLUMNS: [Kind; 6] = [
    Kind::Simplon,
    Kind::Profiled,
    Kind::Nginx,
    Kind::Haproxy,
    Kind::Caddy,
    Kind::Relay,
];

/// What stands behind the figure of a proxy that waited for its load.
const WAITED: &str = "°";

pub(super) fn draw(board: &Board) -> String {
    let columns = columns(board);
    let mut rows = vec![head(&columns)];
    rows.extend(board.lines.iter().map(|line| row(line, &columns)));
    let host = &board.host;
    let versions = board.versions.iter().filter(|(name, _)| *name != "relay");
    let versions: Vec<_> = versions
        .map(|(name, said)| format!("{name}: {said}"))
        .collect();
    format!(
        "{}\n{}, {} cores, {} MiB, {}.\n{}.\n\n{}\n",
        aligned(&rows),
        host.processor,
        host.cores,
        host.memory_mib,
        host.kernel,
        versions.join("; "),
        remarks(board).join("\n")
    )
}

/// What a reader has to know of the figures.
fn remarks(board: &Board) -> Vec<String> {
    let mut remarks = board.conditions.clone();
    remarks.push(
        "the last column is the best peer's figure by ours, above 1 where Simplon is ahead, with its 95 % interval over the rounds"
            .to_owned(),
    );
    let waited = |line: &Line| COLUMNS.iter().any(|kind| line.idled(*kind).is_some());
    if board.lines.iter().any(waited) {
        remarks.push(format!(
            "{WAITED} the proxy was less than 90 % busy: the load was not enough for it"
        ));
    }
    let absent = board.absent.iter();
    remarks.extend(absent.map(|name| format!("{name} is not installed, and left out")));
    remarks.extend(board.notes.iter().map(|note| note.replace('\n', " ")));
    remarks
        .into_iter()
        .map(|remark| format!("* {remark}"))
        .collect()
}

/// The proxies; a second Simplon only if one was measured.
fn columns(board: &Board) -> Vec<Kind> {
    let is_there = |kind: &Kind| {
        let mut lines = board.lines.iter();
        *kind != Kind::Profiled || lines.any(|line| line.median(*kind).is_some())
    };
    COLUMNS.into_iter().filter(is_there).collect()
}

fn head(columns: &[Kind]) -> Vec<String> {
    let names = columns.iter().map(Kind::to_string);
    ["", "unit"]
        .map(str::to_owned)
        .into_iter()
        .chain(names)
        .chain(["best peer ÷ Simplon".to_owned()])
        .collect()
}

fn row(line: &Line, columns: &[Kind]) -> Vec<String> {
    let figures = columns.iter().map(|&kind| match line.median(kind) {
        None => String::new(),
        Some(median) if line.idled(kind).is_some() => format!("{}{WAITED}", short(median)),
        Some(median) => short(median),
    });
    let lead = line.lead().map_or_else(String::new, |lead| {
        let by = lead.by;
        format!(
            "**{:.2}** {} ({:.2}–{:.2})",
            by.median, lead.over, by.low, by.high
        )
    });
    [line.name.clone(), line.unit.to_owned()]
        .into_iter()
        .chain(figures)
        .chain([lead])
        .collect()
}

/// Columns as wide as their widest cell; the two first to the left, figures to the right.
fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let cell = |row: &[String], column: usize| row.get(column).cloned().unwrap_or_default();
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            rows.iter()
                .map(|row| cell(row, column).chars().count())
                .max()
                .unwrap_or(0)
                .max(3)
        })
        .collect();
    let line = |cells: &mut dyn Iterator<Item = String>| cells.collect::<String>() + "|\n";
    let mut lines: Vec<String> = rows
        .iter()
        .map(|row| {
            line(&mut widths.iter().enumerate().map(|(column, width)| {
                let cell = cell(row, column);
                match column {
                    0 | 1 => format!("| {cell:<width$} "),
                    _ => format!("| {cell:>width$} "),
                }
            }))
        })
        .collect();
    let rule = line(&mut widths.iter().enumerate().map(|(column, width)| {
        let end = if column < 2 { '-' } else { ':' };
        format!("|-{}{end}", "-".repeat(*width))
    }));
    lines.insert(1.min(lines.len()), rule);
    lines.concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::board;

    #[test]
    fn a_line_names_every_proxy_and_the_lead() {
        let table = draw(&board());
        let line = table
            .lines()
            .find(|line| line.contains("H1 plain"))
            .unwrap();
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let lead = "**1.20** nginx (1.20–1.20)";
        assert_eq!(
            cells,
            [
                "",
                "H1 plain",
                "CPU µs a request",
                "10.0",
                "12.0",
                "",
                "15.0",
                "6.00°",
                lead,
                ""
            ]
        );
    }

    #[test]
    fn who_is_missing_and_what_was_refused_is_said() {
        let table = draw(&board());
        for said in [
            "HAProxy is not installed",
            "2 rounds were refused",
            "EPYC",
            "less than 90 % busy",
        ] {
            assert!(table.contains(said), "{said}");
        }
    }
}
