//! The route table: from host, path and method to the one route that is most specific.

use std::collections::HashMap;

use http::Method;

use super::{Methods, host::HostTable};
use crate::config::model::{HostPattern, PathPattern};

/// The hasher is fast and not cryptographic. That is safe here: clients look up but never insert, so however they
/// choose their keys, a lookup meets only what the operator configured.
pub(super) type Map<V> = HashMap<Box<str>, V, foldhash::fast::RandomState>;

/// Routes by host, then path, then method. Built once per snapshot; a lookup allocates nothing, and its cost
/// depends on the depth of the configured prefixes and suffixes, not on how many there are.
///
/// The most specific wins, in whatever order routes were given: an exact host, then the longest `*.suffix`, then any
/// host; for that host an exact path, then the longest prefix of whole segments. A host without a matching path
/// passes the question on to the next less specific one. Methods are looked at only within the pair so found: those
/// that name the method before those that take any, and of two equal routes the first.
#[derive(Debug)]
pub struct RouteTable<T> {
    hosts: HostTable,
    values: Vec<T>,
}

/// What a table has for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found<'a, T> {
    Route(&'a T),
    /// The host and path have routes, but none for the method; these are the methods they have.
    MethodNotAllowed(Methods),
    None,
}

impl<T> Default for RouteTable<T> {
    /// A table without routes.
    fn default() -> Self {
        Self {
            hosts: HostTable::default(),
            values: Vec::new(),
        }
    }
}

impl<T> RouteTable<T> {
    /// `host` and `path` are in the normal form of [`crate::admit`].
    pub fn find(&self, host: &str, path: &str, method: &Method) -> Found<'_, T> {
        let mut candidates = self.hosts.matching(host);
        let Some(choices) = candidates.find_map(|paths| paths.matching(path)) else {
            return Found::None;
        };
        match choices.find(method) {
            Ok(value) => self.values.get(value).map_or(Found::None, Found::Route),
            Err(allowed) => Found::MethodNotAllowed(allowed),
        }
    }
}

/// Hosts (none for any), path, methods (`None` for any) and value of each route.
impl<'a, T> FromIterator<(&'a [HostPattern], &'a PathPattern, Option<Methods>, T)>
    for RouteTable<T>
{
    fn from_iter<I>(routes: I) -> Self
    where
        I: IntoIterator<Item = (&'a [HostPattern], &'a PathPattern, Option<Methods>, T)>,
    {
        let mut hosts = HostTable::default();
        let mut values = Vec::new();
        for (patterns, path, methods, value) in routes {
            let mut add = |pattern| {
                let choices = hosts.paths_of(pattern).choices_of(path);
                choices.add(methods, values.len());
            };
            if patterns.is_empty() {
                add(None);
            }
            patterns.iter().map(Some).for_each(add);
            values.push(value);
        }
        Self { hosts, values }
    }
}

#[cfg(test)]
mod tests;
