//! h2spec's section "generic": what any HTTP/2 server must be able to take.

use super::{
    play::{Row, Sight},
    say::{
        CANCEL, ENABLE_PUSH, HEADER_TABLE_SIZE, INITIAL_WINDOW_SIZE, MAX_CONCURRENT_STREAMS,
        MAX_FRAME_SIZE, MAX_HEADER_LIST_SIZE, NO_ERROR, PADDED, PRIORITIZED, after_hpack, data,
        get, get_open, goaway, headers, ping, plain_block, post, post_with, preface, priority, raw,
        reset, see, settings, trailers, weighed, window, window_update, with_hpack,
    },
};
use crate::harness::frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PRIORITY, request,
};

pub(super) fn rows() -> Vec<Row> {
    [
        streams(),
        bodies(),
        heads(),
        priorities(),
        others(),
        messages(),
        fields(),
        fields_never_indexed(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn streams() -> Vec<Row> {
    vec![
        Row::bare(
            "generic/1/1",
            "Sends a client connection preface",
            [preface(), see(Sight::SettingsFirst)],
        ),
        Row::new(
            "generic/2/1",
            "Sends a PRIORITY frame on idle stream",
            [priority(1, 0), ping(), see(Sight::Pong)],
        ),
        Row::new(
            "generic/2/2",
            "Sends a WINDOW_UPDATE frame on half-closed (remote) stream",
            [
                window(0),
                get(1),
                window_update(1, 1),
                see(Sight::Frame(DATA)),
            ],
        ),
        Row::new(
            "generic/2/3",
            "Sends a PRIORITY frame on half-closed (remote) stream",
            [
                window(0),
                get(1),
                priority(1, 0),
                window_update(1, 1),
                see(Sight::Frame(DATA)),
            ],
        ),
        Row::new(
            "generic/2/4",
            "Sends a RST_STREAM frame on half-closed (remote) stream",
            [get(1), reset(1, CANCEL), ping(), see(Sight::Pong)],
        ),
        Row::new(
            "generic/2/5",
            "Sends a PRIORITY frame on closed stream",
            [
                get(1),
                see(Sight::End),
                priority(1, 0),
                ping(),
                see(Sight::Pong),
            ],
        ),
    ]
}

fn bodies() -> Vec<Row> {
    vec![
        Row::new(
            "generic/3.1/1",
            "Sends a DATA frame",
            [post(1), data(END_STREAM, 1), see(Sight::Headers(1))],
        ),
        Row::new(
            "generic/3.1/2",
            "Sends multiple DATA frames",
            [
                post(1),
                data(0, 1),
                data(END_STREAM, 1),
                see(Sight::Headers(1)),
            ],
        ),
        Row::new(
            "generic/3.1/3",
            "Sends a DATA frame with padding",
            [
                post(1),
                raw(DATA, END_STREAM | PADDED, 1, b"\x05test\0\0\0\0\0"),
                see(Sight::Headers(1)),
            ],
        ),
    ]
}

fn heads() -> Vec<Row> {
    let whole = END_STREAM | END_HEADERS;
    let padded = [&[8], &plain_block()[..], &[0; 8]].concat();
    let weighed = [weighed(0, 255), plain_block()].concat();
    vec![
        Row::new(
            "generic/3.2/1",
            "Sends a HEADERS frame",
            [get(1), see(Sight::Headers(1))],
        ),
        Row::new(
            "generic/3.2/2",
            "Sends a HEADERS frame with padding",
            [
                raw(HEADERS, whole | PADDED, 1, &padded),
                see(Sight::Headers(1)),
            ],
        ),
        Row::new(
            "generic/3.2/3",
            "Sends a HEADERS frame with priority",
            [
                raw(HEADERS, whole | PRIORITIZED, 1, &weighed),
                see(Sight::Headers(1)),
            ],
        ),
    ]
}

fn priorities() -> Vec<Row> {
    const EXCLUSIVE: u32 = 1 << 31;
    let before_get = |number, name, stream, depends_on, weight| {
        let priority = raw(PRIORITY, 0, stream, &weighed(depends_on, weight));
        Row::new(number, name, [priority, get(1), see(Sight::Headers(1))])
    };
    vec![
        before_get(
            "generic/3.3/1",
            "Sends a PRIORITY frame with priority 1",
            1,
            0,
            0,
        ),
        before_get(
            "generic/3.3/2",
            "Sends a PRIORITY frame with priority 256",
            1,
            0,
            255,
        ),
        before_get(
            "generic/3.3/3",
            "Sends a PRIORITY frame with stream dependency",
            3,
            1,
            0,
        ),
        before_get(
            "generic/3.3/4",
            "Sends a PRIORITY frame with exclusive",
            1,
            EXCLUSIVE,
            0,
        ),
        before_get(
            "generic/3.3/5",
            "Sends a PRIORITY frame for an idle stream, then send a HEADER frame for a lower stream ID",
            3,
            0,
            255,
        ),
    ]
}

fn others() -> Vec<Row> {
    let settings = settings(&[
        (HEADER_TABLE_SIZE, 4096),
        (ENABLE_PUSH, 1),
        (MAX_CONCURRENT_STREAMS, 100),
        (INITIAL_WINDOW_SIZE, 65_535),
        (MAX_FRAME_SIZE, 16_384),
        (MAX_HEADER_LIST_SIZE, 100),
    ]);
    let block = plain_block();
    let head = || raw(HEADERS, END_STREAM, 1, &block[..5]);
    vec![
        Row::new(
            "generic/3.4/1",
            "Sends a RST_STREAM frame",
            [
                get_open(1),
                reset(1, CANCEL),
                ping(),
                see(Sight::PongOrClose),
            ],
        ),
        Row::new(
            "generic/3.5/1",
            "Sends a SETTINGS frame",
            [settings, see(Sight::SettingsAck)],
        ),
        Row::new(
            "generic/3.7/1",
            "Sends a PING frame",
            [ping(), see(Sight::Pong)],
        ),
        Row::new(
            "generic/3.8/1",
            "Sends a GOAWAY frame",
            [goaway(NO_ERROR, b"bye"), ping(), see(Sight::PongOrClose)],
        ),
        Row::new(
            "generic/3.9/1",
            "Sends a WINDOW_UPDATE frame with stream ID 0",
            [window_update(0, 1), ping(), see(Sight::Pong)],
        ),
        Row::new(
            "generic/3.9/2",
            "Sends a WINDOW_UPDATE frame with stream ID 1",
            [get(1), window_update(1, 1), see(Sight::Headers(1))],
        ),
        Row::new(
            "generic/3.10/1",
            "Sends a CONTINUATION frame",
            [
                head(),
                raw(CONTINUATION, END_HEADERS, 1, &block[5..]),
                see(Sight::Headers(1)),
            ],
        ),
        Row::new(
            "generic/3.10/2",
            "Sends multiple CONTINUATION frames",
            [
                head(),
                raw(CONTINUATION, 0, 1, &block[5..10]),
                raw(CONTINUATION, END_HEADERS, 1, &block[10..]),
                see(Sight::Headers(1)),
            ],
        ),
    ]
}

fn messages() -> Vec<Row> {
    let head = crate::harness::frames::headers_block(&request("HEAD", "/"));
    vec![
        Row::new(
            "generic/4/1",
            "Sends a GET request",
            [headers(END_STREAM, 1, &[]), see(Sight::Headers(1))],
        ),
        Row::new(
            "generic/4/2",
            "Sends a HEAD request",
            [
                raw(HEADERS, END_STREAM | END_HEADERS, 1, &head),
                see(Sight::Headers(1)),
            ],
        ),
        Row::new(
            "generic/4/3",
            "Sends a POST request",
            [post(1), data(END_STREAM, 1), see(Sight::Headers(1))],
        ),
        Row::new(
            "generic/4/4",
            "Sends a POST request with trailers",
            [
                post_with(1, &[("trailer", "x-test")]),
                data(0, 1),
                trailers(END_STREAM, &[("x-test", "ok")]),
                see(Sight::Headers(1)),
            ],
        ),
    ]
}

/// `user-agent: h2spec` and `x-test: h2spec`, plain and in Huffman code, after the first byte of a literal.
const AGENT: &[u8] = b"\x0auser-agent\x06h2spec";
const AGENT_CODED: &[u8] = b"\x87\xb5\x05\xb1\x61\xcc\x5a\x93\x84\x9c\x48\xac\xa4";
const TEST: &[u8] = b"\x06x-test\x06h2spec";
const TEST_CODED: &[u8] = b"\x85\xf2\xb2\x4a\x84\xff\x84\x9c\x48\xac\xa4";

fn literal(number: &'static str, name: &'static str, first: u8, rest: &[u8]) -> Row {
    let field = [&[first], rest].concat();
    Row::new(number, name, [with_hpack(&field), see(Sight::Headers(1))])
}

fn fields() -> Vec<Row> {
    vec![
        Row::new(
            "generic/5/1",
            "Sends a indexed header field representation",
            [with_hpack(b"\xba"), see(Sight::Headers(1))],
        ),
        literal(
            "generic/5/2",
            "Sends a literal header field with incremental indexing - indexed name",
            0x40,
            AGENT_CODED,
        ),
        literal(
            "generic/5/3",
            "Sends a literal header field with incremental indexing - indexed name (with Huffman coding)",
            0x40,
            AGENT,
        ),
        literal(
            "generic/5/4",
            "Sends a literal header field with incremental indexing - new name",
            0x40,
            TEST,
        ),
        literal(
            "generic/5/5",
            "Sends a literal header field with incremental indexing - new name (with Huffman coding)",
            0x40,
            TEST_CODED,
        ),
        literal(
            "generic/5/6",
            "Sends a literal header field without indexing - indexed name",
            0,
            AGENT,
        ),
        literal(
            "generic/5/7",
            "Sends a literal header field without indexing - indexed name (with Huffman coding)",
            0,
            AGENT_CODED,
        ),
        literal(
            "generic/5/8",
            "Sends a literal header field without indexing - new name",
            0,
            TEST,
        ),
        literal(
            "generic/5/9",
            "Sends a literal header field without indexing - new name (huffman encoded)",
            0,
            TEST_CODED,
        ),
    ]
}

fn fields_never_indexed() -> Vec<Row> {
    vec![
        literal(
            "generic/5/10",
            "Sends a literal header field never indexed - indexed name",
            0x10,
            AGENT,
        ),
        literal(
            "generic/5/11",
            "Sends a literal header field never indexed - indexed name (huffman encoded)",
            0x10,
            AGENT_CODED,
        ),
        literal(
            "generic/5/12",
            "Sends a literal header field never indexed - new name",
            0x10,
            TEST,
        ),
        literal(
            "generic/5/13",
            "Sends a literal header field never indexed - new name (huffman encoded)",
            0x10,
            TEST_CODED,
        ),
        Row::new(
            "generic/5/14",
            "Sends a dynamic table size update",
            // To 128.
            [after_hpack(b"\x3f\x61"), see(Sight::Headers(1))],
        ),
        Row::new(
            "generic/5/15",
            "Sends multiple dynamic table size update",
            // To 128, then to 4096.
            [after_hpack(b"\x3f\x61\x3f\xe1\x1f"), see(Sight::Headers(1))],
        ),
    ]
}
