//! The head of an HTTP/2 request: what its reader lets pass, and an HTTP/1 server must not be shown.

use http::header;

use super::{
    FieldView,
    head::parse_length,
    syntax::{TARGET, TOKEN, VALUE},
};
use crate::respond::Refusal;

/// Whether a target and fields can stand in an HTTP/1 message as they are (RFC 9113, sections 8.2.1 and 10.3).
///
/// Returns the announced length of the body. Pseudo-headers, upper case, line ends and fields of one connection are
/// refused before, frame by frame.
///
/// # Errors
/// Something in them would be no HTTP/1, or could be read in two ways.
pub fn check(target: &[u8], fields: FieldView<'_>) -> Result<Option<u64>, Refusal> {
    if TARGET.run(target) < target.len() {
        return Err(Refusal::Malformed(
            "the target is not visible ASCII without a fragment",
        ));
    }
    // RFC 9113, section 8.3.1.
    if !target.starts_with(b"/") && target != b"*" {
        return Err(Refusal::Malformed("the path does not begin with a slash"));
    }
    let mut wrong = None;
    fields.for_each(|name, value| wrong = wrong.or_else(|| what_is_wrong(name, value)));
    if let Some(wrong) = wrong {
        return Err(Refusal::Malformed(wrong));
    }
    let mut expected = fields.get_all(header::EXPECT);
    let is_known = |value: &[u8]| value.eq_ignore_ascii_case(b"100-continue");
    if !expected.next().is_none_or(is_known) || expected.next().is_some() {
        return Err(Refusal::Malformed("Expect is not one 100-continue"));
    }
    let mut lengths = fields.get_all(header::CONTENT_LENGTH);
    match (lengths.next(), lengths.next()) {
        (_, Some(_)) => Err(Refusal::Malformed("there is more than one Content-Length")),
        (length, None) => length.map(parse_length).transpose(),
    }
}

fn what_is_wrong(name: &[u8], value: &[u8]) -> Option<&'static str> {
    if TOKEN.run(name) < name.len() {
        return Some("a header name is not a token");
    }
    if VALUE.run(value) < value.len() {
        return Some("a header value holds a control character");
    }
    if value.trim_ascii().len() < value.len() {
        return Some("white space stands round a header value");
    }
    None
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue};

    use super::*;

    type Sent<'a> = &'a [(&'a str, &'a [u8])];

    fn fields(sent: Sent<'_>) -> HeaderMap {
        let mut fields = HeaderMap::new();
        for (name, value) in sent {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            fields.append(name, HeaderValue::from_bytes(value).unwrap());
        }
        fields
    }

    #[test]
    fn what_http_1_can_carry_passes() {
        for (target, sent, length) in [
            ("/", vec![], None),
            ("/a?b=|", vec![("x", &b"a b\tc\xff"[..]), ("x", b"")], None),
            ("/", vec![("content-length", &b"0"[..])], Some(0)),
            ("/", vec![("content-length", &b"17"[..])], Some(17)),
            ("/", vec![("expect", &b"100-Continue"[..])], None),
        ] {
            assert_eq!(
                check(target.as_bytes(), (&fields(&sent)).into()),
                Ok(length)
            );
        }
    }

    #[test]
    fn what_http_1_cannot_carry_is_refused() {
        let twice: [(&str, &[u8]); 2] = [("content-length", b"5"), ("content-length", b"5")];
        let cases: &[(&str, Sent<'_>)] = &[
            ("", &[]),
            ("?x=1", &[]),
            ("/a b", &[]),
            ("/a#b", &[]),
            ("/?\u{e9}", &[]),
            ("/", &[("x", b" y")]),
            ("/", &[("x", b"y\t")]),
            ("/", &[("content-length", b"05")]),
            ("/", &[("content-length", b"+5")]),
            ("/", &[("content-length", b"")]),
            ("/", &twice),
            ("/", &[("expect", b"")]),
            ("/", &[("expect", b"200-ok")]),
            (
                "/",
                &[("expect", b"100-continue"), ("expect", b"100-continue")],
            ),
        ];
        for (target, sent) in cases {
            let checked = check(target.as_bytes(), (&fields(sent)).into());
            assert!(
                matches!(checked, Err(Refusal::Malformed(_))),
                "{target} {sent:?}"
            );
        }
    }
}
