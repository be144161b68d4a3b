//! The fields of a message to be read, whatever a lane keeps them in.

use std::borrow::Borrow;

use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::{FieldLines, fields::LineValues};

/// Names count in any case. Values are bytes, without the white space round them.
#[derive(Clone, Copy, Debug)]
pub enum FieldView<'a> {
    Map(&'a HeaderMap),
    Lines(&'a FieldLines),
}

impl<'a> FieldView<'a> {
    /// The first value of that name.
    pub fn get(self, name: impl Borrow<HeaderName>) -> Option<&'a [u8]> {
        match self {
            Self::Map(map) => map.get(name.borrow()).map(HeaderValue::as_bytes),
            Self::Lines(lines) => lines.values(name.borrow().clone()).next(),
        }
    }

    /// All values of that name, in the order they came.
    pub fn get_all(self, name: impl Borrow<HeaderName>) -> Values<'a> {
        let name = name.borrow();
        Values(match self {
            Self::Map(map) => Source::Map(map.get_all(name).into_iter()),
            Self::Lines(lines) => Source::Lines(lines.values(name.clone())),
        })
    }

    pub fn contains(self, name: impl Borrow<HeaderName>) -> bool {
        match self {
            Self::Map(map) => map.contains_key(name.borrow()),
            Self::Lines(lines) => lines.contains(name.borrow()),
        }
    }

    /// Lines, of which several may have one name.
    pub fn len(self) -> usize {
        match self {
            Self::Map(map) => map.len(),
            Self::Lines(lines) => lines.len(),
        }
    }

    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Shows each name and its value. Names may have capitals.
    pub fn for_each(self, mut show: impl FnMut(&'a [u8], &'a [u8])) {
        match self {
            Self::Map(map) => map
                .iter()
                .for_each(|(name, value)| show(name.as_str().as_bytes(), value.as_bytes())),
            Self::Lines(lines) => lines.iter().for_each(|(name, value)| show(name, value)),
        }
    }

    /// The names that are so, once each, in lower case and in order. Takes memory only if there is one.
    pub fn names_where(self, mut is_so: impl FnMut(&str) -> bool) -> Vec<HeaderName> {
        match self {
            Self::Map(map) => {
                let found = map.keys().filter(|name| is_so(name.as_str()));
                in_order(found.cloned().collect())
            }
            Self::Lines(lines) => in_order(lines.names_where(is_so)),
        }
    }

    /// Names and values by the types of `http`, of the names that are so.
    pub fn named_where(
        self,
        is_so: impl Fn(&HeaderName) -> bool,
    ) -> Vec<(HeaderName, HeaderValue)> {
        match self {
            Self::Map(map) => {
                let found = map.iter().filter(|(name, _)| is_so(name));
                found
                    .map(|(name, value)| (name.clone(), value.clone()))
                    .collect()
            }
            Self::Lines(lines) => {
                let typed = lines.iter().filter_map(|(name, value)| {
                    let name = HeaderName::from_bytes(name).ok()?;
                    Some((name, HeaderValue::from_bytes(value).ok()?))
                });
                typed.filter(|(name, _)| is_so(name)).collect()
            }
        }
    }

    /// The same as lines, to be changed.
    pub fn to_lines(self) -> FieldLines {
        match self {
            Self::Map(map) => map.into(),
            Self::Lines(lines) => lines.clone(),
        }
    }
}

impl<'a> From<&'a HeaderMap> for FieldView<'a> {
    fn from(map: &'a HeaderMap) -> Self {
        Self::Map(map)
    }
}

impl<'a> From<&'a FieldLines> for FieldView<'a> {
    fn from(lines: &'a FieldLines) -> Self {
        Self::Lines(lines)
    }
}

/// The values of one name.
#[derive(Debug)]
pub struct Values<'a>(Source<'a>);

#[derive(Debug)]
enum Source<'a> {
    Map(header::ValueIter<'a, HeaderValue>),
    Lines(LineValues<'a>),
}

impl<'a> Iterator for Values<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Source::Map(values) => values.next().map(HeaderValue::as_bytes),
            Source::Lines(values) => values.next(),
        }
    }
}

impl DoubleEndedIterator for Values<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Source::Map(values) => values.next_back().map(HeaderValue::as_bytes),
            Source::Lines(values) => values.next_back(),
        }
    }
}

/// So that a name among many is soon found.
fn in_order(mut names: Vec<HeaderName>) -> Vec<HeaderName> {
    names.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
    names.dedup();
    names
}
