//! What a route answers by itself: redirects and fixed answers.

use http::{HeaderValue, StatusCode};

use super::{
    file_path,
    target::{self, Use},
};
use crate::config::{
    decode::Fields,
    model::{Action, Body},
    problem::{Problem, quoted},
    table::{Key, Kind, Table},
};

/// Bytes of a body that stands in the configuration; what is longer is better read in a file of its own.
const LONGEST_BODY: usize = 64 << 10;

pub(super) static REDIRECT: Table = Table {
    of: "a redirect",
    keys: &[
        Key::required(
            "to",
            Kind::Text("a URL, or a path"),
            "an http or https URL, or a path of the same host",
        ),
        Key::new(
            "status",
            Kind::Number(301..=308),
            "301, 302, 303, 307 or 308; default 308",
        ),
        target::MATCH,
        Key::new(
            "keep_query",
            Kind::Flag,
            "the client's query goes behind `to`; default false",
        ),
    ],
};

pub(super) static RESPOND: Table = Table {
    of: "a response",
    keys: &[
        Key::new("status", Kind::Number(200..=599), "default 200"),
        Key::new("body", Kind::Text("text"), "plain text; default none"),
        Key::new(
            "file",
            Kind::Text("the path of a file"),
            "a file of 1 MiB at most, in the place of `body`",
        ),
        Key::new(
            "content_type",
            Kind::Text("a media type such as text/html"),
            "default text/plain; of a file, what its name says",
        ),
    ],
};

pub(super) fn redirect(fields: &Fields<'_>) -> Option<Action> {
    // Both are read, whatever the first gives, so that all problems are found.
    let (status, target) = (redirect_status(fields), target::read(fields, Use::Redirect));
    Some(Action::Redirect {
        target: target?,
        status: status?,
    })
}

fn redirect_status(fields: &Fields<'_>) -> Option<StatusCode> {
    match fields.number("status") {
        None => Some(StatusCode::PERMANENT_REDIRECT),
        Some(number @ (301 | 302 | 303 | 307 | 308)) => status(number),
        Some(number) => {
            if let Some(node) = fields.node("status") {
                let message = format!("{number} is not the status of a redirect");
                fields.error(&node.span, message, "write 301, 302, 303, 307 or 308");
            }
            None
        }
    }
}

pub(super) fn respond(fields: &Fields<'_>) -> Option<Action> {
    let number = fields.number("status").unwrap_or(200);
    let (body, media) = (body(fields, number), media(fields));
    Some(Action::Respond {
        status: status(number)?,
        body: body?,
        media,
    })
}

fn body(fields: &Fields<'_>, status: u64) -> Option<Body> {
    let written = match (fields.entry("body"), fields.entry("file")) {
        (Some(_), Some(file)) => {
            let message = "a response has \"body\" or \"file\", not both";
            fields.error(&file.at, message, "remove one of them");
            return None;
        }
        (None, None) => return Some(Body::Text(String::new())),
        (Some(entry), None) | (None, Some(entry)) => entry,
    };
    let body = if written.key == "file" {
        Body::File(file_path(fields, "file")?)
    } else {
        Body::Text(fields.text("body")?.value.to_owned())
    };
    let is_too_long = matches!(&body, Body::Text(text) if text.len() > LONGEST_BODY);
    let is_empty = matches!(&body, Body::Text(text) if text.is_empty());
    let fault = if is_too_long {
        Some((
            "this body is longer than 64 KiB".to_owned(),
            "put it into a file, and name it under `file`".to_owned(),
        ))
    } else if matches!(status, 204 | 205 | 304) && !is_empty {
        Some((
            "a response with this status has no body".to_owned(),
            format!("remove `{}`, or choose another status", written.key),
        ))
    } else {
        None
    };
    if let Some((message, hint)) = fault {
        fields.error(&written.node.span, message, hint);
    }
    Some(body)
}

/// A media type (RFC 9110 section 8.3.1), so far as a mistake could break a message or mislead a browser.
fn media(fields: &Fields<'_>) -> Option<HeaderValue> {
    let written = fields.text("content_type")?;
    let is_token = |text: &str| {
        let is_tchar = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        !text.is_empty() && text.bytes().all(is_tchar)
    };
    let bare = written
        .value
        .split(';')
        .next()
        .unwrap_or_default()
        .trim_end();
    let is_media = bare
        .split_once('/')
        .is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype));
    let is_plain = written.value.bytes().all(|b| matches!(b, b' '..=b'~'));
    if is_media && is_plain {
        return HeaderValue::from_str(written.value).ok();
    }
    let message = format!("{} is no media type", quoted(written.value));
    let hint = "write one such as text/html or \"text/html; charset=utf-8\"";
    fields
        .problems
        .push(Problem::error(message).at_value(&written).hint(hint));
    None
}

fn status(number: u64) -> Option<StatusCode> {
    StatusCode::from_u16(u16::try_from(number).ok()?).ok()
}
