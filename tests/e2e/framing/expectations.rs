//! `Expect` and `Upgrade`: what comes before an answer that has been promised.

use super::row::{Either, HIDDEN, Last, Passed, Refused, Row};

pub(super) fn rows() -> Vec<Row> {
    let mut rows = expect();
    rows.extend(upgrade());
    rows
}

fn expect() -> Vec<Row> {
    let length = format!("content-length: {}\r\n", HIDDEN.len());
    let body = HIDDEN.as_bytes();
    let with =
        |line: &str, fate| Row::post(format!("{length}{line}").as_bytes(), body, fate).called(line);
    let early = |lines: &str, body: &str| {
        let bytes = format!("POST /ROW/early HTTP/1.1\r\nhost: test\r\n{lines}\r\n{body}");
        Row::new(format!("an early answer and {lines:?}"), bytes, Either)
    };
    let mut rows = vec![
        with("Expect: 100-continue", Passed(1)),
        with("expect:100-CONTINUE", Passed(1)),
        with("Expect: 100-continue\r\nConnection: expect", Passed(1)),
        Row::post(b"Expect: 100-continue", b"", Passed(1)),
        Row::post(b"Expect: 100-continue\r\ncontent-length: 0", b"", Passed(1)),
        Row::get("Expect: 100-continue", Passed(1)),
        Row::post(
            b"Expect: 100-continue\r\ntransfer-encoding: chunked",
            b"5\r\nhello\r\n0\r\n\r\n",
            Passed(1),
        ),
        early(&length, HIDDEN),
        early(&format!("{length}Expect: 100-continue\r\n"), HIDDEN),
        early("transfer-encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n"),
        early(
            "transfer-encoding: chunked\r\nExpect: 100-continue\r\n",
            "5\r\nhello\r\n0\r\n\r\n",
        ),
    ];
    for line in [
        "Expect:",
        "Expect: 100-continue, 100-continue",
        "Expect: 100-continue\r\nExpect: 100-continue",
        "Expect: y 100-continue",
        "Expect: 100-continue y",
        "Expect: \"100-continue\"",
        "Expect: 100-continue;x",
        "Expect: 100-continue,",
        "Expect: 100 continue",
        "Expect: 100",
        "Expect: 200-ok",
        "Expect: 100-continue\0",
        "Expect: 100-continue\x0b",
        "Expect:\r\n 100-continue",
        "Expect : 100-continue",
        "Expect: 100-continue\r\n x",
    ] {
        rows.push(with(line, Refused));
    }
    rows.push(with("Expect_: 100-continue", Passed(1)));
    rows
}

fn upgrade() -> Vec<Row> {
    let handshake = "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    // The server declines all of these.
    let declined = |lines: &str, after: &str, fate| {
        let bytes = format!("GET /ROW HTTP/1.1\r\nhost: test\r\n{lines}\r\n{after}");
        Row::new(format!("{lines:?} and {:.9?}", after), bytes, fate)
    };
    let websocket = format!("connection: upgrade\r\nupgrade: websocket\r\n{handshake}");
    let version_777 = format!("{websocket}sec-websocket-version: 777\r\n");
    let length = format!("content-length: {}\r\n", HIDDEN.len());
    let second = "GET /ROW/2 HTTP/1.1\r\nhost: test\r\n\r\n";
    vec![
        // Declined: what follows is a request like any other, as the client still speaks HTTP.
        declined(&version_777, "", Either),
        declined(&version_777, second, Either),
        declined(
            &format!("{websocket}sec-websocket-version: 13\r\n"),
            second,
            Either,
        ),
        declined(&format!("{version_777}{length}"), HIDDEN, Either),
        declined(
            &format!("{version_777}transfer-encoding: chunked\r\n"),
            "5\r\nhello\r\n0\r\n\r\n",
            Either,
        ),
        declined(
            &format!("{version_777}{length}transfer-encoding: chunked\r\n"),
            HIDDEN,
            Refused,
        ),
        // Not asked for by the rules, or for something else: an ordinary request.
        declined("upgrade: websocket\r\n", second, Passed(2)),
        declined("connection: upgrade\r\n", second, Passed(2)),
        declined("connection: upgrade\r\nupgrade:\r\n", second, Passed(2)),
        declined(
            "connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n",
            "",
            Either,
        ),
        declined(
            "connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n",
            second,
            Either,
        ),
        declined(
            "connection: Upgrade\r\nupgrade: h2c\r\n",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            Either,
        ),
        declined(
            "upgrade: h2c\r\nhttp2-settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n",
            second,
            Passed(2),
        ),
        declined("connection: upgrade\r\nupgrade: TLS/1.0\r\n", "", Either),
        declined(
            "connection: upgrade\r\nupgrade: websocket, h2c\r\n",
            "",
            Either,
        ),
        declined(
            "connection: upgrade\r\nupgrade: h2c, websocket\r\n",
            "",
            Either,
        ),
        declined(
            "connection: upgrade\r\nupgrade: websocket\r\nupgrade: h2c\r\n",
            "",
            Either,
        ),
        declined("connection: upgrade\r\nupgrade: WebSocket\r\n", "", Either),
        declined(
            "connection: upgrade\r\nupgrade: HTTP/1.1\r\n",
            second,
            Either,
        ),
        declined(
            "connection: close, upgrade\r\nupgrade: websocket\r\n",
            "",
            Either,
        ),
        Row::new(
            "an upgrade by POST",
            format!("POST /ROW HTTP/1.1\r\nhost: test\r\n{websocket}{length}\r\n{HIDDEN}"),
            Either,
        ),
        Row::new(
            "HTTP/1.0 does not upgrade",
            format!("GET /ROW HTTP/1.0\r\nhost: test\r\n{websocket}\r\n{HIDDEN}"),
            Last,
        ),
    ]
}
