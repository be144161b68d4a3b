//! The table: what a client asks, what the server says, and what the client gets.

use super::{ANY, json, text};
use crate::harness::Reply;

/// One exchange. The server's reply comes with a body of text; `lines` are the client's.
pub(super) struct Row {
    pub(super) claim: &'static str,
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) lines: &'static [&'static str],
    pub(super) reply: Reply,
    pub(super) body: Vec<u8>,
    /// The coding that the client finds.
    pub(super) coding: Option<&'static str>,
    /// Fields that it finds, or none of that name.
    pub(super) fields: &'static [(&'static str, Option<&'static str>)],
}

const VARIES: (&str, Option<&str>) = ("vary", Some("Accept-Encoding"));
const NO_VARY: (&str, Option<&str>) = ("vary", None);
const UNCODED: (&str, Option<&str>) = ("content-encoding", None);

/// A GET that takes anything, and what comes of it.
fn get(
    claim: &'static str,
    reply: Reply,
    coding: Option<&'static str>,
    fields: &'static [(&'static str, Option<&'static str>)],
) -> Row {
    Row {
        claim,
        method: "GET",
        path: "/",
        lines: &[ANY],
        reply,
        body: text(8192),
        coding,
        fields,
    }
}

impl Row {
    fn at(mut self, path: &'static str) -> Self {
        self.path = path;
        self
    }

    fn asking(mut self, method: &'static str, lines: &'static [&'static str]) -> Self {
        self.method = method;
        self.lines = lines;
        self
    }

    fn long(mut self, length: usize) -> Self {
        self.body = text(length);
        self
    }
}

fn as_type(media: &str) -> Reply {
    Reply::ok(text(8192)).with(format!("content-type: {media}"))
}

pub(super) fn rows() -> Vec<Row> {
    [
        negotiated(),
        typed(),
        sized(),
        forbidden(),
        bodiless(),
        dressed(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// By what the client takes.
fn negotiated() -> Vec<Row> {
    let ask = |claim, lines, coding| get(claim, json(8192), coding, &[VARIES]).asking("GET", lines);
    vec![
        ask("brotli is ours first", &[ANY], Some("br")),
        ask(
            "zstd is next",
            &["accept-encoding: gzip, zstd"],
            Some("zstd"),
        ),
        ask("gzip is last", &["accept-encoding: gzip"], Some("gzip")),
        ask(
            "so it is by its old name",
            &["accept-encoding: x-gzip"],
            Some("gzip"),
        ),
        ask(
            "a weight decides",
            &["accept-encoding: br;q=0.1, gzip"],
            Some("gzip"),
        ),
        ask("a star is any", &["accept-encoding: *"], Some("br")),
        ask(
            "a zero is none",
            &["accept-encoding: br;q=0, zstd;q=0, gzip;q=0"],
            None,
        ),
        ask(
            "identity may be preferred",
            &["accept-encoding: identity, gzip;q=0.5"],
            None,
        ),
        ask("deflate is not ours", &["accept-encoding: deflate"], None),
        ask("no field is none", &[], None),
        ask("an empty field is none", &["accept-encoding:"], None),
        ask(
            "nothing at all goes as it is",
            &["accept-encoding: identity;q=0"],
            None,
        ),
        ask(
            "two lines are one list",
            &["accept-encoding: deflate", "accept-encoding: gzip"],
            Some("gzip"),
        ),
        ask(
            "a client may forbid it",
            &[ANY, "cache-control: no-transform"],
            None,
        ),
        ask("a route may offer one alone", &[ANY], Some("gzip")).at("/gzip"),
    ]
}

/// By the media type.
fn typed() -> Vec<Row> {
    vec![
        get(
            "parameters and case are ignored",
            as_type("Text/HTML; charset=utf-8"),
            Some("br"),
            &[VARIES],
        ),
        get(
            "a suffix tells",
            as_type("application/problem+json"),
            Some("br"),
            &[VARIES],
        ),
        get(
            "an image is compressed already",
            as_type("image/png"),
            None,
            &[NO_VARY],
        ),
        get(
            "a route may say otherwise",
            as_type("image/png"),
            Some("br"),
            &[VARIES],
        )
        .at("/images"),
        get(
            "then text is none of them",
            as_type("text/plain"),
            None,
            &[NO_VARY],
        )
        .at("/images"),
        get(
            "no type is no text",
            Reply::ok(text(8192)),
            None,
            &[NO_VARY],
        ),
        get(
            "gRPC is left alone",
            as_type("application/grpc+json"),
            None,
            &[NO_VARY],
        ),
        get(
            "ranges are left alone",
            as_type("multipart/byteranges; boundary=x"),
            None,
            &[NO_VARY],
        ),
    ]
}

/// By the length.
fn sized() -> Vec<Row> {
    vec![
        get("a kibibyte is enough", json(1024), Some("br"), &[VARIES]).long(1024),
        get("a byte less is not", json(1023), None, &[UNCODED]).long(1023),
        get("a route may have less", json(10), None, &[UNCODED])
            .at("/small")
            .long(10),
        get(
            "an empty body stays empty",
            json(0),
            None,
            &[("content-length", Some("0"))],
        )
        .long(0),
        get(
            "chunks have no length",
            json(100).chunked(),
            Some("br"),
            &[("content-length", None)],
        )
        .long(100),
        get(
            "nor has what ends by closing",
            json(100).until_close(),
            Some("br"),
            &[("content-length", None)],
        )
        .long(100),
        get(
            "chunks may be none",
            json(0).chunked(),
            Some("br"),
            &[VARIES],
        )
        .long(0),
        get(
            "what is too long to hold is a stream",
            json(300_000),
            Some("br"),
            &[("content-length", None)],
        )
        .long(300_000),
    ]
}

/// By what the server says.
fn forbidden() -> Vec<Row> {
    vec![
        get(
            "no-transform forbids it",
            json(8192).with("cache-control: public, No-Transform"),
            None,
            &[NO_VARY],
        ),
        get(
            "what is coded passes",
            json(8192).with("content-encoding: x-mine"),
            Some("x-mine"),
            &[NO_VARY],
        ),
        get(
            "identity is no coding",
            json(8192).with("content-encoding: identity"),
            Some("br"),
            &[VARIES],
        ),
        get(
            "who sets cookies is left alone",
            json(8192).with("set-cookie: a=b"),
            None,
            &[("set-cookie", Some("a=b"))],
        ),
        get(
            "unless the route says so",
            json(8192).with("set-cookie: a=b"),
            Some("br"),
            &[("set-cookie", Some("a=b"))],
        )
        .at("/cookies"),
        get("a route may be without", json(8192), None, &[NO_VARY]).at("/off"),
        get(
            "a part is left alone",
            Reply::new(206, text(8192))
                .with("content-type: text/plain")
                .with("content-range: bytes 0-8191/9000"),
            None,
            &[("content-range", Some("bytes 0-8191/9000"))],
        ),
        get(
            "an error is as long as any",
            Reply::new(404, text(8192)).with("content-type: text/html"),
            Some("br"),
            &[VARIES],
        ),
        get(
            "so is trouble",
            Reply::new(500, text(8192)).with("content-type: text/html"),
            Some("br"),
            &[VARIES],
        ),
    ]
}

/// Without a body.
fn bodiless() -> Vec<Row> {
    let none = |mut row: Row| {
        row.body = Vec::new();
        row
    };
    vec![
        none(
            get(
                "HEAD is told what GET is",
                json(8192),
                Some("br"),
                &[VARIES, ("content-length", None)],
            )
            .asking("HEAD", &[ANY]),
        ),
        none(
            get(
                "HEAD without a coding has its length",
                json(8192),
                None,
                &[VARIES, ("content-length", Some("8192"))],
            )
            .asking("HEAD", &[]),
        ),
        none(get(
            "no content has no coding",
            Reply::new(204, ""),
            None,
            &[UNCODED],
        )),
        none(
            get(
                "not modified confirms a weak tag",
                Reply::new(304, "").with("etag: \"a\""),
                None,
                &[("etag", Some("W/\"a\"")), VARIES],
            )
            .asking("GET", &[ANY, "if-none-match: W/\"a\""]),
        ),
        none(
            get(
                "and a strong one",
                Reply::new(304, "").with("etag: \"a\""),
                None,
                &[("etag", Some("\"a\""))],
            )
            .asking("GET", &[ANY, "if-none-match: \"a\""]),
        ),
    ]
}

/// By its other fields.
fn dressed() -> Vec<Row> {
    vec![
        get(
            "a strong tag becomes weak",
            json(8192).with("etag: \"a\""),
            Some("br"),
            &[("etag", Some("W/\"a\""))],
        ),
        get(
            "a weak one stays",
            json(8192).with("etag: W/\"a\""),
            Some("br"),
            &[("etag", Some("W/\"a\""))],
        ),
        get(
            "uncoded it stays strong",
            json(8192).with("etag: \"a\""),
            None,
            &[("etag", Some("\"a\"")), VARIES],
        )
        .asking("GET", &[]),
        get(
            "Vary is not said twice",
            json(8192).with("vary: accept-encoding, Origin"),
            Some("br"),
            &[("vary", Some("accept-encoding, Origin"))],
        ),
        get(
            "Vary may be everything",
            json(8192).with("vary: *"),
            Some("br"),
            &[("vary", Some("*"))],
        ),
        get(
            "ranges are not promised",
            json(8192).with("accept-ranges: bytes"),
            Some("br"),
            &[("accept-ranges", None)],
        ),
        get(
            "digests go",
            json(8192)
                .with("content-md5: Q2hlY2sgSW50ZWdyaXR5IQ==")
                .with("content-digest: sha-256=:x:"),
            Some("br"),
            &[("content-md5", None), ("content-digest", None)],
        ),
        get(
            "an answer of ours is one too",
            json(0),
            Some("br"),
            &[VARIES],
        )
        .at("/fixed"),
        get("a brief one is not", json(0), None, &[UNCODED]).at("/brief"),
    ]
}
