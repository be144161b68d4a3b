//! The header fields of a message, whatever type a lane keeps them in.

use http::{HeaderMap, HeaderName, HeaderValue};

/// Reads and edits fields. Names are lower case, as [`HeaderName`] keeps them.
pub trait Fields {
    fn map(&self) -> &HeaderMap;

    /// Puts one field in the place of all of that name.
    fn set(&mut self, name: HeaderName, value: HeaderValue);

    /// Puts one more field beside those of that name.
    fn add(&mut self, name: HeaderName, value: HeaderValue);

    /// Puts a field where there is none of that name.
    fn fill(&mut self, name: HeaderName, value: HeaderValue) {
        if !self.map().contains_key(&name) {
            self.set(name, value);
        }
    }

    /// Takes every field of that name away.
    fn remove(&mut self, name: &HeaderName);
}

impl Fields for HeaderMap {
    fn map(&self) -> &HeaderMap {
        self
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
pub fn remove_where(fields: &mut impl Fields, is_so: impl Fn(&str) -> bool) {
    let names = fields.map().keys().filter(|name| is_so(name.as_str()));
    let names: Vec<HeaderName> = names.cloned().collect();
    for name in &names {
        fields.remove(name);
    }
}

/// The name that some servers take this one for, if it has a `_`: CGI makes the same of `A_B` as of `A-B`.
pub fn taken_for(name: &str) -> Option<String> {
    name.contains('_').then(|| name.replace('_', "-"))
}

/// Adds an element to a list field, joining what came in several lines.
pub(crate) fn append(fields: &mut impl Fields, name: HeaderName, element: &HeaderValue) {
    let mut list = Vec::new();
    for value in fields.map().get_all(&name) {
        list.extend_from_slice(value.as_bytes());
        list.extend_from_slice(b", ");
    }
    if list.is_empty() {
        return fields.set(name, element.clone());
    }
    list.extend_from_slice(element.as_bytes());
    if let Ok(list) = HeaderValue::from_bytes(&list) {
        fields.set(name, list);
    }
}
