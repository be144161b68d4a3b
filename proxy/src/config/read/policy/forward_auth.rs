//! A server that is asked whether requests may pass, as a route or `defaults` says it.

use std::{sync::Arc, time::Duration};

use http::HeaderName;

use super::{Said, field_name};
use crate::config::{
    decode::{Fields, text},
    model::ForwardAuth,
    problem::{Located, Problem, quoted},
    raw::Value,
    table::{Key, Kind, Table},
};

pub(in crate::config::read) const KEY: Key = Key::new(
    "forward_auth",
    Kind::OffOr(&TABLE),
    "ask another server whether a request may pass; default false",
);

static TABLE: Table = Table {
    of: "forward_auth",
    keys: &[
        Key::required(
            "upstream",
            Kind::Text("the name of an upstream"),
            "who is asked",
        ),
        Key::required(
            "path",
            Kind::Text("a path such as /verify"),
            "what it is asked for, with a query if it needs one",
        ),
        Key::new(
            "request_headers",
            Kind::AnyNumber("names of headers"),
            "what it sees of the client's headers; default all but those of the body",
        ),
        Key::new(
            "copy_headers",
            Kind::AnyNumber("names of headers such as Remote-User"),
            "headers of its answer 2xx that the server sees, and never as the client sent them",
        ),
        Key::new(
            "copy_cookies",
            Kind::AnyNumber("names of cookies"),
            "cookies that its answer 2xx sets and the client gets; default none",
        ),
        Key::new(
            "timeout",
            Kind::Duration(Duration::from_millis(1)..=Duration::from_secs(60)),
            "for all of it; then the request is refused; default 5s",
        ),
    ],
};

/// Of each list.
const MOST_NAMES: usize = 64;
/// Bytes of the path with its query.
const LONGEST_PATH: usize = 2048;

pub(super) fn read(fields: &Fields<'_>) -> Said<ForwardAuth> {
    let entry = fields.entry("forward_auth")?;
    let forward_auth = match entry.node.value {
        Value::Map(_) => Some(whole(&fields.fields("forward_auth")?)?),
        Value::Bool(false) => None,
        _ => {
            let hint = "write { upstream: NAME, path: /verify }";
            return fields.wrong("forward_auth", "a mapping or false", &entry.node, hint);
        }
    };
    Some(Located::new(forward_auth.map(Arc::new), &entry.at))
}

fn whole(fields: &Fields<'_>) -> Option<ForwardAuth> {
    // All are read, whatever the first gives, so that all problems are found.
    let (upstream, path, request_headers, copy_headers, copy_cookies, timeout) = (
        fields.text("upstream"),
        path(fields),
        field_names(fields, "request_headers"),
        field_names(fields, "copy_headers"),
        cookie_names(fields),
        fields.duration("timeout"),
    );
    let upstream = upstream?;
    Some(ForwardAuth {
        upstream: Located {
            value: upstream.value.into(),
            span: upstream.span,
        },
        path: path?,
        request_headers,
        copy_headers: copy_headers.unwrap_or_default(),
        copy_cookies,
        timeout: timeout.unwrap_or(ForwardAuth::TIMEOUT),
    })
}

/// The target of a request, in origin form (RFC 9112 section 3.2.1).
fn path(fields: &Fields<'_>) -> Option<Box<str>> {
    let written = fields.text("path")?;
    let path = written.value;
    let (message, hint) = if !path.starts_with('/') {
        (
            "does not begin with /",
            "write the path alone; the host is that of the upstream's servers",
        )
    } else if !path.bytes().all(|b| b.is_ascii_graphic()) || path.contains('#') {
        (
            "has letters that paths do not have",
            "write what is not an ASCII letter, digit or sign as %XX",
        )
    } else if path.len() > LONGEST_PATH {
        ("is too long", "write 2048 bytes at most")
    } else {
        return Some(path.into());
    };
    let problem = Problem::error(format!("{} {message}", quoted(path)));
    fields.problems.push(problem.at_value(&written).hint(hint));
    None
}

/// Nothing if nothing is said; those that are wrong are left out, and told.
fn field_names(fields: &Fields<'_>, name: &str) -> Option<Box<[HeaderName]>> {
    let nodes = fields.list(name)?;
    refuse_many(fields, name, nodes.len());
    let names = nodes.iter().filter_map(|node| {
        let written = text(node, name, "the name of a header", fields.problems)?;
        field_name(name, &written, fields.problems)
    });
    Some(names.collect())
}

fn cookie_names(fields: &Fields<'_>) -> Box<[Box<str>]> {
    let nodes = fields.list("copy_cookies").unwrap_or_default();
    refuse_many(fields, "copy_cookies", nodes.len());
    let names = nodes.iter().filter_map(|node| {
        let written = text(
            node,
            "copy_cookies",
            "the name of a cookie",
            fields.problems,
        )?;
        // A token, as the name of a field is (RFC 6265 section 4.1.1); but letters count as they are.
        if HeaderName::try_from(written.value).is_err() {
            let message = format!("{} is no name of a cookie", quoted(written.value));
            let problem = Problem::error(message).at_value(&written);
            fields
                .problems
                .push(problem.hint("write letters, digits, - and _"));
            return None;
        }
        Some(written.value.into())
    });
    names.collect()
}

fn refuse_many(fields: &Fields<'_>, name: &str, count: usize) {
    if let (true, Some(entry)) = (count > MOST_NAMES, fields.entry(name)) {
        let message = format!("{} has {count} names", quoted(name));
        fields.error(&entry.at, message, "write 64 at most");
    }
}
