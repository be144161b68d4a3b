//! Basic authentication, as a route or `defaults` says it.

use std::{sync::Arc, time::Duration};

use super::{Said, field_name};
use crate::config::{
    decode::Fields,
    model::BasicAuth,
    problem::{Located, Problem, quoted},
    raw::Value,
    read::file_path,
    table::{Key, Kind, Table},
};

pub(in crate::config::read) const KEY: Key = Key::new(
    "basic_auth",
    Kind::OffOr(&TABLE),
    "let in who has a name and a password; default false",
);

static TABLE: Table = Table {
    of: "basic_auth",
    keys: &[
        Key::required(
            "users",
            Kind::Text("the path of a file of users"),
            "a file of NAME:HASH lines, with hashes of Argon2id or bcrypt, as `htpasswd -B` makes them",
        ),
        Key::new(
            "realm",
            Kind::Text("a few words"),
            "what the login is for, as browsers show it; default restricted",
        ),
        Key::new(
            "failures",
            Kind::Quota(Duration::from_secs(1)..=Duration::from_secs(86_400)),
            "wrong passwords of one client; beyond them it gets 429; default 10/m",
        ),
        Key::new(
            "pass_user",
            Kind::Text("the name of a header"),
            "the header that tells the server who has logged in; default X-Forwarded-User",
        ),
        Key::new(
            "pass_authorization",
            Kind::Flag,
            "show the server name and password too; default false",
        ),
    ],
};

/// Letters of a realm at most.
const LONGEST_REALM: usize = 120;

pub(super) fn read(fields: &Fields<'_>) -> Said<BasicAuth> {
    let entry = fields.entry("basic_auth")?;
    let basic_auth = match entry.node.value {
        Value::Map(_) => Some(whole(&fields.fields("basic_auth")?)?),
        Value::Bool(false) => None,
        _ => {
            let hint =
                "write { users: FILE }, with a file of NAME:HASH lines as `htpasswd -B` makes them";
            return fields.wrong("basic_auth", "a mapping or false", &entry.node, hint);
        }
    };
    Some(Located::new(basic_auth.map(Arc::new), &entry.at))
}

fn whole(fields: &Fields<'_>) -> Option<BasicAuth> {
    // All are read, whatever the first gives, so that all problems are found.
    let (users, realm, failures, pass_user) = (
        file_path(fields, "users"),
        realm(fields),
        fields.quota("failures").unwrap_or(BasicAuth::FAILURES),
        fields.text("pass_user").map_or_else(
            || Some(BasicAuth::PASS_USER),
            |written| field_name("pass_user", &written, fields.problems),
        ),
    );
    Some(BasicAuth {
        users: users?,
        realm: realm?,
        failures,
        pass_user: pass_user?,
        pass_authorization: fields.flag("pass_authorization").unwrap_or(false),
    })
}

/// Browsers read anything but ASCII in one way or another (RFC 7617 section 3).
fn realm(fields: &Fields<'_>) -> Option<Box<str>> {
    let Some(written) = fields.text("realm") else {
        return Some(BasicAuth::REALM.into());
    };
    let realm = written.value;
    let is_plain = realm.bytes().all(|b| b == b' ' || b.is_ascii_graphic());
    if is_plain && (1..=LONGEST_REALM).contains(&realm.len()) {
        return Some(realm.into());
    }
    let message = format!("\"realm\" cannot be {}", quoted(realm));
    let problem = Problem::error(message).at_value(&written);
    fields
        .problems
        .push(problem.hint("write 1 to 120 letters of ASCII"));
    None
}
