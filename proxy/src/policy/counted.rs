//! Under what a request counts for a limit.

use std::sync::Arc;

use super::Request;
use crate::{config::model::By, forward::cookies, limits::Subject};

/// Whose a limit is, for its identity: the route's of this label, or that of `defaults`.
pub(super) fn owner(of_defaults: bool, route: &str) -> Arc<str> {
    if of_defaults { "defaults" } else { route }.into()
}

/// Whoever leaves the header or the cookie out, sends it empty or twice, counts as the client they are: that is no way round.
/// `route` is the label of the request's route.
pub(super) fn subject<'a>(by: &By, request: &Request<'a>, route: &'a str) -> Subject<'a> {
    let value = match by {
        By::Client => None,
        By::Route => return Subject::Route(route),
        By::Header(name) => alone(request.fields.get_all(name)),
        By::Cookie(name) => alone(cookies(request.fields, name.as_bytes())),
    };
    value.map_or_else(|| Subject::Client(request.client.into()), Subject::Value)
}

fn alone<'a>(mut values: impl Iterator<Item = &'a [u8]>) -> Option<&'a [u8]> {
    let value = values.next()?;
    (values.next().is_none() && !value.is_empty()).then_some(value)
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue, Method};

    use super::*;

    const CLIENT: &str = "the client";

    type Lines = &'static [(&'static str, &'static str)];

    fn counted(by: &By, lines: &[(&'static str, &'static str)]) -> String {
        let mut fields = HeaderMap::new();
        for (name, value) in lines {
            fields.append(*name, HeaderValue::from_static(value));
        }
        let request = Request {
            client: [192, 0, 2, 1].into(),
            method: &Method::GET,
            announced: None,
            is_tls: false,
            host: "a.example",
            port: None,
            path: "/",
            query: "",
            fields: (&fields).into(),
        };
        match subject(by, &request, "a.example/") {
            Subject::Client(client) => {
                assert_eq!(client.to_string(), "192.0.2.1");
                CLIENT.to_owned()
            }
            Subject::Value(value) => String::from_utf8_lossy(value).into_owned(),
            Subject::Route(label) => format!("route {label}"),
        }
    }

    #[test]
    fn a_request_counts_by_what_the_limit_says_or_else_by_its_client() {
        let header = || By::Header(HeaderName::from_static("x-key"));
        let cookie = || By::Cookie("id".into());
        let cases: &[(By, Lines, &str)] = &[
            (By::Client, &[("x-key", "a")], CLIENT),
            (By::Route, &[("x-key", "a")], "route a.example/"),
            (header(), &[("x-key", "a")], "a"),
            (header(), &[("x-other", "a")], CLIENT),
            (header(), &[("x-key", "")], CLIENT),
            (header(), &[("x-key", "a"), ("x-key", "b")], CLIENT),
            (header(), &[("x-key", "a, b")], "a, b"),
            (cookie(), &[("cookie", "id=1")], "1"),
            (cookie(), &[("cookie", "a=0; id=1; b=2")], "1"),
            (cookie(), &[("cookie", "a=0"), ("cookie", "id=1")], "1"),
            (cookie(), &[("cookie", "id=1=2")], "1=2"),
            (cookie(), &[("cookie", "ID=1")], CLIENT),
            (cookie(), &[("cookie", "xid=1; idx=2; id")], CLIENT),
            (cookie(), &[("cookie", "id=")], CLIENT),
            (cookie(), &[("cookie", "id=1; id=2")], CLIENT),
            (cookie(), &[("cookie", "id=1"), ("cookie", "id=2")], CLIENT),
            (cookie(), &[], CLIENT),
        ];
        for (by, lines, expected) in cases {
            assert_eq!(counted(by, lines), *expected, "{by:?} {lines:?}");
        }
    }
}
