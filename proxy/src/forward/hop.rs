//! What a client says to us alone, and is not passed on.

use http::header;

use super::{Fields, fields::remove_all, response::nominated};

/// Takes away the fields that speak of one connection (RFC 9110 section 7.6.1), and those that `Connection` names. How the body
/// is framed is for who writes it to say anew.
pub fn hop_by_hop(fields: &mut impl Fields) {
    if fields.view().contains(header::CONNECTION) {
        remove_all(fields, &nominated(fields));
    }
    fields.remove_where(is_of_one_hop);
}

fn is_of_one_hop(name: &str) -> bool {
    matches!(
        name,
        "connection"
            | "http2-settings"
            | "keep-alive"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "proxy-connection"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
    )
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue};

    use super::*;
    use crate::admit::FieldLines;

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
        let mut lines = FieldLines::from(&fields);
        hop_by_hop(&mut fields);
        hop_by_hop(&mut lines);
        assert_eq!(lines.into_map(), fields);
        let mut left: Vec<_> = fields.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["content-type", "host", "x-own"]);
    }
}
