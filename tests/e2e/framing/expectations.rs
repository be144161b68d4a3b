//! `Expect` and `Upgrade`: what comes before an answer that has been promised.

use super::row::{Either, Fate, HIDDEN, Last, Passed, Refused, Row};

pub(super) fn rows() -> Vec<Row> {
    let mut rows = expect();
    rows.extend(upgrade());
    rows.extend(no_upgrade());
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

/// A GET with these lines and what follows it. The server declines whatever it asks for.
fn declined(lines: &str, after: &str, fate: Fate) -> Row {
    let bytes = format!("GET /ROW HTTP/1.1\r\nhost: test\r\n{lines}\r\n{after}");
    Row::new(format!("{lines:?} and {after:.9?}"), bytes, fate)
}

const WEBSOCKET: &str = "connection: upgrade\r\nupgrade: websocket\r\n\
                         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 777\r\n";
const SECOND: &str = "GET /ROW/2 HTTP/1.1\r\nhost: test\r\n\r\n";

/// Handshakes that are passed on, or nearly are.
fn upgrade() -> Vec<Row> {
    let length = format!("content-length: {}\r\n", HIDDEN.len());
    let chunked = "transfer-encoding: chunked\r\n";
    let to = |method: &str, version: &str, lines: &str, fate| {
        let bytes =
            format!("{method} /ROW HTTP/{version}\r\nhost: test\r\n{WEBSOCKET}{lines}\r\n{HIDDEN}");
        Row::new(
            format!("an upgrade by {method} in HTTP/{version}"),
            bytes,
            fate,
        )
    };
    vec![
        // What follows is a request like any other, as the client still speaks HTTP.
        declined(WEBSOCKET, "", Either),
        declined(WEBSOCKET, SECOND, Either),
        declined(&WEBSOCKET.replace("777", "13"), SECOND, Either),
        declined("connection: upgrade\r\nupgrade: WebSocket\r\n", "", Either),
        declined(
            "connection: close, upgrade\r\nupgrade: websocket\r\n",
            "",
            Either,
        ),
        // A handshake has no body (RFC 6455 section 4.1), so these are none.
        declined(&format!("{WEBSOCKET}{length}"), HIDDEN, Passed(1)),
        declined(
            &format!("{WEBSOCKET}{chunked}"),
            "5\r\nhello\r\n0\r\n\r\n",
            Passed(1),
        ),
        declined(&format!("{WEBSOCKET}{length}{chunked}"), HIDDEN, Refused),
        to("POST", "1.1", &length, Passed(1)),
        to("GET", "1.0", "", Last),
    ]
}

/// Not asked for by the rules, or for something else: ordinary requests.
fn no_upgrade() -> Vec<Row> {
    let h2c = "connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n";
    let mut rows: Vec<_> = [
        "upgrade: websocket\r\n",
        "connection: upgrade\r\n",
        "connection: upgrade\r\nupgrade:\r\n",
        "connection: upgrade\r\nupgrade: TLS/1.0\r\n",
        "connection: upgrade\r\nupgrade: HTTP/1.1\r\n",
        "connection: upgrade\r\nupgrade: websocket, h2c\r\n",
        "connection: upgrade\r\nupgrade: h2c, websocket\r\n",
        "connection: upgrade\r\nupgrade: websocket\r\nupgrade: h2c\r\n",
        "upgrade: h2c\r\nhttp2-settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n",
        h2c,
    ]
    .into_iter()
    .map(|lines| declined(lines, SECOND, Passed(2)))
    .collect();
    rows.push(declined(h2c, "", Passed(1)));
    rows.push(declined(h2c, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Either));
    rows
}
