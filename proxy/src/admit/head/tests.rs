//! Attacks that are refused, and why; heads that are accepted, and what they say.

use proptest::prelude::*;

use super::*;

const LIMITS: HeadLimits = HeadLimits {
    uri_size: 64,
    header_count: 8,
};

fn parse(head: &[u8]) -> Result<Head, Refusal> {
    let read = Head::read(&Bytes::copy_from_slice(head), &LIMITS);
    read.map(|(head, _)| head)
}

/// A sound HTTP/1.1 request with further header lines.
fn with(lines: &str) -> String {
    format!("POST /x HTTP/1.1\r\nHost: a.ch\r\n{lines}\r\n\r\n")
}

#[track_caller]
fn assert_refused(head: &[u8], reason: &str) {
    let shown = String::from_utf8_lossy(head);
    match parse(head) {
        Err(Refusal::Malformed(given)) => {
            assert!(given.contains(reason), "{shown:?}: {given}");
        }
        other => panic!("{shown:?}: {other:?}"),
    }
}

#[test]
fn a_request_line_that_is_not_exact_is_refused() {
    for (line, reason) in [
        ("", "incomplete"),
        ("\r\n", "the method"),
        (" GET / HTTP/1.1\r\n", "the method"),
        ("GET\r\n", "the method"),
        ("G@T / HTTP/1.1\r\n", "the method"),
        ("GET\t/ HTTP/1.1\r\n", "the method"),
        ("GET /\r\n", "the target"),
        ("GET  / HTTP/1.1\r\n", "the target"),
        ("GET / x HTTP/1.1\r\n", "the version"),
        ("GET /  HTTP/1.1\r\n", "the version"),
        ("GET /\tHTTP/1.1\r\n", "the target"),
        ("GET /a#b HTTP/1.1\r\n", "the target"),
        ("GET /caf\u{e9} HTTP/1.1\r\n", "the target"),
        ("GET /\0 HTTP/1.1\r\n", "control character"),
        ("GET /\x0b HTTP/1.1\r\n", "control character"),
        ("GET /\x7f HTTP/1.1\r\n", "control character"),
        ("GET / HTTP/1.1 \r\n", "follows the version"),
        ("GET / HTTP/1.10\r\n", "follows the version"),
        ("GET / HTTP/1.2\r\n", "the version"),
        ("GET / HTTP/0.9\r\n", "the version"),
        ("PRI * HTTP/2.0\r\n", "the version"),
        ("GET / http/1.1\r\n", "the version"),
        ("GET / \r\n", "the version"),
        ("GET / HTTP/1.1\n", "LF alone"),
        ("GET / HTTP/1.1\r", "a CR stands"),
        ("GET /\r HTTP/1.1\r\n", "a CR stands"),
        ("GET /\n HTTP/1.1\r\n", "LF alone"),
        ("GET * HTTP/1.1\r\n", "neither a path"),
        ("OPTIONS ** HTTP/1.1\r\n", "neither a path"),
        ("GET a.ch/ HTTP/1.1\r\n", "neither a path"),
        ("GET ftp://a.ch/ HTTP/1.1\r\n", "neither a path"),
        ("GET http:/a.ch/ HTTP/1.1\r\n", "neither a path"),
        ("GET http:// HTTP/1.1\r\n", "the host is empty"),
        ("GET http:///x HTTP/1.1\r\n", "the host is empty"),
        ("GET http://u@a.ch/ HTTP/1.1\r\n", "user information"),
        ("GET http://b.ch/ HTTP/1.1\r\n", "not that of Host"),
        ("GET http://a.ch:81/ HTTP/1.1\r\n", "not that of Host"),
    ] {
        let head = match line {
            "" => String::new(),
            line => format!("{line}Host: a.ch\r\n\r\n"),
        };
        assert_refused(head.as_bytes(), reason);
    }
}

#[test]
fn framing_that_two_readers_could_read_differently_is_refused() {
    for (lines, reason) in [
        ("Content-Length: 3\r\nTransfer-Encoding: chunked", "beside"),
        ("Transfer-Encoding: chunked\r\nContent-Length: 3", "beside"),
        ("Content-Length: 3\r\nContent-Length: 4", "more than one"),
        ("Content-Length: 3\r\ncontent-length: 3", "more than one"),
        ("Content-Length: 3, 3", "plain number"),
        ("Content-Length: 3,4", "plain number"),
        ("Content-Length:", "plain number"),
        ("Content-Length: +3", "plain number"),
        ("Content-Length: -3", "plain number"),
        ("Content-Length: 0x3", "plain number"),
        ("Content-Length: 3 3", "plain number"),
        ("Content-Length: 3.0", "plain number"),
        ("Content-Length: 03", "plain number"),
        ("Content-Length: 9007199254740993", "plain number"),
        ("Content-Length: 18446744073709551616", "plain number"),
        ("Content-Length: \u{660}", "plain number"),
        ("Transfer-Encoding: gzip, chunked", "chunked alone"),
        ("Transfer-Encoding: chunked, chunked", "chunked alone"),
        ("Transfer-Encoding: chunked, identity", "chunked alone"),
        ("Transfer-Encoding: identity", "chunked alone"),
        ("Transfer-Encoding: xchunked", "chunked alone"),
        ("Transfer-Encoding: \"chunked\"", "chunked alone"),
        ("Transfer-Encoding: chunked;q=1", "chunked alone"),
        ("Transfer-Encoding: ,chunked", "chunked alone"),
        ("Transfer-Encoding:", "chunked alone"),
        ("Transfer-Encoding: \x0bchunked", "control character"),
        ("Transfer-Encoding: chunked\x0c", "control character"),
        (
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            "more than one",
        ),
        (
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: x",
            "more than one",
        ),
        ("Transfer-Encoding : chunked", "before a header's colon"),
        ("Transfer-Encoding\t: chunked", "before a header's colon"),
        ("Content-Length : 3", "before a header's colon"),
        ("Connection: close, Content-Length", "frames or routes"),
        ("Connection: transfer-encoding", "frames or routes"),
        ("Connection: Host", "frames or routes"),
        ("Connection: close, X-Forwarded-For", "says who asks"),
        ("Connection: x-real-ip", "says who asks"),
        ("Connection: \"close\"", "not a header name"),
        ("Connection: x y", "not a header name"),
        (
            "Connection: a, b, c, d, e\r\nConnection: f, g, h, i, j",
            "too much",
        ),
        ("Expect: 100-continue, x", "Expect is not"),
        ("Expect: 200-ok", "Expect is not"),
        ("Expect:", "Expect is not"),
        (
            "Expect: 100-continue\r\nExpect: 100-continue",
            "more than one",
        ),
    ] {
        assert_refused(with(lines).as_bytes(), reason);
    }
}

#[test]
fn a_line_or_a_name_that_is_not_plain_is_refused() {
    for (lines, reason) in [
        ("X: a\nContent-Length: 3", "LF alone"),
        ("X: a\rContent-Length: 3", "a CR stands"),
        ("X: a\r\r\nContent-Length: 3", "a CR stands"),
        ("X: a\r\n Content-Length: 3", "folded"),
        ("X: a\r\n\tb", "folded"),
        ("X: a\r\n : b", "folded"),
        (": chunked", "name is empty"),
        ("X", "no colon"),
        ("X y: a", "before a header's colon"),
        ("X(y): a", "not a token"),
        ("X\0: a", "control character"),
        ("X\u{e9}: a", "not a token"),
        ("X\r: a", "a CR stands"),
        ("\nX: a", "LF alone"),
        ("X: a\0b", "control character"),
        ("X: a\x08b", "control character"),
        ("X: a\x7fb", "control character"),
        ("X: a\x1b[0m", "control character"),
        ("X: a\r\n\r\nGET / HTTP/1.1", "follows the head"),
        ("Host: a.ch", "more than one Host"),
        ("Host: b.ch", "more than one Host"),
        ("Host : a.ch", "before a header's colon"),
    ] {
        assert_refused(with(lines).as_bytes(), reason);
    }
}

#[test]
fn a_missing_or_unsound_host_is_refused() {
    for (lines, reason) in [
        ("X: a", "there is no Host"),
        ("Host:", "the host is empty"),
        ("Host: ", "the host is empty"),
        ("Host: a.ch, b.ch", "the host holds a character"),
        ("Host: a.ch/x", "the host holds a character"),
        ("Host: a.ch:", "port"),
        ("Host: a.ch:99999", "port"),
        ("Host: u:p@a.ch", "user information"),
        ("Host: a.ch\x01", "control character"),
        ("Host: a..ch", "label"),
    ] {
        let head = format!("GET / HTTP/1.1\r\n{lines}\r\n\r\n");
        assert_refused(head.as_bytes(), reason);
    }
    assert_refused(b"GET / HTTP/1.1\r\n\r\n", "there is no Host");
    let old = b"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_refused(old, "HTTP/1.0 has no");
}

#[test]
fn a_head_that_stops_short_is_refused() {
    let head = with("X: a");
    for end in 0..head.len() {
        assert_refused(&head.as_bytes()[..end], "");
    }
}

#[test]
fn a_limit_that_is_passed_has_a_refusal_of_its_own() {
    let head = |target: usize, headers: usize| {
        let (target, headers) = ("a".repeat(target - 1), "X: a\r\n".repeat(headers - 1));
        format!("GET /{target} HTTP/1.1\r\nHost: a.ch\r\n{headers}\r\n")
    };
    assert!(parse(head(64, 8).as_bytes()).is_ok());
    assert_eq!(parse(head(65, 8).as_bytes()), Err(Refusal::UriTooLong));
    assert_eq!(parse(head(64, 9).as_bytes()), Err(Refusal::HeaderTooLarge));
    let named = |length| with(&format!("{}: y", "x".repeat(length)));
    assert!(parse(named(1024).as_bytes()).is_ok());
    for length in [1025, 70_000] {
        assert_eq!(
            parse(named(length).as_bytes()),
            Err(Refusal::HeaderTooLarge)
        );
    }
}

#[test]
fn connect_is_not_allowed() {
    let refusal = Refusal::MethodNotAllowed(Methods::any());
    let head = b"CONNECT a.ch:443 HTTP/1.1\r\nHost: a.ch:443\r\n\r\n";
    assert_eq!(parse(head), Err(refusal));
}

const PLAIN: Head = Head {
    framing: Framing::None,
    upgrade: false,
    expects_continue: false,
    http10: false,
    keep_alive: true,
};

#[test]
fn a_sound_head_says_how_the_exchange_goes_on() {
    let upgrade = Head {
        upgrade: true,
        ..PLAIN
    };
    let closing = Head {
        keep_alive: false,
        ..PLAIN
    };
    let framed = |framing| Head { framing, ..PLAIN };
    let waiting = |framing| Head {
        framing,
        expects_continue: true,
        ..PLAIN
    };
    for (lines, expected) in [
        ("X: a", PLAIN),
        ("X:", PLAIN),
        ("X:\t a \tb \t", PLAIN),
        ("X: caf\u{e9}", PLAIN),
        ("my_header: a", PLAIN),
        ("Connection: close", closing),
        ("Connection: foo,  Close ,", closing),
        ("Connection: keep-alive", PLAIN),
        ("Connection: keep-alive\r\nConnection: close", closing),
        ("Connection: Upgrade\r\nUpgrade: websocket", upgrade),
        ("Upgrade: websocket\r\nConnection: x, upgrade", upgrade),
        ("Upgrade: websocket", PLAIN),
        ("Connection: upgrade", PLAIN),
        ("Connection: upgrade\r\nUpgrade:", PLAIN),
        ("Content-Length: 0", framed(Framing::Length(0))),
        ("Content-Length:\t3 ", framed(Framing::Length(3))),
        (
            "content-length: 9007199254740992",
            framed(Framing::Length(1 << 53)),
        ),
        ("Transfer-Encoding: Chunked", framed(Framing::Chunked)),
        (
            "Expect: 100-Continue\r\nContent-Length: 3",
            waiting(Framing::Length(3)),
        ),
        (
            "Expect: 100-continue\r\nTransfer-Encoding: chunked",
            waiting(Framing::Chunked),
        ),
        ("Expect: 100-continue", PLAIN),
        (
            "Expect: 100-continue\r\nContent-Length: 0",
            framed(Framing::Length(0)),
        ),
    ] {
        assert_eq!(parse(with(lines).as_bytes()), Ok(expected), "{lines:?}");
    }
}

#[test]
fn a_target_has_one_of_three_forms() {
    for line in [
        "GET / HTTP/1.1",
        "GET /a?b=c|d HTTP/1.1",
        "GET //a HTTP/1.1",
        "OPTIONS * HTTP/1.1",
        "GET http://a.ch HTTP/1.1",
        "GET http://a.ch/ HTTP/1.1",
        "GET HTTPS://a.ch?x HTTP/1.1",
        "BREW / HTTP/1.1",
    ] {
        let head = format!("{line}\r\nHost: a.ch\r\n\r\n");
        assert_eq!(parse(head.as_bytes()), Ok(PLAIN), "{line}");
    }
}

#[test]
fn http_1_0_closes_unless_asked_and_neither_upgrades_nor_waits() {
    let old = Head {
        http10: true,
        keep_alive: false,
        ..PLAIN
    };
    let kept = Head {
        keep_alive: true,
        ..old
    };
    let post = Head {
        framing: Framing::Length(3),
        ..old
    };
    for (lines, expected) in [
        ("", old),
        ("Host: a.ch\r\n", old),
        ("Connection: keep-alive\r\n", kept),
        ("Connection: keep-alive, close\r\n", old),
        ("Connection: upgrade\r\nUpgrade: x\r\n", old),
        ("Content-Length: 3\r\nExpect: 100-continue\r\n", post),
    ] {
        let head = format!("GET / HTTP/1.0\r\n{lines}\r\n");
        assert_eq!(parse(head.as_bytes()), Ok(expected), "{lines:?}");
    }
}

#[test]
fn the_end_of_a_head_is_found_wherever_reads_are_cut() {
    for (buffer, end) in [
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\nbody", Some(27)),
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n\r\n\r\n", Some(27)),
        ("GET / HTTP/1.1\r\n\r\n", Some(18)),
        ("a\n\nb", Some(3)),
        ("a\n\r\nb", Some(4)),
        ("a\r\n\nb", Some(4)),
        ("a\r\r\n\r", None),
        ("a\r\n\rb\r\n", None),
        ("", None),
    ] {
        let buffer = buffer.as_bytes();
        assert_eq!(find_end(buffer, 0), end);
        for cut in 0..=buffer.len() {
            let (first, _) = buffer.split_at(cut);
            let found = find_end(first, 0).or_else(|| find_end(buffer, cut));
            assert_eq!(found, end, "cut at {cut}");
        }
    }
    assert_eq!(find_end(b"a", 9), None);
}

/// Pieces of heads, sound and unsound, so that random heads are often nearly right.
fn heads() -> impl Strategy<Value = Vec<u8>> {
    let line = prop::sample::select(vec![
        "GET / HTTP/1.1\r\n",
        "OPTIONS * HTTP/1.0\r\n",
        "PUT http://a.ch/b?c HTTP/1.1\r\n",
    ]);
    let field = prop::sample::select(vec![
        "Host: a.ch\r\n",
        "X: a\r\n",
        "Y:\t b c \t\r\n",
        "Z:\r\n",
        "Content-Length: 5\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Connection: close, upgrade\r\n",
        "Accept: text/html, */*;q=0.8\r\n",
        "X: \u{e9}\r\n",
    ]);
    let fields = prop::collection::vec(field, 0..5).prop_map(|fields| fields.concat());
    let edit = (any::<prop::sample::Index>(), any::<bool>(), edits());
    (line, fields, prop::collection::vec(edit, 0..3)).prop_map(|(line, fields, edits)| {
        let mut head = format!("{line}Host: a.ch\r\n{fields}\r\n").into_bytes();
        for (at, insert, byte) in edits {
            let at = at.index(head.len());
            if insert {
                head.insert(at, byte);
            } else {
                head[at] = byte;
            }
        }
        head
    })
}

fn edits() -> impl Strategy<Value = u8> {
    prop_oneof![
        prop::sample::select(b"\r\n \t:/,0az#%\0\x7f\xff@".to_vec()),
        any::<u8>()
    ]
}

/// Method, target, minor version, and headers, as a reader sees them.
type Seen<'a> = (&'a [u8], &'a [u8], u8, Vec<(&'a [u8], &'a [u8])>);

fn seen_by_us(head: &[u8]) -> Seen<'_> {
    let mut lines = Lines::new(head);
    let line = lines.request_line(usize::MAX).unwrap();
    let mut fields = Vec::new();
    while let Some(field) = lines.field().unwrap() {
        fields.push((field.name, field.value));
    }
    (line.method, line.target, u8::from(!line.http10), fields)
}

fn seen_by_httparse(head: &[u8]) -> Seen<'_> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut request = httparse::Request::new(&mut headers);
    let status = request.parse(head).unwrap();
    assert_eq!(status, httparse::Status::Complete(head.len()));
    let fields = request.headers.iter();
    (
        request.method.unwrap().as_bytes(),
        request.path.unwrap().as_bytes(),
        request.version.unwrap(),
        fields
            .map(|field| (field.name.as_bytes(), field.value))
            .collect(),
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn httparse_reads_every_accepted_head_as_we_do(head in heads()) {
        if parse(&head).is_ok() {
            prop_assert_eq!(seen_by_us(&head), seen_by_httparse(&head));
            prop_assert_eq!(find_end(&head, 0), Some(head.len()));
        }
    }

    #[test]
    fn any_bytes_are_accepted_or_refused_without_a_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        from in 0_usize..300,
    ) {
        let _ = parse(&bytes);
        let _ = find_end(&bytes, from);
    }
}
