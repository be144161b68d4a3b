//! Where a redirect or a rewrite leads: `match`, `to` and `keep_query`.

use http::Uri;

use crate::{
    admit,
    config::{
        decode::Fields,
        problem::{Problem, quoted},
        table::{Key, Kind},
    },
    route::{BadPattern, BadTemplate, Pattern, Target, Template},
};

pub(super) const MATCH: Key = Key::new(
    "match",
    Kind::Text("a regular expression such as ^/blog/([0-9]+)$"),
    "a regular expression for the path, whose groups are {1}, {2} in `to`",
);

/// What a target is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Redirect,
    Rewrite,
}

pub(super) fn read(fields: &Fields<'_>, use_for: Use) -> Option<Target> {
    // All are read, whatever the first gives, so that all problems are found.
    let (pattern, to, keep) = (
        pattern(fields),
        fields.text("to"),
        fields.flag("keep_query"),
    );
    let (pattern, to) = (pattern.ok()?, to?);
    let bad = |BadTemplate { message, hint }| {
        let message = format!("{} {message}", quoted(to.value));
        fields
            .problems
            .push(Problem::error(message).at_value(&to).hint(hint));
    };
    let template = Template::parse(to.value, pattern.as_ref())
        .map_err(bad)
        .ok()?;
    let target = Target {
        keep_query: keep.unwrap_or(use_for == Use::Rewrite) && !template.has_query(),
        pattern,
        to: template,
    };
    if let (Some(true), Some(entry), true) =
        (keep, fields.entry("keep_query"), target.to.has_query())
    {
        let hint = "remove it, or take {query} or {uri} out of `to`";
        fields.error(&entry.at, "the query would be there twice", hint);
    }
    let checked = match use_for {
        Use::Redirect => is_place(to.value).and_then(|()| is_place(&example(&target.to)?)),
        Use::Rewrite => is_path(to.value).and_then(|()| is_path(&example(&target.to)?)),
    };
    let bad = |(message, hint)| bad(BadTemplate::from((message, hint)));
    checked.map_err(bad).ok().map(|()| target)
}

/// A value that is wrong, which has been said.
struct Wrong;

fn pattern(fields: &Fields<'_>) -> Result<Option<Pattern>, Wrong> {
    if fields.entry("match").is_none() {
        return Ok(None);
    }
    let written = fields.text("match").ok_or(Wrong)?;
    let (message, hint) = match Pattern::new(written.value) {
        Ok(pattern) => return Ok(Some(pattern)),
        Err(BadPattern::Syntax(what)) => (
            format!("is no regular expression: {what}"),
            "its syntax is that of the crate regex; there is no looking around, and no \\1",
        ),
        Err(BadPattern::Size) => (
            "is too large a regular expression".to_owned(),
            "repeat less, or make several routes of it",
        ),
    };
    let message = format!("{} {message}", quoted(written.value));
    fields
        .problems
        .push(Problem::error(message).at_value(&written).hint(hint));
    Err(Wrong)
}

type Fault = (&'static str, &'static str);

/// What the template gives for a harmless request.
fn example(template: &Template) -> Result<String, Fault> {
    let filled = template.example();
    filled.map_err(|_refusal| ("is longer than a request may be", "write less"))
}

/// `https://host/…`, `http://host/…`, or `/…` but not `//…`, which browsers take for a host.
fn is_place(to: &str) -> Result<(), Fault> {
    if to.bytes().any(|b| !b.is_ascii_graphic()) {
        return Err((
            "is not a URL",
            "write spaces and letters that are not ASCII as %XX",
        ));
    }
    if to.starts_with("//") {
        return Err((
            "names a host, not a path",
            "write https: in front of it, or one / less",
        ));
    }
    if ["/", "{path}", "{uri}"]
        .iter()
        .any(|start| to.starts_with(start))
    {
        return Ok(());
    }
    let has_scheme = ["https://", "http://"]
        .iter()
        .any(|scheme| to.starts_with(scheme));
    // With placeholders it is no URL yet; then what it gives is looked at in its turn.
    let is_url = |uri: Uri| uri.host().is_some_and(|host| !host.is_empty());
    if has_scheme && (to.contains('{') || to.parse::<Uri>().is_ok_and(is_url)) {
        return Ok(());
    }
    Err((
        "is no place to redirect to",
        "write a URL that begins with https:// or http://, or a path that begins with /",
    ))
}

fn is_path(to: &str) -> Result<(), Fault> {
    let hint = "write a path that begins with /, such as /new/{1}";
    if !["/", "{path}", "{uri}"]
        .iter()
        .any(|start| to.starts_with(start))
    {
        return Err(("is not a path", hint));
    }
    if to.contains('#') || to.bytes().any(|b| !b.is_ascii_graphic()) {
        let hint = "a server is asked for visible ASCII without a fragment; write %XX";
        return Err(("is nothing a server could be asked for", hint));
    }
    if to.contains('{') {
        return Ok(());
    }
    let path = to.split('?').next().unwrap_or_default();
    match admit::normalise(path) {
        Ok(_) => Ok(()),
        Err(bad) => Err(("could never be asked for", bad.reason())),
    }
}

impl From<Fault> for BadTemplate {
    fn from((message, hint): Fault) -> Self {
        Self {
            message: message.to_owned(),
            hint: hint.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_lead_to_urls_and_paths() {
        for to in [
            "/new",
            "/",
            "https://example.ch",
            "http://a.ch:8080/x?y=1#z",
            "https://{host}/",
            "{uri}",
        ] {
            assert_eq!(is_place(to), Ok(()), "{to}");
        }
        for to in [
            "",
            "new",
            "//evil.ch",
            "ftp://a.ch",
            "https://",
            "HTTPS://a.ch",
            "https:/a.ch",
            "javascript:alert(1)",
            "/a\r\nb",
        ] {
            assert!(is_place(to).is_err(), "{to}");
        }
    }

    #[test]
    fn rewrites_lead_to_paths() {
        for to in ["/new", "/", "{path}/x", "/a?b=c", "/{1}?x={2}"] {
            assert_eq!(is_path(to), Ok(()), "{to}");
        }
        for to in [
            "",
            "new",
            "https://a.ch/",
            "{1}",
            "/a#b",
            "/a b",
            "/..",
            "/a%2fb",
            "/a%",
        ] {
            assert!(is_path(to).is_err(), "{to}");
        }
    }
}
