//! What a client says to us alone, and is not passed on.

use http::{HeaderName, header};

use super::{Fields, response::nominated};

/// Takes away the fields that speak of one connection (RFC 9110 section 7.6.1), and those that `Connection` names. How the body
/// is framed is for who writes it to say anew.
pub fn hop_by_hop(fields: &mut impl Fields) {
    let names = fields.map().keys().filter(|name| is_of_one_hop(name));
    let mut gone: Vec<HeaderName> = names.cloned().collect();
    if gone.is_empty() {
        return;
    }
    gone.extend(nominated(fields));
    for name in &gone {
        fields.remove(name);
    }
}

fn is_of_one_hop(name: &HeaderName) -> bool {
    matches!(
        *name,
        header::CONNECTION
            | header::PROXY_AUTHENTICATE
            | header::PROXY_AUTHORIZATION
            | header::TE
            | header::TRAILER
            | header::TRANSFER_ENCODING
            | header::UPGRADE
    ) || matches!(
        name.as_str(),
        "http2-settings" | "keep-alive" | "proxy-connection"
    )
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};

    use super::*;

    #[test]
    fn what_is_said_to_us_alone_is_not_passed_on() {
        let mut fields = HeaderMap::new();
        for (name, value) in [
            ("host", "a.test"),
            ("connection", "keep-alive, X-Hop"),
            ("connection", "x-other"),
            ("x-hop", "1"),
            ("x-other", "1"),
            ("x-own", "1"),
            ("keep-alive", "timeout=5"),
            ("proxy-connection", "close"),
            ("proxy-authorization", "Basic YQ=="),
            ("te", "trailers"),
            ("trailer", "x-sum"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
            ("http2-settings", "AA"),
            ("content-type", "text/plain"),
        ] {
            fields.append(name, HeaderValue::from_static(value));
        }
        hop_by_hop(&mut fields);
        let mut left: Vec<_> = fields.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["content-type", "host", "x-own"]);
    }
}
