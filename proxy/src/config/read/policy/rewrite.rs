//! Rewriting, as a route or `defaults` says it.

use super::{Said, said};
use crate::config::{
    decode::Fields,
    model::Rewrite,
    problem::{Problem, quoted},
    read::{
        path,
        target::{self, Use},
    },
    table::{Key, Kind, Table},
};

pub(in crate::config::read) const KEY: Key = Key::new(
    "rewrite",
    Kind::OffOr(&TABLE),
    "ask the server for another path; default false",
);

static TABLE: Table = Table {
    of: "rewrite",
    keys: &[
        Key::new(
            "add_prefix",
            Kind::Text("a path such as /v1"),
            "what stands before the path",
        ),
        target::MATCH,
        Key::new(
            "to",
            Kind::Text("a path such as /new/{1}"),
            "the path, and a query if it is to have one",
        ),
        Key::new(
            "keep_query",
            Kind::Flag,
            "the client's query goes behind it; default true, unless `to` has {query} or {uri}",
        ),
    ],
};

pub(super) fn read(fields: &Fields<'_>) -> Said<Rewrite> {
    said(fields, "rewrite", rewrite)
}

fn rewrite(fields: &Fields<'_>) -> Option<Rewrite> {
    let of_target = ["match", "to", "keep_query"];
    let of_target = of_target.into_iter().find_map(|name| fields.entry(name));
    match (fields.entry("add_prefix"), of_target) {
        (Some(_), Some(other)) => {
            let message = format!(
                "a rewrite has \"add_prefix\" or {}, not both",
                quoted(&other.key)
            );
            fields.error(
                &other.at,
                message,
                "remove one of them; `to: \"/v1{path}\"` adds a prefix too",
            );
            None
        }
        (Some(_), None) => prefix(fields).map(Rewrite::AddPrefix),
        (None, _) if fields.entry("to").is_some() => {
            target::read(fields, Use::Rewrite).map(Rewrite::To)
        }
        (None, _) => {
            if fields.is_sound {
                fields.error(
                    fields.at,
                    "this rewrite leads nowhere",
                    "add `add_prefix`, or `to`",
                );
            }
            None
        }
    }
}

fn prefix(fields: &Fields<'_>) -> Option<String> {
    let written = fields.text("add_prefix")?;
    let fault = match path::normal(written.value) {
        Ok("/") => ("adds nothing", "write a prefix such as /v1".to_owned()),
        Ok(path) => match path.strip_suffix('/') {
            None => return Some(path.to_owned()),
            Some(bare) => (
                "ends with a /",
                format!("write {bare}: the path begins with one"),
            ),
        },
        Err(fault) => fault,
    };
    let (message, hint) = fault;
    let message = format!("the prefix {} {message}", quoted(written.value));
    fields
        .problems
        .push(Problem::error(message).at_value(&written).hint(hint));
    None
}
