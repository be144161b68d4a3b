//! Chunked bodies: sizes, extensions, ends of lines and trailers.

use super::row::{Closed, HIDDEN, Passed, Refused, Row};

/// Bodies that two readers could end at different places.
const BAD: &[&[u8]] = &[
    // Sizes.
    b"0x5\r\nhello\r\n0\r\n\r\n",
    b"0X5\r\nhello\r\n0\r\n\r\n",
    b"x5\r\nhello\r\n0\r\n\r\n",
    b"+5\r\nhello\r\n0\r\n\r\n",
    b"-5\r\nhello\r\n0\r\n\r\n",
    b"-0\r\n\r\n",
    b" 5\r\nhello\r\n0\r\n\r\n",
    b"5 \r\nhello\r\n0\r\n\r\n",
    b"5\t\r\nhello\r\n0\r\n\r\n",
    b"\t5\r\nhello\r\n0\r\n\r\n",
    b"5\x0b\r\nhello\r\n0\r\n\r\n",
    b"5\0\r\nhello\r\n0\r\n\r\n",
    b"5\xa0\r\nhello\r\n0\r\n\r\n",
    b"0 \r\n\r\n",
    b"0_5\r\nhello\r\n0\r\n\r\n",
    b"-0x0\r\n\r\n",
    b"0_2e\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: test\r\n\r\n0\r\n\r\n",
    b"1rest\r\nZ\r\n0\r\n\r\n",
    b"5\r\r;ABCD\r\n0\r\n\r\n",
    b"5_\r\nhello\r\n0\r\n\r\n",
    b"1_0\r\nhello hello hell\r\n0\r\n\r\n",
    b"5,\r\nhello\r\n0\r\n\r\n",
    b"5.0\r\nhello\r\n0\r\n\r\n",
    b"5h\r\nhello\r\n0\r\n\r\n",
    b"five\r\nhello\r\n0\r\n\r\n",
    b"\"5\"\r\nhello\r\n0\r\n\r\n",
    b"\xef\xbc\x95\r\nhello\r\n0\r\n\r\n",
    b"\r\nhello\r\n0\r\n\r\n",
    b"\r\n5\r\nhello\r\n0\r\n\r\n",
    b"20000000000001\r\nhello\r\n0\r\n\r\n",
    b"7fffffffffffffff\r\nhello\r\n0\r\n\r\n",
    b"8000000000000000\r\nhello\r\n0\r\n\r\n",
    b"ffffffffffffffff\r\nhello\r\n0\r\n\r\n",
    b"fffffffffffffff0\r\nhello\r\n0\r\n\r\n",
    b"10000000000000005\r\nhello\r\n0\r\n\r\n",
    b"100000000000000000000000000000005\r\nhello\r\n0\r\n\r\n",
    b"00000000000000005\r\nhello\r\n0\r\n\r\n",
    // Extensions.
    b"5;\r\nhello\r\n0\r\n\r\n",
    b"5;x\r\nhello\r\n0\r\n\r\n",
    b"5;x=y\r\nhello\r\n0\r\n\r\n",
    b"5; x=\"y\"\r\nhello\r\n0\r\n\r\n",
    b"5 ;x\r\nhello\r\n0\r\n\r\n",
    b"5;\nhello\r\n0\r\n\r\n",
    b"5;x\nhello\r\n0\r\n\r\n",
    b"5;x\rhello\r\n0\r\n\r\n",
    b"5;x\r\r\nhello\r\n0\r\n\r\n",
    b"5;x=\"\r\nhello\r\n0\r\n\r\n",
    b"5;x=\"\n\"\r\nhello\r\n0\r\n\r\n",
    b"5;x=\"\\\r\n\"\r\nhello\r\n0\r\n\r\n",
    b"5;\0\r\nhello\r\n0\r\n\r\n",
    b"5;;;;\r\nhello\r\n0\r\n\r\n",
    b"2;\nxx\r\n2d\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: test\r\n\r\n\r\n0\r\n\r\n",
    b"5\r\nhello\r\n0;x\r\n\r\n",
    b"5\r\nhello\r\n0;\n\r\n",
    b"0;x=y\r\n\r\n",
    // Ends of lines after the size.
    b"5\nhello\r\n0\r\n\r\n",
    b"5\rhello\r\n0\r\n\r\n",
    b"5\r\rhello\r\n0\r\n\r\n",
    b"5\r\r\nhello\r\n0\r\n\r\n",
    b"5\n\rhello\r\n0\r\n\r\n",
    // Ends of lines after the data.
    b"5\r\nhello\n0\r\n\r\n",
    b"5\r\nhello\r0\r\n\r\n",
    b"5\r\nhello0\r\n\r\n",
    b"5\r\nhello\n\r0\r\n\r\n",
    b"5\r\nhelloXX0\r\n\r\n",
    b"5\r\nhello\r\r\n0\r\n\r\n",
    b"5\r\nhello \r\n0\r\n\r\n",
    b"5\r\nhello;x\r\n0\r\n\r\n",
    b"5\r\nhello\r\n\r\n0\r\n\r\n",
    b"5\r\nhellohello\r\n0\r\n\r\n",
    b"5\r\nhell\r\n0\r\n\r\n",
    b"2\r\nabXX\r\n0\r\n\r\n",
    b"2\r\nab\r\r\n0\r\n\r\n",
    // The end.
    b"0\n\r\n",
    b"0\r\n\n",
    b"0\n\n",
    b"0\r\r\n",
    b"0\r\n\rX",
    b"0\r\n\r\r\n",
    b"5\r\nhello\r\n0\r\n\x0b\r\n",
    // Trailers.
    b"0\r\nX: a\n\r\n",
    b"0\r\nX: a\r\n\n",
    b"0\r\nX: a\rb\r\n\r\n",
    b"0\r\nX: a\nb: c\r\n\r\n",
    b"0\r\nX: a\0\r\n\r\n",
    b"0\r\nX: a\x7f\r\n\r\n",
    b"0\r\n\x00X: a\r\n\r\n",
    b"0\r\nX : a\r\n\r\n",
    b"0\r\n X: a\r\n\r\n",
    b"0\r\nX: a\r\n b\r\n\r\n",
    b"0\r\n: a\r\n\r\n",
    b"0\r\nX\r\n\r\n",
    b"0\r\nGET /smuggled HTTP/1.1\r\nhost: test\r\n\r\n",
    b"0\r\nX\xff: a\r\n\r\n",
];

/// Bodies that all readers end at the same place, and what is in them.
const GOOD: &[&[u8]] = &[
    b"0\r\n\r\n",
    b"5\r\nhello\r\n0\r\n\r\n",
    b"05\r\nhello\r\n00\r\n\r\n",
    b"0000000000000005\r\nhello\r\n0000000000000000\r\n\r\n",
    b"A\r\nhello hell\r\na\r\nhello hell\r\n0\r\n\r\n",
    b"5\r\n0\r\n\r\n\r\n0\r\n\r\n",
    b"5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n",
    b"5\r\nhello\r\n0\r\nX-Sum:\t1 \r\nX-Empty:\r\n\r\n",
    // What a trailer must not say is of no consequence: no server hears of trailers.
    b"5\r\nhello\r\n0\r\nContent-Length: 50\r\n\r\n",
    b"5\r\nhello\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"5\r\nhello\r\n0\r\nHost: evil.test\r\n\r\n",
    b"5\r\nhello\r\n0\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n",
    b"5\r\nhello\r\n0\r\nAuthorization: Basic eDp5\r\n\r\n",
    b"5\r\nhello\r\n0\r\nConnection: close\r\n\r\n",
];

pub(super) fn rows() -> Vec<Row> {
    let chunked = |body: &[u8], fate| {
        let row = Row::post(b"transfer-encoding: chunked", body, fate);
        let shown = String::from_utf8_lossy(body);
        let shown: String = shown.chars().take(60).collect();
        row.called(&format!("chunks {shown:?}"))
    };
    let mut rows: Vec<_> = BAD.iter().map(|body| chunked(body, Refused)).collect();
    rows.extend(GOOD.iter().map(|body| chunked(body, Passed(1))));
    let hidden = format!("{:x}\r\n{HIDDEN}\r\n0\r\n\r\n", HIDDEN.len());
    let zeros = format!("{}5\r\nhello\r\n0\r\n\r\n", "0".repeat(5000));
    let extension = format!("5;{}\r\nhello\r\n0\r\n\r\n", "x".repeat(100_000));
    let trailers = format!("0\r\n{}\r\n", "X: y\r\n".repeat(33));
    let large = format!("0\r\nX: {}\r\n\r\n", "y".repeat(9000));
    let tiny = format!("{}0\r\n\r\n", "1\r\nx\r\n".repeat(3000));
    let endless = format!("{}\r\n", "5\r\nhello\r\n".repeat(3)); // and then no size
    let too_much = format!("100001\r\n{}", "x".repeat(0x0010_0001));
    rows.extend([
        chunked(hidden.as_bytes(), Passed(1)).called("a request in a chunk"),
        chunked(zeros.as_bytes(), Refused).called("five thousand leading zeros"),
        chunked(extension.as_bytes(), Refused).called("a huge extension"),
        chunked(trailers.as_bytes(), Closed(431)).called("33 trailers"),
        chunked(large.as_bytes(), Closed(431)).called("a large trailer"),
        chunked(tiny.as_bytes(), Passed(1)).called("three thousand chunks"),
        chunked(endless.as_bytes(), Refused).called("an empty size"),
        chunked(too_much.as_bytes(), Closed(413)).called("chunks beyond the limit"),
        chunked(
            format!("0\r\n\r\n{}", HIDDEN.replace("/smuggled", "/ROW/2")).as_bytes(),
            Passed(2),
        )
        .called("two requests, the first in chunks"),
    ]);
    rows
}
