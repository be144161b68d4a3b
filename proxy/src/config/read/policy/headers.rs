//! Edits of headers, as a route or `defaults` says them.

use http::{
    HeaderName,
    header::{HOST, SET_COOKIE},
};

use super::{Said, said, template::template};
use crate::{
    admit::Host,
    config::{
        decode::{Fields, text},
        model::{Edits, Headers, NamePattern, Template},
        problem::{Problem, Problems, Span, quoted},
        raw::{Node, Value},
        read::refuse_doubles,
        table::{Key, Kind, Table},
    },
    forward::{Guard, guard},
};

pub(in crate::config::read) const KEY: Key = Key::new(
    "headers",
    Kind::OffOr(&TABLE),
    "edit headers on their way; default none",
);

static TABLE: Table = Table {
    of: "headers",
    keys: &[
        Key::new(
            "request",
            Kind::Mapping(&EDITS),
            "what the server sees: first `remove`, then `set`, then `add`",
        ),
        Key::new(
            "response",
            Kind::Mapping(&EDITS),
            "what the client sees, whoever answers: first `remove`, then `set`, then `add`",
        ),
    ],
};

static EDITS: Table = Table {
    of: "an edit of headers",
    keys: &[
        Key::new(
            "set",
            Kind::Pairs("its value"),
            "put each in the place of all of its name",
        ),
        Key::new(
            "add",
            Kind::PairsOrLists("its value, or a list of values"),
            "put each beside those of its name",
        ),
        Key::new(
            "remove",
            Kind::OneOrMore("the name of a header, or its beginning and a *"),
            "take these away; a name may end in a *, as in x-internal-*",
        ),
    ],
};

pub(super) fn read(fields: &Fields<'_>) -> Said<Headers> {
    said(fields, "headers", |fields| {
        Some(Headers {
            request: edits(fields, Way::Request),
            response: edits(fields, Way::Response),
        })
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Request,
    Response,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verb {
    Set,
    Add,
    Remove,
}

fn edits(fields: &Fields<'_>, way: Way) -> Edits {
    let under = match way {
        Way::Request => "request",
        Way::Response => "response",
    };
    let Some(fields) = fields.fields(under) else {
        return Edits::default();
    };
    Edits {
        remove: removed(&fields, way),
        set: set(&fields, way),
        add: added(&fields, way),
    }
}

fn removed(fields: &Fields<'_>, way: Way) -> Vec<NamePattern> {
    let problems = fields.problems;
    let nodes = fields.list("remove").unwrap_or_default();
    let read = |node: &Node| {
        let written = text(node, "remove", "the name of a header", problems)?;
        let Some(prefix) = written.value.strip_suffix('*') else {
            let name = name(written.value, &node.span, way, Verb::Remove, problems)?;
            return Some(NamePattern::Exact(name));
        };
        if prefix.is_empty() {
            fields.error(
                &node.span,
                "\"*\" would take all headers away",
                "write how the names begin, as in x-internal-*",
            );
            return None;
        }
        // What a name may begin with is a name itself.
        let prefix = header_name(prefix, &node.span, problems)?;
        Some(NamePattern::Prefix(prefix.as_str().to_owned()))
    };
    let found: Vec<_> = nodes
        .iter()
        .filter_map(|node| Some((read(node)?, &node.span)))
        .collect();
    refuse_doubles(
        found.iter().map(|(pattern, at)| (pattern, *at)),
        |pattern| match pattern {
            NamePattern::Exact(name) => quoted(name.as_str()),
            NamePattern::Prefix(prefix) => quoted(&format!("{prefix}*")),
        },
        problems,
    );
    found.into_iter().map(|(pattern, _)| pattern).collect()
}

fn set(fields: &Fields<'_>, way: Way) -> Vec<(HeaderName, Template)> {
    let problems = fields.problems;
    let mut found = Vec::new();
    for entry in fields.pairs("set") {
        // Both are read, whatever the first gives, so that all problems are found.
        let name = name(&entry.key, &entry.at, way, Verb::Set, problems);
        let value = value(&entry.node, &entry.key, problems);
        if let (Some(name), Some(value)) = (name, value) {
            if name == HOST {
                refuse_no_host(&value, &entry.node.span, problems);
            }
            found.push((name, value, &entry.at));
        }
    }
    refuse_doubles(
        found.iter().map(|(name, _, at)| (name, *at)),
        |name| quoted(name.as_str()),
        problems,
    );
    let found = found.into_iter();
    found.map(|(name, value, _)| (name, value)).collect()
}

fn added(fields: &Fields<'_>, way: Way) -> Vec<(HeaderName, Template)> {
    let problems = fields.problems;
    let mut found = Vec::new();
    for entry in fields.pairs("add") {
        let name = name(&entry.key, &entry.at, way, Verb::Add, problems);
        let nodes = match &entry.node.value {
            Value::List(nodes) => nodes.as_slice(),
            _ => std::slice::from_ref(&entry.node),
        };
        for node in nodes {
            let value = value(node, &entry.key, problems);
            found.extend(name.clone().zip(value));
        }
    }
    found
}

fn value(node: &Node, name: &str, problems: &Problems) -> Option<Template> {
    template(&text(node, name, "a text", problems)?, problems)
}

/// A template may become a host or not, which the exchange shows; but what is always the same must be one.
fn refuse_no_host(value: &Template, at: &Span, problems: &Problems) {
    if let Template::Fixed(value) = value
        && let Err(bad) = Host::parse(value.as_bytes())
    {
        problems.push(
            Problem::error(bad.reason())
                .at(at)
                .hint("write a host name, with a port if need be, as in api.lan:8080"),
        );
    }
}

/// A name that may be edited in this way.
fn name(written: &str, at: &Span, way: Way, verb: Verb, problems: &Problems) -> Option<HeaderName> {
    let name = header_name(written, at, problems)?;
    let hint = match guard(name.as_str()) {
        Some(Guard::Framing) => {
            "leave it out; it belongs to one connection, or to how a body is sent"
        }
        Some(Guard::Ours) => "leave it out; the proxy says it itself",
        Some(Guard::Host) if (way, verb) == (Way::Request, Verb::Set) => return Some(name),
        Some(Guard::Host) => "a server can be told another with `set` under `request`",
        None if name == SET_COOKIE && verb == Verb::Set => {
            "write it under `add`, so that what the server sets stays"
        }
        None => return Some(name),
    };
    let verb = match verb {
        Verb::Set => "set",
        Verb::Add => "added",
        Verb::Remove => "removed",
    };
    problems.push(
        Problem::error(format!("{} cannot be {verb}", quoted(written)))
            .at(at)
            .hint(hint),
    );
    None
}

/// Any name that a header can have.
pub(super) fn header_name(written: &str, at: &Span, problems: &Problems) -> Option<HeaderName> {
    let hint = match HeaderName::from_bytes(written.as_bytes()) {
        Ok(name) => return Some(name),
        Err(_) if written.starts_with(':') => {
            "remove it; what begins with a colon is the request itself in HTTP/2"
        }
        Err(_) => "write letters, digits, - and _, as in X-Internal-Id",
    };
    problems.push(
        Problem::error(format!("{} is not the name of a header", quoted(written)))
            .at(at)
            .hint(hint),
    );
    None
}
