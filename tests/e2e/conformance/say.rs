//! The steps that rows are made of: frames by name, with the request that every case sends.

use super::play::{MARK, Settings, Sight, Step};
use crate::harness::frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, PRIORITY, RST_STREAM,
    SETTINGS, WINDOW_UPDATE, frame, headers_block, request,
};

pub(super) const PUSH_PROMISE: u8 = 5;
/// A flag of DATA and HEADERS.
pub(super) const PADDED: u8 = 0x8;
/// A flag of HEADERS.
pub(super) const PRIORITIZED: u8 = 0x20;

// Error codes (RFC 9113 section 7).
pub(super) const NO_ERROR: u32 = 0;
pub(super) const PROTOCOL: u32 = 1;
pub(super) const FLOW_CONTROL: u32 = 3;
pub(super) const STREAM_CLOSED: u32 = 5;
pub(super) const FRAME_SIZE: u32 = 6;
pub(super) const REFUSED_STREAM: u32 = 7;
pub(super) const CANCEL: u32 = 8;
pub(super) const COMPRESSION: u32 = 9;

// Settings (RFC 9113 section 6.5.2).
pub(super) const HEADER_TABLE_SIZE: u16 = 1;
pub(super) const ENABLE_PUSH: u16 = 2;
pub(super) const MAX_CONCURRENT_STREAMS: u16 = 3;
pub(super) const INITIAL_WINDOW_SIZE: u16 = 4;
pub(super) const MAX_FRAME_SIZE: u16 = 5;
pub(super) const MAX_HEADER_LIST_SIZE: u16 = 6;

/// A field's name and value.
pub(super) type Field = (&'static str, &'static str);

/// The frame with everything about it said.
pub(super) fn raw(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Step {
    Step::Send(frame(kind, flags, stream, payload))
}

/// Bytes that are no frame.
pub(super) fn bytes(bytes: &[u8]) -> Step {
    Step::Send(bytes.to_vec())
}

/// Bytes that depend on the other side's settings.
pub(super) fn fit(fit: fn(&Settings) -> Vec<u8>) -> Step {
    Step::Fit(fit)
}

pub(super) fn see(sight: Sight) -> Step {
    Step::See(sight)
}

/// The preface, with our settings.
pub(super) fn preface() -> Step {
    let settings = frame(SETTINGS, 0, 0, b"");
    Step::Send([b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &settings[..]].concat())
}

/// `GET /`, whole.
pub(super) fn get(stream: u32) -> Step {
    headers(END_STREAM, stream, &[])
}

/// `GET /`, with more to come.
pub(super) fn get_open(stream: u32) -> Step {
    headers(0, stream, &[])
}

/// `POST /`, with its body to come.
pub(super) fn post(stream: u32) -> Step {
    post_with(stream, &[])
}

pub(super) fn post_with(stream: u32, more: &[Field]) -> Step {
    let fields = [&request("POST", "/")[..], more].concat();
    raw(HEADERS, END_HEADERS, stream, &headers_block(&fields))
}

/// `GET /` with more fields, whole but for the flags.
pub(super) fn headers(flags: u8, stream: u32, more: &[Field]) -> Step {
    let fields = [&request("GET", "/")[..], more].concat();
    raw(
        HEADERS,
        flags | END_HEADERS,
        stream,
        &headers_block(&fields),
    )
}

/// A request of exactly these fields, whole, on stream 1.
pub(super) fn exactly(fields: &[Field]) -> Step {
    let block = headers_block(fields);
    raw(HEADERS, END_STREAM | END_HEADERS, 1, &block)
}

/// Trailers on stream 1.
pub(super) fn trailers(flags: u8, fields: &[Field]) -> Step {
    raw(HEADERS, flags | END_HEADERS, 1, &headers_block(fields))
}

/// `GET /` whose header block is cut off after it, on stream 1.
pub(super) fn unfinished(flags: u8) -> Step {
    raw(HEADERS, flags, 1, &plain_block())
}

/// `GET /` on stream 1, with these bytes of HPACK after its fields.
pub(super) fn with_hpack(after: &[u8]) -> Step {
    let block = [&plain_block()[..], after].concat();
    raw(HEADERS, END_STREAM | END_HEADERS, 1, &block)
}

/// `GET /` on stream 1, with these bytes of HPACK before its fields.
pub(super) fn after_hpack(before: &[u8]) -> Step {
    Step::Send(get_after(before))
}

pub(super) fn get_after(before: &[u8]) -> Vec<u8> {
    let block = [before, &plain_block()].concat();
    frame(HEADERS, END_STREAM | END_HEADERS, 1, &block)
}

/// The header block of `GET /`.
pub(super) fn plain_block() -> Vec<u8> {
    headers_block(&request("GET", "/"))
}

/// Fields that mean nothing, of 4000 bytes each.
pub(super) fn filling(fields: usize) -> Vec<u8> {
    let value = "x".repeat(4000);
    let names: Vec<String> = (0..fields).map(|nth| format!("x-dummy{nth}")).collect();
    let fields: Vec<_> = names.iter().map(|name| (&name[..], &value[..])).collect();
    headers_block(&fields)
}

/// CONTINUATION with one field that means nothing.
pub(super) fn continuation(flags: u8, stream: u32) -> Step {
    raw(CONTINUATION, flags, stream, &filling(1))
}

/// Four bytes of a body.
pub(super) fn data(flags: u8, stream: u32) -> Step {
    raw(DATA, flags, stream, b"test")
}

pub(super) fn priority(stream: u32, depends_on: u32) -> Step {
    raw(PRIORITY, 0, stream, &weighed(depends_on, 255))
}

/// A dependency and its weight (RFC 7540 section 6.3). The top bit of the dependency says exclusive.
pub(super) fn weighed(depends_on: u32, weight: u8) -> Vec<u8> {
    [&depends_on.to_be_bytes()[..], &[weight]].concat()
}

pub(super) fn reset(stream: u32, code: u32) -> Step {
    raw(RST_STREAM, 0, stream, &code.to_be_bytes())
}

pub(super) fn settings(settings: &[(u16, u32)]) -> Step {
    let each = |(id, value): &(u16, u32)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat();
    let payload: Vec<u8> = settings.iter().flat_map(each).collect();
    raw(SETTINGS, 0, 0, &payload)
}

pub(super) fn window(size: u32) -> Step {
    settings(&[(INITIAL_WINDOW_SIZE, size)])
}

pub(super) fn ping() -> Step {
    raw(PING, 0, 0, &MARK)
}

pub(super) fn goaway(code: u32, text: &[u8]) -> Step {
    let payload = [&[0; 4][..], &code.to_be_bytes(), text].concat();
    raw(GOAWAY, 0, 0, &payload)
}

pub(super) fn window_update(stream: u32, by: u32) -> Step {
    raw(WINDOW_UPDATE, 0, stream, &by.to_be_bytes())
}
