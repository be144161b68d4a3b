//! The fields of a message to be read, whatever a lane keeps them in.

use std::{
    borrow::{Borrow, Cow},
    ops::Range,
};

use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::FieldLines;

/// Names that are shorter are made lower case without memory of their own.
const USUAL_NAME: usize = 64;

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
            Self::Lines(lines) => {
                let at = lines.find(name.borrow(), 0..lines.len())?;
                lines.line(at).map(|(_, value)| value)
            }
        }
    }

    /// All values of that name, in the order they came.
    pub fn get_all(self, name: impl Borrow<HeaderName>) -> Values<'a> {
        let name = name.borrow();
        Values(match self {
            Self::Map(map) => Source::Map(map.get_all(name).into_iter()),
            Self::Lines(lines) => Source::Lines {
                lines,
                rest: 0..lines.len(),
                name: name.clone(),
            },
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

    /// The names that are so, once each, in lower case. Takes memory only if there is one.
    pub fn names_where(self, mut is_so: impl FnMut(&str) -> bool) -> Vec<HeaderName> {
        let mut names: Vec<HeaderName> = Vec::new();
        match self {
            Self::Map(map) => {
                let found = map.keys().filter(|name| is_so(name.as_str()));
                names.extend(found.cloned());
            }
            Self::Lines(lines) => {
                let mut space = [0; USUAL_NAME];
                for (name, _) in lines.iter() {
                    let lower = lower(name, &mut space);
                    if is_so(&lower)
                        && let Ok(name) = HeaderName::from_bytes(name)
                        && !names.contains(&name)
                    {
                        names.push(name);
                    }
                }
            }
        }
        names
    }

    /// The same by the types of `http`, where they are needed.
    pub fn to_map(self) -> HeaderMap {
        match self {
            Self::Map(map) => map.clone(),
            Self::Lines(lines) => lines.clone().into_map(),
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
    Lines {
        lines: &'a FieldLines,
        rest: Range<usize>,
        name: HeaderName,
    },
}

impl<'a> Iterator for Values<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Source::Map(values) => values.next().map(HeaderValue::as_bytes),
            Source::Lines { lines, rest, name } => {
                let at = lines.find(name, rest.clone())?;
                rest.start = at + 1;
                lines.line(at).map(|(_, value)| value)
            }
        }
    }
}

impl DoubleEndedIterator for Values<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Source::Map(values) => values.next_back().map(HeaderValue::as_bytes),
            Source::Lines { lines, rest, name } => {
                let at = lines.rfind(name, rest.clone())?;
                rest.end = at;
                lines.line(at).map(|(_, value)| value)
            }
        }
    }
}

/// A name in lower case.
fn lower<'a>(name: &'a [u8], space: &'a mut [u8; USUAL_NAME]) -> Cow<'a, str> {
    let is_lower = !name.iter().any(u8::is_ascii_uppercase);
    let lower = match space.get_mut(..name.len()) {
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
