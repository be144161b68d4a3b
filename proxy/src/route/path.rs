//! The paths of one host: exact ones, and prefixes of whole segments.

use http::Method;

use super::{Methods, table::Map};
use crate::config::model::PathPattern;

/// The routes of each path pattern of one host pattern.
#[derive(Debug, Default)]
pub(super) struct PathTable {
    exact: Map<Choices>,
    /// Without a trailing slash: `/api`, and the empty string for `/`.
    prefixes: Map<Choices>,
    /// Segments of the longest prefix; looking further right in a path is pointless.
    deepest: usize,
}

impl PathTable {
    /// The routes of a pattern, made if need be.
    pub(super) fn choices_of(&mut self, pattern: &PathPattern) -> &mut Choices {
        match pattern {
            PathPattern::Exact(path) => self.exact.entry(path.as_str().into()).or_default(),
            PathPattern::Prefix(path) => {
                let prefix = path.trim_end_matches('/');
                self.deepest = self.deepest.max(prefix.matches('/').count());
                self.prefixes.entry(prefix.into()).or_default()
            }
        }
    }

    /// The routes of the most specific pattern that matches a path in normal form.
    pub(super) fn matching(&self, path: &str) -> Option<&Choices> {
        self.exact
            .get(path)
            .or_else(|| ancestors(path, self.deepest).find_map(|prefix| self.prefixes.get(prefix)))
    }
}

/// The routes that share one host and one path: they differ in their methods alone.
#[derive(Debug, Default)]
pub(super) struct Choices {
    /// Methods, and the index of the route's value. Routes that name methods stand before those that take any,
    /// so that the order of the file does not decide between the two.
    named: Vec<(Methods, usize)>,
    any: Option<usize>,
}

impl Choices {
    pub(super) fn add(&mut self, methods: Option<Methods>, value: usize) {
        match methods {
            Some(methods) => self.named.push((methods, value)),
            None => _ = self.any.get_or_insert(value),
        }
    }

    /// # Errors
    /// None takes the method; these are the methods they take together.
    pub(super) fn find(&self, method: &Method) -> Result<usize, Methods> {
        let named = self.named.iter().find(|(set, _)| set.contains(method));
        named
            .map(|(_, value)| *value)
            .or(self.any.filter(|_| Methods::any().contains(method)))
            .ok_or_else(|| self.methods())
    }

    fn methods(&self) -> Methods {
        let start = self.any.map_or(Methods::none(), |_| Methods::any());
        self.named
            .iter()
            .fold(start, |all, (set, _)| all.union(*set))
    }
}

/// A path cut after its first `deepest` segments, then after one less each time: of `/a/b/c` to 2, `/a/b`, `/a`
/// and the empty string.
///
/// The client chooses the path, the operator the depth; so the work is bounded by the operator.
fn ancestors(path: &str, deepest: usize) -> impl Iterator<Item = &str> {
    let slash = memchr::memchr_iter(b'/', path.as_bytes()).nth(deepest);
    let longest = slash.map_or(Some(path), |end| path.get(..end));
    std::iter::successors(longest, |longer| {
        memchr::memrchr(b'/', longer.as_bytes()).and_then(|end| longer.get(..end))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_cut_at_segment_borders_from_the_longest_to_the_shortest() {
        for (path, deepest, expected) in [
            ("/a/b/c", 9, vec!["/a/b/c", "/a/b", "/a", ""]),
            ("/a/b/c", 3, vec!["/a/b/c", "/a/b", "/a", ""]),
            ("/a/b/c", 2, vec!["/a/b", "/a", ""]),
            ("/a/b/c", 0, vec![""]),
            ("/a/", 1, vec!["/a", ""]),
            ("/", 1, vec!["/", ""]),
            ("/", 0, vec![""]),
            ("*", 1, vec!["*"]),
        ] {
            let cuts: Vec<&str> = ancestors(path, deepest).collect();
            assert_eq!(cuts, expected, "{path} to {deepest}");
        }
    }

    #[test]
    fn a_path_of_8000_segments_costs_no_more_lookups_than_the_deepest_prefix() {
        let path = "/a".repeat(8000);
        for deepest in [0, 1, 2, 5] {
            assert_eq!(ancestors(&path, deepest).count(), deepest + 1);
        }
    }

    #[test]
    fn the_depth_is_that_of_the_deepest_prefix_and_exact_paths_do_not_count() {
        let mut table = PathTable::default();
        for pattern in [
            PathPattern::Prefix("/".into()),
            PathPattern::Prefix("/a/b".into()),
            PathPattern::Exact("/a/b/c/d/e".into()),
        ] {
            table.choices_of(&pattern).add(None, 0);
        }
        assert_eq!(table.deepest, 2);
    }
}
