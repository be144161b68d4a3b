//! Where a request is sent on to, if its path fits: what `match`, `to` and `keep_query` say together.

use super::{Pattern, Template, template::put_whole_query};
use crate::respond::Refusal;

/// What a redirect and a rewrite have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// What the path has to look like; `None` is anything.
    pub pattern: Option<Pattern>,
    pub to: Template,
    /// Whether the client's query goes behind it.
    pub keep_query: bool,
}

/// What a client asks for. Host and path are in normal form.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Without a port; empty for HTTP/1.0 without one.
    pub host: &'a str,
    pub path: &'a str,
    /// As it was sent, with its `?`; empty if there is none.
    pub query: &'a str,
}

impl Asked<'_> {
    /// Without its `?`.
    pub(super) fn query(&self) -> &str {
        self.query.strip_prefix('?').unwrap_or(self.query)
    }
}

impl Target {
    /// The text for this request; `None` if the pattern is not that of its path.
    ///
    /// # Errors
    /// It would be too long, or there is no host to name.
    pub fn of(&self, asked: &Asked<'_>) -> Result<Option<String>, Refusal> {
        let captures = match &self.pattern {
            None => None,
            Some(pattern) => match pattern.captures(asked.path) {
                None => return Ok(None),
                captures => captures,
            },
        };
        let group = |number| {
            let group = captures.as_ref().and_then(|captures| captures.get(number));
            group.map_or("", |group| group.as_str()) // one that took no part is empty
        };
        let mut filled = self.to.fill(asked, group)?;
        if self.keep_query && !asked.query().is_empty() {
            add_query(&mut filled, asked.query());
        }
        if filled.len() > Template::LONGEST {
            return Err(Refusal::UriTooLong);
        }
        Ok(Some(filled))
    }
}

/// Behind a query that is there already, and before a fragment.
fn add_query(url: &mut String, query: &str) {
    let fragment = url.find('#').map(|at| url.split_off(at));
    if !url.ends_with(['?', '&']) {
        url.push(if url.contains('?') { '&' } else { '?' });
    }
    put_whole_query(url, query);
    url.push_str(&fragment.unwrap_or_default());
}
