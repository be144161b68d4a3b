//! Maintenance, as a route or `defaults` says it.

use std::{sync::Arc, time::Duration};

use http::StatusCode;

use super::{Said, page, whole_seconds};
use crate::config::{
    decode::Fields,
    model::{Maintenance, Notice},
    problem::{Located, Problem},
    raw::Value,
    read::network::networks,
    table::{Key, Kind, Table},
};

const LONGEST: Duration = Duration::from_secs(30 * 86_400);

/// Bytes of a sentence; what is longer is a page, and goes into a file.
const LONGEST_SENTENCE: usize = 4 << 10;

pub(in crate::config::read) const KEY: Key = Key::new(
    "maintenance",
    Kind::FlagOr(&TABLE),
    "show a page that asks for patience; default false",
);

static TABLE: Table = Table {
    of: "maintenance",
    keys: &[
        Key::new("status", Kind::Number(400..=599), "default 503"),
        Key::new(
            "body",
            Kind::Text("text"),
            "what our page says, in plain text",
        ),
        Key::new(
            "file",
            Kind::Text("the path of a file"),
            "a page of yours in the place of ours: .html, .json or .txt, 1 MiB at most",
        ),
        Key::new(
            "retry_after",
            Kind::Duration(Duration::ZERO..=LONGEST),
            "when clients may come back; 0s says nothing of it; default 5m",
        ),
        Key::new(
            "allow",
            Kind::AnyNumber("a network such as 10.0.0.0/8, or an address"),
            "clients for whom all is as ever; default none",
        ),
    ],
};

pub(super) fn read(fields: &Fields<'_>) -> Said<Maintenance> {
    let entry = fields.entry("maintenance")?;
    let maintenance = match entry.node.value {
        Value::Map(_) => Some(maintenance(&fields.fields("maintenance")?)?),
        _ => fields.flag("maintenance")?.then(Maintenance::default),
    };
    Some(Located::new(maintenance.map(Arc::new), &entry.at))
}

fn maintenance(fields: &Fields<'_>) -> Option<Maintenance> {
    // All are read, whatever the first gives, so that all problems are found.
    let (notice, status, retry_after) = (
        notice(fields),
        fields.number("status"),
        whole_seconds(fields, "retry_after", Maintenance::RETRY_AFTER),
    );
    let allow = networks(fields, "allow").into_iter();
    let status = StatusCode::from_u16(u16::try_from(status.unwrap_or(503)).ok()?).ok()?;
    Some(Maintenance {
        status,
        notice: notice?,
        retry_after: retry_after?,
        allow: allow.map(|(network, _)| network).collect(),
    })
}

fn notice(fields: &Fields<'_>) -> Option<Notice> {
    if let (Some(_), Some(file)) = (fields.entry("body"), fields.entry("file")) {
        let message = "maintenance has \"body\" or \"file\", not both";
        fields.error(&file.at, message, "remove one of them");
        return None;
    }
    if fields.entry("file").is_some() {
        return Some(Notice::File(page::file(
            fields,
            "file",
            &fields.text("file")?,
        )?));
    }
    if fields.entry("body").is_none() {
        return Some(Notice::Ours);
    }
    let sentence = fields.text("body")?;
    if sentence.value.len() > LONGEST_SENTENCE {
        fields.problems.push(
            Problem::error("this text is longer than 4 KiB")
                .at_value(&sentence)
                .hint("make a page of it, and name it under `file`"),
        );
    }
    Some(Notice::Sentence(sentence.value.to_owned()))
}
