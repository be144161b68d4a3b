//! The field lines of one message as bytes: those of its head stay where they came, what is added stands beside them.
//!
//! Nothing is hashed, copied or counted for a field that nobody asks for. A name is looked for along the lines, of which a message has
//! few and its reader allows so many.

use std::{borrow::Cow, slice};

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
        self.lines.iter().map(|line| self.stock.parts(line))
    }

    /// Bytes of all names and values.
    pub fn size(&self) -> usize {
        let sizes = self.iter().map(|(name, value)| name.len() + value.len());
        sizes.sum()
    }

    pub fn contains(&self, name: &HeaderName) -> bool {
        self.lines.iter().any(self.stock.is_named(name))
    }

    /// The values of that name, in the order they came.
    pub(super) fn values(&self, name: HeaderName) -> LineValues<'_> {
        LineValues {
            stock: &self.stock,
            lines: self.lines.iter(),
            key: Key::of(name.as_str().as_bytes()),
            name,
        }
    }

    /// Adds one more line, whose value is these parts in a row. What cannot stand in a value is left out.
    pub fn add_parts(&mut self, name: &HeaderName, parts: &[&[u8]]) {
        let line = self.stock.take(name.as_str().as_bytes(), parts);
        self.lines.extend(line);
    }

    /// Puts such a line where the first of that name is, and takes the others away. What cannot stand in a value takes all away.
    pub fn set_parts(&mut self, name: &HeaderName, parts: &[&[u8]]) {
        let mut line = self.stock.take(name.as_str().as_bytes(), parts);
        let Self { stock, lines } = self;
        let is_it = stock.is_named(name);
        lines.retain_mut(|old| {
            if !is_it(old) {
                return true;
            }
            let new = line.take();
            if let Some(new) = new {
                *old = new;
            }
            new.is_some()
        });
        lines.extend(line);
    }

    /// Takes every line of that name away.
    pub fn remove(&mut self, name: &HeaderName) {
        let Self { stock, lines } = self;
        let is_it = stock.is_named(name);
        lines.retain(|line| !is_it(line));
    }

    /// Takes every line away whose name, in lower case, is so.
    pub fn remove_where(&mut self, mut is_so: impl FnMut(&str) -> bool) {
        let Self { stock, lines } = self;
        let mut space = LowerCase::default();
        lines.retain(|line| !is_so(&space.of(stock.parts(line).0)));
    }

    /// The names, in lower case, that are so. One may be there more than once.
    pub(super) fn names_where(&self, mut is_so: impl FnMut(&str) -> bool) -> Vec<HeaderName> {
        let mut space = LowerCase::default();
        let names = self.iter().map(|(name, _)| name);
        let found = names.filter(|name| is_so(&space.of(name)));
        found
            .filter_map(|name| HeaderName::from_bytes(name).ok())
            .collect()
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
}

impl Stock {
    fn of(&self, line: &Line) -> &[u8] {
        if line.is_added {
            &self.added
        } else {
            &self.head
        }
    }

    /// Name and value.
    fn parts(&self, line: &Line) -> (&[u8], &[u8]) {
        let bytes = self.of(line);
        (line.name.of(bytes), line.value.of(bytes))
    }

    fn is_named<'a>(&'a self, name: &'a HeaderName) -> impl Fn(&Line) -> bool + 'a {
        let name = name.as_str().as_bytes();
        let key = Key::of(name);
        move |line| self.has(line, key, name)
    }

    fn has(&self, line: &Line, key: Key, name: &[u8]) -> bool {
        line.key == key && self.parts(line).0.eq_ignore_ascii_case(name)
    }

    /// Takes a line in. Nothing if its value cannot stand there, or what there is cannot be counted any more.
    fn take(&mut self, name: &[u8], value: &[&[u8]]) -> Option<Line> {
        if !value.iter().all(|part| VALUE.run(part) == part.len()) {
            return None;
        }
        let added = &mut self.added;
        if added.capacity() == 0 {
            added.reserve(ADDED);
        }
        let name_at = added.len();
        added.extend_from_slice(name);
        let value_at = added.len();
        for part in value {
            added.extend_from_slice(part);
        }
        Some(Line {
            key: Key::of(name),
            is_added: true,
            name: Span::between(name_at, value_at)?,
            value: Span::between(value_at, added.len())?,
        })
    }
}

/// The values of one name.
#[derive(Debug)]
pub(super) struct LineValues<'a> {
    stock: &'a Stock,
    lines: slice::Iter<'a, Line>,
    key: Key,
    name: HeaderName,
}

impl<'a> Iterator for LineValues<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<Self::Item> {
        let name = self.name.as_str().as_bytes();
        let line = self
            .lines
            .find(|line| self.stock.has(line, self.key, name))?;
        Some(self.stock.parts(line).1)
    }
}

impl DoubleEndedIterator for LineValues<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let name = self.name.as_str().as_bytes();
        let line = self
            .lines
            .rfind(|line| self.stock.has(line, self.key, name))?;
        Some(self.stock.parts(line).1)
    }
}

/// Makes names lower case; common ones without memory of their own.
struct LowerCase([u8; 64]);

impl Default for LowerCase {
    fn default() -> Self {
        Self([0; 64])
    }
}

impl LowerCase {
    fn of<'a>(&'a mut self, name: &'a [u8]) -> Cow<'a, str> {
        let is_lower = !name.iter().any(u8::is_ascii_uppercase);
        let lower = match self.0.get_mut(..name.len()) {
            _ if is_lower => name,
            Some(space) => {
                space.copy_from_slice(name);
                space.make_ascii_lowercase();
                space
            }
            None => return String::from_utf8_lossy(name).to_ascii_lowercase().into(),
        };
        String::from_utf8_lossy(lower)
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

/// Of a map; with room for what is added.
impl From<&HeaderMap> for FieldLines {
    fn from(map: &HeaderMap) -> Self {
        let sizes = map
            .iter()
            .map(|(name, value)| name.as_str().len() + value.len());
        let mut fields = Self {
            stock: Stock {
                head: Bytes::new(),
                added: Vec::with_capacity(sizes.sum::<usize>() + ADDED),
            },
            lines: Vec::with_capacity(map.len() + USUAL / 2),
        };
        for (name, value) in map {
            fields.add_parts(name, &[value.as_bytes()]);
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
