//! What the server sees: who asked, for what host, by what scheme, under which id.

use std::net::IpAddr;

use http::{HeaderName, HeaderValue, header};

use super::{Fields, fields::append};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Fields by which a client could lie about where a request comes from. They are the proxy's to set:
/// what a peer that is not a trusted proxy sends of them is dropped.
const CLAIMS: [HeaderName; 9] = [
    X_FORWARDED_FOR,
    X_FORWARDED_PROTO,
    X_FORWARDED_HOST,
    HeaderName::from_static("x-forwarded-port"),
    HeaderName::from_static("x-forwarded-server"),
    HeaderName::from_static("x-forwarded-prefix"),
    HeaderName::from_static("x-real-ip"),
    X_REQUEST_ID,
    header::FORWARDED,
];

/// Where a request came from, as far as it is known to be true.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// The address of the connection.
    pub peer: IpAddr,
    /// Whether the peer is a proxy whose claims are believed.
    pub trusted: bool,
    pub scheme: &'static str,
    /// As the client sent it.
    pub host: &'a str,
    pub request_id: &'a str,
    /// `1.0`, `1.1` or `2`: the version the request came in by, for `Via`.
    pub version: &'static str,
}

/// Makes the request's fields those the server is to see.
pub fn request(fields: &mut impl Fields, origin: &Origin<'_>) {
    if origin.trusted {
        extend_claims(fields, origin);
    } else {
        for claim in &CLAIMS {
            if fields.map().contains_key(claim) {
                fields.remove(claim);
            }
        }
        set(fields, X_FORWARDED_FOR, &origin.peer.to_string());
        fields.set(X_FORWARDED_PROTO, HeaderValue::from_static(origin.scheme));
        set(fields, X_FORWARDED_HOST, origin.host);
        set(fields, header::FORWARDED, &forwarded(origin));
    }
    set(fields, X_REQUEST_ID, origin.request_id);
    append(fields, header::VIA, &format!("{} simplon", origin.version));
    join_cookies(fields);
}

/// Behind a trusted proxy: its claims stand, and ours about that proxy are added to the lists.
fn extend_claims(fields: &mut impl Fields, origin: &Origin<'_>) {
    append(fields, X_FORWARDED_FOR, &origin.peer.to_string());
    append(fields, header::FORWARDED, &forwarded(origin));
    if !fields.map().contains_key(X_FORWARDED_PROTO) {
        fields.set(X_FORWARDED_PROTO, HeaderValue::from_static(origin.scheme));
    }
    if !fields.map().contains_key(X_FORWARDED_HOST) {
        set(fields, X_FORWARDED_HOST, origin.host);
    }
}

/// One element of `Forwarded` (RFC 7239 section 4); an IPv6 address is bracketed and quoted (section 6).
fn forwarded(origin: &Origin<'_>) -> String {
    let Origin {
        peer, scheme, host, ..
    } = origin;
    match peer {
        IpAddr::V4(peer) => format!("for={peer};host=\"{host}\";proto={scheme}"),
        IpAddr::V6(peer) => format!("for=\"[{peer}]\";host=\"{host}\";proto={scheme}"),
    }
}

/// HTTP/2 clients may split `Cookie` into crumbs; HTTP/1 servers read one (RFC 9113 section 8.2.3).
fn join_cookies(fields: &mut impl Fields) {
    let mut crumbs = fields.map().get_all(header::COOKIE).iter();
    let (Some(first), Some(_)) = (crumbs.next(), crumbs.next()) else {
        return;
    };
    let mut whole = first.as_bytes().to_vec();
    for crumb in fields.map().get_all(header::COOKIE).iter().skip(1) {
        whole.extend_from_slice(b"; ");
        whole.extend_from_slice(crumb.as_bytes());
    }
    if let Ok(whole) = HeaderValue::from_bytes(&whole) {
        fields.set(header::COOKIE, whole);
    }
}

/// What cannot stand in a field (it was admitted, so nothing should) is left out rather than bent.
fn set(fields: &mut impl Fields, name: HeaderName, value: &str) {
    match HeaderValue::from_str(value) {
        Ok(value) => fields.set(name, value),
        Err(_) => fields.remove(&name),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    fn origin(trusted: bool) -> Origin<'static> {
        Origin {
            peer: "198.51.100.7".parse().unwrap(),
            trusted,
            scheme: "https",
            host: "example.ch",
            request_id: "id-1",
            version: "1.1",
        }
    }

    fn seen(sent: &[(&'static str, &'static str)], origin: &Origin<'_>) -> HeaderMap {
        let mut fields = HeaderMap::new();
        for (name, value) in sent {
            fields.append(*name, HeaderValue::from_static(value));
        }
        request(&mut fields, origin);
        fields
    }

    #[test]
    fn a_strangers_claims_are_dropped() {
        let claims: Vec<_> = CLAIMS.iter().map(|name| name.as_str().to_owned()).collect();
        for claim in claims {
            let claim: &'static str = claim.leak();
            let fields = seen(&[(claim, "192.0.2.66"), (claim, "evil")], &origin(false));
            for value in fields.get_all(claim) {
                assert!(!value.to_str().unwrap().contains("evil"), "{claim}");
                assert!(!value.to_str().unwrap().contains("192.0.2.66"), "{claim}");
            }
        }
        let fields = seen(&[], &origin(false));
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
    fn a_trusted_proxys_claims_stand_and_grow() {
        let sent = [
            ("x-forwarded-for", "192.0.2.1"),
            ("x-forwarded-for", "192.0.2.2"),
            ("x-forwarded-proto", "http"),
            ("forwarded", "for=192.0.2.1"),
            ("via", "2 front"),
        ];
        let fields = seen(&sent, &origin(true));
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
    fn ipv6_is_bracketed_and_quoted_in_forwarded() {
        let origin = Origin {
            peer: "2001:db8::1".parse().unwrap(),
            ..origin(false)
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
            &origin(false),
        );
        assert_eq!(fields.get_all("cookie").iter().count(), 1);
        assert_eq!(fields["cookie"], "a=1; b=2; c=3");
    }
}
