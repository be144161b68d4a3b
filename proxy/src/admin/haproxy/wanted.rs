//! Which of `HAProxy`'s metrics a scrape asks for, as of its exporter: `/metrics?scope=server&no-maint`.

/// Metrics under our own names are always there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    scopes: Vec<Scope>,
    /// Without servers in maintenance.
    pub(super) no_maint: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    Global,
    Frontend,
    Backend,
    Server,
}

impl Scope {
    const ALL: [Self; 4] = [Self::Global, Self::Frontend, Self::Backend, Self::Server];
}

impl Wanted {
    /// Reads a query string from left to right. Scopes add up; the first takes the place of the default, which is all, and an
    /// empty one takes back those before it. Whatever else is asked for is no error.
    pub fn of(query: &str) -> Self {
        let (mut scopes, mut no_maint) = (None, false);
        for word in query.split('&') {
            match word.split_once('=').unwrap_or((word, "")) {
                ("no-maint", _) => no_maint = true,
                ("scope", "") => scopes = Some(Vec::new()),
                ("scope", scope) => scopes.get_or_insert_default().extend(named(scope)),
                _ => {}
            }
        }
        Self {
            scopes: scopes.unwrap_or_else(|| Scope::ALL.to_vec()),
            no_maint,
        }
    }

    pub(super) fn has(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }
}

fn named(scope: &str) -> &'static [Scope] {
    match scope {
        "*" | "%2A" | "%2a" => &Scope::ALL,
        "global" => &[Scope::Global],
        "frontend" => &[Scope::Frontend],
        "backend" => &[Scope::Backend],
        "server" => &[Scope::Server],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_add_up_and_an_empty_one_takes_them_back() {
        use Scope::{Backend, Frontend, Global, Server};
        let all = [Global, Frontend, Backend, Server];
        for (query, expected) in [
            ("", &all[..]),
            ("metrics=x&extra-counters", &all),
            ("scope=server", &[Server]),
            ("scope=frontend&scope=backend", &[Frontend, Backend]),
            ("scope=*&scope=", &[]),
            ("scope=&scope=global", &[Global]),
            ("scope=listener", &[]),
            ("scope=%2A", &all),
        ] {
            let wanted = Wanted::of(query);
            let has: Vec<_> = all.into_iter().filter(|&it| wanted.has(it)).collect();
            assert_eq!(has, expected, "{query}");
            assert!(!wanted.no_maint, "{query}");
        }
        assert!(Wanted::of("scope=server&no-maint").no_maint);
    }
}
