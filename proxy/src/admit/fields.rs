//! The field lines of one message as bytes: those of its head stay where they came, what is added stands beside them.
//!
//! Nothing is hashed, copied or counted for a field that nobody asks for. A name is looked for along the lines, of which a message has
//! few and its reader allows so many.

use std::ops::Range;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::syntax::VALUE;

/// Lines that most messages have, with what is added to them.
const USUAL: usize = 24;
/// Bytes that are usually added.
const ADDED: usize = 512;

/// In the order in which they came or were added. Names are as they were sent.
#[derive(Debug, Default)]
pub struct FieldLines {
    stock: Stock,
    lines: Vec<Line>,
}

/// The bytes that lines are parts of.
#[derive(Clone, Debug, Default)]
struct Stock {
    head: Bytes,
    added: Vec<u8>,
}

/// Where the parts of a line are.
#[derive(Clone, Copy, Debug)]
struct Line {
    key: Key,
    is_added: bool,
    name: Span,
    value: Span,
}

#[derive(Clone, Copy, Debug)]
struct Span {
    at: u32,
    length: u32,
}

/// What tells most names from each other: their length and three of their letters, in lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key(u32);

impl Key {
    fn of(name: &[u8]) -> Self {
        let letter = |at: usize| name.get(at).map_or(0, |letter| letter | 0x20);
        let (middle, last) = (name.len() / 2, name.len().saturating_sub(1));
        let [.., length] = name.len().to_be_bytes();
        Self(u32::from_be_bytes([
            length,
            letter(0),
            letter(middle),
            letter(last),
        ]))
    }
}

impl FieldLines {
    /// Of a head whose lines are added one by one.
    pub(super) fn of(head: &Bytes) -> Self {
        Self {
            stock: Stock {
                head: head.clone(),
                added: Vec::new(),
            },
            lines: Vec::with_capacity(USUAL),
        }
    }

    /// Adds a line that is part of the head. Nothing if it is none, or lies beyond what can be counted.
    pub(super) fn note(&mut self, name: &[u8], value: &[u8]) -> Option<()> {
        self.lines.push(Line {
            key: Key::of(name),
            is_added: false,
            name: Span::within(&self.stock.head, name)?,
            value: Span::within(&self.stock.head, value)?,
        });
        Some(())
    }

    pub fn len(&self) -> usize {
        self.lines.len()
    }

    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Name and value of each line.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        (0..self.lines.len()).filter_map(|at| self.line(at))
    }

    pub fn contains(&self, name: &HeaderName) -> bool {
        self.find(name, 0..self.len()).is_some()
    }

    /// Adds one more line.
    pub fn add(&mut self, name: &HeaderName, value: &HeaderValue) {
        // Both are valid by type.
        self.put(name.as_str().as_bytes(), &[value.as_bytes()]);
    }

    /// Adds one more line, whose value is these parts in a row. What cannot stand in a value is left out.
    pub fn add_parts(&mut self, name: &HeaderName, parts: &[&[u8]]) {
        if parts.iter().all(|part| VALUE.run(part) == part.len()) {
            self.put(name.as_str().as_bytes(), parts);
        }
    }

    /// Takes every line of that name away.
    pub fn remove(&mut self, name: &HeaderName) {
        let Self { stock, lines } = self;
        let is_it = stock.is_named(name);
        lines.retain(|line| !is_it(line));
    }

    /// The same by the types of `http`, where they are needed. Lines that those cannot hold are left out.
    pub fn into_map(self) -> HeaderMap {
        let Self { stock, lines } = self;
        let (head, added) = (stock.head, Bytes::from(stock.added));
        let mut map = HeaderMap::with_capacity(lines.len());
        for line in lines {
            let whole = if line.is_added { &added } else { &head };
            let name = HeaderName::from_bytes(line.name.of(whole));
            let value = HeaderValue::from_maybe_shared(whole.slice_ref(line.value.of(whole)));
            if let (Ok(name), Ok(value)) = (name, value) {
                let _ = map.try_append(name, value); // it takes more than any reader lets pass
            }
        }
        map
    }

    /// Where the first line of that name is within a range.
    pub(super) fn find(&self, name: &HeaderName, range: Range<usize>) -> Option<usize> {
        let start = range.start;
        let mut lines = self.lines.get(range)?.iter();
        let at = lines.position(self.stock.is_named(name))?;
        Some(start + at)
    }

    /// Where the last one is.
    pub(super) fn rfind(&self, name: &HeaderName, range: Range<usize>) -> Option<usize> {
        let start = range.start;
        let mut lines = self.lines.get(range)?.iter();
        let at = lines.rposition(self.stock.is_named(name))?;
        Some(start + at)
    }

    /// Name and value of a line.
    pub(super) fn line(&self, at: usize) -> Option<(&[u8], &[u8])> {
        let line = self.lines.get(at)?;
        let bytes = self.stock.of(line);
        Some((line.name.of(bytes), line.value.of(bytes)))
    }

    fn put(&mut self, name: &[u8], value: &[&[u8]]) {
        let added = &mut self.stock.added;
        if added.capacity() == 0 {
            added.reserve(ADDED);
        }
        let name_at = added.len();
        added.extend_from_slice(name);
        let value_at = added.len();
        for part in value {
            added.extend_from_slice(part);
        }
        // Beyond what can be counted there is no line.
        if let (Some(name), Some(value)) = (
            Span::between(name_at, value_at),
            Span::between(value_at, added.len()),
        ) {
            self.lines.push(Line {
                key: Key::of(added.get(name_at..value_at).unwrap_or_default()),
                is_added: true,
                name,
                value,
            });
        }
    }
}

impl Stock {
    fn of(&self, line: &Line) -> &[u8] {
        if line.is_added {
            &self.added
        } else {
            &self.head
        }
    }

    fn is_named<'a>(&'a self, name: &'a HeaderName) -> impl Fn(&Line) -> bool + 'a {
        let name = name.as_str().as_bytes();
        let key = Key::of(name);
        move |line| line.key == key && line.name.of(self.of(line)).eq_ignore_ascii_case(name)
    }
}

/// With room for what is added to a copy.
impl Clone for FieldLines {
    fn clone(&self) -> Self {
        let mut lines = Vec::with_capacity(self.lines.len() + USUAL / 2);
        lines.extend_from_slice(&self.lines);
        Self {
            stock: self.stock.clone(),
            lines,
        }
    }
}

impl From<&HeaderMap> for FieldLines {
    fn from(map: &HeaderMap) -> Self {
        let mut fields = Self {
            lines: Vec::with_capacity(USUAL.max(map.len())),
            ..Self::default()
        };
        for (name, value) in map {
            fields.add(name, value);
        }
        fields
    }
}

impl Span {
    fn between(start: usize, end: usize) -> Option<Self> {
        Some(Self {
            at: start.try_into().ok()?,
            length: end.checked_sub(start)?.try_into().ok()?,
        })
    }

    /// Where a part of some bytes is in them; an empty one may be anywhere.
    fn within(whole: &[u8], part: &[u8]) -> Option<Self> {
        if part.is_empty() {
            return Self::between(0, 0);
        }
        let start = part.as_ptr().addr().checked_sub(whole.as_ptr().addr())?;
        let end = start.checked_add(part.len())?;
        Self::between(start, end).filter(|_| end <= whole.len())
    }

    fn of(self, whole: &[u8]) -> &[u8] {
        let (at, length) = (self.at as usize, self.length as usize);
        whole.get(at..at + length).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
