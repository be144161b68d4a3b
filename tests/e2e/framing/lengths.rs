//! `Content-Length`: exactly one plain number, or none.

use super::row::{Closed, HIDDEN, Local, Passed, Refused, Row};

const BAD: &[&[u8]] = &[
    b"Content-Length:",
    b"Content-Length: ",
    b"Content-Length: +43",
    b"Content-Length: -43",
    b"Content-Length: -0",
    b"Content-Length: 0x2b",
    b"Content-Length: 0X2B",
    b"Content-Length: 053",
    b"Content-Length: 00",
    b"Content-Length: 043",
    b"Content-Length: 43.0",
    b"Content-Length: 43,43",
    b"Content-Length: 43, 43",
    b"Content-Length: 43,",
    b"Content-Length: ,43",
    b"Content-Length: 4 3",
    b"Content-Length: 4\t3",
    b"Content-Length: 4_3",
    b"Content-Length: 43;",
    b"Content-Length: 43 bytes",
    b"Content-Length: \"43\"",
    b"Content-Length: 43e0",
    b"Content-Length: 43\0",
    b"Content-Length: \x0b43",
    b"Content-Length: \xa043",
    b"Content-Length: \xd9\xa4\xd9\xa3",
    b"Content-Length: \xef\xbc\x94\xef\xbc\x93",
    b"Content-Length: NaN",
    b"Content-Length: nil",
    b"Content-Length: 0b11",
    b"Content-Length: 9007199254740993",
    b"Content-Length: 18446744073709551615",
    b"Content-Length: 18446744073709551616",
    b"Content-Length: 18446744073709551659",
    b"Content-Length: 4294967339, 43",
    b"Content-Length: 340282366920938463463374607431768211499",
    b"Content-Length: 00000000000000000000000000000000000043",
    b"Content-Length: 43\r\nContent-Length: 43",
    b"Content-Length: 43\r\nContent-Length: 0",
    b"Content-Length: 0\r\nContent-Length: 43",
    b"Content-Length: 43\r\ncontent-length: 43",
    b"Content-Length: 43\r\nContent-Length:",
    b"Content-Length:\r\n 43",
    b"Content-Length: 4\r\n 3",
    b"Content-Length : 43",
    b"Content-Length\t: 43",
    b"Content-Length\0: 43",
    b" Content-Length: 43",
    b"Content-Length 43",
    b"Content\xadLength: 43",
];

pub(super) fn rows() -> Vec<Row> {
    let mut rows: Vec<_> = BAD
        .iter()
        .map(|line| Row::post(line, HIDDEN.as_bytes(), Refused))
        .collect();
    let whole = |lines: &[u8]| Row::post(lines, HIDDEN.as_bytes(), Passed(1));
    let length = HIDDEN.len();
    rows.extend([
        whole(format!("Content-Length: {length}").as_bytes()),
        whole(format!("CONTENT-LENGTH:{length}").as_bytes()),
        whole(format!("Content-Length:\t {length} \t").as_bytes()),
        whole(format!("Content_Length: 0\r\nContent-Length: {length}").as_bytes()),
        whole(format!("Content-Length: {length}\r\nContent_Length: 0").as_bytes()),
        whole(format!("Content-Length: {length}\r\nX-Content-Length: 0").as_bytes()),
        Row::post(b"Content-Length: 0", b"", Passed(1)),
        Row::post(b"Content_Length: 43", b"", Passed(1)).called("a length in disguise"),
        Row::post(b"Content-Length: 1048577", b"x", Closed(413)).called("413, and half a body"),
        Row::post(
            b"Content-Length: 2",
            b"abGET /ROW/2 HTTP/1.1\r\nhost: test\r\n\r\n",
            Passed(2),
        )
        .called("two requests, the first with a body"),
    ]);
    rows.extend(of_methods());
    rows
}

/// Bodies where few expect them, each hiding a request.
fn of_methods() -> Vec<Row> {
    let mut rows = Vec::new();
    for method in [
        "GET", "HEAD", "DELETE", "OPTIONS", "PATCH", "PUT", "PROPFIND", "BREW",
    ] {
        let length = format!(
            "{method} /ROW HTTP/1.1\r\nhost: test\r\ncontent-length: {}\r\n\r\n{HIDDEN}",
            HIDDEN.len()
        );
        let chunked = format!(
            "{method} /ROW HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{HIDDEN}\r\n0\r\n\r\n",
            HIDDEN.len()
        );
        rows.push(Row::new(
            format!("{method} with a length"),
            length,
            Passed(1),
        ));
        rows.push(Row::new(
            format!("{method} with chunks"),
            chunked,
            Passed(1),
        ));
    }
    rows.push(Row::new(
        "TRACE with a length",
        format!(
            "TRACE /local/old HTTP/1.1\r\nhost: test\r\ncontent-length: {}\r\n\r\n{HIDDEN}",
            HIDDEN.len()
        ),
        Local(308),
    ));
    rows
}
