//! The header fields of a message as stages change them, whatever type a lane keeps them in.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::admit::{FieldLines, FieldView};

/// Reads and edits fields. Names are lower case, as [`HeaderName`] keeps them.
pub trait Fields {
    fn view(&self) -> FieldView<'_>;

    /// Puts one field in the place of all of that name.
    fn set(&mut self, name: HeaderName, value: HeaderValue);

    /// The same with a value that is these parts in a row. What cannot stand in a field is left out rather than bent.
    fn set_parts(&mut self, name: HeaderName, parts: &[&[u8]]) {
        match HeaderValue::from_bytes(&parts.concat()) {
            Ok(value) => self.set(name, value),
            Err(_) => self.remove(&name),
        }
    }

    /// Puts one more field beside those of that name.
    fn add(&mut self, name: HeaderName, value: HeaderValue);

    /// Puts a field where there is none of that name.
    fn fill(&mut self, name: HeaderName, value: HeaderValue) {
        if !self.view().contains(&name) {
            self.set(name, value);
        }
    }

    /// Takes every field of that name away.
    fn remove(&mut self, name: &HeaderName);
}

impl Fields for FieldLines {
    fn view(&self) -> FieldView<'_> {
        self.into()
    }

    fn set(&mut self, name: HeaderName, value: HeaderValue) {
        FieldLines::remove(self, &name);
        FieldLines::add(self, &name, &value);
    }

    fn set_parts(&mut self, name: HeaderName, parts: &[&[u8]]) {
        FieldLines::remove(self, &name);
        self.add_parts(&name, parts);
    }

    fn add(&mut self, name: HeaderName, value: HeaderValue) {
        FieldLines::add(self, &name, &value);
    }

    fn remove(&mut self, name: &HeaderName) {
        FieldLines::remove(self, name);
    }
}

impl Fields for HeaderMap {
    fn view(&self) -> FieldView<'_> {
        self.into()
    }

    fn set(&mut self, name: HeaderName, value: HeaderValue) {
        self.insert(name, value);
    }

    fn add(&mut self, name: HeaderName, value: HeaderValue) {
        self.append(name, value);
    }

    fn fill(&mut self, name: HeaderName, value: HeaderValue) {
        self.entry(name).or_insert(value);
    }

    fn remove(&mut self, name: &HeaderName) {
        HeaderMap::remove(self, name); // with all of that name
    }
}

/// Takes every field away whose name is so. Allocates only if there is one.
pub fn remove_where(fields: &mut impl Fields, is_so: impl FnMut(&str) -> bool) {
    for name in &fields.view().names_where(is_so) {
        fields.remove(name);
    }
}

/// The name that some servers take this one for, if it has a `_`: CGI makes the same of `A_B` as of `A-B`.
pub fn taken_for(name: &str) -> Option<String> {
    name.contains('_').then(|| name.replace('_', "-"))
}

/// Adds an element to a list field, joining what came in several lines.
pub(crate) fn append(fields: &mut impl Fields, name: HeaderName, element: &[&[u8]]) {
    let mut lines = fields.view().get_all(&name).peekable();
    if lines.peek().is_none() {
        return fields.set_parts(name, element);
    }
    let mut list = Vec::new();
    for line in lines {
        list.extend_from_slice(line);
        list.extend_from_slice(b", ");
    }
    for part in element {
        list.extend_from_slice(part);
    }
    fields.set_parts(name, &[&list]);
}
