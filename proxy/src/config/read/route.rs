//! Routes: which requests, and what becomes of them.

use http::{HeaderValue, Method, StatusCode, Uri};

use super::{
    host, path,
    policy::{self, PoliciesDraft},
    refuse_doubles,
};
use crate::config::{
    decode::{Fields, text},
    model::{Action, HostPattern, PathPattern},
    nearest::did_you_mean,
    problem::{Located, Problem, Problems, quoted},
    raw::{Entry, Node},
    table::{Key, Kind, Table},
};
use crate::route::Methods;

/// Bytes of a body that a route answers with by itself; what is longer belongs on a server.
const LONGEST_BODY: usize = 64 << 10;

pub(in crate::config) static TABLE: Table = Table {
    of: "a route",
    keys: &[
        Key::new(
            "host",
            Kind::OneOrMore("a host name such as example.ch or \"*.example.ch\""),
            "the hosts it is for, one or a list; default any",
        ),
        Key::new(
            "path",
            Kind::Text("a path such as /api"),
            "this path and all below it, by whole segments; default /",
        ),
        Key::new(
            "exact",
            Kind::Text("a path such as /api"),
            "this path alone",
        ),
        Key::new(
            "methods",
            Kind::OneOrMore("methods such as GET"),
            "the methods it is for; default any",
        ),
        Key::new(
            "upstream",
            Kind::Text("the name of an upstream"),
            "send the request to this upstream",
        ),
        Key::new(
            "strip_prefix",
            Kind::Flag,
            "take `path` off before the request is sent; default false",
        ),
        Key::new(
            "redirect",
            Kind::Mapping(&REDIRECT),
            "answer with a redirect",
        ),
        Key::new("respond", Kind::Mapping(&RESPOND), "answer with this"),
        policy::basic_auth::KEY,
        policy::forward_auth::KEY,
        policy::hsts::KEY,
        Key::later(
            "rate_limit",
            "remove it; nothing limits rates yet",
            "limit rates",
        ),
        Key::later(
            "compress",
            "remove it; responses pass as they are",
            "compress responses",
        ),
        Key::later(
            "security_headers",
            "remove it; responses pass as they are",
            "add headers for browsers",
        ),
        Key::later(
            "access",
            "remove it, and guard the server in another way until it works",
            "allow or deny addresses",
        ),
    ],
};

static REDIRECT: Table = Table {
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
    ],
};

static RESPOND: Table = Table {
    of: "a response",
    keys: &[
        Key::new("status", Kind::Number(200..=599), "default 200"),
        Key::new("body", Kind::Text("text"), "plain text; default none"),
    ],
};

/// A route whose upstream is still a name.
pub(in crate::config) struct RouteDraft {
    pub(in crate::config) at: Located<()>,
    pub(in crate::config) hosts: Vec<HostPattern>,
    pub(in crate::config) path: PathPattern,
    pub(in crate::config) methods: Option<Methods>,
    pub(in crate::config) action: ActionDraft,
    pub(in crate::config) policies: PoliciesDraft,
}

pub(in crate::config) enum ActionDraft {
    Forward {
        upstream: Located<String>,
        strip_prefix: bool,
    },
    /// One that names nothing.
    Ready(Action),
}

pub(super) fn read(node: &Node, problems: &Problems) -> Option<RouteDraft> {
    let fields = Fields::of(node, &node.span, &TABLE, problems)?;
    // All are read, whatever the first gives, so that all problems are found.
    let (hosts, path, methods, action, policies) = (
        hosts(&fields),
        path_pattern(&fields),
        methods(&fields),
        action(&fields),
        policy::read(&fields),
    );
    Some(RouteDraft {
        at: Located::new((), &node.span),
        hosts,
        path: path?,
        methods,
        action: action?,
        policies,
    })
}

fn hosts(fields: &Fields<'_>) -> Vec<HostPattern> {
    let nodes = fields.list("host").unwrap_or_default();
    let found: Vec<_> = nodes
        .iter()
        .filter_map(|node| {
            let written = text(node, "host", "a host name", fields.problems)?;
            if written.value == "*" {
                let hint = "a route without `host` is for every host; remove it";
                fields.error(&node.span, "\"*\" is not a host name", hint);
                return None;
            }
            Some((host::host(&written, fields.problems)?, &node.span))
        })
        .collect();
    refuse_doubles(
        found.iter().map(|(host, at)| (host, *at)),
        |host| match host {
            HostPattern::Exact(name) => quoted(name),
            HostPattern::Suffix(name) => quoted(&format!("*.{name}")),
        },
        fields.problems,
    );
    found.into_iter().map(|(host, _)| host).collect()
}

fn path_pattern(fields: &Fields<'_>) -> Option<PathPattern> {
    let normal = |written: Located<&str>| match path::normal(written.value) {
        Ok(path) => Some(path.to_owned()),
        Err((message, hint)) => {
            fields.problems.push(
                Problem::error(format!("the path {} {message}", quoted(written.value)))
                    .at_value(&written)
                    .hint(hint),
            );
            None
        }
    };
    if let (Some(_), Some(exact)) = (fields.entry("path"), fields.entry("exact")) {
        fields.error(
            &exact.at,
            "a route has \"path\" or \"exact\", not both",
            "remove one of them",
        );
        return None;
    }
    if fields.entry("exact").is_some() {
        return normal(fields.text("exact")?).map(PathPattern::Exact);
    }
    if fields.entry("path").is_none() {
        return Some(PathPattern::Prefix("/".to_owned()));
    }
    let prefix = normal(fields.text("path")?)?;
    let trimmed = prefix.strip_suffix('/').filter(|rest| !rest.is_empty());
    Some(PathPattern::Prefix(
        trimmed.map_or(prefix.clone(), str::to_owned),
    ))
}

fn methods(fields: &Fields<'_>) -> Option<Methods> {
    let mut methods = Methods::none();
    let mut found = Vec::new();
    for node in fields.list("methods")? {
        let Some(written) = text(node, "methods", "a method such as GET", fields.problems) else {
            continue;
        };
        let word = written.value;
        if let Some(with) = Method::from_bytes(word.as_bytes())
            .ok()
            .and_then(|method| methods.with(&method).ok())
        {
            methods = with;
            found.push((word, &node.span));
            continue;
        }
        let hint = if word == "CONNECT" {
            "the proxy opens no tunnels; remove it".to_owned()
        } else {
            did_you_mean(word, Methods::NAMES)
                .unwrap_or_else(|| format!("the methods are {}", Methods::NAMES.join(", ")))
        };
        let message = format!("a route cannot ask for the method {}", quoted(word));
        fields.error(&node.span, message, hint);
    }
    refuse_doubles(
        found.iter().map(|(word, at)| (word, *at)),
        |word| quoted(word),
        fields.problems,
    );
    Some(methods)
}

fn action(fields: &Fields<'_>) -> Option<ActionDraft> {
    const ACTIONS: [&str; 3] = ["upstream", "redirect", "respond"];
    let named: Vec<&Entry> = ACTIONS
        .iter()
        .filter_map(|name| fields.entry(name))
        .collect();
    let strip = fields.entry("strip_prefix");
    let strip_prefix = fields.flag("strip_prefix").unwrap_or(false);
    if let (Some(strip), true) = (strip, strip_prefix) {
        if fields.entry("upstream").is_none() {
            let hint = "remove it: what the proxy answers by itself has no path";
            fields.error(&strip.at, "\"strip_prefix\" goes with \"upstream\"", hint);
        } else if fields.entry("path").is_none() {
            let hint = "write the prefix under `path`, or remove it";
            fields.error(&strip.at, "\"strip_prefix\" goes with \"path\"", hint);
        }
    }
    match named.as_slice() {
        [] => {
            // Of a key that is not known, or does not work yet, enough has been said.
            if fields.is_sound {
                fields.error(
                    fields.at,
                    "this route leads nowhere",
                    "add `upstream`, `redirect` or `respond`",
                );
            }
            None
        }
        [one] => match one.key.as_str() {
            "upstream" => {
                let name = fields.text("upstream")?;
                Some(ActionDraft::Forward {
                    upstream: Located {
                        value: name.value.to_owned(),
                        span: name.span,
                    },
                    strip_prefix,
                })
            }
            "redirect" => redirect(&fields.fields("redirect")?).map(ActionDraft::Ready),
            _ => respond(&fields.fields("respond")?).map(ActionDraft::Ready),
        },
        [first, second, ..] => {
            fields.error(
                &second.at,
                format!(
                    "a route has {} or {}, not both",
                    quoted(&first.key),
                    quoted(&second.key)
                ),
                "make two routes of it, or remove one",
            );
            None
        }
    }
}

fn redirect(fields: &Fields<'_>) -> Option<Action> {
    let to = fields.text("to");
    let status = match fields.number("status") {
        None => StatusCode::PERMANENT_REDIRECT,
        Some(number @ (301 | 302 | 303 | 307 | 308)) => status(number)?,
        Some(number) => {
            if let Some(node) = fields.node("status") {
                let message = format!("{number} is not the status of a redirect");
                fields.error(&node.span, message, "write 301, 302, 303, 307 or 308");
            }
            return None;
        }
    };
    let to = to?;
    if let Err((message, hint)) = is_target(to.value) {
        fields.problems.push(
            Problem::error(format!("{} {message}", quoted(to.value)))
                .at_value(&to)
                .hint(hint),
        );
        return None;
    }
    Some(Action::Redirect {
        to: HeaderValue::try_from(to.value).ok()?,
        status,
    })
}

/// `https://host/…`, `http://host/…`, or `/…` but not `//…`, which browsers take for a host.
fn is_target(to: &str) -> Result<(), (&'static str, &'static str)> {
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
    if to.starts_with('/') {
        return Ok(());
    }
    let is_absolute = to.parse::<Uri>().is_ok_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https")) && uri.host() != Some("")
    });
    if is_absolute {
        return Ok(());
    }
    Err((
        "is no place to redirect to",
        "write a URL that begins with https:// or http://, or a path that begins with /",
    ))
}

fn respond(fields: &Fields<'_>) -> Option<Action> {
    let number = fields.number("status").unwrap_or(200);
    let body = fields.text("body").unwrap_or(Located::nowhere(""));
    let fault = if body.value.len() > LONGEST_BODY {
        Some((
            "this body is longer than 64 KiB",
            "let a server answer with it",
        ))
    } else if matches!(number, 204 | 205 | 304) && !body.value.is_empty() {
        Some((
            "a response with this status has no body",
            "remove `body`, or choose another status",
        ))
    } else {
        None
    };
    if let Some((message, hint)) = fault {
        let problem = Problem::error(message).at_value(&body).hint(hint);
        fields.problems.push(problem);
    }
    Some(Action::Respond {
        status: status(number)?,
        body: body.value.to_owned(),
    })
}

fn status(number: u64) -> Option<StatusCode> {
    StatusCode::from_u16(u16::try_from(number).ok()?).ok()
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
        ] {
            assert_eq!(is_target(to), Ok(()), "{to}");
        }
        for to in [
            "",
            "new",
            "//evil.ch",
            "ftp://a.ch",
            "https://",
            "javascript:alert(1)",
            "/a\r\nb",
        ] {
            assert!(is_target(to).is_err(), "{to}");
        }
    }
}
