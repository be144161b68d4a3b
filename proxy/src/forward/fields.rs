//! The header fields of a message as stages change them, whatever type a lane keeps them in.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::admit::{FieldLines, FieldView};

/// Reads and edits fields. Names are lower case, as [`HeaderName`] keeps them.
pub trait Fields {
    fn view(&self) -> FieldView<'_>;

    /// Puts one field in the place of all of that name.
    fn set(&mut self, name: HeaderName, value: HeaderValue);

    /// The same with a value that is these parts in a row. What cannot stand in a field is left out rather than bent.
    fn set_parts(&mut self, name: HeaderName, parts: &[&[u8]]) {
        match HeaderValue::from_maybe_shared(Bytes::from(parts.concat())) {
            Ok(value) => self.set(name, value),
            Err(_) => self.remove(&name),
        }
    }

    /// Puts one more field beside those of that name.
    fn add(&mut self, name: HeaderName, value: HeaderValue);

    /// The same with a value that is these parts in a row.
    fn add_parts(&mut self, name: HeaderName, parts: &[&[u8]]) {
        if let Ok(value) = HeaderValue::from_maybe_shared(Bytes::from(parts.concat())) {
            self.add(name, value);
        }
    }

    /// Puts a field where there is none of that name.
    fn fill(&mut self, name: HeaderName, value: HeaderValue) {
        if !self.view().contains(&name) {
            self.add(name, value);
        }
    }

    /// Takes every field of that name away.
    fn remove(&mut self, name: &HeaderName);

    /// Takes every field away whose name is so.
    fn remove_where(&mut self, is_so: impl FnMut(&str) -> bool) {
        for name in &self.view().names_where(is_so) {
            self.remove(name);
        }
    }
}

impl Fields for FieldLines {
    fn view(&self) -> FieldView<'_> {
        self.into()
    }

    fn set(&mut self, name: HeaderName, value: HeaderValue) {
        FieldLines::set_parts(self, &name, &[value.as_bytes()]);
    }

    fn set_parts(&mut self, name: HeaderName, parts: &[&[u8]]) {
        FieldLines::set_parts(self, &name, parts);
    }

    fn add(&mut self, name: HeaderName, value: HeaderValue) {
        FieldLines::add_parts(self, &name, &[value.as_bytes()]);
    }

    fn add_parts(&mut self, name: HeaderName, parts: &[&[u8]]) {
        FieldLines::add_parts(self, &name, parts);
    }

    fn remove(&mut self, name: &HeaderName) {
        FieldLines::remove(self, name);
    }

    fn remove_where(&mut self, is_so: impl FnMut(&str) -> bool) {
        FieldLines::remove_where(self, is_so);
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

/// Takes every field away that has one of these names, which are in order.
pub(super) fn remove_all(fields: &mut impl Fields, names: &[HeaderName]) {
    let is_among = |name: &str| {
        let found = names.binary_search_by(|known| known.as_str().cmp(name));
        found.is_ok()
    };
    if !names.is_empty() {
        fields.remove_where(is_among);
    }
}

/// The name that some servers take this one for, if it has a `_`: CGI makes the same of `A_B` as of `A-B`.
pub fn taken_for(name: &str) -> Option<String> {
    name.contains('_').then(|| name.replace('_', "-"))
}

/// Adds an element to a list field, joining what came in several lines.
pub(crate) fn append(fields: &mut impl Fields, name: HeaderName, element: &[&[u8]]) {
    let mut list = Vec::new();
    for line in fields.view().get_all(&name) {
        list.extend_from_slice(line);
        list.extend_from_slice(b", ");
    }
    if list.is_empty() {
        return fields.add_parts(name, element);
    }
    for part in element {
        list.extend_from_slice(part);
    }
    fields.set_parts(name, &[&list]);
}
