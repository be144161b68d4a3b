//! What a request for the page asks for, in `HAProxy`'s manner: `/stats;csv`, `/stats;up;norefresh?scope=web`.
//!
//! Suffixes stand in any order and in path or query alike, as consumers write them: `/stats;csv`, `/stats?;csv`,
//! `/stats%3Bcsv`. Those that nobody knows are no errors, as with `HAProxy`.

use std::fmt::{Display, Formatter, Result};

use http::Uri;

use crate::observe::ServerView;

/// Characters of [`Query::scope`] that count; `HAProxy` has as many.
const SCOPE: usize = 20;

/// How somebody wants to see the page, or the same as CSV or JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Query {
    /// `;up`: without servers that are down and not on their way up.
    pub hide_down: bool,
    /// `;no-maint`: without servers in maintenance.
    pub no_maint: bool,
    /// `;norefresh`: the page stands still.
    pub norefresh: bool,
    /// `?scope=`: only listeners and upstreams whose names hold this; 20 characters at most, empty for all.
    pub scope: String,
    /// `;st=`: what came of an action.
    pub status: Option<ActionStatus>,
    pub format: Format,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Format {
    #[default]
    Page,
    /// `;csv`
    Csv,
    /// `;json`
    Json,
}

/// What came of an action on servers, by `HAProxy`'s codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ActionStatus {
    Done,
    /// Nothing had to change.
    None,
    /// Some of the servers are not there.
    Partly,
    /// The action or the upstream is not there.
    BadParameters,
    TooMuch,
    Denied,
    Unknown,
    /// Not a form.
    Invalid,
    /// It was understood, and refused. `HAProxy` has no such action.
    Refused,
    /// Done, but it could not be written down.
    Fleeting,
}

impl ActionStatus {
    const ALL: [(&'static str, Self); 10] = [
        ("DONE", Self::Done),
        ("NONE", Self::None),
        ("PART", Self::Partly),
        ("ERRP", Self::BadParameters),
        ("EXCD", Self::TooMuch),
        ("DENY", Self::Denied),
        ("UNKN", Self::Unknown),
        ("IVAL", Self::Invalid),
        ("FAIL", Self::Refused),
        ("TEMP", Self::Fleeting),
    ];

    /// A code that nobody knows is told as `UNKN`.
    fn of(code: &str) -> Self {
        let found = Self::ALL.iter().find(|(name, _)| *name == code);
        found.map_or(Self::Unknown, |(_, status)| *status)
    }

    /// As it stands in `;st=`.
    pub fn code(self) -> &'static str {
        let found = Self::ALL.iter().find(|(_, status)| *status == self);
        found.map_or("UNKN", |(name, _)| name)
    }
}

impl Query {
    /// What `uri` asks for, if its path is `path` or goes on after it with suffixes.
    pub fn of(uri: &Uri, path: &str) -> Option<Self> {
        let target = uri.path_and_query()?.as_str();
        let rest = target.strip_prefix(path)?;
        let rest = rest.replace("%3B", ";").replace("%3b", ";");
        if !(rest.is_empty() || rest.starts_with([';', '?'])) {
            return None;
        }
        let mut query = Self::default();
        for word in rest.split([';', '?', '&']) {
            query.take(word);
        }
        Some(query)
    }

    fn take(&mut self, word: &str) {
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        match key {
            "up" => self.hide_down = true,
            "no-maint" => self.no_maint = true,
            "norefresh" => self.norefresh = true,
            "csv" => self.format = Format::Csv,
            "json" => self.format = Format::Json,
            "st" => self.status = Some(ActionStatus::of(value)),
            "scope" => self.scope = decoded(value).chars().take(SCOPE).collect(),
            _ => {}
        }
    }

    /// Whether a listener or an upstream of this name is asked for, in whatever case, as with `HAProxy`.
    pub fn shows(&self, name: &str) -> bool {
        let [name, scope] = [name, &self.scope].map(str::to_ascii_lowercase);
        name.contains(&scope)
    }

    /// Whether a server is asked for; its upstream counts it all the same.
    pub fn shows_server(&self, server: &ServerView) -> bool {
        let is_maintained = server.state.starts_with("MAINT");
        let is_down = is_maintained || server.state == "DOWN";
        !(self.hide_down && is_down || self.no_maint && is_maintained)
    }
}

/// As it follows the path in a link: the suffixes, then the scope. What came of an action is not asked for again.
impl Display for Query {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let format = match self.format {
            Format::Page => "",
            Format::Csv => ";csv",
            Format::Json => ";json",
        };
        f.write_str(format)?;
        for (is_on, suffix) in [
            (self.hide_down, ";up"),
            (self.no_maint, ";no-maint"),
            (self.norefresh, ";norefresh"),
        ] {
            f.write_str(if is_on { suffix } else { "" })?;
        }
        if !self.scope.is_empty() {
            f.write_str("?scope=")?;
        }
        for byte in self.scope.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                write!(f, "{}", char::from(byte))?;
            } else {
                write!(f, "%{byte:02X}")?;
            }
        }
        Ok(())
    }
}

/// A value as a form sends it. What is no escape stays as it is, what is no text is left out.
pub(super) fn decoded(value: &str) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match (byte, after) {
            (b'%', [high, low, after @ ..]) if high.is_ascii_hexdigit() => {
                let digits = [*high, *low];
                let digits = std::str::from_utf8(&digits).unwrap_or_default();
                if let Ok(escaped) = u8::from_str_radix(digits, 16) {
                    bytes.push(escaped);
                    rest = after;
                } else {
                    bytes.push(byte);
                }
            }
            (b'+', _) => bytes.push(b' '),
            _ => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).replace('\u{fffd}', "")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(target: &str) -> Option<Query> {
        Query::of(&target.parse().unwrap(), "/stats")
    }

    #[test]
    fn suffixes_stand_anywhere_and_in_any_order() {
        let query = Query::default;
        for (target, expected) in [
            ("/stats", query()),
            ("/stats;", query()),
            ("/stats;nonsense;typed", query()),
            (
                "/stats;csv",
                Query {
                    format: Format::Csv,
                    ..query()
                },
            ),
            (
                "/stats?;csv",
                Query {
                    format: Format::Csv,
                    ..query()
                },
            ),
            (
                "/stats%3Bjson%3bup",
                Query {
                    format: Format::Json,
                    hide_down: true,
                    ..query()
                },
            ),
            (
                "/stats;norefresh;no-maint;up?scope=web",
                Query {
                    hide_down: true,
                    no_maint: true,
                    norefresh: true,
                    scope: "web".to_owned(),
                    ..query()
                },
            ),
            (
                "/stats?scope=a%20b+%zz%C3%BC;up",
                Query {
                    hide_down: true,
                    scope: "a b %zzü".to_owned(),
                    ..query()
                },
            ),
            (
                "/stats?scope=123456789012345678901234",
                Query {
                    scope: "12345678901234567890".to_owned(),
                    ..query()
                },
            ),
            (
                "/stats;st=PART",
                Query {
                    status: Some(ActionStatus::Partly),
                    ..query()
                },
            ),
            (
                "/stats;st=<b>",
                Query {
                    status: Some(ActionStatus::Unknown),
                    ..query()
                },
            ),
        ] {
            let target = target.replace('<', "%3C").replace('>', "%3E");
            assert_eq!(of(&target), Some(expected), "{target}");
        }
    }

    #[test]
    fn other_paths_are_not_the_pages() {
        for target in [
            "/stats/",
            "/stats.css",
            "/statsx;csv",
            "/",
            "/Stats",
            "/stats%20",
        ] {
            assert_eq!(of(target), None, "{target}");
        }
    }

    #[test]
    fn who_hides_what_is_down_still_sees_what_comes_up() {
        let shown = |target: &str| {
            let query = of(target).unwrap();
            let of_state = |state: &&str| {
                query.shows_server(&ServerView {
                    state: (*state).to_owned(),
                    ..ServerView::default()
                })
            };
            let states = ["UP", "DOWN", "DOWN 1/2", "MAINT", "DRAIN", "no check"];
            states.into_iter().filter(of_state).collect::<Vec<_>>()
        };
        assert_eq!(shown("/stats").len(), 6);
        assert_eq!(shown("/stats;up"), ["UP", "DOWN 1/2", "DRAIN", "no check"]);
        assert_eq!(
            shown("/stats;no-maint"),
            ["UP", "DOWN", "DOWN 1/2", "DRAIN", "no check"]
        );
    }

    proptest! {
        #[test]
        fn a_link_leads_back_to_its_query(
            (hide_down, no_maint, norefresh) in any::<(bool, bool, bool)>(),
            scope in "[^;\u{fffd}]{0,20}",
        ) {
            let query = Query { hide_down, no_maint, norefresh, scope, ..Query::default() };
            prop_assert_eq!(of(&format!("/stats{query}")), Some(query));
        }

        #[test]
        fn nothing_that_is_asked_breaks_the_parser(rest in "[;?&=%a-zA-Z0-9+]{0,60}") {
            let query = of(&format!("/stats;{rest}")).unwrap();
            prop_assert!(query.scope.chars().count() <= SCOPE);
        }
    }
}
