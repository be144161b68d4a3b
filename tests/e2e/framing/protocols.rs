//! Versions, methods, and other protocols than HTTP/1.1.

use super::row::{Closed, Last, Passed, Refused, Row};

/// Request lines with a version that is none.
const VERSIONS: &[&[u8]] = &[
    b"GET /ROW HTTP/1.2",
    b"GET /ROW HTTP/2.0",
    b"GET /ROW HTTP/2",
    b"GET /ROW HTTP/3",
    b"GET /ROW HTTP/0.9",
    b"GET /ROW HTTP/1",
    b"GET /ROW HTTP/1.",
    b"GET /ROW HTTP/.1",
    b"GET /ROW HTTP/1.11",
    b"GET /ROW HTTP/1.32",
    b"GET /ROW HTTP/4294967295.255",
    b"GET /ROW HTTP/\r\r1.1",
    b"GET /ROW HTTP/11.1",
    b"GET /ROW HTTP/1.1x",
    b"GET /ROW HTTP/1.1.1",
    b"GET /ROW HTTP/01.1",
    b"GET /ROW HTTP/1.01",
    b"GET /ROW HTTP/+1.1",
    b"GET /ROW HTTP/1,1",
    b"GET /ROW HTTP/1 .1",
    b"GET /ROW HTTP /1.1",
    b"GET /ROW http/1.1",
    b"GET /ROW Http/1.1",
    b"GET /ROW HTTPS/1.1",
    b"GET /ROW XHTTP/1.1",
    b"GET /ROW HTTP/x.y",
    b"GET /ROW HTTP/",
    b"GET /ROW HTTP",
    b"GET /ROW 1.1",
    b"GET /ROW ICY/1.1",
    b"GET /ROW RTSP/1.0",
    b"GET /ROW SIP/2.0",
    b"GET /ROW HTTP/1.1\0",
    b"GET /ROW ",
    b"GET /ROW",
    b"GET",
    b"GET ",
    b"/ROW HTTP/1.1",
    b"HTTP/1.1 200 OK",
];

/// Request lines with a method that is none.
const METHODS: &[&[u8]] = &[
    b"G\0ET /ROW HTTP/1.1",
    b"GET\0 /ROW HTTP/1.1",
    b"\0GET /ROW HTTP/1.1",
    b"G\x7fET /ROW HTTP/1.1",
    b"G\x80ET /ROW HTTP/1.1",
    b"\xef\xbb\xbfGET /ROW HTTP/1.1",
    b"G(ET /ROW HTTP/1.1",
    b"GET: /ROW HTTP/1.1",
    b"GET, /ROW HTTP/1.1",
    b"\"GET\" /ROW HTTP/1.1",
    b"G/ET /ROW HTTP/1.1",
    b"G@ET /ROW HTTP/1.1",
    b"{GET} /ROW HTTP/1.1",
    b"G ET /ROW HTTP/1.1",
    b"G\tET /ROW HTTP/1.1",
    b"; /ROW HTTP/1.1",
];

pub(super) fn rows() -> Vec<Row> {
    let lines = VERSIONS.iter().chain(METHODS);
    let mut rows: Vec<_> = lines.map(|line| Row::line(line, Refused)).collect();
    rows.extend(
        [
            "get",
            "Get",
            "M-SEARCH",
            "G",
            "GET!#$%&'*+-.^`|~",
            "PRI",
            "SMUGGLE",
        ]
        .map(|method| Row::line(format!("{method} /ROW HTTP/1.1"), Passed(1))),
    );
    rows.extend(
        [
            "CONNECT test:80",
            "CONNECT /ROW",
            "CONNECT http://test/ROW",
            "CONNECT *",
            "CONNECT evil.test:25",
        ]
        .map(|line| Row::line(format!("{line} HTTP/1.1"), Refused)),
    );
    rows.extend(old());
    rows.extend(others());
    rows
}

fn old() -> Vec<Row> {
    let in_1_0 = |lines: &str, body: &str, fate| {
        let bytes = format!("POST /ROW HTTP/1.0\r\nhost: test\r\n{lines}\r\n{body}");
        Row::new(format!("HTTP/1.0 {lines:?}"), bytes, fate)
    };
    vec![
        in_1_0("", "", Last),
        in_1_0("", "GET /smuggled HTTP/1.1\r\nhost: test\r\n\r\n", Last),
        in_1_0("content-length: 2\r\n", "ab", Last),
        in_1_0(
            "connection: keep-alive\r\ncontent-length: 2\r\n",
            "ab",
            Passed(1),
        ),
        in_1_0(
            "connection: keep-alive\r\ncontent-length: 2\r\n",
            "abGET /ROW/2 HTTP/1.1\r\nhost: test\r\n\r\n",
            Passed(2),
        ),
        in_1_0("transfer-encoding: chunked\r\n", "0\r\n\r\n", Refused),
        in_1_0("transfer-encoding: identity\r\n", "", Refused),
        in_1_0(
            "connection: keep-alive\r\ntransfer-encoding: chunked\r\n",
            "0\r\n\r\n",
            Refused,
        ),
        in_1_0(
            "transfer-encoding: chunked\r\ncontent-length: 5\r\n",
            "0\r\n\r\n",
            Refused,
        ),
        in_1_0("expect: 100-continue\r\ncontent-length: 2\r\n", "ab", Last),
        in_1_0("connection: upgrade\r\nupgrade: websocket\r\n", "", Last),
        Row::new("HTTP/0.9", "GET /ROW\r\n", Refused),
        Row::new("HTTP/0.9 with an empty line", "GET /ROW\r\n\r\n", Refused),
    ]
}

fn others() -> Vec<Row> {
    let hello: &[u8] = b"\x16\x03\x01\x00\x2f\x01\x00\x00\x2b\x03\x03";
    let long_method = "X".repeat(10_000);
    vec![
        Row::new("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Refused),
        Row::new("the preface and settings", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec(), Refused),
        Row::new("a hello of TLS", hello, Refused),
        Row::new("a hello of SSL 2", b"\x80\x2e\x01\x00\x02\x00".to_vec(), Refused),
        Row::new("PROXY protocol 1", "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\nGET /ROW HTTP/1.1\r\nhost: test\r\n\r\n", Refused),
        Row::new("PROXY protocol 2", b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x01\x02\x03\x04\x05\x06\x07\x08\0\x01\0\x02".to_vec(), Refused),
        Row::new("SSH", "SSH-2.0-OpenSSH_9.2\r\n\r\n", Refused),
        Row::new("SMTP", "EHLO test\r\n\r\n", Refused),
        Row::new("a response", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", Refused),
        Row::new("NULs", vec![0; 100], Refused),
        Row::line(format!("{long_method} /ROW HTTP/1.1"), Passed(1)).called("a long method"),
        Row::line(format!("{long_method}{long_method}{long_method}{long_method}{long_method}{long_method}{long_method} /ROW HTTP/1.1"), Closed(431))
            .called("a very long method"),
    ]
}
