//! YAML text to a tree that knows where every value was written.
//!
//! Built from the parser's events rather than through serde: only so do keys, quotes and the ends of values keep
//! their places, and does reading go on behind a key that stands twice. Anchors, aliases, merge keys and tags are refused.

use std::{borrow::Cow, collections::HashMap, path::Path, sync::Arc};

use serde_yaml::granit_parser::{self, ErrorKind, Event, Marker, Parser, ScalarStyle, ScanError};

use super::{
    problem::{Problem, Problems, Span, quoted},
    variables::{Environment, expand},
};

/// Lists and mappings inside each other. What config.md describes needs seven.
const MAX_DEPTH: usize = 32;

/// Keys and values of one file. A file of 50,000 long routes has half as many.
const MAX_NODES: usize = 2_000_000;

/// One value and its place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub(super) value: Value,
    /// A scalar: all of it. A list or mapping: its bracket, or what stands first in it.
    pub(super) span: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    /// In the order of the file; no key stands twice.
    Map(Vec<Entry>),
    /// Something was wrong with it and that has been said.
    Unreadable,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) at: Span,
    pub(super) node: Node,
}

/// Reads one file. `None` if it is no YAML or breaks a limit; smaller problems leave [`Value::Unreadable`] behind.
pub(super) fn parse(
    file: &Arc<Path>,
    text: &str,
    environment: &Environment<'_>,
    problems: &Problems,
) -> Option<Node> {
    let mut builder = Builder {
        file,
        text,
        environment,
        problems,
        open: Vec::new(),
        root: None,
        documents: 0,
        nodes: 0,
    };
    let options = granit_parser::options! {
        emit_unresolved_aliases: true,
        emit_anchor_events: true,
        emit_comments: false,
    };
    for event in Parser::new_from_str_with_options(text, options) {
        let taken = event
            .map_err(|error| builder.not_yaml(&error))
            .and_then(|(event, span)| builder.take(event, span));
        if let Err(problem) = taken {
            problems.push(problem);
            return None;
        }
    }
    let start = builder.span(granit_parser::Span::empty(Marker::new(0, 1, 0)));
    Some(builder.root.unwrap_or(Node {
        value: Value::Null,
        span: start,
    }))
}

struct Builder<'a> {
    file: &'a Arc<Path>,
    text: &'a str,
    environment: &'a Environment<'a>,
    problems: &'a Problems,
    /// Lists and mappings that have begun and not ended, the innermost last.
    open: Vec<Open>,
    root: Option<Node>,
    documents: usize,
    nodes: usize,
}

enum Open {
    List {
        at: Span,
        items: Vec<Node>,
    },
    Map {
        at: Span,
        entries: Vec<Entry>,
        /// A key whose value is still to come.
        key: Option<(String, Span)>,
    },
}

impl Builder<'_> {
    /// An error ends the reading of this file.
    fn take(&mut self, event: Event<'_>, at: granit_parser::Span) -> Result<(), Problem> {
        let span = self.span(at);
        let tag = at.tag_span().map(|tag| self.span(tag));
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(Problem::error("a second document begins here")
                        .at(&span)
                        .hint(
                            "a configuration is one document; spread it over files with `include`",
                        ));
                }
            }
            Event::Anchor(..) => self.refuse(
                &span,
                "anchors are not understood",
                "remove it, and write the value out where it is used",
            ),
            Event::Alias(..) | Event::UnresolvedAlias(..) => {
                self.alias(&span, at.slice(self.text).unwrap_or_default());
                self.add(Value::Unreadable, span)?;
            }
            Event::Scalar(text, style, _, _) => {
                let awaits_key = matches!(self.open.last(), Some(Open::Map { key: None, .. }));
                let value = if let Some(tag) = tag {
                    self.refuse_tag(&tag);
                    Value::Unreadable
                } else if awaits_key {
                    Value::Text(text.into_owned())
                } else {
                    let written = at.slice(self.text).unwrap_or_default();
                    self.scalar(text, style, written, &span)
                };
                self.add(value, span)?;
            }
            Event::SequenceStart(..) => self.open(
                Open::List {
                    at: span,
                    items: Vec::new(),
                },
                tag.as_ref(),
            )?,
            Event::MappingStart(..) => self.open(
                Open::Map {
                    at: span,
                    entries: Vec::new(),
                    key: None,
                },
                tag.as_ref(),
            )?,
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open::List { at, items }) => self.add(Value::List(items), at)?,
                Some(Open::Map { at, entries, .. }) => {
                    // A mapping without braces begins with its first key.
                    let first = entries.first().map(|entry| entry.at.clone());
                    let at = first
                        .filter(|key| (key.line, key.column) == (at.line, at.column))
                        .unwrap_or(at);
                    let value = self.map(entries);
                    self.add(value, at)?;
                }
                None => {}
            },
            _ => {}
        }
        Ok(())
    }

    fn open(&mut self, what: Open, tag: Option<&Span>) -> Result<(), Problem> {
        if let Some(tag) = tag {
            self.refuse_tag(tag);
        }
        if self.open.len() == MAX_DEPTH {
            let (Open::List { at, .. } | Open::Map { at, .. }) = what;
            return Err(
                Problem::error("lists and mappings are nested too deeply here")
                    .at(&at)
                    .hint("nothing in a configuration is as deep as this"),
            );
        }
        self.open.push(what);
        Ok(())
    }

    /// Puts a finished value where it belongs.
    fn add(&mut self, value: Value, span: Span) -> Result<(), Problem> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(Problem::error("the file has more than 2,000,000 values")
                .at(&span)
                .hint("spread the configuration over files with `include`"));
        }
        let problems = self.problems;
        match self.open.last_mut() {
            None => self.root = Some(Node { value, span }),
            Some(Open::List { items, .. }) => items.push(Node { value, span }),
            Some(Open::Map { entries, key, .. }) => match key.take() {
                Some((name, at)) => {
                    // A missing value is best shown at its key: the parser has it on another line.
                    let span = if value == Value::Null {
                        at.clone()
                    } else {
                        span
                    };
                    entries.push(Entry {
                        key: name,
                        at,
                        node: Node { value, span },
                    });
                }
                None => *key = Some((key_of(value, &span, problems), span)),
            },
        }
        Ok(())
    }

    /// Of a key that stands twice the first stays. With a key that was refused, nobody knows what else is meant.
    fn map(&self, mut entries: Vec<Entry>) -> Value {
        if entries.iter().any(|entry| entry.key.is_empty()) {
            return Value::Unreadable;
        }
        let mut first: HashMap<&str, &Span> = HashMap::with_capacity(entries.len());
        let mut keep = Vec::with_capacity(entries.len());
        for Entry { key, at, .. } in &entries {
            let before = first.get(&**key).map(|before| before.line);
            keep.push(before.is_none());
            if let Some(line) = before {
                self.problems.push(
                    Problem::error(format!("{} stands here a second time", quoted(key)))
                        .at(at)
                        .hint(format!("the first is on line {line}")),
                );
            } else {
                first.insert(key, at);
            }
        }
        let mut keep = keep.into_iter();
        entries.retain(|_| keep.next().unwrap_or(true));
        Value::Map(entries)
    }

    fn scalar(&self, text: Cow<'_, str>, style: ScalarStyle, written: &str, at: &Span) -> Value {
        let text = match expand(&text, self.environment) {
            Ok(replaced) if text.contains('$') => replaced,
            Ok(_) => text.into_owned(),
            Err(faults) => {
                for fault in faults {
                    self.problems.push(
                        Problem::error(fault.message)
                            .at(&part_of(at, written, fault.part))
                            .hint(fault.hint),
                    );
                }
                return Value::Unreadable;
            }
        };
        if style == ScalarStyle::Plain {
            plain(text)
        } else {
            Value::Text(text)
        }
    }

    fn alias(&self, span: &Span, written: &str) {
        // The commonest alias is a wildcard host without quotes.
        let hint = if written.starts_with("*.") || written == "*" {
            format!("to YAML a leading * is an alias; write it in quotes: \"{written}\"")
        } else {
            "write the value out".to_owned()
        };
        self.refuse(span, "aliases are not understood", &hint);
    }

    fn refuse_tag(&self, span: &Span) {
        self.refuse(
            span,
            "tags are not understood",
            "remove it; a value that begins with ! needs quotes",
        );
    }

    fn refuse(&self, span: &Span, message: &str, hint: &str) {
        self.problems
            .push(Problem::error(message).at(span).hint(hint));
    }

    fn not_yaml(&self, error: &ScanError) -> Problem {
        let mark = *error.marker();
        let span = self.span(granit_parser::Span::empty(mark));
        let before = mark.byte_offset().and_then(|at| self.text.get(..at));
        if before.is_some_and(|before| before.ends_with('$')) {
            return Problem::error("between brackets a variable needs quotes")
                .at(&span)
                .hint("to YAML a { begins a mapping; write \"${NAME}\"");
        }
        let (message, hint) = explained(error.kind());
        let message = message.unwrap_or_else(|| format!("this is not YAML: {}", error.info()));
        Problem {
            hint: hint.map(str::to_owned),
            ..Problem::error(message).at(&span)
        }
    }

    /// Where something stands; of what goes on over lines, the part on the first.
    fn span(&self, at: granit_parser::Span) -> Span {
        let (start, end) = (at.start, at.end);
        let width = if end.line() == start.line() {
            end.col().saturating_sub(start.col())
        } else {
            let rest = start.byte_offset().and_then(|byte| self.text.get(byte..));
            rest.and_then(|rest| rest.split(['\r', '\n']).next())
                .map_or(1, |rest| rest.trim_end().chars().count())
        };
        Span {
            file: Arc::clone(self.file),
            line: clamp(start.line()),
            column: clamp(start.col() + 1),
            width: clamp(width.max(1)),
        }
    }
}

/// The usual slips in words that do not take a parser's view, and what to do.
fn explained(kind: &ErrorKind) -> (Option<String>, Option<&'static str>) {
    let (message, hint) = match kind {
        ErrorKind::TabInIndentation
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabNotAllowed
        | ErrorKind::TabInPlainScalar => (
            "a tab stands where only spaces may",
            "indent with spaces, not with tabs",
        ),
        ErrorKind::MappingValueNotAllowed | ErrorKind::InvalidColonPlacement => (
            "a colon is out of place here",
            "a value with a colon in it needs quotes; or a colon is missing on the line before",
        ),
        ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => (
            "a colon is missing here",
            "write `key: value`, with a space behind the colon",
        ),
        ErrorKind::UnclosedQuotedScalar
        | ErrorKind::InvalidQuotedScalarIndent
        | ErrorKind::DocumentIndicatorInQuotedScalar => (
            "a quote is opened before this and never closed",
            "close it, or write \\\" inside a value in quotes",
        ),
        ErrorKind::UnclosedFlowCollection { open } => {
            let message = format!("this {open} is never closed");
            return (Some(message), Some("a bracket is missing"));
        }
        ErrorKind::MismatchedFlowCollectionEnd { open, close } => {
            let message = format!("this {open} is closed by a {close}");
            return (
                Some(message),
                Some("a bracket is missing, or is of the other kind"),
            );
        }
        ErrorKind::UnexpectedEofFlowMapping
        | ErrorKind::UnexpectedEofFlowSequence
        | ErrorKind::ExpectedFlowMappingSeparator
        | ErrorKind::ExpectedFlowSequenceSeparator => (
            "a comma or a bracket is missing here",
            "separate entries by commas, and close every bracket",
        ),
        ErrorKind::InvalidIndentation
        | ErrorKind::ExpectedBlockMappingKey
        | ErrorKind::ExpectedBlockSequenceEntry
        | ErrorKind::BlockSequenceEntryNotAllowed
        | ErrorKind::MappingKeyNotAllowed => (
            "this does not line up with what is above it",
            "what belongs together begins in one column",
        ),
        ErrorKind::UnexpectedCharacter { .. } => (
            "no value begins with this character",
            "a value that begins so needs quotes",
        ),
        ErrorKind::MissingAnchorOrAliasName => (
            "no value begins with * or & alone",
            "a value that begins so needs quotes",
        ),
        _ => return (None, None),
    };
    (Some(message.to_owned()), Some(hint))
}

/// The name a key has; empty if it has none, which has then been said.
fn key_of(value: Value, span: &Span, problems: &Problems) -> String {
    let (message, hint) = match value {
        Value::Text(name) if name == "<<" => (
            "merge keys are not understood",
            "write the keys out where they are used",
        ),
        Value::Text(name) if name.is_empty() => ("a key is missing here", "write `key: value`"),
        Value::Text(name) => return name,
        Value::Unreadable => return String::new(),
        _ => (
            "a key must be a word, not a list or a mapping",
            "a value that begins with { or [ needs quotes",
        ),
    };
    problems.push(Problem::error(message).at(span).hint(hint));
    String::new()
}

/// The type that a value without quotes has. Stricter than YAML 1.2's core schema: `010`, `0x1F`, `1e3` and `.inf`
/// stay text, so that nobody is surprised.
fn plain(text: String) -> Value {
    match &*text {
        "" | "~" | "null" => return Value::Null,
        "true" => return Value::Bool(true),
        "false" => return Value::Bool(false),
        _ => {}
    }
    let digits = text.strip_prefix('-').unwrap_or(&text);
    let is_number = digits.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        && digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.ends_with(|c: char| c.is_ascii_digit());
    let is_octal = digits.starts_with('0') && digits.len() > 1 && !digits.starts_with("0.");
    if !is_number || is_octal {
        return Value::Text(text);
    }
    if let Ok(number) = text.parse() {
        return Value::Int(number);
    }
    match text.parse() {
        Ok(number) if digits.contains('.') => Value::Float(number),
        _ => Value::Text(text),
    }
}

/// The place of `part` in a value written as `written` at `at`; all of it if that goes over lines.
fn part_of(at: &Span, written: &str, part: &str) -> Span {
    match written.split_once(part) {
        Some((before, _)) if !written.contains(['\n', '\r']) => Span {
            column: at.column + clamp(before.chars().count()),
            width: clamp(part.chars().count().max(1)),
            ..at.clone()
        },
        _ => at.clone(),
    }
}

fn clamp(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
