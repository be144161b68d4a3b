//! The header fields of a message, whatever type a lane keeps them in.

use http::{HeaderMap, HeaderName, HeaderValue};

/// Reads and edits fields. Names are lower case, as [`HeaderName`] keeps them.
pub trait Fields {
    fn map(&self) -> &HeaderMap;

    /// Puts one field in the place of all of that name.
    fn set(&mut self, name: HeaderName, value: HeaderValue);

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

    fn remove(&mut self, name: &HeaderName) {
        while HeaderMap::remove(self, name).is_some() {}
    }
}
