//! `Transfer-Encoding` in every disguise that some reader fell for, alone and beside `Content-Length`.

use super::row::{HIDDEN, Passed, Refused, Row};

/// A body that has no content, and a request behind it.
const EMPTY: &str = "0\r\n\r\n";

/// Lines that could mean `Transfer-Encoding: chunked` to someone, and do not say exactly that.
const DISGUISES: &[&[u8]] = &[
    b"Transfer-Encoding:chunked\x0b",
    b"Transfer-Encoding: \x0bchunked",
    b"Transfer-Encoding:\x0bchunked",
    b"Transfer-Encoding: \x0cchunked",
    b"Transfer-Encoding: chunked\x0c",
    b"Transfer-Encoding: \0chunked",
    b"Transfer-Encoding: chunked\0",
    b"Transfer-Encoding: chunked\x7f",
    b"Transfer-Encoding: \x85chunked",
    b"Transfer-Encoding: \xa0chunked",
    b"Transfer-Encoding: chunked\xa0",
    b"Transfer-Encoding: \xef\xbb\xbfchunked",
    b"Transfer-Encoding: \xff\xfechunked",
    b"Transfer-Encoding: \"chunked\"",
    b"Transfer-Encoding: 'chunked'",
    b"Transfer-Encoding: chunked;",
    b"Transfer-Encoding: chunked;x",
    b"Transfer-Encoding: chunked; q=0.5",
    b"Transfer-Encoding: chunked;q=1.0, gzip;q=0",
    b"Transfer-Encoding: chunked,",
    b"Transfer-Encoding: ,chunked",
    b"Transfer-Encoding: , chunked",
    b"Transfer-Encoding: chunked, ",
    b"Transfer-Encoding: chunked chunked",
    b"Transfer-Encoding: chunked, chunked",
    b"Transfer-Encoding: chunked, identity",
    b"Transfer-Encoding: identity, chunked",
    b"Transfer-Encoding: identity",
    b"Transfer-Encoding: gzip",
    b"Transfer-Encoding: gzip, chunked",
    b"Transfer-Encoding: chunked, gzip",
    b"Transfer-Encoding: deflate",
    b"Transfer-Encoding: xchunked",
    b"Transfer-Encoding: chunkedx",
    b"Transfer-Encoding: chunke",
    b"Transfer-Encoding: chunk",
    b"Transfer-Encoding: -chunked",
    b"Transfer-Encoding: x-chunked",
    b"Transfer-Encoding: cow",
    b"Transfer-Encoding: chunked -",
    b"Transfer-Encoding: chunked#",
    b"Transfer-Encoding: chu\xc5\xb4ked",
    b"Transfer-Encoding: chun\xe2\x84\xaaed",
    b"Transfer-Encoding:",
    b"Transfer-Encoding: ",
    b"Transfer-Encoding: null",
    b"Transfer-Encoding: 0",
    b"Transfer-Encoding: chunked\rX: y",
    b"Transfer-Encoding: chunked\nX: y",
    b"Transfer-Encoding:\n chunked",
    b"Transfer-Encoding:\r\n chunked",
    b"Transfer-Encoding:\r\n\tchunked",
    b"Transfer-Encoding: \r\n chunked",
    b"Transfer-Encoding: identity\r\n , chunked",
    b"Transfer-Encoding\r\n: chunked",
    b"Transfer-Encoding\r\n : chunked",
    b" Transfer-Encoding: chunked",
    b"\tTransfer-Encoding: chunked",
    b"\x0bTransfer-Encoding: chunked",
    b"X: y\n\nTransfer-Encoding: chunked",
    b"X: y\nTransfer-Encoding: chunked",
    b"X: y\rTransfer-Encoding: chunked",
    b"X: y\r\rTransfer-Encoding: chunked",
    b"X: y\r\n\rTransfer-Encoding: chunked",
    b"X: y\x0bTransfer-Encoding: chunked",
    b"Transfer-Encoding : chunked",
    b"Transfer-Encoding\t: chunked",
    b"Transfer-Encoding\x0b: chunked",
    b"Transfer-Encoding\xa0: chunked",
    b"Transfer-Encoding\0: chunked",
    b"Transfer-Encoding chunked",
    b"Transfer-\r\nEncoding: chunked",
    b"Transfer-\r\n Encoding: chunked",
    b"Transfer-Encoding\r\n\rX: chunked",
    b"Transfer-Encoding = chunked",
    b"\"Transfer-Encoding\": chunked",
    b"Transfer Encoding: chunked",
    b"Transfer-\x00Encoding: chunked",
    b"Transfer-\xadEncoding: chunked",
    b"Transfer\xe2\x80\x90Encoding: chunked",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
    b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding:",
    b"Transfer-Encoding:\r\nTransfer-Encoding: chunked",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x",
    b"Transfer-Encoding: chunked\r\ntransfer-encoding: chunked",
];

pub(super) fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for disguise in DISGUISES {
        let after = [EMPTY, HIDDEN].concat();
        rows.push(Row::post(disguise, after.as_bytes(), Refused));
    }
    rows.extend(exact());
    rows.extend(beside_a_length());
    rows
}

/// What does say exactly that, and names that say something else.
fn exact() -> Vec<Row> {
    let body = b"5\r\nhello\r\n0\r\n\r\n";
    let chunked = |lines: &[u8]| Row::post(lines, body, Passed(1));
    vec![
        chunked(b"Transfer-Encoding: chunked"),
        chunked(b"transfer-encoding: chunked"),
        chunked(b"TRANSFER-ENCODING: CHUNKED"),
        chunked(b"Transfer-Encoding: cHuNkEd"),
        chunked(b"Transfer-Encoding:chunked"),
        chunked(b"Transfer-Encoding:  chunked  "),
        chunked(b"Transfer-Encoding:\tchunked\t"),
        chunked(b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked"),
        chunked(b"Transfer-Encoding: chunked\r\nTransfer_Encoding: identity"),
        // To us these are messages without a body; a server that saw them might think otherwise.
        Row::post(b"Transfer_Encoding: chunked", b"", Passed(1)),
        Row::post(b"Transfer-Encodin: chunked", b"", Passed(1)),
        Row::post(b"Transfer-Encoding-: chunked", b"", Passed(1)),
        Row::post(b"Transfer-Encoding1: chunked", b"", Passed(1)),
        Row::post(b"XTransfer-Encoding: chunked", b"", Passed(1)),
        Row::post(b"X-Transfer-Encoding: chunked", b"", Passed(1)),
        Row::post(b"TransferEncoding: chunked", b"", Passed(1)),
        Row::post(b"Transfer-Encoding_: chunked", b"", Passed(1)),
        Row::post(b"TE: chunked", b"", Passed(1)),
        Row::post(b"TE: trailers, chunked", b"", Passed(1)),
    ]
}

fn beside_a_length() -> Vec<Row> {
    let smuggling = |lines: &[u8]| {
        let after = [EMPTY, HIDDEN].concat();
        Row::post(lines, after.as_bytes(), Refused)
    };
    vec![
        smuggling(b"Content-Length: 5\r\nTransfer-Encoding: chunked")
            .called("CL.TE, the length fits"),
        smuggling(b"Content-Length: 43\r\nTransfer-Encoding: chunked").called("CL.TE"),
        smuggling(b"Transfer-Encoding: chunked\r\nContent-Length: 43").called("TE.CL"),
        smuggling(b"Transfer-Encoding: chunked\r\nContent-Length: 3").called("TE.CL, short"),
        smuggling(b"Content-Length: 0\r\nTransfer-Encoding: chunked").called("CL.TE with zero"),
        smuggling(b"Content-Length: 43\r\nTransfer-Encoding: x").called("CL and an unknown coding"),
        smuggling(b"Content-Length: 43\r\nTransfer-Encoding: identity").called("CL and identity"),
        smuggling(b"Content-Length: 43\r\nTransfer-Encoding:").called("CL and an empty coding"),
        smuggling(b"Content-Length: 43\r\nTransfer-Encoding : chunked")
            .called("CL and a spaced coding"),
        smuggling(b"Content-Length: 43\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x")
            .called("TE.TE"),
        smuggling(b"Content-Length: 43\r\nTransfer-Encoding: x\r\nTransfer-Encoding: chunked")
            .called("TE.TE the other way"),
        smuggling(b"Content-Length: 43\r\nTransfer-Encoding:\r\n chunked")
            .called("CL and a folded coding"),
        smuggling(b"Content-Length: 43\r\nFoo: bar\r\n\tTransfer-Encoding: chunked")
            .called("CL and a coding in a folded line"),
    ]
}
