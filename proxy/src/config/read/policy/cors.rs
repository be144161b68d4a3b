//! CORS, as a route or `defaults` says it.

use std::time::Duration;

use http::Method;

use super::{Said, headers::header_name, origin::origin, said, whole_seconds};
use crate::{
    config::{
        decode::{Fields, text},
        model::{Cors, Names, OriginPattern, Origins},
        problem::quoted,
        raw::{Node, Value},
        read::{refuse_doubles, route::methods},
        table::{Key, Kind, Table},
    },
    route::Methods,
};

const DAY: Duration = Duration::from_secs(86_400);

/// What a page may ask for unless the configuration says otherwise.
const METHODS: [Method; 5] = [
    Method::GET, // which brings HEAD
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
];

pub(in crate::config::read) const KEY: Key = Key::new(
    "cors",
    Kind::OffOr(&TABLE),
    "let pages of other origins read responses; default false",
);

static TABLE: Table = Table {
    of: "cors",
    keys: &[
        Key::required(
            "origins",
            Kind::OneOrMore("an origin such as https://app.example.ch, or \"*\""),
            "whose pages: origins such as https://app.example.ch or \"https://*.example.ch\", or \"*\" for any",
        ),
        Key::new(
            "methods",
            Kind::OneOrMoreWords("methods such as GET", &Methods::NAMES),
            "what pages may do; default GET, HEAD, POST, PUT, PATCH, DELETE",
        ),
        Key::new(
            "headers",
            Kind::AnyNumber("the name of a header, or \"*\""),
            "what pages may send beside what every page may; default \"*\", any",
        ),
        Key::new(
            "expose",
            Kind::AnyNumber("the name of a header, or \"*\""),
            "what pages may read beside what every page may; default none",
        ),
        Key::new(
            "credentials",
            Kind::Flag,
            "let cookies come along; default false",
        ),
        Key::new(
            "max_age",
            Kind::Duration(Duration::ZERO..=DAY),
            "how long browsers may keep the answer to a preflight; default 10m",
        ),
    ],
};

pub(super) fn read(fields: &Fields<'_>) -> Said<Cors> {
    said(fields, "cors", cors)
}

fn cors(fields: &Fields<'_>) -> Option<Cors> {
    // All are read, whatever the first gives, so that all problems are found.
    let credentials = fields.flag("credentials").unwrap_or(false);
    let (origins, methods, headers, expose, max_age) = (
        origins(fields, credentials),
        methods(fields, "methods", "cors cannot allow the method"),
        names(fields, "headers"),
        names(fields, "expose"),
        whole_seconds(fields, "max_age", Cors::MAX_AGE),
    );
    if let (true, Some(Names::Any), Some(node)) = (credentials, &expose, fields.node("expose")) {
        fields.error(
            &node.span,
            "\"expose\" cannot be \"*\" with \"credentials\"",
            "name the headers: to browsers it is then a header of that name",
        );
    }
    Some(Cors {
        origins: origins?,
        methods: match methods {
            Some(methods) => methods,
            None => Methods::try_from(METHODS.as_slice()).ok()?,
        },
        headers: headers.unwrap_or(Names::Any),
        expose: expose.unwrap_or(Names::Listed(Vec::new())),
        credentials,
        max_age: max_age?,
    })
}

fn origins(fields: &Fields<'_>, credentials: bool) -> Option<Origins> {
    let nodes = fields.list("origins")?;
    let is_any = |node: &&Node| node.value == Value::Text("*".to_owned());
    if let Some(any) = nodes.iter().find(is_any) {
        if credentials {
            fields.error(
                &any.span,
                "\"origins\" cannot be \"*\" with \"credentials\"",
                "name the origins: any page could act as whoever visits it",
            );
        } else if nodes.len() > 1 {
            let hint = "remove the others, or the *";
            fields.error(&any.span, "\"*\" is every origin", hint);
        }
        return Some(Origins::Any);
    }
    let read = |node: &'_ Node| {
        if node.value == Value::Null {
            let hint = "if you mean the origin that browsers call null, write \"null\" in quotes";
            fields.error(&node.span, "an origin has no value", hint);
            return None;
        }
        let written = text(node, "origins", "an origin", fields.problems)?;
        let pattern = origin(&written, fields.problems)?;
        if credentials && pattern == OriginPattern::Exact("null".to_owned()) {
            fields.error(
                &node.span,
                "\"origins\" cannot hold \"null\" with \"credentials\"",
                "remove it: any page can take this origin, and could act as whoever visits it",
            );
        }
        Some(pattern)
    };
    let found: Vec<_> = nodes
        .iter()
        .filter_map(|node| Some((read(node)?, &node.span)))
        .collect();
    refuse_doubles(
        found.iter().map(|(pattern, at)| (pattern, *at)),
        |pattern| match pattern {
            OriginPattern::Exact(origin) => quoted(origin),
            OriginPattern::Below { scheme, suffix } => quoted(&format!("{scheme}*{suffix}")),
        },
        fields.problems,
    );
    Some(Origins::Listed(
        found.into_iter().map(|(pattern, _)| pattern).collect(),
    ))
}

fn names(fields: &Fields<'_>, key: &str) -> Option<Names> {
    let nodes = fields.list(key)?;
    let mut found = Vec::new();
    for node in nodes {
        let Some(written) = text(node, key, "the name of a header", fields.problems) else {
            continue;
        };
        if written.value != "*" {
            let name = header_name(written.value, &node.span, fields.problems);
            found.extend(name.map(|name| (name, &node.span)));
        } else if nodes.len() == 1 {
            return Some(Names::Any);
        } else {
            let hint = "remove the others, or the *";
            fields.error(&node.span, "\"*\" is every header", hint);
        }
    }
    refuse_doubles(
        found.iter().map(|(name, at)| (name, *at)),
        |name| quoted(name.as_str()),
        fields.problems,
    );
    Some(Names::Listed(
        found.into_iter().map(|(name, _)| name).collect(),
    ))
}
