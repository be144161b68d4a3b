//! Error pages, as a route or `defaults` says them.

use std::path::PathBuf;

use http::StatusCode;

use super::{Said, page, said};
use crate::{
    config::{
        decode::{Fields, text},
        model::{ErrorPages, ErrorStatus},
        problem::Located,
        table::{Key, Kind, Table},
    },
    respond::Form,
};

const FILES: &str = "the path of a file, or a list of two";

pub(in crate::config::read) const KEY: Key = Key::new(
    "error_pages",
    Kind::OffOr(&TABLE),
    "pages of yours for errors; default false",
);

/// Every error that has a name, and both classes.
static TABLE: Table = Table {
    of: "error_pages",
    keys: &[
        Key::new(
            "servers",
            Kind::Flag,
            "for the errors of servers too; default false",
        ),
        of("4xx"),
        of("5xx"),
        of("400"),
        of("401"),
        of("402"),
        of("403"),
        of("404"),
        of("405"),
        of("406"),
        of("408"),
        of("409"),
        of("410"),
        of("411"),
        of("412"),
        of("413"),
        of("414"),
        of("415"),
        of("416"),
        of("417"),
        of("418"),
        of("421"),
        of("422"),
        of("423"),
        of("424"),
        of("425"),
        of("426"),
        of("428"),
        of("429"),
        of("431"),
        of("451"),
        of("500"),
        of("501"),
        of("502"),
        of("503"),
        of("504"),
        of("505"),
        of("506"),
        of("507"),
        of("508"),
        of("511"),
    ],
};

const fn of(status: &'static str) -> Key {
    Key::new(
        status,
        Kind::OneOrMore(FILES),
        "the page of this status: .html, .txt or .json, or one of each sort",
    )
}

pub(super) fn read(fields: &Fields<'_>) -> Said<ErrorPages> {
    said(fields, "error_pages", |fields| Some(pages(fields)))
}

fn pages(fields: &Fields<'_>) -> ErrorPages {
    let keys = TABLE.keys.iter().map(|key| key.name);
    let pages = keys.filter_map(|name| {
        let files = files(fields, name)?;
        Some((status(name)?, files))
    });
    let pages = ErrorPages {
        pages: pages.collect(),
        servers: fields.flag("servers").unwrap_or(false),
    };
    if pages.pages.is_empty() && fields.is_sound && !fields.problems.has_errors() {
        fields.error(
            fields.at,
            "\"error_pages\" has no page",
            "add one, such as `404: pages/404.html`, or write false",
        );
    }
    pages
}

fn status(name: &str) -> Option<ErrorStatus> {
    match name {
        "4xx" => Some(ErrorStatus::Client),
        "5xx" => Some(ErrorStatus::Server),
        code => Some(ErrorStatus::One(
            StatusCode::from_bytes(code.as_bytes()).ok()?,
        )),
    }
}

/// At most one for those who prefer JSON and one for the others; none if the key is not there.
fn files(fields: &Fields<'_>, name: &'static str) -> Option<Vec<Located<PathBuf>>> {
    let entry = fields.entry(name).filter(|_| name != "servers")?;
    let mut files = Vec::new();
    let (mut json, mut other) = (None, None);
    for node in fields.list(&entry.key)? {
        let Some(file) = text(node, name, FILES, fields.problems)
            .and_then(|written| page::file(fields, name, &written))
        else {
            continue;
        };
        let is_json = Form::of(&file.value) == Some(Form::Json);
        let first = if is_json { &mut json } else { &mut other };
        match first.replace(&node.span) {
            None => files.push(file),
            Some(first) => fields.error(
                &node.span,
                "a second page of the same sort",
                format!("there is one for who prefers JSON and one for the others; the first is at {first}"),
            ),
        }
    }
    Some(files)
}
