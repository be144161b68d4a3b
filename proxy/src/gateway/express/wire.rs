//! Heads of HTTP/1.1 as bytes.

use std::io::Write;

use bytes::{BufMut, BytesMut};
use http::{Method, StatusCode};

use crate::admit::FieldLines;

/// What a line has beside its name and value.
const LINE: usize = ": \r\n".len();

/// A request's head.
pub(super) fn request(out: &mut BytesMut, method: &Method, target: &str, fields: &FieldLines) {
    out.extend_from_slice(method.as_str().as_bytes());
    out.extend_from_slice(b" ");
    out.extend_from_slice(target.as_bytes());
    out.extend_from_slice(b" HTTP/1.1\r\n");
    lines(out, fields);
    out.extend_from_slice(b"\r\n");
}

/// A response's head, up to the empty line. If there is no `reason` it is the usual one.
pub(super) fn response(out: &mut BytesMut, status: StatusCode, reason: &[u8], fields: &FieldLines) {
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(status.as_str().as_bytes());
    out.extend_from_slice(b" ");
    if reason.is_empty() {
        out.extend_from_slice(status.canonical_reason().unwrap_or_default().as_bytes());
    } else {
        out.extend_from_slice(reason);
    }
    out.extend_from_slice(b"\r\n");
    lines(out, fields);
}

fn lines(out: &mut BytesMut, fields: &FieldLines) {
    out.reserve(fields.size() + LINE * (fields.len() + 4));
    for (name, value) in fields.iter() {
        line(out, name, value);
    }
}

pub(super) fn line(out: &mut BytesMut, name: &[u8], value: &[u8]) {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// What comes before the data of a chunk. After it comes CRLF.
pub(super) fn chunk_size(out: &mut BytesMut, size: usize) {
    // Writing to memory does not fail.
    let _ = write!(out.writer(), "{size:x}\r\n");
}

/// The end of a body in chunks, without trailers.
pub(super) const LAST_CHUNK: &[u8] = b"0\r\n\r\n";
