//! Access, as a route or `defaults` says it.

use std::{collections::HashSet, path::PathBuf, sync::Arc};

use super::{Said, mode};
use crate::config::{
    decode::{Fields, text},
    model::Access,
    problem::{Located, Problem},
    raw::Value,
    read::{beside, network::networks},
    table::{Key, Kind, Table},
};

pub(in crate::config::read) const KEY: Key = Key::new(
    "access",
    Kind::OffOr(&TABLE),
    "let clients in by their network, or false; default everybody",
);

const NETWORK: &str = "a network such as 10.0.0.0/8, or an address";
const FILE: &str = "the path of a file";

static TABLE: Table = Table {
    of: "access",
    keys: &[
        Key::new(
            "allow",
            Kind::AnyNumber(NETWORK),
            "who is let in; with any, nobody else is. The most specific network decides",
        ),
        Key::new(
            "deny",
            Kind::AnyNumber(NETWORK),
            "who is refused, unless a more specific network is allowed",
        ),
        Key::new(
            "allow_file",
            Kind::OneOrMore(FILE),
            "as `allow`, a network a line, read again with each reload",
        ),
        Key::new(
            "deny_file",
            Kind::OneOrMore(FILE),
            "as `deny`, a network a line, read again with each reload",
        ),
        mode::KEY,
    ],
};

pub(super) fn read(fields: &Fields<'_>) -> Said<Access> {
    let entry = fields.entry("access")?;
    let access = match entry.node.value {
        Value::Bool(false) => None,
        _ => Some(Arc::new(access(&fields.fields("access")?))),
    };
    Some(Located::new(access, &entry.at))
}

fn access(fields: &Fields<'_>) -> Access {
    let (allow, deny) = (networks(fields, "allow"), networks(fields, "deny"));
    let allowed: HashSet<_> = allow.iter().map(|(network, _)| *network).collect();
    for (network, at) in &deny {
        if allowed.contains(network) {
            fields.problems.push(
                Problem::warning(format!("{network} is allowed and denied"))
                    .at(at)
                    .hint("it is denied; remove one of the two"),
            );
        }
    }
    Access {
        allow: allow.into_iter().map(|(network, _)| network).collect(),
        deny: deny.into_iter().map(|(network, _)| network).collect(),
        allow_files: files(fields, "allow_file"),
        deny_files: files(fields, "deny_file"),
        mode: mode::read(fields),
    }
}

fn files(fields: &Fields<'_>, name: &str) -> Vec<Located<PathBuf>> {
    let nodes = fields.list(name).unwrap_or_default();
    let files = nodes.iter().filter_map(|node| {
        let written = text(node, name, FILE, fields.problems)?;
        beside(fields, name, &written, written.value)
    });
    files.collect()
}
