//! Ends of lines, empty lines and folded lines.

use super::row::{Last, Passed, Refused, Row};

/// Heads with a line end that is not CRLF, or a line that is none.
const BAD: &[&str] = &[
    // Bare LF.
    "GET /ROW HTTP/1.1\nhost: test\r\n\r\n",
    "GET /ROW HTTP/1.1\r\nhost: test\n\r\n",
    "GET /ROW HTTP/1.1\r\nhost: test\r\n\n",
    "GET /ROW HTTP/1.1\nhost: test\n\n",
    "GET /ROW HTTP/1.1\r\nhost: test\r\nx: y\nz: w\r\n\r\n",
    "GET /ROW HTTP/1.1\r\nhost: test\r\nx: y\n z\r\n\r\n",
    "GET /ROW HTTP/1.1\r\nhost: test\nx: y\r\n\r\n",
    "GET /ROW HTTP/1.1\r\nhost: test\r\nx: \ny\r\n\r\n",
    "GET /ROW HTTP/1.1\r\nhost: test\r\nx\n: y\r\n\r\n",
    "GET\n/ROW HTTP/1.1\r\nhost: test\r\n\r\n",
    "GET /ROW\nHTTP/1.1\r\nhost: test\r\n\r\n",
    "GET /RO\nW HTTP/1.1\r\nhost: test\r\n\r\n",
    "GET /ROW HTTP\n/1.1\r\nhost: test\r\n\r\n",
    "\nGET /ROW HTTP/1.1\r\nhost: test\r\n\r\n",
    "\n\nGET /ROW HTTP/1.1\r\nhost: test\r\n\r\n",
    "\r\n\nGET /ROW HTTP/1.1\r\nhost: test\r\n\r\n",
    "GET /ROW HTTP/1.1\r\nhost: test\r\nx: a\n\nGET /smuggled HTTP/1.1\r\nhost: test\r\n\r\n",
    // Bare CR.
    "GET /ROW HTTP/1.1\rhost: test\r\n\r\n",
    "GET /ROW HTTP/1.1\r\r\nhost: test\r\n\r\n",
    "GET /ROW HTTP/1.1\r\nhost: test\r\r\n\r\n",
    "GET /ROW HTTP/1.1\r\nhost: test\r\n\r\r\n\r\n",
    "GET /ROW HTTP/1.1\r\nhost: test\r\nx: a\rb\r\n\r\n",
    "GET /ROW HTTP/1.1\r\nhost: test\r\nx: a\r\rb\r\n\r\n",
    "GET /ROW HTTP/1.1\r\nhost: test\r\nx: \ry\r\n\r\n",
    "GET /ROW HTTP/1.1\r\nhost: test\r\nx: v\0\ralue\r\n\r\n",
    "GET /ROW HTTP/1.1\r\nhost: test\r\na: b\r\nc\0\r\n\r\n",
    "GET /ROW HTTP/1.1\r\nhost: test\r\n\rZGET /smuggled: HTTP/1.1\r\nhost: test\r\n\r\n",
    "GET /ROW HTTP/1.1\r\nhost: test\r\nx\r: y\r\n\r\n",
    "GET /ROW HTTP/1.1\r\nhost: test\r\n\rx: y\r\n\r\n",
    "GET /RO\rW HTTP/1.1\r\nhost: test\r\n\r\n",
    "GET\r/ROW HTTP/1.1\r\nhost: test\r\n\r\n",
    "G\rET /ROW HTTP/1.1\r\nhost: test\r\n\r\n",
    "\rGET /ROW HTTP/1.1\r\nhost: test\r\n\r\n",
    "\r\rGET /ROW HTTP/1.1\r\nhost: test\r\n\r\n",
    "GET /ROW HTTP/1.1\r\nhost: test\rcontent-length: 5\r\n\r\n",
    "GET /ROW HTTP/1.1\rcontent-length: 5\r\nhost: test\r\n\r\n",
    // Folded lines, and white space before a line.
    "GET /ROW HTTP/1.1\r\nhost: test\r\nx: a\r\n b\r\n\r\n",
    "GET /ROW HTTP/1.1\r\nhost: test\r\nx: a\r\n\tb\r\n\r\n",
    "GET /ROW HTTP/1.1\r\nhost: test\r\nx:\r\n a\r\n\r\n",
    "GET /ROW HTTP/1.1\r\nhost: test\r\nx: a\r\n \r\n\r\n",
    "GET /ROW HTTP/1.1\r\nhost: test\r\n \r\n\r\n",
    "GET /ROW HTTP/1.1\r\nhost: test\r\n\t\r\n\r\n",
    "GET /ROW HTTP/1.1\r\n host: test\r\n\r\n",
    "GET /ROW HTTP/1.1\r\n\thost: test\r\n\r\n",
    "GET /ROW HTTP/1.1\r\nhost:\r\n test\r\n\r\n",
    "GET /ROW HTTP/1.1\r\nhost: te\r\n st\r\n\r\n",
    "GET /ROW\r\n HTTP/1.1\r\nhost: test\r\n\r\n",
    "GET /ROW HTTP/1.1\r\n \r\nhost: test\r\n\r\n",
    " GET /ROW HTTP/1.1\r\nhost: test\r\n\r\n",
    "\tGET /ROW HTTP/1.1\r\nhost: test\r\n\r\n",
    "\r\n GET /ROW HTTP/1.1\r\nhost: test\r\n\r\n",
    // Lines that are no fields.
    "GET /ROW HTTP/1.1\r\nhost: test\r\nnonsense\r\n\r\n",
    "GET /ROW HTTP/1.1\r\nhost: test\r\n:\r\n\r\n",
    "GET /ROW HTTP/1.1\r\nhost: test\r\n: y\r\n\r\n",
    "GET /ROW HTTP/1.1\r\nhost: test\r\n:: y\r\n\r\n",
    "GET /ROW HTTP/1.1\r\nhost: test\r\n:method: GET\r\n\r\n",
    "GET /ROW HTTP/1.1\r\nhost: test\r\nx : y\r\n\r\n",
    "GET /ROW HTTP/1.1\r\nhost: test\r\nx\t: y\r\n\r\n",
    "GET /ROW HTTP/1.1\r\nhost: test\r\nx y: z\r\n\r\n",
    "GET /ROW HTTP/1.1\r\nhost: test\r\nGET /smuggled HTTP/1.1\r\n\r\n",
    "GET /ROW HTTP/1.1\r\nhost: test\r\nGET http://test/smuggled HTTP/1.1\r\n\r\n",
    "GET /ROW HTTP/1.1\r\nhost: test\r\nhost : test\r\n\r\n",
];

pub(super) fn rows() -> Vec<Row> {
    let mut rows: Vec<_> = BAD
        .iter()
        .map(|head| Row::new(format!("{head:?}"), *head, Refused))
        .collect();
    let good = "GET /ROW HTTP/1.1\r\nhost: test\r\n\r\n";
    let after = |count| format!("{}{good}", "\r\n".repeat(count));
    rows.extend([
        Row::new("an empty line before", after(1), Passed(1)),
        Row::new("two empty lines before", after(2), Passed(1)),
        Row::new("a hundred empty lines before", after(100), Refused),
        Row::new("a hundred thousand empty lines before", after(100_000), Refused),
        Row::new(
            "an empty line behind a body",
            "POST /ROW HTTP/1.1\r\nhost: test\r\ncontent-length: 2\r\n\r\nab\r\nGET /ROW/2 HTTP/1.1\r\nhost: test\r\n\r\n",
            Passed(2),
        ),
        Row::new("no white space", "GET /ROW HTTP/1.1\r\nhost:test\r\nx:y\r\n\r\n", Passed(1)),
        Row::new("much white space", "GET /ROW HTTP/1.1\r\nhost: \t test \t \r\nx:  y  \r\n\r\n", Passed(1)),
        Row::new("an empty value", "GET /ROW HTTP/1.1\r\nhost: test\r\nx:\r\ny: \r\n\r\n", Passed(1)),
        Row::new("a colon in a value", "GET /ROW HTTP/1.1\r\nhost: test\r\nx:: y\r\n\r\n", Passed(1)),
        Row::new("two requests at once", format!("{good}{}", good.replace("/ROW", "/ROW/2")), Passed(2)),
        Row::new(
            "a request behind one that closes",
            "GET /ROW HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: test\r\n\r\n",
            Last,
        ),
    ]);
    rows
}
