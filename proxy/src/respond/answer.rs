//! An answer of ours, ready to be written by either lane.

use std::time::SystemTime;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};

/// Status, fields and body. `Content-Length`, `Date` and `Connection` are the writer's.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub fields: Vec<(HeaderName, HeaderValue)>,
    pub body: Bytes,
}

impl Answer {
    pub fn redirect(status: StatusCode, to: HeaderValue) -> Self {
        Self {
            status,
            fields: vec![(header::LOCATION, to)],
            body: Bytes::new(),
        }
    }

    /// The fixed answer of a route.
    pub fn fixed(status: StatusCode, body: &str) -> Self {
        Self {
            status,
            fields: vec![(
                header::CONTENT_TYPE,
                HeaderValue::from_static("text/plain; charset=utf-8"),
            )],
            body: Bytes::copy_from_slice(body.as_bytes()),
        }
    }

    /// The bytes of an HTTP/1.1 response after which the connection is closed. `now` is for `Date`.
    pub fn to_http1(&self, now: SystemTime) -> Vec<u8> {
        let reason = self.status.canonical_reason().unwrap_or("");
        let mut bytes = format!("HTTP/1.1 {} {reason}\r\n", self.status.as_str()).into_bytes();
        for (name, value) in &self.fields {
            bytes.extend_from_slice(name.as_str().as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value.as_bytes());
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(
            format!(
                "date: {}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                httpdate::fmt_http_date(now),
                self.body.len()
            )
            .as_bytes(),
        );
        bytes.extend_from_slice(&self.body);
        bytes
    }
}
