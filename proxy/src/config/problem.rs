//! What is wrong with a configuration, where, and what to do about it.

use std::path::Path;
use std::sync::Arc;

/// A stretch of one line of a configuration file. Lines and columns count from one, columns in characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    pub file: Arc<Path>,
    pub line: u32,
    pub column: u32,
    /// Characters under the caret; at least one.
    pub width: u32,
}

/// A value and the place it was written at. Two are equal if their values are.
#[derive(Clone, Debug)]
pub struct Located<T> {
    pub value: T,
    pub span: Option<Span>,
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

/// One problem. Messages are lower case, without a full stop, and name the thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub severity: Severity,
    pub span: Option<Span>,
    pub message: String,
    pub hint: Option<String>,
}
