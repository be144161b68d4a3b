//! What operators do to servers: by which names, who did it, and what it changed.

use std::{collections::HashSet, fmt, net::IpAddr, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{
    order::{Order, Ordered, Weight},
    server::Server,
    upstream::Upstream,
};
use crate::config::{did_you_mean, model::Name};

/// Unknown names that are told at a time.
const MOST_TOLD: usize = 10;

/// One change, to be made to one or several servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    Order(Order),
    /// None is the configured one.
    Weight(Option<Weight>),
}

impl Operation {
    pub(super) fn after(self, before: Ordered) -> Ordered {
        match self {
            Self::Order(order) => Ordered { order, ..before },
            Self::Weight(weight) => Ordered { weight, ..before },
        }
    }
}

/// Who operates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operator {
    ControlSocket,
    /// This user at the stats page, from the machine of this address.
    Page {
        name: Box<str>,
        from: IpAddr,
    },
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ControlSocket => f.write_str("by the control socket"),
            Self::Page { name, from } => {
                write!(f, "by {} from {from} at the page", name.escape_debug())
            }
        }
    }
}

/// What became of one server; perhaps nothing.
#[derive(Clone, Debug)]
pub struct Changed {
    pub upstream: Name,
    /// Its address as configured.
    pub server: Arc<str>,
    pub operation: Operation,
    pub before: Ordered,
    pub after: Ordered,
    /// In force now.
    pub weight: u32,
}

impl Changed {
    pub(super) fn new(
        upstream: &Upstream,
        server: &Server,
        operation: Operation,
        before: Ordered,
    ) -> Self {
        let after = operation.after(before);
        Self {
            upstream: Arc::clone(upstream.name()),
            server: Arc::clone(&server.label),
            operation,
            before,
            after,
            weight: after.weight(server.weight),
        }
    }

    pub fn is_change(&self) -> bool {
        self.before != self.after
    }

    /// `server is drained: api/10.0.0.11:8000`, for the log.
    pub fn event(&self) -> String {
        format!("server {}: {}/{}", self.is(), self.upstream, self.server)
    }

    fn is(&self) -> String {
        match self.operation {
            Operation::Order(Order::Ready) => "is ready".to_owned(),
            Operation::Order(Order::Drain) => "is drained".to_owned(),
            Operation::Order(Order::Maint) => "is in maintenance".to_owned(),
            Operation::Weight(Some(weight)) => format!("has weight {weight}"),
            Operation::Weight(None) => format!("has its configured weight {}", self.weight),
        }
    }
}

/// `api/10.0.0.11:8000 is drained`, for whoever asked.
impl fmt::Display for Changed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let already = if self.is_change() {
            ""
        } else {
            ", as it was before"
        };
        let is = self.is();
        write!(f, "{}/{} {is}{already}", self.upstream, self.server)
    }
}

/// A server of an upstream in force.
pub type Selected<'a> = (&'a Arc<Upstream>, &'a Server);

/// The servers of these names, each once: `UPSTREAM/SERVER`, or `UPSTREAM` or `UPSTREAM/*` for all of one.
///
/// The error names those that are not known.
pub fn select<'a>(
    names: &[String],
    upstreams: &[&'a Arc<Upstream>],
) -> Result<Vec<Selected<'a>>, String> {
    if names.is_empty() {
        return Err("no server is named".to_owned());
    }
    let mut selected: Vec<Selected<'a>> = Vec::new();
    let mut unknown = Vec::new();
    for name in names {
        let found = find(name, upstreams);
        if found.is_empty() {
            unknown.push(name);
        }
        selected.extend(found);
    }
    if !unknown.is_empty() {
        let told = unknown.iter().take(MOST_TOLD);
        let told: Vec<_> = told.map(|name| not_known(name, upstreams)).collect();
        return Err(told.join("\n"));
    }
    // Servers lie where they lie as long as their upstream is borrowed.
    let mut seen = HashSet::new();
    selected.retain(|(_, server)| seen.insert(std::ptr::from_ref(*server)));
    Ok(selected)
}

fn find<'a>(name: &str, upstreams: &[&'a Arc<Upstream>]) -> Vec<Selected<'a>> {
    let found = upstreams.iter().filter_map(|upstream| {
        let rest = name.strip_prefix(&**upstream.name())?;
        let label = match rest.strip_prefix('/') {
            Some(label) => label,
            None if rest.is_empty() => "*",
            None => return None,
        };
        let fits = move |server: &&Server| label == "*" || *server.label == *label;
        let servers = upstream.servers().iter().filter(fits);
        Some(servers.map(|server| (*upstream, server)))
    });
    found.flatten().collect()
}

fn not_known(name: &str, upstreams: &[&Arc<Upstream>]) -> String {
    let home = upstreams.iter().find(|upstream| {
        let rest = name.strip_prefix(&**upstream.name());
        rest.is_some_and(|rest| rest.starts_with('/'))
    });
    let shown = name.escape_debug();
    let Some(home) = home else {
        let written = name.split_once('/').map_or(name, |(upstream, _)| upstream);
        let known = upstreams.iter().map(|upstream| &**upstream.name());
        let hint = did_you_mean(written, known);
        let hint = hint.unwrap_or_else(|| "`simplon status` shows all upstreams".to_owned());
        return format!("there is no upstream for \"{shown}\"\n  hint: {hint}");
    };
    let labels = home.servers().iter().map(|server| &server.label);
    let known: Vec<_> = labels
        .map(|label| format!("{}/{label}", home.name()))
        .collect();
    let hint = did_you_mean(name, known.iter().map(String::as_str));
    let hint = hint.unwrap_or_else(|| match &known[..] {
        few @ ([] | [_] | [_, _] | [_, _, _]) => format!("there is {}", few.join(", ")),
        _ => format!("`simplon status {}` shows its servers", home.name()),
    });
    format!("there is no server \"{shown}\"\n  hint: {hint}")
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::balance::sample;

    fn upstream(name: &str, servers: usize) -> Arc<Upstream> {
        let mut spec = sample::upstream(&vec![1; servers]);
        spec.name = name.into();
        Upstream::build(&spec, None, None, Instant::now())
    }

    /// The names of what is selected, or the error.
    fn selected(names: &[&str]) -> Result<String, String> {
        let upstreams = [upstream("api", 3), upstream("web", 2), upstream("a/b", 1)];
        let upstreams: Vec<_> = upstreams.iter().collect();
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        let selected = select(&names, &upstreams)?;
        let shown = |(upstream, server): Selected<'_>| {
            let last = server.label.strip_prefix("10.0.0.").unwrap();
            format!("{}/{}", upstream.name(), last.trim_end_matches(":80"))
        };
        Ok(selected
            .into_iter()
            .map(shown)
            .collect::<Vec<_>>()
            .join(" "))
    }

    #[test]
    fn servers_are_named_alone_or_all_of_an_upstream_and_each_is_meant_once() {
        let table: [(&[&str], &str); 7] = [
            (&["api/10.0.0.2:80"], "api/2"),
            (&["web"], "web/1 web/2"),
            (&["web/*"], "web/1 web/2"),
            (&["web/10.0.0.2:80", "api/10.0.0.2:80"], "web/2 api/2"),
            (&["web/10.0.0.2:80", "web", "web/*"], "web/2 web/1"),
            (&["a/b/10.0.0.1:80"], "a/b/1"),
            (&["a/b"], "a/b/1"),
        ];
        for (names, expected) in table {
            assert_eq!(selected(names).unwrap(), expected, "{names:?}");
        }
    }

    #[test]
    fn one_unknown_name_refuses_all_and_hints_at_what_was_meant() {
        let table: [(&[&str], &[&str]); 7] = [
            (&[], &["no server is named"]),
            (&["web", "apj"], &["\"apj\"", "did you mean \"api\"?"]),
            (&["apj/10.0.0.1:80"], &["did you mean \"api\"?"]),
            (
                &["api/10.0.0.4:80"],
                &[
                    "no server \"api/10.0.0.4:80\"",
                    "did you mean \"api/10.0.0.",
                ],
            ),
            (
                &["web/x"],
                &["no server \"web/x\"", "there is web/10.0.0.1:80, web/10"],
            ),
            (&["nothing-like-it"], &["`simplon status` shows"]),
            (&["web\u{1b}[31m"], &["\"web\\u{1b}[31m\""]),
        ];
        for (names, expected) in table {
            let refused = selected(names).unwrap_err();
            for words in expected {
                assert!(refused.contains(words), "{names:?}: {refused}");
            }
        }
    }

    #[test]
    fn what_was_done_is_said_to_the_log_and_to_whoever_asked() {
        let upstream = upstream("api", 1);
        let [server] = upstream.servers() else {
            panic!("one server")
        };
        let weight = |weight: u16| Operation::Weight(Some(weight.try_into().unwrap()));
        let table = [
            (Operation::Order(Order::Ready), "is ready, as it was before"),
            (Operation::Order(Order::Drain), "is drained"),
            (Operation::Order(Order::Maint), "is in maintenance"),
            (weight(3), "has weight 3"),
            (weight(0), "has weight 0"),
            (
                Operation::Weight(None),
                "has its configured weight 1, as it was before",
            ),
        ];
        for (operation, expected) in table {
            let changed = Changed::new(&upstream, server, operation, Ordered::default());
            assert_eq!(changed.to_string(), format!("api/10.0.0.1:80 {expected}"));
            let is = expected.trim_end_matches(", as it was before");
            assert_eq!(changed.event(), format!("server {is}: api/10.0.0.1:80"));
        }
        assert_eq!(Operator::ControlSocket.to_string(), "by the control socket");
        let user = Operator::Page {
            name: "ann\n".into(),
            from: [10, 0, 0, 7].into(),
        };
        assert_eq!(user.to_string(), "by ann\\n from 10.0.0.7 at the page");
    }
}
