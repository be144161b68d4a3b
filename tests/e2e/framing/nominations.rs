//! Fields of one connection, and what `Connection` may take away.

use super::row::{Last, Passed, Refused, Row};

pub(super) fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for name in [
        "Host",
        "Content-Length",
        "Transfer-Encoding",
        "X-Forwarded-For",
        "X-Forwarded-Proto",
        "X-Forwarded-Host",
        "X-Forwarded-Port",
        "X-Real-IP",
        "X-Request-ID",
        "Forwarded",
        ":authority",
        "\"X-Forwarded-For\"",
        "x forwarded for",
        "X-Forwarded-For;",
    ] {
        rows.push(Row::get(format!("Connection: close, {name}"), Refused));
        rows.push(Row::get(
            format!("Connection: {}", name.to_lowercase()),
            Refused,
        ));
    }
    for option in [
        "Via",
        "Cookie",
        "Authorization",
        "TE",
        "Date",
        "X-Own",
        "X_Forwarded_For",
        "Connection",
    ] {
        let lines = format!("Connection: {option}\r\nCookie: a=b\r\nX-Own: 1");
        rows.push(Row::get(lines, Passed(1)));
    }
    rows.extend(options());
    rows.extend(of_one_connection());
    rows
}

fn options() -> Vec<Row> {
    vec![
        Row::get("Connection: a,b,c,d,e,f,g,h,i,j,k,l", Refused),
        Row::get("Connection: a,b,c,d,e\r\nConnection: f,g,h,i,j", Refused),
        Row::get("Connection: ,,,", Passed(1)),
        Row::get("Connection:", Passed(1)),
        Row::get("Connection: keep-alive", Passed(1)),
        Row::get("Connection: close", Last),
        Row::get("Connection: CLOSE", Last),
        Row::get("Connection: x, close", Last),
        Row::get("Connection: keep-alive, close", Last),
        Row::get("Connection: x\r\nConnection: close", Last),
    ]
}

/// What no server sees, and what it sees of ours.
fn of_one_connection() -> Vec<Row> {
    vec![
        Row::get(
            "Connection: keep-alive\r\nKeep-Alive: timeout=5, max=1",
            Passed(1),
        ),
        Row::get("Keep-Alive: timeout=0", Passed(1)),
        Row::get("Proxy-Connection: close", Passed(1)),
        Row::get("Proxy-Connection: keep-alive", Passed(1)),
        Row::get("Proxy-Authorization: Basic eDp5", Passed(1)),
        Row::get("Proxy: http://evil.test/", Passed(1)),
        Row::get("TE: trailers", Passed(1)),
        Row::get("TE: gzip;q=0.5, trailers", Passed(1)),
        Row::get("TE: deflate", Passed(1)),
        Row::get("Trailer: X-Sum", Passed(1)),
        Row::get("Trailer: Content-Length, Transfer-Encoding", Passed(1)),
        Row::get("HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA", Passed(1)),
        Row::get("Via: 1.1 other\r\nVia: 1.1 another", Passed(1)),
        Row::get("Max-Forwards: 0", Passed(1)),
        Row::get("Cookie: a=b\r\nCookie: c=d", Passed(1)),
        Row::get(
            "X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-For: 5.6.7.8",
            Passed(1),
        ),
        Row::get("X_Forwarded_For: 1.2.3.4", Passed(1)),
        Row::get("Range: bytes=0-0\r\nRange: bytes=1-1", Passed(1)),
    ]
}
