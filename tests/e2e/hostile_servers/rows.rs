//! Each way to break the protocol, by name.

use super::POISON;

/// What comes of a response.
#[derive(Clone, Copy)]
pub(super) enum Fate {
    /// The client gets 502; the log says what was wrong.
    Refused(&'static str),
    /// It was found out when the client had the head: the client's response is cut off.
    Cut(&'static str),
    /// The response was sound, with this body; what came after it went nowhere.
    Surplus(&'static str),
}

use Fate::{Cut, Refused, Surplus};

pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) method: &'static str,
    pub(super) says: Vec<u8>,
    pub(super) fate: Fate,
}

fn row(name: &'static str, says: impl AsRef<[u8]>, fate: Fate) -> Row {
    Row {
        name,
        method: "GET",
        says: says.as_ref().to_vec(),
        fate,
    }
}

/// A response that is sound but for these header lines.
fn field(name: &'static str, lines: &str, reason: &'static str) -> Row {
    let says = format!("HTTP/1.1 200 OK\r\nx-p: {POISON}\r\n{lines}\r\ncontent-length: 1\r\n\r\nH");
    row(name, says, Refused(reason))
}

/// A response that is sound but for its first line.
fn start(name: &'static str, line: &str, reason: &'static str) -> Row {
    let says = format!("{line}\r\nx-p: {POISON}\r\ncontent-length: 1\r\n\r\nH");
    row(name, says, Refused(reason))
}

fn framing(name: &'static str, lines: &str, reason: &'static str) -> Row {
    let says = format!("HTTP/1.1 200 OK\r\n{lines}\r\n\r\n{POISON}");
    row(name, says, Refused(reason))
}

fn chunks(name: &'static str, body: &str, reason: &'static str) -> Row {
    let says = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{body}");
    row(name, says, Refused(reason))
}

/// A chunked body that breaks when much of it has been read.
fn late(name: &'static str, end: &str, reason: &'static str) -> Row {
    let body = format!("30d40\r\n{}\r\n{end}", "d".repeat(200_000));
    let says = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{body}");
    row(name, says, Cut(reason))
}

fn surplus(name: &'static str, says: &str, body: &'static str) -> Row {
    row(name, format!("{says}{POISON}"), Surplus(body))
}

pub(super) fn rows() -> Vec<Row> {
    let groups = [
        not_http(),
        lines(),
        framings(),
        bodies(),
        chunkings(),
        surpluses(),
    ];
    groups.into_iter().flatten().collect()
}

/// What is not HTTP/1, or does not begin like it.
fn not_http() -> Vec<Row> {
    vec![
        row(
            "a page without a head",
            format!("<html>{POISON}</html>\r\n\r\n"),
            Refused("begin with HTTP"),
        ),
        row(
            "another protocol",
            format!("SSH-2.0-{POISON}\r\n\r\n"),
            Refused("begin with HTTP"),
        ),
        row(
            "frames of HTTP/2",
            b"\0\0\0\x04\0\0\0\0\0\0\0\0\x04\x01\0\0\0\0\r\n\r\n",
            Refused("begin with HTTP"),
        ),
        start(
            "an empty line first",
            "\r\nHTTP/1.1 200 OK",
            "begin with HTTP",
        ),
        start("a space first", " HTTP/1.1 200 OK", "begin with HTTP"),
        start("lower case", "http/1.1 200 OK", "begin with HTTP"),
        start("HTTP/0.9", "HTTP/0.9 200 OK", "begin with HTTP"),
        start("HTTP/2 as text", "HTTP/2 200 OK", "begin with HTTP"),
        start("HTTP/1.2", "HTTP/1.2 200 OK", "begin with HTTP"),
        start("two spaces", "HTTP/1.1  200 OK", "three digits"),
        start("no status", "HTTP/1.1", "begin with HTTP"),
        start("a status of two digits", "HTTP/1.1 20 OK", "three digits"),
        start("a status of four digits", "HTTP/1.1 2000 OK", "no reason"),
        start("a status below 100", "HTTP/1.1 099 OK", "three digits"),
        start("a status of letters", "HTTP/1.1 OKAY", "three digits"),
        start(
            "a NUL in the reason",
            "HTTP/1.1 200 O\0K",
            "control character",
        ),
        start(
            "a bare CR in the reason",
            "HTTP/1.1 200 O\rK",
            "CR stands without",
        ),
    ]
}

/// Lines of the header.
fn lines() -> Vec<Row> {
    vec![
        row(
            "LF alone everywhere",
            format!("HTTP/1.1 200 OK\nx: {POISON}\ncontent-length: 1\n\nH"),
            Refused("LF alone"),
        ),
        field("LF alone in one place", "a: b\nc: d", "LF alone"),
        field(
            "a bare CR splits the response",
            "a: b\rset-cookie: evil=1",
            "CR stands without",
        ),
        field("a NUL in a value", "a: b\0c", "control character"),
        field("an escape in a value", "a: \x1b[2J", "control character"),
        field("a DEL in a value", "a: \x7f", "control character"),
        field("a folded line", "a: b\r\n c: d", "folded"),
        field("a folded line by a tab", "a: b\r\n\tc: d", "folded"),
        field(
            "a space before the colon",
            "a : b",
            "before a header's colon",
        ),
        field("a line without a colon", "garbage", "no colon"),
        field("a name that is empty", ": b", "name is empty"),
        field("a name that is no token", "a(b): c", "not a token"),
        field("a name beyond ASCII", "n\u{e4}me: c", "not a token"),
    ]
}

/// Where the body ends, said twice or badly.
fn framings() -> Vec<Row> {
    vec![
        framing(
            "two lengths that differ",
            "content-length: 1\r\ncontent-length: 7",
            "more than one Content-Length",
        ),
        framing(
            "one length twice",
            "content-length: 7\r\ncontent-length: 7",
            "more than one Content-Length",
        ),
        framing("a list of lengths", "content-length: 7, 7", "plain number"),
        framing("a negative length", "content-length: -1", "plain number"),
        framing("a signed length", "content-length: +7", "plain number"),
        framing(
            "a length in hexadecimal",
            "content-length: 0x7",
            "plain number",
        ),
        framing(
            "a length beyond every number",
            "content-length: 99999999999999999999",
            "plain number",
        ),
        framing("an empty length", "content-length:", "plain number"),
        framing(
            "a length and chunks",
            "content-length: 7\r\ntransfer-encoding: chunked",
            "beside",
        ),
        framing(
            "chunks and a length",
            "transfer-encoding: chunked\r\ncontent-length: 7",
            "beside",
        ),
        framing(
            "gzip as transfer coding",
            "transfer-encoding: gzip",
            "chunked alone",
        ),
        framing(
            "chunked in a list",
            "transfer-encoding: gzip, chunked",
            "chunked alone",
        ),
        framing(
            "chunked misspelt",
            "transfer-encoding: chunked\x0b",
            "control character",
        ),
        framing(
            "chunked twice",
            "transfer-encoding: chunked\r\ntransfer-encoding: chunked",
            "more than one Transfer",
        ),
    ]
}

/// Bodies where there can be none, or by rules of another version.
fn bodies() -> Vec<Row> {
    vec![
        row(
            "chunks in HTTP/1.0",
            format!(
                "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n7\r\n{POISON}\r\n0\r\n\r\n"
            ),
            Refused("HTTP/1.0"),
        ),
        row(
            "204 with a length",
            format!("HTTP/1.1 204 No\r\ncontent-length: 7\r\n\r\n{POISON}"),
            Refused("without content"),
        ),
        row(
            "204 with chunks",
            format!(
                "HTTP/1.1 204 No\r\ntransfer-encoding: chunked\r\n\r\n7\r\n{POISON}\r\n0\r\n\r\n"
            ),
            Refused("without content"),
        ),
        row(
            "100 with a body",
            format!("HTTP/1.1 100 Go\r\ncontent-length: 7\r\n\r\n{POISON}"),
            Refused("interim response has a body"),
        ),
        row(
            "an upgrade that was not asked for",
            format!("HTTP/1.1 101 Yes\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n{POISON}"),
            Refused("without having been asked"),
        ),
    ]
}

/// Chunks that are none.
fn chunkings() -> Vec<Row> {
    vec![
        chunks(
            "a chunk size that is no number",
            "7x\r\nHOSTILE\r\n0\r\n\r\n",
            "hexadecimal",
        ),
        chunks(
            "a chunk size that overflows",
            "fffffffffffffffff\r\nHOSTILE",
            "too large",
        ),
        chunks(
            "a chunk size beyond 2^53",
            "ffffffffffffffff\r\nHOSTILE",
            "too large",
        ),
        chunks(
            "an empty chunk size",
            "\r\nHOSTILE\r\n0\r\n\r\n",
            "hexadecimal",
        ),
        chunks(
            "a chunk longer than it says",
            "2\r\nHOSTILE\r\n0\r\n\r\n",
            "as long as it says",
        ),
        chunks(
            "a chunk ended by LF",
            "7\r\nHOSTILE\n0\r\n\r\n",
            "as long as it says",
        ),
        chunks(
            "a chunk size ended by LF",
            "7\nHOSTILE\r\n0\r\n\r\n",
            "hexadecimal",
        ),
        chunks(
            "a chunk extension",
            "7;a=b\r\nHOSTILE\r\n0\r\n\r\n",
            "extension",
        ),
        chunks(
            "a flood of chunk extensions",
            &format!("7{}\r\nHOSTILE", ";a=b".repeat(50_000)),
            "extension",
        ),
        chunks(
            "a trailer that is none",
            "7\r\nHOSTILE\r\n0\r\nx\r\n\r\n",
            "trailer",
        ),
        late("a broken chunk far on", "x\r\nHOSTILE", "hexadecimal"),
        late(
            "a flood of trailers",
            &format!("0\r\n{}\r\n", "a: HOSTILE\r\n".repeat(10_000)),
            "trailer section is too large",
        ),
    ]
}

/// More than one response.
fn surpluses() -> Vec<Row> {
    vec![
        surplus(
            "a second response",
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n",
            "ok",
        ),
        surplus(
            "garbage after the length",
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
            "ok",
        ),
        surplus(
            "garbage after no body",
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            "",
        ),
        surplus(
            "garbage after the last chunk",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            "ok",
        ),
        surplus("204 with a body", "HTTP/1.1 204 No\r\n\r\n", ""),
        surplus(
            "304 with a body",
            "HTTP/1.1 304 No\r\netag: \"1\"\r\ncontent-length: 7\r\n\r\n",
            "",
        ),
        surplus(
            "HTTP/1.0 that is kept",
            "HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nok",
            "ok",
        ),
        Row {
            method: "HEAD",
            ..surplus(
                "HEAD with a body",
                "HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n",
                "",
            )
        },
    ]
}
