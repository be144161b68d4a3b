//! Answers of the proxy's own to requests that hide another in their body.

use super::row::{Closed, HIDDEN, Local, Passed, Row};

pub(super) fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for (path, status) in [
        ("/local/get", 405),
        ("/local/old", 308),
        ("/local/teapot", 418),
        ("/local/teapot?ROW", 418),
        ("/local/moved/x?ROW", 308),
        ("/local/moved/1", 404),
        ("/local/file", 200),
        ("/local/closed", 503),
        ("/local/closed/file", 503),
        ("/local/lost", 404),
        ("/.well-known/acme-challenge/token", 404),
        ("/.well-known/acme-challenge/", 404),
        ("*", 404),
    ] {
        let method = if path == "*" { "OPTIONS" } else { "POST" };
        for (framing, body) in bodies() {
            let bytes = format!("{method} {path} HTTP/1.1\r\nhost: test\r\n{framing}\r\n{body}");
            rows.push(Row::new(
                format!("{path} {framing:?}"),
                bytes,
                Local(status),
            ));
        }
    }
    for path in ["/a%2fb", "/local/rewritten/%20"] {
        for (framing, body) in bodies() {
            let bytes = format!("POST {path} HTTP/1.1\r\nhost: test\r\n{framing}\r\n{body}");
            let name = format!("400 {path} {framing:?}");
            rows.push(Row::new(name, bytes, Closed(400)));
        }
    }
    let many = "x: y\r\n".repeat(101);
    let long = "x".repeat(17_000);
    rows.extend([
        Row::new(
            "413",
            format!("POST /ROW HTTP/1.1\r\nhost: test\r\ncontent-length: 2000000\r\n\r\n{HIDDEN}"),
            Closed(413),
        ),
        Row::new(
            "431",
            format!(
                "POST /ROW HTTP/1.1\r\nhost: test\r\n{many}content-length: {}\r\n\r\n{HIDDEN}",
                HIDDEN.len()
            ),
            Closed(431),
        ),
        Row::new(
            "414",
            format!(
                "POST /{long} HTTP/1.1\r\nhost: test\r\ncontent-length: {}\r\n\r\n{HIDDEN}",
                HIDDEN.len()
            ),
            Closed(414),
        ),
        Row::new(
            "a body of a server's",
            format!(
                "POST /ROW HTTP/1.1\r\nhost: test\r\ncontent-length: {}\r\n\r\n{HIDDEN}",
                HIDDEN.len()
            ),
            Passed(1),
        ),
    ]);
    rows
}

/// Every way to frame a body that hides a request.
fn bodies() -> Vec<(String, String)> {
    let length = HIDDEN.len();
    let chunked = "transfer-encoding: chunked\r\n";
    let chunks = format!("{length:x}\r\n{HIDDEN}\r\n0\r\n\r\n");
    vec![
        (format!("content-length: {length}\r\n"), HIDDEN.to_owned()),
        (
            format!("content-length: {length}\r\nexpect: 100-continue\r\n"),
            HIDDEN.to_owned(),
        ),
        (
            format!("content-length: {length}\r\nconnection: close\r\n"),
            HIDDEN.to_owned(),
        ),
        (chunked.to_owned(), chunks.clone()),
        (format!("{chunked}expect: 100-continue\r\n"), chunks),
    ]
}
