//! What is wrong with a configuration, where, and what to do about it.

use std::{cell::RefCell, fmt, path::Path, sync::Arc};

/// A stretch of one line of a configuration file. Lines and columns count from one, columns in characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    pub file: Arc<Path>,
    pub line: u32,
    pub column: u32,
    /// Characters under the caret; at least one.
    pub width: u32,
}

/// `file:line:column`.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file, line, column, ..
        } = self;
        write!(f, "{}:{line}:{column}", file.display())
    }
}

/// A value and the place it was written at. Two are equal if their values are.
#[derive(Clone, Debug)]
pub struct Located<T> {
    pub value: T,
    pub span: Option<Span>,
}

impl<T> Located<T> {
    pub fn new(value: T, span: &Span) -> Self {
        Self {
            value,
            span: Some(span.clone()),
        }
    }

    /// A value that no file holds.
    pub const fn nowhere(value: T) -> Self {
        Self { value, span: None }
    }
}

impl<T: PartialEq> PartialEq for Located<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: Eq> Eq for Located<T> {}

/// Whether a problem stops a configuration from being used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    Error,
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

/// One problem. Messages are lower case, without a full stop, and name the thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub severity: Severity,
    pub span: Option<Span>,
    pub message: String,
    pub hint: Option<String>,
    /// Whether the line it stands on holds a secret, and is not to be shown.
    pub is_secret: bool,
}

impl Problem {
    pub fn error(message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            span: None,
            message: message.into(),
            hint: None,
            is_secret: false,
        }
    }

    pub fn warning(message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(message)
        }
    }

    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    #[must_use]
    pub fn at(mut self, span: &Span) -> Self {
        self.span = Some(span.clone());
        self
    }

    /// As [`Self::at`], for what may have no place.
    #[must_use]
    pub fn at_value<T>(mut self, value: &Located<T>) -> Self {
        self.span.clone_from(&value.span);
        self
    }

    /// Neither this problem nor another of the same line is shown with the line itself.
    #[must_use]
    pub fn secret(mut self) -> Self {
        self.is_secret = true;
        self
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Problems kept of one load. Those beyond are only counted: nobody reads a thousand, and a broken
/// file of 16 MiB could hold a million.
const MAX_KEPT: usize = 1000;

/// Collects problems, so that a reader can go on after each and find them all.
#[derive(Debug, Default)]
pub struct Problems(RefCell<Found>);

#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) kept: Vec<Problem>,
    /// Problems that were not kept.
    pub(super) dropped: usize,
    errors: usize,
}

impl Problems {
    pub fn push(&self, problem: Problem) {
        let mut found = self.0.borrow_mut();
        found.errors += usize::from(problem.severity == Severity::Error);
        if found.kept.len() < MAX_KEPT {
            found.kept.push(problem);
        } else {
            found.dropped += 1;
        }
    }

    /// Whether a further problem would only be counted, so that a costly hint is not worth its making.
    pub(super) fn is_full(&self) -> bool {
        self.0.borrow().kept.len() >= MAX_KEPT
    }

    pub fn has_errors(&self) -> bool {
        self.0.borrow().errors > 0
    }

    pub(super) fn into_found(self) -> Found {
        self.0.into_inner()
    }
}

/// A value as messages show it: in quotes, escaped, and not longer than a line can bear.
pub(super) fn quoted(value: &str) -> String {
    const LONGEST: usize = 60;
    let mut shown: String = value
        .chars()
        .take(LONGEST)
        .flat_map(|c| match c {
            // Rust's escapes would turn a letter with a combining mark, or a quote, into noise.
            c if c.is_control() => c.escape_debug().collect::<Vec<_>>(),
            c => vec![c],
        })
        .collect();
    if value.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    format!("\"{shown}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_value_is_escaped_and_cut() {
        assert_eq!(quoted("api"), "\"api\"");
        assert_eq!(quoted("a\u{1b}[31m"), "\"a\\u{1b}[31m\"");
        assert_eq!(quoted(&"é".repeat(61)), format!("\"{}…\"", "é".repeat(60)));
    }

    #[test]
    fn problems_beyond_the_limit_are_counted() {
        let problems = Problems::default();
        for _ in 0..MAX_KEPT + 7 {
            problems.push(Problem::warning("a"));
        }
        assert!(!problems.has_errors());
        problems.push(Problem::error("b"));
        assert!(problems.has_errors());
        let found = problems.into_found();
        assert_eq!((found.kept.len(), found.dropped), (MAX_KEPT, 8));
    }
}
