//! Ordinary fields, lengths and trailers of HTTP/2, where HTTP/1 would read something else in them.

use super::stream::{Closed, Either, Local, Passed, Refused, Stream, Trailers, fields};

pub(super) fn rows() -> Vec<Stream> {
    [
        names(),
        values(),
        of_connections(),
        lengths(),
        trailers(),
        amounts(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn names() -> Vec<Stream> {
    let with = |name: &[u8], fate| Stream::with(name, "y", fate);
    let mut rows = vec![
        with(b"X-Own", Closed),
        with(b"x-oWn", Closed),
        with(b"Host", Closed),
        with(b"Transfer-Encoding", Closed),
        with(b"Content-Length", Closed),
        with(b"", Closed),
        with(b" ", Closed),
        with(b"x ", Closed),
        with(b" x", Closed),
        with(b"x y", Closed),
        with(b"x\t", Closed),
        with(b"x:", Closed),
        with(b"x: y\r\nz", Closed),
        with(b"x\r\ny", Closed),
        with(b"x\ry", Closed),
        with(b"x\ny", Closed),
        with(b"x\r\n\r\nGET /smuggled HTTP/1.1\r\nhost", Closed),
        with(b"x\0", Closed),
        with(b"x\x01", Closed),
        with(b"x\x7f", Closed),
        with(b"x\x80", Closed),
        with(b"x\xc3\xa9", Closed),
        with(b"transfer-encoding ", Closed),
        with(b"transfer-encoding:", Closed),
        with(b"transfer-encoding\0", Closed),
        // Underscores: dropped, so the request passes without them.
        Stream::with("transfer_encoding", "chunked", Passed),
        Stream::with("content_length", "5", Passed),
        Stream::with("x_forwarded_for", "6.6.6.6", Passed),
        Stream::with("x_own", "6.6.6.6", Passed),
        Stream::with("host_", "evil.test", Passed),
        Stream::with("x-forwarded-for", "6.6.6.6", Passed),
        Stream::with("x-forwarded-for", "6.6.6.6", Passed).and("x-forwarded-for", "7.7.7.7"),
        Stream::with("forwarded", "for=6.6.6.6", Passed),
        Stream::with("x-real-ip", "6.6.6.6", Passed),
        Stream::with("x-original-url", "/smuggled", Passed),
        Stream::with("x-rewrite-url", "/smuggled", Passed),
        Stream::with("proxy", "http://evil.test", Passed),
        Stream::with("via", "1.1 other", Passed),
    ];
    for separator in *b"\"(),/;<=>?@[\\]{}" {
        rows.push(with(&[b'x', separator, b'y'], Closed));
    }
    rows
}

fn values() -> Vec<Stream> {
    let with = |value: &[u8], fate| Stream::with("x", value, fate);
    let mut rows = vec![
        with(b"", Passed),
        with(b"a b\tc", Passed),
        with(b"\xc3\xa9\xff", Passed),
        with(b"a\rb", Closed),
        with(b"a\nb", Closed),
        with(b"a\r\nb: c", Closed),
        with(b"a\r\n b", Closed),
        with(b"a\r", Closed),
        with(b"a\n", Closed),
        with(b"\r\n", Closed),
        with(
            b"a\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: localhost\r\n\r\n",
            Closed,
        ),
        with(b"a\r\ntransfer-encoding: chunked", Closed),
        with(b" a", Refused),
        with(b"a ", Refused),
        with(b"\ta", Refused),
        with(b"a\t", Refused),
        with(b" ", Refused),
        Stream::with("cookie", "a=b\r\nx: y", Closed),
        Stream::with("user-agent", "a\0", Closed),
        Stream::with("referer", "a\nb", Closed),
        Stream::with("authorization", "Basic x\r\nx: y", Closed),
    ];
    for byte in (0..0x20)
        .filter(|byte| !b"\t\r\n".contains(byte))
        .chain([0x7f])
    {
        rows.push(with(&[b'a', byte, b'b'], Closed));
    }
    rows
}

/// Fields of one connection (RFC 9113 section 8.2.2).
fn of_connections() -> Vec<Stream> {
    let with = |name: &str, value: &str, fate| Stream::with(name, value, fate);
    vec![
        with("connection", "close", Refused),
        with("connection", "keep-alive", Refused),
        with("connection", "x-forwarded-for", Refused),
        with("connection", "upgrade", Refused).and("upgrade", "websocket"),
        with("keep-alive", "timeout=5", Refused),
        with("proxy-connection", "keep-alive", Refused),
        with("transfer-encoding", "chunked", Refused),
        with("transfer-encoding", "identity", Refused),
        with("transfer-encoding", "x", Refused).and("content-length", "0"),
        with("upgrade", "h2c", Refused),
        with("upgrade", "websocket", Refused),
        with("te", "trailers", Passed),
        with("te", "gzip", Refused),
        with("te", "trailers, gzip", Refused),
        with("te", "chunked", Refused),
        with("te", "", Refused),
        with("te", "TRAILERS", Either),
        with("http2-settings", "AAMAAABkAAQCAAAAAAIAAAAA", Passed),
        with("trailer", "x-sum", Passed),
        with("proxy-authorization", "Basic eDp5", Passed),
        with("expect", "100-continue", Passed),
        with("expect", "100-Continue", Passed),
        with("expect", "x", Refused),
        with("expect", "", Refused),
        with("expect", "100-continue, x", Refused),
        with("expect", "100-continue", Refused)
            .and("expect", "100-continue")
            .called("two expectations"),
        Stream::post(
            "transfer-encoding",
            "chunked",
            &[b"0\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: localhost\r\n\r\n"],
            Refused,
        ),
    ]
}

fn lengths() -> Vec<Stream> {
    let post =
        |length: &str, data: &[&[u8]], fate| Stream::post("content-length", length, data, fate);
    let hidden: &[u8] = b"GET /smuggled HTTP/1.1\r\nhost: localhost\r\n\r\n";
    vec![
        post("5", &[b"hello"], Passed),
        post("5", &[b"he", b"llo"], Passed),
        post("5", &[b"he", b"", b"llo"], Passed),
        post("0", &[], Passed),
        post("0", &[b""], Passed),
        post("5", &[b"hell"], Refused),
        post("5", &[], Refused),
        post("5", &[b""], Refused),
        post("4", &[b"hello"], Refused),
        // The server has had all that was announced, before the rest comes.
        post("4", &[b"hell", b"o"], Either),
        post("0", &[b"hello"], Either),
        post("0", &[hidden], Either),
        post("1", &[hidden], Refused),
        post("+5", &[b"hello"], Refused),
        post("-5", &[b"hello"], Refused),
        post("0x5", &[b"hello"], Refused),
        post("5.0", &[b"hello"], Refused),
        post("5, 5", &[b"hello"], Refused),
        post("5,5", &[b"hello"], Refused),
        post("5 5", &[b"hello"], Refused),
        post("05", &[b"hello"], Refused),
        post("x", &[b"hello"], Refused),
        post("", &[b"hello"], Refused),
        post("18446744073709551615", &[b"hello"], Refused),
        post("18446744073709551621", &[b"hello"], Refused),
        post("5", &[b"hello"], Refused)
            .and("content-length", "5")
            .called("two lengths"),
        post("5", &[b"hello"], Refused)
            .and("content-length", "4")
            .called("two other lengths"),
        post("5", &[b"hello"], Refused)
            .and("content-length", "500")
            .called("two other lengths again"),
        post("2000000", &[b"hello"], Refused),
        Stream::with("content-length", "5", Refused),
        Stream::with("content-length", "0", Passed),
        Stream::post("x", "no length", &[b"hello"], Passed),
        Stream::post("x", "a hidden request", &[hidden], Passed),
        Stream::post("x", "chunks", &[b"0\r\n\r\n", hidden], Passed),
    ]
}

fn trailers() -> Vec<Stream> {
    let ending = |fate, trailers| Stream::post("x", "trailers", &[b"hello"], fate).ending(trailers);
    let last = |name: &str, value: &str| Trailers::Last(fields(&[(name, value)]));
    vec![
        ending(Passed, last("x-sum", "1")).called("a trailer"),
        ending(Passed, last("content-length", "500")).called("a length in a trailer"),
        ending(Passed, last("host", "evil.test")).called("a host in a trailer"),
        ending(Either, last("transfer-encoding", "chunked")).called("a coding in a trailer"),
        ending(Either, last("connection", "close")).called("a connection in a trailer"),
        ending(Closed, last("X-Sum", "1")).called("an upper-case trailer"),
        ending(Closed, last("x\r\ny", "1")).called("a line end in a trailer's name"),
        ending(Closed, last("x", "1\r\ny: 2")).called("a line end in a trailer's value"),
        ending(Closed, Trailers::Open(fields(&[("x-sum", "1")])))
            .called("trailers that do not end the stream"),
        Stream::post("content-length", "5", &[b"hell"], Refused)
            .ending(last("x-sum", "1"))
            .called("trailers behind too short a body"),
    ]
}

fn amounts() -> Vec<Stream> {
    let many = |count, name: &str| {
        let mut stream = Stream::with("x", "y", Local(431)).called(&format!("{count} of {name}"));
        for nth in 0..count {
            stream = stream.and(name, format!("{nth}=y"));
        }
        stream
    };
    let mut few = many(50, "x-own");
    few.fate = Passed;
    let mut crumbs = many(200, "cookie"); // as browsers send them; a server sees one field
    crumbs.fate = Passed;
    vec![
        few,
        crumbs,
        many(200, "x-own"),
        many(400, "cookie"),
        many(1000, "x-own"),
        Stream::with("x", "y".repeat(15_000), Passed),
        Stream::with("x", "y".repeat(15_000), Local(431))
            .and("x", "y".repeat(30_000))
            .and("x", "y".repeat(30_000)),
    ]
}
