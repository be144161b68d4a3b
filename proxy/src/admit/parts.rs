//! The parts of a head that was found sound, as types. Values are parts of the head's own bytes.

use bytes::Bytes;
use http::{Method, StatusCode, header};

use super::{
    FieldLines, FieldView,
    lines::{Lines, RequestLine, StatusLine},
};
use crate::respond::Refusal;

/// What a client asks for by HTTP/1.
#[derive(Debug)]
pub struct RequestParts {
    pub method: Method,
    /// As it was sent.
    pub target: Bytes,
    pub fields: FieldLines,
}

impl RequestParts {
    /// Of a head whose fields were gathered while it was read.
    pub(super) fn gathered(
        head: &Bytes,
        line: &RequestLine<'_>,
        fields: FieldLines,
    ) -> Result<Self, Refusal> {
        let not_one = Refusal::Malformed("the method is not a token with one space after it");
        Ok(Self {
            method: Method::from_bytes(line.method).or(Err(not_one))?,
            target: head.slice_ref(line.target),
            fields,
        })
    }
}

/// How a server answers by HTTP/1.
#[derive(Debug)]
pub struct ResponseParts {
    pub status: StatusCode,
    /// What the server says of the status; may be empty.
    pub reason: Bytes,
    pub fields: FieldLines,
    pub http10: bool,
}

impl ResponseParts {
    /// Reads one whole head. Nothing if it is none that [`super::Reply`] lets pass.
    pub fn read(head: &Bytes) -> Option<Self> {
        let mut lines = Lines::new(head);
        let line = lines.status_line().ok()?;
        let mut fields = FieldLines::of(head);
        while let Some(field) = lines.field().ok()? {
            fields.note(field.name, field.value)?;
        }
        Self::gathered(head, &line, fields)
    }

    /// Of a head whose fields were gathered while it was read.
    pub(super) fn gathered(
        head: &Bytes,
        line: &StatusLine<'_>,
        fields: FieldLines,
    ) -> Option<Self> {
        Some(Self {
            status: StatusCode::from_u16(line.status).ok()?,
            reason: head.slice_ref(line.reason),
            http10: line.http10,
            fields,
        })
    }

    /// Whether the server goes on with another request on the same connection, as far as its head says.
    pub fn keeps_alive(&self) -> bool {
        !self.http10 && !has_option(FieldView::Lines(&self.fields), b"close")
    }
}

/// Whether `Connection` has this option.
pub fn has_option(fields: FieldView<'_>, wanted: &[u8]) -> bool {
    options(fields).any(|option| option.eq_ignore_ascii_case(wanted))
}

/// What `Connection` names in all of its lines (RFC 9110 section 7.6.1).
pub fn options(fields: FieldView<'_>) -> impl Iterator<Item = &[u8]> {
    let lines = fields.get_all(header::CONNECTION);
    lines
        .flat_map(|line| line.split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        admit::{Head, HeadLimits},
        config::model::Limits,
    };

    #[test]
    fn a_request_is_what_its_head_says() {
        let head = Bytes::from_static(
            b"PURGE /a?b=c HTTP/1.1\r\nHost: A.test\r\nx-a: 1\r\nX-A:  2 \r\nempty:\r\n\r\n",
        );
        let limits = HeadLimits::from(&Limits::default());
        let (_, request) = Head::read(&head, &limits).unwrap();
        assert_eq!(request.method, "PURGE");
        assert_eq!(request.target, "/a?b=c");
        let fields = request.fields.into_map();
        assert_eq!(fields["host"], "A.test");
        let lines: Vec<_> = fields.get_all("x-a").iter().collect();
        assert_eq!(lines, ["1", "2"]);
        assert_eq!(fields["empty"], "");
    }

    #[test]
    fn a_response_is_what_its_head_says() {
        let head = Bytes::from_static(b"HTTP/1.0 404 Nope\r\nSet-Cookie: \xe4=1\r\n\r\n");
        let response = ResponseParts::read(&head).unwrap();
        assert_eq!((response.status.as_u16(), response.http10), (404, true));
        assert_eq!(response.reason, "Nope");
        let fields = response.fields.into_map();
        assert_eq!(fields["set-cookie"].as_bytes(), b"\xe4=1");
    }

    #[test]
    fn half_a_head_and_two_are_none() {
        let head = &b"HTTP/1.1 404 Oh\r\nVary: a\r\nvary:b \r\n\r\n"[..];
        let read = |bytes: &[u8]| ResponseParts::read(&Bytes::copy_from_slice(bytes));
        assert_eq!(read(head).unwrap().fields.len(), 2);
        for part in [
            &head[..head.len() - 2],
            &head[..20],
            &head[3..],
            b"",
            &[head, head].concat(),
        ] {
            assert!(read(part).is_none(), "{part:?}");
        }
    }

    #[test]
    fn a_server_that_closes_says_so_in_any_line() {
        for (head, keeps_alive) in [
            (&b"HTTP/1.1 200 OK\r\n\r\n"[..], true),
            (b"HTTP/1.1 200 OK\r\nConnection: x, y\r\n\r\n", true),
            (
                b"HTTP/1.1 200 OK\r\nConnection: x\r\nconnection: y ,Close\r\n\r\n",
                false,
            ),
            (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n", false),
        ] {
            let response = ResponseParts::read(&Bytes::from_static(head)).unwrap();
            assert_eq!(response.keeps_alive(), keeps_alive, "{head:?}");
        }
    }
}
