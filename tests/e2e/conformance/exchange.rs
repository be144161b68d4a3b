//! h2spec's sections "http2/7" and "http2/8": unknown error codes, and requests that are malformed.

use super::{
    play::{Row, Sight},
    say::{
        Field, PROTOCOL, PUSH_PROMISE, data, exactly, goaway, headers, ping, plain_block, post,
        post_with, raw, reset, see, trailers,
    },
};
use crate::harness::frames::{END_HEADERS, END_STREAM};

const MALFORMED: Sight = Sight::StreamError(&[PROTOCOL]);

const METHOD: Field = (":method", "GET");
const SCHEME: Field = (":scheme", "https");
const AUTHORITY: Field = (":authority", "localhost");
const PATH: Field = (":path", "/");

pub(super) fn rows() -> Vec<Row> {
    [
        error_codes(),
        fields(),
        connection_fields(),
        pseudo_fields(),
        doubled_pseudo_fields(),
        lengths(),
        push(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn error_codes() -> Vec<Row> {
    vec![
        Row::new(
            "http2/7/1",
            "Sends a GOAWAY frame with unknown error code",
            [goaway(0xff, b""), ping(), see(Sight::PongOrClose)],
        ),
        Row::new(
            "http2/7/2",
            "Sends a RST_STREAM frame with unknown error code",
            [post(1), reset(1, 0xff), ping(), see(Sight::Pong)],
        ),
    ]
}

fn fields() -> Vec<Row> {
    vec![
        Row::new(
            "http2/8.1/1",
            "Sends a second HEADERS frame without the END_STREAM flag",
            [
                post(1),
                data(0, 1),
                trailers(0, &[("x-test", "ok")]),
                see(MALFORMED),
            ],
        ),
        Row::new(
            "http2/8.1.2/1",
            "Sends a HEADERS frame that contains the header field name in uppercase letters",
            [headers(END_STREAM, 1, &[("X-TEST", "ok")]), see(MALFORMED)],
        ),
        Row::new(
            "http2/8.1.2.1/1",
            "Sends a HEADERS frame that contains a unknown pseudo-header field",
            [headers(END_STREAM, 1, &[(":test", "ok")]), see(MALFORMED)],
        ),
        Row::new(
            "http2/8.1.2.1/2",
            "Sends a HEADERS frame that contains the pseudo-header field defined for response",
            [
                headers(END_STREAM, 1, &[(":status", "200")]),
                see(MALFORMED),
            ],
        ),
        Row::new(
            "http2/8.1.2.1/3",
            "Sends a HEADERS frame that contains a pseudo-header field as trailers",
            [
                post(1),
                data(0, 1),
                trailers(0, &[(":method", "POST")]),
                see(MALFORMED),
            ],
        ),
        Row::new(
            "http2/8.1.2.1/4",
            "Sends a HEADERS frame that contains a pseudo-header field that appears in a header block after a regular header field",
            [
                exactly(&[("x-test", "ok"), METHOD, SCHEME, PATH, AUTHORITY]),
                see(MALFORMED),
            ],
        ),
    ]
}

fn connection_fields() -> Vec<Row> {
    vec![
        Row::new(
            "http2/8.1.2.2/1",
            "Sends a HEADERS frame that contains the connection-specific header field",
            [
                headers(END_STREAM, 1, &[("connection", "keep-alive")]),
                see(MALFORMED),
            ],
        ),
        Row::new(
            "http2/8.1.2.2/2",
            "Sends a HEADERS frame that contains the TE header field with any value other than \"trailers\"",
            [
                headers(
                    END_STREAM,
                    1,
                    &[("trailers", "test"), ("te", "trailers, deflate")],
                ),
                see(MALFORMED),
            ],
        ),
    ]
}

fn pseudo_fields() -> Vec<Row> {
    vec![
        Row::new(
            "http2/8.1.2.3/1",
            "Sends a HEADERS frame with empty \":path\" pseudo-header field",
            [
                exactly(&[METHOD, SCHEME, (":path", ""), AUTHORITY]),
                see(MALFORMED),
            ],
        ),
        // h2spec omits the scheme too, by a slip; this is what it means.
        Row::new(
            "http2/8.1.2.3/2",
            "Sends a HEADERS frame that omits \":method\" pseudo-header field",
            [exactly(&[SCHEME, PATH, AUTHORITY]), see(MALFORMED)],
        ),
        Row::new(
            "http2/8.1.2.3/3",
            "Sends a HEADERS frame that omits \":scheme\" pseudo-header field",
            [exactly(&[METHOD, PATH, AUTHORITY]), see(MALFORMED)],
        ),
        Row::new(
            "http2/8.1.2.3/4",
            "Sends a HEADERS frame that omits \":path\" pseudo-header field",
            [exactly(&[METHOD, SCHEME, AUTHORITY]), see(MALFORMED)],
        ),
    ]
}

fn doubled_pseudo_fields() -> Vec<Row> {
    vec![
        Row::new(
            "http2/8.1.2.3/5",
            "Sends a HEADERS frame with duplicated \":method\" pseudo-header field",
            [headers(END_STREAM, 1, &[METHOD]), see(MALFORMED)],
        ),
        Row::new(
            "http2/8.1.2.3/6",
            "Sends a HEADERS frame with duplicated \":scheme\" pseudo-header field",
            [headers(END_STREAM, 1, &[SCHEME]), see(MALFORMED)],
        ),
        Row::new(
            "http2/8.1.2.3/7",
            "Sends a HEADERS frame with duplicated \":path\" pseudo-header field",
            [headers(END_STREAM, 1, &[PATH]), see(MALFORMED)],
        ),
    ]
}

fn lengths() -> Vec<Row> {
    let post_of_one = || post_with(1, &[("content-length", "1")]);
    vec![
        Row::new(
            "http2/8.1.2.6/1",
            "Sends a HEADERS frame with the \"content-length\" header field which does not equal the DATA frame payload length",
            [post_of_one(), data(END_STREAM, 1), see(MALFORMED)],
        ),
        Row::new(
            "http2/8.1.2.6/2",
            "Sends a HEADERS frame with the \"content-length\" header field which does not equal the sum of the multiple DATA frames payload length",
            [
                post_of_one(),
                data(0, 1),
                data(END_STREAM, 1),
                see(MALFORMED),
            ],
        ),
    ]
}

fn push() -> Vec<Row> {
    let promise = [&3_u32.to_be_bytes()[..], &plain_block()].concat();
    vec![Row::new(
        "http2/8.2/1",
        "Sends a PUSH_PROMISE frame",
        [
            raw(PUSH_PROMISE, END_HEADERS, 1, &promise),
            see(Sight::ConnectionError(&[PROTOCOL])),
        ],
    )]
}
