//! What the server sees: who asked, for what host, by what scheme, under which id.

use std::{iter, net::IpAddr};

use http::{HeaderValue, header};

use super::{
    Fields, Traced,
    fields::{append, remove_all, taken_for},
};
use crate::admit::{
    Host, X_FORWARDED_FOR, X_FORWARDED_HOST, X_FORWARDED_PROTO, X_REQUEST_ID, is_claim,
    is_passed_on,
};

/// Never of use to a server: CGI makes `HTTP_PROXY` of it, and libraries obey that (CVE-2016-5385, "httpoxy").
const PROXY: &str = "proxy";

/// Where a request came from, as far as it is known to be true.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// The address of the connection.
    pub peer: IpAddr,
    /// The same as text.
    pub peer_text: &'a HeaderValue,
    /// Whether the peer is a proxy whose claims are believed.
    pub trusted: bool,
    /// Whether names with `_` pass.
    pub allows_underscores: bool,
    pub scheme: &'static str,
    /// What was asked for; its name is empty if nothing was said (HTTP/1.0).
    pub host: &'a Host<'a>,
    /// The host for a request that named none.
    pub server: &'a str,
    pub request_id: &'a str,
    /// Nothing where traces are not sent: then what is said of them passes as it came.
    pub trace: Option<Traced>,
    /// The version the request came in by, and our name.
    pub via: &'static str,
}

/// How many names of headers no server saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// For an `_`.
    pub underscores: u64,
    /// For what they claim.
    pub claims: u64,
}

/// Makes the request's fields those the server is to see.
pub fn request(fields: &mut impl Fields, origin: &Origin<'_>) -> Dropped {
    let dropped = drop_lies(fields, origin);
    let mut digits = itoa::Buffer::new();
    let host = origin.host.parts(&mut digits);
    let has_host = !origin.host.name().is_empty();
    if !has_host {
        fields.set_parts(header::HOST, &[origin.server.as_bytes()]);
    } else if !is_written(fields, origin.host) {
        fields.set_parts(header::HOST, &host);
    }
    if !origin.trusted || !fields.view().contains(X_FORWARDED_PROTO) {
        fields.set(X_FORWARDED_PROTO, HeaderValue::from_static(origin.scheme));
    }
    if has_host && (!origin.trusted || !fields.view().contains(X_FORWARDED_HOST)) {
        fields.set_parts(X_FORWARDED_HOST, &host);
    }
    append(fields, X_FORWARDED_FOR, &[origin.peer_text.as_bytes()]);
    let mut elements = fields.view().get_all(header::FORWARDED);
    if !elements.all(closes_its_quotes) {
        fields.remove(&header::FORWARDED);
    }
    add_forwarded(fields, origin, has_host.then_some(host));
    fields.set_parts(X_REQUEST_ID, &[origin.request_id.as_bytes()]);
    if let Some(trace) = &origin.trace {
        trace.show(fields);
    }
    append(fields, header::VIA, &[origin.via.as_bytes()]);
    join_cookies(fields);
    dropped
}

/// Takes away names that some servers take for other names, and claims: of a trusted proxy all but those that every
/// proxy sets, to which ours about that proxy are added. Whatever else it sends, it may only have passed on. Where names
/// with `_` pass, those that are taken for a claim do not, whoever sends them: no proxy writes them so.
fn drop_lies(fields: &mut impl Fields, origin: &Origin<'_>) -> Dropped {
    let mut dropped = Dropped::default();
    let view = fields.view();
    let names = view.names_where(|name| lie(name, origin).is_some());
    let lies = names.iter().filter_map(|name| lie(name.as_str(), origin));
    for lie in lies {
        match lie {
            Lie::Underscore => dropped.underscores += 1,
            Lie::Claim => dropped.claims += 1,
        }
    }
    remove_all(fields, &names);
    dropped
}

/// Why no server sees a name.
enum Lie {
    Underscore,
    Claim,
}

fn lie(name: &str, origin: &Origin<'_>) -> Option<Lie> {
    match taken_for(name) {
        Some(_) if !origin.allows_underscores => Some(Lie::Underscore),
        Some(meant) if is_claim(&meant) => Some(Lie::Claim),
        None if name == PROXY => Some(Lie::Claim),
        None if is_claim(name) && !(origin.trusted && is_passed_on(name)) => Some(Lie::Claim),
        _ => None,
    }
}

/// Whether the client has written the host in normal form, so that its own bytes can stay.
fn is_written(fields: &impl Fields, host: &Host<'_>) -> bool {
    let written = fields.view().get(header::HOST);
    written.is_some_and(|written| host.is_written(written))
}

/// Adds one element to `Forwarded` (RFC 7239 section 4); an IPv6 address is bracketed and quoted (section 6).
fn add_forwarded(fields: &mut impl Fields, origin: &Origin<'_>, host: Option<[&[u8]; 3]>) {
    let (before, after) = match origin.peer {
        IpAddr::V4(_) => (&b"for="[..], &b";"[..]),
        IpAddr::V6(_) => (&b"for=\"["[..], &b"]\";"[..]),
    };
    let (named, [name, colon, port], end) = match host {
        Some(host) => (&b"host=\""[..], host, &b"\";"[..]),
        None => Default::default(),
    };
    let (peer, scheme) = (origin.peer_text.as_bytes(), origin.scheme.as_bytes());
    let element = [
        before, peer, after, named, name, colon, port, end, b"proto=", scheme,
    ];
    append(fields, header::FORWARDED, &element);
}

/// Whether every quoted string in a value has its end. In one that has none, whatever is added would be lost: so could
/// a client hide what we say, behind a proxy that passes its `Forwarded` on.
fn closes_its_quotes(value: &[u8]) -> bool {
    let mut bytes = value.iter();
    let mut is_quoted = false;
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => is_quoted = !is_quoted,
            b'\\' if is_quoted => {
                bytes.next();
            }
            _ => {}
        }
    }
    !is_quoted
}

/// HTTP/2 clients may split `Cookie` into crumbs; HTTP/1 servers read one (RFC 9113 section 8.2.3).
fn join_cookies(fields: &mut impl Fields) {
    let mut crumbs = fields.view().get_all(header::COOKIE);
    let (Some(first), Some(second)) = (crumbs.next(), crumbs.next()) else {
        return;
    };
    let mut whole = first.to_vec();
    for crumb in iter::once(second).chain(crumbs) {
        whole.extend_from_slice(b"; ");
        whole.extend_from_slice(crumb);
    }
    fields.set_parts(header::COOKIE, &[&whole]);
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName};

    use super::*;
    use crate::admit::FieldLines;

    fn origin(trusted: bool, host: &'static Host<'static>) -> Origin<'static> {
        Origin {
            peer: "198.51.100.7".parse().unwrap(),
            peer_text: Box::leak(Box::new(HeaderValue::from_static("198.51.100.7"))),
            trusted,
            allows_underscores: false,
            scheme: "https",
            host,
            server: "10.0.0.1:80",
            request_id: "id-1",
            trace: None,
            via: "1.1 simplon",
        }
    }

    fn example() -> &'static Host<'static> {
        Box::leak(Box::new(Host::parse(b"example.ch").unwrap()))
    }

    fn seen(sent: &[(&'static str, &'static str)], origin: &Origin<'_>) -> HeaderMap {
        seen_and_dropped(sent, origin).0
    }

    fn seen_and_dropped(
        sent: &[(&'static str, &'static str)],
        origin: &Origin<'_>,
    ) -> (HeaderMap, Dropped) {
        let mut fields = HeaderMap::new();
        for (name, value) in sent {
            fields.append(*name, HeaderValue::from_static(value));
        }
        let mut lines = FieldLines::from(&fields);
        let dropped = request(&mut fields, origin);
        assert_eq!(request(&mut lines, origin), dropped);
        assert_eq!(lines.into_map(), fields);
        (fields, dropped)
    }

    #[test]
    fn a_strangers_claims_are_dropped() {
        let stranger = origin(false, example());
        let claims = [
            "x-forwarded-for",
            "x-forwarded-proto",
            "x-forwarded-host",
            "x-forwarded-ssl",
            "forwarded",
            "x-real-ip",
            "x-request-id",
            "x-original-url",
            "true-client-ip",
            "proxy",
        ];
        for claim in claims {
            let sent = [(claim, "192.0.2.66"), (claim, "evil")];
            let (fields, dropped) = seen_and_dropped(&sent, &stranger);
            for value in fields.get_all(claim) {
                assert!(!value.to_str().unwrap().contains("evil"), "{claim}");
                assert!(!value.to_str().unwrap().contains("192.0.2.66"), "{claim}");
            }
            assert_eq!((dropped.claims, dropped.underscores), (1, 0), "{claim}");
        }
        let fields = seen(&[], &stranger);
        assert_eq!(fields["host"], "example.ch");
        assert_eq!(fields["x-forwarded-for"], "198.51.100.7");
        assert_eq!(fields["x-forwarded-proto"], "https");
        assert_eq!(fields["x-forwarded-host"], "example.ch");
        assert_eq!(
            fields["forwarded"],
            "for=198.51.100.7;host=\"example.ch\";proto=https"
        );
        assert_eq!(fields["x-request-id"], "id-1");
        assert_eq!(fields["via"], "1.1 simplon");
    }

    #[test]
    fn names_with_underscores_are_dropped_unless_they_are_allowed() {
        let sent = [
            ("x_forwarded_for", "6.6.6.6"),
            ("content_length", "5"),
            ("x_own", "1"),
            ("x-own", "2"),
        ];
        for trusted in [false, true] {
            let (fields, dropped) = seen_and_dropped(&sent, &origin(trusted, example()));
            assert!(fields.keys().all(|name| !name.as_str().contains('_')));
            assert_eq!(fields["x-own"], "2");
            assert_eq!((dropped.underscores, dropped.claims), (3, 0));
        }
    }

    #[test]
    fn what_is_taken_for_a_claim_is_one_where_underscores_are_allowed() {
        let sent = [
            ("x_forwarded_for", "6.6.6.6"),
            ("x-forwarded_proto", "gopher"),
            ("remote_user", "root"),
            ("content_length", "5"),
            ("x_own", "1"),
        ];
        for trusted in [false, true] {
            let allowing = Origin {
                allows_underscores: true,
                ..origin(trusted, example())
            };
            let (fields, dropped) = seen_and_dropped(&sent, &allowing);
            let names = fields.keys().map(HeaderName::as_str);
            let mut names: Vec<_> = names.filter(|name| name.contains('_')).collect();
            names.sort_unstable();
            assert_eq!(names, ["content_length", "x_own"]);
            assert_eq!((dropped.underscores, dropped.claims), (0, 3));
        }
    }

    #[test]
    fn a_request_without_a_host_gets_the_servers_and_claims_none() {
        let nobody = Box::leak(Box::default());
        let fields = seen(&[], &origin(false, nobody));
        assert_eq!(fields["host"], "10.0.0.1:80");
        assert!(!fields.contains_key("x-forwarded-host"));
        assert_eq!(fields["forwarded"], "for=198.51.100.7;proto=https");
    }

    #[test]
    fn a_trusted_proxys_claims_stand_and_grow() {
        let sent = [
            ("x-forwarded-for", "192.0.2.1"),
            ("x-forwarded-for", "192.0.2.2"),
            ("x-forwarded-proto", "http"),
            ("forwarded", "for=192.0.2.1"),
            ("via", "2 front"),
        ];
        let fields = seen(&sent, &origin(true, example()));
        assert_eq!(
            fields["x-forwarded-for"],
            "192.0.2.1, 192.0.2.2, 198.51.100.7"
        );
        assert_eq!(fields["x-forwarded-proto"], "http");
        assert_eq!(
            fields["forwarded"],
            "for=192.0.2.1, for=198.51.100.7;host=\"example.ch\";proto=https"
        );
        assert_eq!(fields["via"], "2 front, 1.1 simplon");
    }

    #[test]
    fn a_list_that_would_swallow_our_element_is_dropped() {
        let ours = "for=198.51.100.7;host=\"example.ch\";proto=https";
        for open in ["for=\"", "for=a;by=\"b\\\"", "for=\"a\", for=\"b\\"] {
            let fields = seen(
                &[("forwarded", "for=a"), ("forwarded", open)],
                &origin(true, example()),
            );
            assert_eq!(fields["forwarded"], ours, "{open}");
        }
        for closed in ["for=\"a\\\"b\"", "for=\"\"", "for=\"a,b\", for=c\\"] {
            let fields = seen(&[("forwarded", closed)], &origin(true, example()));
            assert_eq!(fields["forwarded"], format!("{closed}, {ours}"));
        }
    }

    #[test]
    fn ipv6_is_bracketed_and_quoted_in_forwarded() {
        let origin = Origin {
            peer: "2001:db8::1".parse().unwrap(),
            peer_text: &HeaderValue::from_static("2001:db8::1"),
            ..origin(false, example())
        };
        let fields = seen(&[], &origin);
        assert_eq!(
            fields["forwarded"],
            "for=\"[2001:db8::1]\";host=\"example.ch\";proto=https"
        );
        assert_eq!(fields["x-forwarded-for"], "2001:db8::1");
    }

    #[test]
    fn cookie_crumbs_become_one_cookie() {
        let fields = seen(
            &[("cookie", "a=1"), ("cookie", "b=2"), ("cookie", "c=3")],
            &origin(false, example()),
        );
        assert_eq!(fields.get_all("cookie").iter().count(), 1);
        assert_eq!(fields["cookie"], "a=1; b=2; c=3");
    }
}
