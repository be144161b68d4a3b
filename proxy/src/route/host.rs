//! The hosts of a route table: exact ones, `*.suffix` ones, and any.

use super::{path::PathTable, table::Map};
use crate::config::model::HostPattern;

/// A [`PathTable`] for each host pattern.
#[derive(Debug, Default)]
pub(super) struct HostTable {
    exact: Map<PathTable>,
    suffixes: Map<PathTable>,
    /// Labels of the longest suffix; looking further left in a host is pointless.
    deepest: usize,
    any: PathTable,
}

impl HostTable {
    /// The paths of a pattern, made if need be. `None` stands for any host.
    pub(super) fn paths_of(&mut self, pattern: Option<&HostPattern>) -> &mut PathTable {
        match pattern {
            None => &mut self.any,
            Some(HostPattern::Exact(name)) => self.exact.entry(name.as_str().into()).or_default(),
            Some(HostPattern::Suffix(name)) => {
                self.deepest = self.deepest.max(name.split('.').count());
                self.suffixes.entry(name.as_str().into()).or_default()
            }
        }
    }

    /// What patterns match a host, the most specific first.
    pub(super) fn matching<'a>(&'a self, host: &'a str) -> impl Iterator<Item = &'a PathTable> {
        let exact = self.exact.get(host).into_iter();
        let suffixes = parents(host, self.deepest).filter_map(|name| self.suffixes.get(name));
        exact.chain(suffixes).chain(std::iter::once(&self.any))
    }
}

/// The names above a host, longest first, of at most `deepest` labels: of `a.b.ch`, `b.ch` and `ch`.
fn parents(host: &str, deepest: usize) -> impl Iterator<Item = &str> {
    let labels_above = if deepest == 0 {
        0 // no suffix is configured, so the host need not even be read
    } else {
        memchr::memchr_iter(b'.', host.as_bytes()).count()
    };
    memchr::memchr_iter(b'.', host.as_bytes())
        .take(labels_above)
        .skip(labels_above.saturating_sub(deepest))
        .filter(|dot| *dot > 0)
        .filter_map(|dot| host.get(dot + 1..))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_above_a_host_go_from_the_longest_to_the_shortest() {
        for (host, deepest, expected) in [
            ("a.b.example.ch", 9, "b.example.ch example.ch ch"),
            ("a.b.example.ch", 2, "example.ch ch"),
            ("a.b.example.ch", 1, "ch"),
            ("a.b.example.ch", 0, ""),
            ("localhost", 3, ""),
            ("", 3, ""),
            (".ch", 3, ""),
            ("[::1]", 3, ""),
        ] {
            let names: Vec<&str> = parents(host, deepest).collect();
            assert_eq!(names.join(" "), expected, "{host} to {deepest}");
        }
    }

    #[test]
    fn a_host_of_many_labels_costs_no_more_than_the_deepest_suffix() {
        let host = "a.".repeat(126) + "ch";
        assert_eq!(parents(&host, 2).count(), 2);
    }
}
