//! What the client sees of a server's response.

use http::{HeaderName, header};

use super::{
    Fields,
    fields::{append, remove_all},
};
use crate::admit::{X_REQUEST_ID, options};

/// Fields that speak of one connection (RFC 9110 section 7.6.1), beside `Connection` itself and what it
/// names. `Transfer-Encoding` is not among them: the lane that writes the body frames it anew and needs
/// to know how it came.
const HOP_BY_HOP: [HeaderName; 2] = [
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// Takes away what was meant for our connection to the server, and names us in `Via`.
///
/// An upgrade keeps `Connection` and `Upgrade`: with 101 they are the answer.
pub fn response(fields: &mut impl Fields, request_id: &str, is_upgrade: bool) {
    if !is_upgrade {
        remove_all(fields, &nominated(fields));
        fields.remove(&header::CONNECTION);
        fields.remove(&header::UPGRADE);
    }
    for name in &HOP_BY_HOP {
        fields.remove(name);
    }
    append(fields, header::VIA, &[b"1.1 simplon"]);
    fields.set_parts(X_REQUEST_ID, &[request_id.as_bytes()]);
}

/// Fields that `Connection` names, in order; those that frame or describe the message are not its to name.
pub(super) fn nominated(fields: &impl Fields) -> Vec<HeaderName> {
    let names = options(fields.view());
    let mut names: Vec<_> = names
        .filter(|option| !option.eq_ignore_ascii_case(b"keep-alive")) // which goes in any case
        .filter_map(|option| HeaderName::from_bytes(option).ok())
        .filter(|name| {
            !matches!(
                *name,
                header::CONTENT_LENGTH
                    | header::TRANSFER_ENCODING
                    | header::CONTENT_TYPE
                    | header::CONTENT_ENCODING
                    | header::SET_COOKIE
            )
        })
        .collect();
    names.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
    names
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};

    use super::*;
    use crate::admit::FieldLines;

    fn seen(sent: &[(&'static str, &'static str)], is_upgrade: bool) -> HeaderMap {
        let mut fields = HeaderMap::new();
        for (name, value) in sent {
            fields.append(*name, HeaderValue::from_static(value));
        }
        let mut lines = FieldLines::from(&fields);
        response(&mut fields, "id-1", is_upgrade);
        response(&mut lines, "id-1", is_upgrade);
        assert_eq!(lines.into_map(), fields);
        fields
    }

    #[test]
    fn what_belongs_to_the_servers_connection_stays_there() {
        let fields = seen(
            &[
                ("connection", "close, x-internal"),
                ("connection", "Keep-Alive"),
                ("x-internal", "secret"),
                ("close", "1"),
                ("keep-alive", "timeout=5"),
                ("content-length", "3"),
                ("via", "1.1 inner"),
            ],
            false,
        );
        assert!(!fields.contains_key("connection"));
        for name in ["x-internal", "keep-alive", "close"] {
            assert!(!fields.contains_key(name), "{name}");
        }
        assert_eq!(fields["content-length"], "3");
        assert_eq!(fields["via"], "1.1 inner, 1.1 simplon");
        assert_eq!(fields["x-request-id"], "id-1");
    }

    #[test]
    fn connection_cannot_take_the_length_away() {
        let fields = seen(
            &[("connection", "content-length"), ("content-length", "3")],
            false,
        );
        assert_eq!(fields["content-length"], "3");
    }

    #[test]
    fn an_upgrade_keeps_its_fields() {
        let fields = seen(&[("connection", "Upgrade"), ("upgrade", "websocket")], true);
        assert_eq!(fields["connection"], "Upgrade");
        assert_eq!(fields["upgrade"], "websocket");
    }
}
