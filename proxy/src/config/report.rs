//! Problems, with the lines they are in, ready to be shown to a person or a program.

use std::{collections::HashSet, fmt, sync::Arc};

use serde_json::{Value, json};
use unicode_width::UnicodeWidthChar;

use super::{
    problem::{Found, Problem, Problems, Severity, Span},
    source::Sources,
};

/// Everything that is wrong with a configuration. `Display` shows each problem as rustc does:
///
/// ```text
/// error: conf/simplon.yaml:12:15: no upstream is named "ap"
///    |
/// 12 |     upstream: ap
///    |               ^^
///    = hint: did you mean "api"?
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    entries: Vec<Entry>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    problem: Problem,
    excerpt: Option<Excerpt>,
}

/// A line, or as much of it as fits, and the stretch of it that is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Excerpt {
    line: String,
    /// Columns of a terminal in front of the caret, and under it.
    indent: usize,
    width: usize,
}

impl Report {
    /// In the order of the files and from top to bottom, whatever the order of `problems`.
    pub fn new(problems: impl IntoIterator<Item = Problem>, sources: &Sources) -> Self {
        let problems: Vec<_> = problems.into_iter().collect();
        let secret: HashSet<_> = problems
            .iter()
            .filter(|problem| problem.is_secret)
            .filter_map(|problem| problem.span.as_ref())
            .map(|span| (Arc::clone(&span.file), span.line))
            .collect();
        let excerpt = |span: &Span| {
            let is_shown = !secret.contains(&(Arc::clone(&span.file), span.line));
            Excerpt::new(sources.line(span).filter(|_| is_shown)?, span)
        };
        let mut entries: Vec<_> = problems
            .into_iter()
            .map(|problem| Entry {
                excerpt: problem.span.as_ref().and_then(excerpt),
                problem,
            })
            .collect();
        entries.sort_by_cached_key(|entry| sources.order(entry.problem.span.as_ref()));
        Self { entries }
    }

    /// One error without a place.
    pub fn plain(message: impl Into<String>) -> Self {
        Self::new([Problem::error(message)], &Sources::default())
    }

    pub(super) fn of(problems: Problems, sources: &Sources) -> Self {
        let Found { kept, dropped, .. } = problems.into_found();
        let mut report = Self::new(kept, sources);
        if dropped > 0 {
            let problem = Problem::error(format!("there are {dropped} more problems"))
                .hint("mend those above first");
            report.entries.push(Entry {
                problem,
                excerpt: None,
            });
        }
        report
    }

    pub fn problems(&self) -> impl Iterator<Item = &Problem> {
        self.entries.iter().map(|entry| &entry.problem)
    }

    pub fn errors(&self) -> usize {
        self.count(Severity::Error)
    }

    pub fn warnings(&self) -> usize {
        self.count(Severity::Warning)
    }

    /// Whether nothing in it stops the configuration from being used.
    pub fn is_usable(&self) -> bool {
        self.errors() == 0
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// `2 errors, 1 warning`; empty if there is neither.
    pub fn summary(&self) -> String {
        let counted = |count: usize, noun: &str| match count {
            0 => None,
            1 => Some(format!("1 {noun}")),
            _ => Some(format!("{count} {noun}s")),
        };
        [
            counted(self.errors(), "error"),
            counted(self.warnings(), "warning"),
        ]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(", ")
    }

    /// An array of `{severity, file, line, column, width, message, hint}`; what is unknown is null.
    pub fn to_json(&self) -> Value {
        self.problems()
            .map(|problem| {
                let span = problem.span.as_ref();
                json!({
                    "severity": problem.severity.to_string(),
                    "file": span.map(|span| span.file.display().to_string()),
                    "line": span.map(|span| span.line),
                    "column": span.map(|span| span.column),
                    "width": span.map(|span| span.width),
                    "message": problem.message,
                    "hint": problem.hint,
                })
            })
            .collect()
    }

    fn count(&self, severity: Severity) -> usize {
        self.problems()
            .filter(|problem| problem.severity == severity)
            .count()
    }
}

/// The problems with an empty line between two; ends with a line break.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, entry) in self.entries.iter().enumerate() {
            if number > 0 {
                writeln!(f)?;
            }
            entry.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Report {}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Problem {
            severity,
            span,
            message,
            hint,
            is_secret: _,
        } = &self.problem;
        write!(f, "{severity}: ")?;
        if let Some(span) = span {
            write!(f, "{}: ", printable(&span.to_string()))?;
        }
        writeln!(f, "{}", printable(message))?;
        let gutter = match (span, &self.excerpt) {
            (Some(span), Some(excerpt)) => {
                let line = span.line.to_string();
                let gutter = " ".repeat(line.len());
                writeln!(f, "{gutter} |")?;
                writeln!(f, "{}", format!("{line} | {}", excerpt.line).trim_end())?;
                let indent = " ".repeat(excerpt.indent);
                writeln!(f, "{gutter} | {indent}{}", "^".repeat(excerpt.width))?;
                gutter
            }
            _ => " ".to_owned(),
        };
        if let Some(hint) = hint {
            writeln!(f, "{gutter} = hint: {}", printable(hint))?;
        }
        Ok(())
    }
}

impl Excerpt {
    /// Columns shown of a longer line, and how many of them in front of the caret.
    const WIDEST: usize = 120;
    const BEFORE: usize = 50;

    /// Bytes of a line beyond which it is not shown at all: looking for the column would take too long.
    const LONGEST: usize = 64 << 10;

    fn new(line: &str, span: &Span) -> Option<Self> {
        if line.len() > Self::LONGEST {
            return None;
        }
        let start = usize::try_from(span.column).ok()?.checked_sub(1)?;
        let meant = start..start + usize::try_from(span.width).ok()?;
        let glyphs: Vec<_> = line.chars().map(glyph).collect();
        let columns = |glyphs: &[(char, usize)]| glyphs.iter().map(|(_, w)| w).sum::<usize>();
        let is_long = columns(&glyphs) > Self::WIDEST;
        let from = if is_long {
            start.saturating_sub(Self::BEFORE)
        } else {
            0
        };
        let mut excerpt = Self {
            line: String::new(),
            indent: 0,
            width: 0,
        };
        let mut column = 0;
        if from > 0 {
            excerpt.line.push('…');
            column += 1;
        }
        excerpt.indent = column;
        for (at, (shown, width)) in glyphs.iter().enumerate().skip(from) {
            if is_long && column + width >= Self::WIDEST {
                excerpt.line.push('…');
                break;
            }
            match shown {
                '\t' => excerpt.line.push_str("    "),
                shown => excerpt.line.push(*shown),
            }
            column += width;
            if at < start {
                excerpt.indent = column;
            } else if meant.contains(&at) {
                excerpt.width += width;
            }
        }
        // Behind the end of a line, too, there must be something to see.
        excerpt.width = excerpt.width.max(1);
        Some(excerpt)
    }
}

/// A character as it is shown, and its columns. A tab becomes four spaces.
fn glyph(c: char) -> (char, usize) {
    match c {
        '\t' => ('\t', 4),
        c if c.is_control() => (char::REPLACEMENT_CHARACTER, 1),
        c => (c, c.width().unwrap_or(0)),
    }
}

/// Without what would steer a terminal.
fn printable(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c.is_control() {
                char::REPLACEMENT_CHARACTER
            } else {
                c
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::{path::Path, sync::Arc};

    use super::*;

    fn shown(text: &str, line: u32, column: u32, width: u32) -> String {
        let file: Arc<Path> = Path::new("a.yaml").into();
        let mut sources = Sources::default();
        sources.add(Arc::clone(&file), text.into());
        let span = Span {
            file,
            line,
            column,
            width,
        };
        let problem = Problem::error("no").at(&span).hint("yes");
        Report::new([problem], &sources).to_string()
    }

    #[test]
    fn the_caret_stands_under_the_value() {
        let expected = "\
error: a.yaml:2:7: no
  |
2 |   to: ap
  |       ^^
  = hint: yes
";
        assert_eq!(shown("x:\n  to: ap\n", 2, 7, 2), expected);
    }

    #[test]
    fn tabs_and_wide_letters_move_the_caret() {
        let expected = "\
error: a.yaml:1:6: no
  |
1 |     é漢: 字x
  |          ^^^
  = hint: yes
";
        assert_eq!(shown("\té漢: 字x", 1, 6, 2), expected);
    }

    #[test]
    fn a_long_line_is_cut_around_the_caret() {
        let text = format!("{}ap{}", "-".repeat(300), "+".repeat(300));
        let report = shown(&text, 1, 301, 2);
        let lines: Vec<_> = report.lines().collect();
        let cut = format!("1 | …{}ap{}…", "-".repeat(50), "+".repeat(66));
        assert_eq!(lines[2], cut);
        assert_eq!(lines[3], format!("  | {}^^", " ".repeat(51)));
    }

    #[test]
    fn what_steers_a_terminal_is_not_shown() {
        let report = shown("a: \u{1b}[31mred", 1, 4, 1);
        assert!(report.contains("1 | a: \u{fffd}[31mred"), "{report}");
        let plain = Report::plain("a\u{7}b").to_string();
        assert_eq!(plain, "error: a\u{fffd}b\n");
    }

    #[test]
    fn a_place_behind_the_text_needs_no_line() {
        let report = shown("a\n", 9, 1, 1);
        assert_eq!(report, "error: a.yaml:9:1: no\n  = hint: yes\n");
        assert!(shown("abc", 1, 50, 9).contains("  |    ^\n"));
    }

    #[test]
    fn programs_get_the_same_as_people() {
        let report = Report::plain("no listener");
        assert_eq!(
            report.to_json(),
            json!([{
                "severity": "error", "file": null, "line": null, "column": null, "width": null,
                "message": "no listener", "hint": null,
            }])
        );
        assert_eq!(report.summary(), "1 error");
        assert!(!report.is_usable());
    }
}
