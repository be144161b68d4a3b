//! Pseudo-headers: method, scheme, authority and path, as an HTTP/1 server must never see them.

use super::stream::{Closed, Either, Local, Passed, Refused, Stream, Trailers, fields};

pub(super) fn rows() -> Vec<Stream> {
    [
        sets(),
        strays(),
        connects(),
        methods(),
        paths(),
        schemes(),
        authorities(),
        hosts(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

const METHOD: (&str, &[u8]) = (":method", b"GET");
const SCHEME: (&str, &[u8]) = (":scheme", b"https");
const AUTHORITY: (&str, &[u8]) = (":authority", b"localhost");
const PATH: (&str, &[u8]) = (":path", b"/ROW");

/// Missing and doubled.
fn sets() -> Vec<Stream> {
    let of = Stream::of;
    vec![
        of("all", &[METHOD, SCHEME, AUTHORITY, PATH], Passed),
        of(
            "all, in another order",
            &[PATH, AUTHORITY, SCHEME, METHOD],
            Passed,
        ),
        of("no method", &[SCHEME, AUTHORITY, PATH], Refused),
        of("no scheme", &[METHOD, AUTHORITY, PATH], Refused),
        of("no path", &[METHOD, SCHEME, AUTHORITY], Refused),
        of("no authority", &[METHOD, SCHEME, PATH], Refused),
        of(
            "no authority, but a host",
            &[METHOD, SCHEME, PATH, ("host", b"localhost")],
            Passed,
        ),
        of("nothing", &[], Refused),
        of("nothing but a field", &[("x", b"y")], Refused),
        of(
            "two methods",
            &[METHOD, METHOD, SCHEME, AUTHORITY, PATH],
            Refused,
        ),
        of(
            "two other methods",
            &[METHOD, (":method", b"POST"), SCHEME, AUTHORITY, PATH],
            Refused,
        ),
        of(
            "two schemes",
            &[METHOD, SCHEME, SCHEME, AUTHORITY, PATH],
            Refused,
        ),
        of(
            "two authorities",
            &[METHOD, SCHEME, AUTHORITY, AUTHORITY, PATH],
            Refused,
        ),
        of(
            "two other authorities",
            &[
                METHOD,
                SCHEME,
                AUTHORITY,
                (":authority", b"evil.test"),
                PATH,
            ],
            Refused,
        ),
        of(
            "two paths",
            &[METHOD, SCHEME, AUTHORITY, PATH, (":path", b"/smuggled")],
            Refused,
        ),
    ]
}

/// Unknown, late, and behind a body.
fn strays() -> Vec<Stream> {
    let of = Stream::of;
    vec![
        of(
            "an unknown one",
            &[METHOD, SCHEME, AUTHORITY, PATH, (":x", b"y")],
            Closed,
        ),
        of(
            "one without a name",
            &[METHOD, SCHEME, AUTHORITY, PATH, (":", b"y")],
            Closed,
        ),
        of(
            "a status",
            &[METHOD, SCHEME, AUTHORITY, PATH, (":status", b"200")],
            Refused,
        ),
        of(
            "a protocol",
            &[METHOD, SCHEME, AUTHORITY, PATH, (":protocol", b"websocket")],
            Refused,
        ),
        of(
            "an upper-case one",
            &[(":Method", b"GET"), SCHEME, AUTHORITY, PATH],
            Closed,
        ),
        of(
            "a host in disguise",
            &[METHOD, SCHEME, AUTHORITY, PATH, (":host", b"evil.test")],
            Closed,
        ),
        of(
            "a late path",
            &[METHOD, SCHEME, AUTHORITY, ("x", b"y"), PATH],
            Refused,
        ),
        of(
            "a late authority",
            &[METHOD, SCHEME, PATH, ("x", b"y"), AUTHORITY],
            Refused,
        ),
        of(
            "a late second method",
            &[METHOD, SCHEME, AUTHORITY, PATH, ("x", b"y"), METHOD],
            Refused,
        ),
        trailing(&[(":path", "/smuggled")]),
        trailing(&[(":status", "200")]),
    ]
}

fn connects() -> Vec<Stream> {
    let of = Stream::of;
    vec![
        of(
            "CONNECT",
            &[(":method", b"CONNECT"), (":authority", b"localhost:443")],
            Local(405),
        ),
        of(
            "CONNECT with a path",
            &[(":method", b"CONNECT"), SCHEME, AUTHORITY, PATH],
            Refused,
        ),
        of(
            "CONNECT without an authority",
            &[(":method", b"CONNECT")],
            Refused,
        ),
        connect_with_data(),
        of(
            "extended CONNECT",
            &[
                (":method", b"CONNECT"),
                (":protocol", b"websocket"),
                SCHEME,
                AUTHORITY,
                PATH,
            ],
            Refused,
        ),
        of(
            "extended CONNECT for an unknown protocol",
            &[
                (":method", b"CONNECT"),
                (":protocol", b"x\r\ny"),
                SCHEME,
                AUTHORITY,
                PATH,
            ],
            Refused,
        ),
        of(
            "CONNECT in lower case",
            &[(":method", b"connect"), SCHEME, AUTHORITY, PATH],
            Passed,
        ),
    ]
}

fn connect_with_data() -> Stream {
    let head: [(&str, &[u8]); 2] = [(":method", b"CONNECT"), (":authority", b"localhost:443")];
    let mut stream = Stream::of("CONNECT with a body", &head, Local(405));
    stream.data = vec![b"GET /smuggled HTTP/1.1\r\nhost: localhost\r\n\r\n".to_vec()];
    stream
}

/// Pseudo-headers behind a body.
fn trailing(trailers: &[(&str, &str)]) -> Stream {
    // Nobody reads them: the request is sound without.
    let stream = Stream::post("x", "y", &[b"body"], Either);
    stream
        .called("a pseudo-header in the trailers")
        .ending(Trailers::Last(fields(trailers)))
}

fn methods() -> Vec<Stream> {
    let but = |value: &[u8], fate| Stream::but(":method", value, fate);
    vec![
        but(b"get", Passed),
        but(b"M-SEARCH", Passed),
        but(b"", Closed),
        but(b" ", Closed),
        but(b"GET ", Closed),
        but(b" GET", Closed),
        but(b"G ET", Closed),
        but(b"GET\t", Closed),
        but(b"GET\0", Closed),
        but(b"GET\r\n", Closed),
        but(b"GET\n", Closed),
        but(
            b"GET /smuggled HTTP/1.1\r\nhost: localhost\r\n\r\nGET",
            Closed,
        ),
        but(b"GET /smuggled HTTP/1.1", Closed),
        but(b"GET(", Closed),
        but(b"GET:", Closed),
        but(b"\"GET\"", Closed),
        but(b"G\x7fT", Closed),
        but(b"G\xc3\xa9T", Closed),
        Stream::but(":method", "X".repeat(8000), Either),
    ]
}

fn paths() -> Vec<Stream> {
    let but = |value: &[u8], fate| Stream::but(":path", value, fate);
    let mut rows = vec![
        but(b"", Refused),
        but(b" ", Refused),
        but(b"ROW", Refused),
        but(b".ROW", Refused),
        but(b"@evil.test/ROW", Refused),
        but(b":80/ROW", Refused),
        but(b"?ROW", Refused),
        but(b"*", Refused),
        but(b"*ROW", Refused),
        but(b"http://localhost/ROW", Refused),
        but(b"https://localhost/ROW", Refused),
        but(b"http://evil.test/ROW", Refused),
        but(b"/ROW ", Refused),
        but(b" /ROW", Refused),
        but(b"/ROW x", Refused),
        but(b"/ROW\tx", Refused),
        but(b"/ROW\0", Refused),
        but(b"/ROW\x01", Refused),
        but(b"/ROW\x7f", Refused),
        but(b"/ROW\r", Refused),
        but(b"/ROW\n", Refused),
        but(b"/ROW\r\nx: y", Refused),
        but(
            b"/ROW HTTP/1.1\r\nhost: evil.test\r\n\r\nGET /smuggled",
            Refused,
        ),
        but(b"/ROW HTTP/1.1", Refused),
        but(b"/ROW#x", Either),
        but(b"/ROW?x#y", Either),
        but(b"/ROW\\x", Refused),
        but(b"/ROW\xc3\xa9", Refused),
        but(b"/ROW?\xc3\xa9", Refused),
        but(b"/ROW\xff", Closed),
        but(b"/ROW\"", Refused),
        but(b"/ROW<", Refused),
        but(b"/ROW>", Refused),
        but(b"/ROW`", Refused),
        but(b"/ROW?<", Refused),
        but(b"/ROW%2fx", Refused),
        but(b"/ROW%5cx", Refused),
        but(b"/ROW%00", Refused),
        but(b"/ROW%0d%0ax:%20y", Refused),
        but(b"/ROW%", Refused),
        but(b"/ROW%zz", Refused),
        but(b"/..", Refused),
        but(b"/../ROW", Refused),
        but(b"/%2e%2e/ROW", Refused),
        but(b"/x/../../ROW", Refused),
        but(b"/ROW/..;/x", Refused),
        but(b"//ROW", Passed),
        but(b"/x/../ROW", Passed),
        but(b"/%2e/ROW", Passed),
        but(b"/ROW?", Passed),
        but(b"/ROW??/../", Passed),
        but(b"/ROW?%00%0d%0a", Passed),
        but(b"/ROW/|[]^{}", Passed),
        but(b"/ROW/http://evil.test/", Passed),
        but(b"/ROW/@evil.test", Passed),
        Stream::but(":path", format!("/ROW/{}", "x".repeat(16_000)), Passed),
        Stream::but(":path", format!("/ROW/{}", "x".repeat(17_000)), Local(414)),
    ];
    let star: [(&str, &[u8]); 4] = [(":method", b"OPTIONS"), SCHEME, AUTHORITY, (":path", b"*")];
    rows.push(Stream::of("OPTIONS *", &star, Local(404)));
    rows
}

fn schemes() -> Vec<Stream> {
    let but = |value: &[u8], fate| Stream::but(":scheme", value, fate);
    vec![
        but(b"", Either),
        but(b"http", Either),
        but(b"HTTPS", Either),
        but(b"ftp", Either),
        but(b"javascript", Either),
        but(b" https", Refused),
        but(b"https ", Refused),
        but(b"https:", Refused),
        but(b"https://evil.test/smuggled?", Refused),
        but(b"https\r\n", Refused),
        but(b"https\0", Refused),
        but(b"https\r\nx: y", Refused),
        but(b"1https", Either),
        but(b"ht\xc3\xa9ps", Refused),
    ]
}

fn authorities() -> Vec<Stream> {
    let but = |value: &[u8], fate| Stream::but(":authority", value, fate);
    vec![
        but(b"", Refused),
        but(b" ", Refused),
        but(b"LocalHost", Passed),
        but(b"localhost.", Passed),
        but(b"localhost:8443", Passed),
        but(b"localhost:", Refused),
        but(b"localhost:x", Refused),
        but(b"localhost:99999", Refused),
        but(b"localhost:1:2", Refused),
        but(b"user@localhost", Refused),
        but(b"user:password@localhost", Refused),
        but(b"@localhost", Refused),
        but(b"localhost@evil.test", Refused),
        but(b"localhost evil.test", Refused),
        but(b" localhost", Refused),
        but(b"localhost ", Refused),
        but(b"localhost\t", Refused),
        but(b"localhost\0", Refused),
        but(b"localhost\r\nx: y", Refused),
        but(b"localhost\n", Refused),
        but(b"localhost/", Refused),
        but(b"localhost/x", Refused),
        but(b"localhost?x", Refused),
        but(b"localhost#x", Refused),
        but(b"localhost\\@evil.test", Refused),
        but(b"localhost,evil.test", Refused),
        but(b"localhost;x", Refused),
        but(b"lo%63alhost", Refused),
        but(b"l\xc3\xb6calhost", Refused),
        but(b"localhost..", Refused),
        but(b".localhost", Refused),
        but(b"[::1", Refused),
        but(b"*", Refused),
        but(b"evil.test", Local(421)),
        but(b"127.0.0.1", Local(421)),
        but(b"[::1]", Local(421)),
    ]
}

fn hosts() -> Vec<Stream> {
    let host = |value: &[u8], fate| Stream::with("host", value, fate);
    let alone = |value: &[u8], fate| {
        let mut stream = Stream::with("host", value, fate);
        stream.fields.remove(2);
        let called = format!("{} alone", stream.name);
        stream.called(&called)
    };
    vec![
        host(b"localhost", Passed),
        host(b"LOCALHOST", Either),
        host(b"localhost:443", Refused),
        host(b"evil.test", Refused),
        host(b"", Refused),
        host(b"localhost, evil.test", Refused),
        host(b"user@localhost", Refused),
        host(b"localhost", Refused)
            .and("host", "localhost")
            .called("two hosts"),
        host(b"localhost", Refused)
            .and("host", "evil.test")
            .called("two other hosts"),
        host(b"evil.test", Refused)
            .and("host", "localhost")
            .called("two other hosts the other way"),
        alone(b"localhost", Passed),
        alone(b"LocalHost.", Passed),
        alone(b"localhost", Refused)
            .and("host", "localhost")
            .called("two hosts alone"),
        alone(b"evil.test", Local(421)),
        alone(b"user@localhost", Refused),
        alone(b"", Refused),
        alone(b"localhost/x", Refused),
        alone(b"localhost\r\nx: y", Closed),
    ]
}
