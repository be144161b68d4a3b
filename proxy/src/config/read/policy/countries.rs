//! Countries, as a route or `defaults` says them.

mod iso;

use std::sync::Arc;

use super::{Said, mode};
use crate::config::{
    decode::{Fields, text},
    model::{Countries, Country, CountryList, Unknown},
    problem::{Located, Problem, quoted},
    raw::Value,
    read::refuse_doubles,
    table::{Key, Kind, Table},
};

pub(in crate::config::read) const KEY: Key = Key::new(
    "countries",
    Kind::OffOr(&TABLE),
    "let clients in by their country, or false; default everybody",
);

const CODE: &str = "a code of ISO 3166 such as CH";
const UNKNOWN: [&str; 3] = ["allow", "private", "deny"];

static TABLE: Table = Table {
    of: "countries",
    keys: &[
        Key::new(
            "allow",
            Kind::OneOrMore(CODE),
            "who is let in; nobody else is",
        ),
        Key::new(
            "deny",
            Kind::OneOrMore(CODE),
            "who is refused; everybody else is let in",
        ),
        Key::new(
            "unknown",
            Kind::Choice(&UNKNOWN),
            "whether an address without a country is let in; private: if it is of a private network; default private with `allow`, allow with `deny`",
        ),
        mode::KEY,
    ],
};

pub(super) fn read(fields: &Fields<'_>) -> Said<Countries> {
    let entry = fields.entry("countries")?;
    let countries = match entry.node.value {
        Value::Bool(false) => None,
        _ => Some(Arc::new(countries(&fields.fields("countries")?)?)),
    };
    Some(Located::new(countries, &entry.at))
}

fn countries(fields: &Fields<'_>) -> Option<Countries> {
    // All are read, whatever the first gives, so that all problems are found.
    let (allow, deny) = (codes(fields, "allow"), codes(fields, "deny"));
    let (unknown, mode) = (fields.choice("unknown"), mode::read(fields));
    let list = match (fields.entry("allow"), fields.entry("deny")) {
        (Some(_), Some(entry)) => {
            let hint = "who is not allowed is denied already; remove `deny`";
            fields.error(
                &entry.at,
                "countries has \"allow\" or \"deny\", not both",
                hint,
            );
            return None;
        }
        (Some(_), None) => CountryList::Allow(allow),
        (None, Some(_)) => CountryList::Deny(deny),
        (None, None) => {
            if fields.is_sound {
                let hint = "write `allow: [CH, FR]` or `deny: [...]`, or false";
                fields.error(fields.at, "countries needs \"allow\" or \"deny\"", hint);
            }
            return None;
        }
    };
    let unknown = match (unknown.map(|word| word.value), &list) {
        (Some("allow"), _) | (None, CountryList::Deny(_)) => Unknown::Allow,
        (Some("deny"), _) => Unknown::Deny,
        _ => Unknown::Private,
    };
    Some(Countries {
        list,
        unknown,
        mode,
    })
}

fn codes(fields: &Fields<'_>, name: &str) -> Vec<Country> {
    let nodes = fields.list(name).unwrap_or_default();
    let codes = nodes.iter().filter_map(|node| {
        let written = text(node, name, CODE, fields.problems)?;
        Some((code(&written, fields)?, &node.span))
    });
    let codes: Vec<_> = codes.collect();
    refuse_doubles(
        codes.iter().map(|(code, at)| (code, *at)),
        |code| quoted(code.as_str()),
        fields.problems,
    );
    codes.into_iter().map(|(code, _)| code).collect()
}

fn code(written: &Located<&str>, fields: &Fields<'_>) -> Option<Country> {
    let word = written.value;
    if iso::is_code(word) {
        return Country::parse(word);
    }
    let capitals = word.to_ascii_uppercase();
    let turned: String = capitals.chars().rev().collect();
    let hint = if iso::is_code(&capitals) {
        format!("write {capitals}")
    } else if let Some(code) = iso::instead_of(&capitals) {
        format!("did you mean \"{code}\"?")
    } else if iso::is_code(&turned) {
        format!("did you mean \"{turned}\"?")
    } else {
        "write the two letters of ISO 3166-1, such as CH for Switzerland".to_owned()
    };
    fields.problems.push(
        Problem::error(format!("{} is no code of a country", quoted(word)))
            .at_value(written)
            .hint(hint),
    );
    None
}
