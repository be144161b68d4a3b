//! Routes: which requests, and what becomes of them.

use http::Method;

use super::{
    answer, host, path,
    policy::{self, PoliciesDraft},
    refuse_doubles,
};
use crate::config::{
    decode::{Fields, text},
    model::{Action, HostPattern, PathPattern},
    nearest::did_you_mean,
    problem::{Located, Problem, Problems, quoted},
    raw::{Entry, Node, Value},
    table::{Key, Kind, Table},
};
use crate::route::Methods;

pub(in crate::config) static TABLE: Table = Table {
    of: "a route",
    keys: &[
        Key::new(
            "host",
            Kind::OneOrMore("a host name such as example.ch or \"*.example.ch\""),
            "the hosts it is for, one or a list; default any",
        ),
        Key::new(
            "path",
            Kind::Text("a path such as /api"),
            "this path and all below it, by whole segments; default /",
        ),
        Key::new(
            "exact",
            Kind::Text("a path such as /api"),
            "this path alone",
        ),
        Key::new(
            "methods",
            Kind::OneOrMoreWords("methods such as GET", &Methods::NAMES),
            "the methods it is for; default any",
        ),
        Key::new(
            "upstream",
            Kind::Text("the name of an upstream"),
            "send the request to this upstream",
        ),
        Key::new(
            "strip_prefix",
            Kind::Flag,
            "take `path` off before the request is sent; default false",
        ),
        Key::new(
            "redirect",
            Kind::Mapping(&answer::REDIRECT),
            "answer with a redirect",
        ),
        Key::new(
            "respond",
            Kind::Mapping(&answer::RESPOND),
            "answer with this",
        ),
        policy::access::KEY,
        policy::countries::KEY,
        policy::block::KEY,
        policy::cors::KEY,
        policy::rate_limit::KEY,
        policy::max_in_flight::KEY,
        policy::maintenance::KEY,
        policy::basic_auth::KEY,
        policy::forward_auth::KEY,
        policy::rewrite::KEY,
        policy::headers::KEY,
        policy::security_headers::KEY,
        policy::hsts::KEY,
        policy::compress::KEY,
        policy::error_pages::KEY,
    ],
};

/// A route whose upstream is still a name.
pub(in crate::config) struct RouteDraft {
    pub(in crate::config) at: Located<()>,
    pub(in crate::config) hosts: Vec<HostPattern>,
    pub(in crate::config) path: PathPattern,
    pub(in crate::config) methods: Option<Methods>,
    pub(in crate::config) action: ActionDraft,
    pub(in crate::config) policies: PoliciesDraft,
}

pub(in crate::config) enum ActionDraft {
    Forward {
        upstream: Located<String>,
        strip_prefix: bool,
    },
    /// One that names nothing.
    Ready(Action),
}

pub(super) fn read(node: &Node, problems: &Problems) -> Option<RouteDraft> {
    let fields = Fields::of(node, &node.span, &TABLE, problems)?;
    // All are read, whatever the first gives, so that all problems are found.
    let (hosts, path, methods, action, policies) = (
        hosts(&fields),
        path_pattern(&fields),
        methods(&fields, "methods", "a route cannot ask for the method"),
        action(&fields),
        policy::read(&fields),
    );
    Some(RouteDraft {
        at: Located::new((), &node.span),
        hosts,
        path: path?,
        methods,
        action: action?,
        policies,
    })
}

fn hosts(fields: &Fields<'_>) -> Vec<HostPattern> {
    let nodes = fields.list("host").unwrap_or_default();
    let found: Vec<_> = nodes
        .iter()
        .filter_map(|node| {
            let written = text(node, "host", "a host name", fields.problems)?;
            if written.value == "*" {
                let hint = "a route without `host` is for every host; remove it";
                fields.error(&node.span, "\"*\" is not a host name", hint);
                return None;
            }
            Some((host::host(&written, fields.problems)?, &node.span))
        })
        .collect();
    refuse_doubles(
        found.iter().map(|(host, at)| (host, *at)),
        |host| match host {
            HostPattern::Exact(name) => quoted(name),
            HostPattern::Suffix(name) => quoted(&format!("*.{name}")),
        },
        fields.problems,
    );
    found.into_iter().map(|(host, _)| host).collect()
}

fn path_pattern(fields: &Fields<'_>) -> Option<PathPattern> {
    let normal = |written: Located<&str>| match path::normal(written.value) {
        Ok(path) => Some(path.to_owned()),
        Err((message, hint)) => {
            fields.problems.push(
                Problem::error(format!("the path {} {message}", quoted(written.value)))
                    .at_value(&written)
                    .hint(hint),
            );
            None
        }
    };
    if let (Some(_), Some(exact)) = (fields.entry("path"), fields.entry("exact")) {
        fields.error(
            &exact.at,
            "a route has \"path\" or \"exact\", not both",
            "remove one of them",
        );
        return None;
    }
    if fields.entry("exact").is_some() {
        return normal(fields.text("exact")?).map(PathPattern::Exact);
    }
    if fields.entry("path").is_none() {
        return Some(PathPattern::Prefix("/".to_owned()));
    }
    let prefix = normal(fields.text("path")?)?;
    let trimmed = prefix.strip_suffix('/').filter(|rest| !rest.is_empty());
    Some(PathPattern::Prefix(
        trimmed.map_or(prefix.clone(), str::to_owned),
    ))
}

/// The methods under `name`; `refusal` begins what is said of one that is none.
pub(super) fn methods(fields: &Fields<'_>, name: &str, refusal: &str) -> Option<Methods> {
    let mut methods = Methods::none();
    let mut found = Vec::new();
    for node in fields.list(name)? {
        let Some(written) = text(node, name, "a method such as GET", fields.problems) else {
            continue;
        };
        let word = written.value;
        if let Some(with) = Method::from_bytes(word.as_bytes())
            .ok()
            .and_then(|method| methods.with(&method).ok())
        {
            methods = with;
            found.push((word, &node.span));
            continue;
        }
        let hint = if word == "CONNECT" {
            "the proxy opens no tunnels; remove it".to_owned()
        } else {
            did_you_mean(word, Methods::NAMES)
                .unwrap_or_else(|| format!("the methods are {}", Methods::NAMES.join(", ")))
        };
        let message = format!("{refusal} {}", quoted(word));
        fields.error(&node.span, message, hint);
    }
    refuse_doubles(
        found.iter().map(|(word, at)| (word, *at)),
        |word| quoted(word),
        fields.problems,
    );
    Some(methods)
}

fn action(fields: &Fields<'_>) -> Option<ActionDraft> {
    const ACTIONS: [&str; 3] = ["upstream", "redirect", "respond"];
    let named: Vec<&Entry> = ACTIONS
        .iter()
        .filter_map(|name| fields.entry(name))
        .collect();
    if let (Some(rewrite), None) = (fields.entry("rewrite"), fields.entry("upstream"))
        && rewrite.node.value != Value::Bool(false)
    {
        let hint = "remove it: what the proxy answers by itself is asked of no server";
        fields.error(&rewrite.at, "\"rewrite\" goes with \"upstream\"", hint);
    }
    let strip = fields.entry("strip_prefix");
    let strip_prefix = fields.flag("strip_prefix").unwrap_or(false);
    if let (Some(strip), true) = (strip, strip_prefix) {
        if fields.entry("upstream").is_none() {
            let hint = "remove it: what the proxy answers by itself has no path";
            fields.error(&strip.at, "\"strip_prefix\" goes with \"upstream\"", hint);
        } else if fields.entry("path").is_none() {
            let hint = "write the prefix under `path`, or remove it";
            fields.error(&strip.at, "\"strip_prefix\" goes with \"path\"", hint);
        }
    }
    match named.as_slice() {
        [] => {
            // Of a key that is not known, or does not work yet, enough has been said.
            if fields.is_sound {
                fields.error(
                    fields.at,
                    "this route leads nowhere",
                    "add `upstream`, `redirect` or `respond`",
                );
            }
            None
        }
        [one] => match one.key.as_str() {
            "upstream" => {
                let name = fields.text("upstream")?;
                Some(ActionDraft::Forward {
                    upstream: Located {
                        value: name.value.to_owned(),
                        span: name.span,
                    },
                    strip_prefix,
                })
            }
            "redirect" => answer::redirect(&fields.fields("redirect")?).map(ActionDraft::Ready),
            _ => answer::respond(&fields.fields("respond")?).map(ActionDraft::Ready),
        },
        [first, second, ..] => {
            fields.error(
                &second.at,
                format!(
                    "a route has {} or {}, not both",
                    quoted(&first.key),
                    quoted(&second.key)
                ),
                "make two routes of it, or remove one",
            );
            None
        }
    }
}
