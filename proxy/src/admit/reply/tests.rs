//! Responses that are taken, refused, and followed to their end.

use proptest::prelude::*;

use super::*;

const LIMITS: ReplyLimits = ReplyLimits {
    header_size: 4096,
    header_count: 20,
};

const HEAD: Asked = Asked {
    head_alone: true,
    upgrade: false,
};

const UPGRADE: Asked = Asked {
    head_alone: false,
    upgrade: true,
};

fn reply(asked: Asked) -> Reply {
    Reply::new(asked, LIMITS)
}

/// What becomes of all of it at once: how much passes, and whether that is the whole response.
fn read(asked: Asked, bytes: &[u8]) -> Result<(usize, bool), Refusal> {
    let mut reply = reply(asked);
    let passed = reply.pass(bytes)?;
    Ok((passed, reply.is_over()))
}

fn assert_refused(asked: Asked, text: &str, reason: &str) {
    match read(asked, text.as_bytes()) {
        Err(Refusal::ServerMalformed(given)) => {
            assert!(given.contains(reason), "{text:?}: {given}");
        }
        other => panic!("{text:?}: {other:?}"),
    }
}

#[test]
fn a_response_ends_where_its_framing_says() {
    let get = Asked::default();
    for (asked, response, is_over) in [
        (
            get,
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
            true,
        ),
        (get, "HTTP/1.1 200 OK\r\nContent-Length:0\r\n\r\n", true),
        (get, "HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n", true),
        (get, "HTTP/1.1 200 \r\ncontent-length: 0\r\n\r\n", true),
        (get, "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nhi", true),
        (
            get,
            "HTTP/1.1 404 Gr\u{fc}ezi\tmitenand\r\ncontent-length: 1\r\n\r\nx",
            true,
        ),
        (get, "HTTP/1.1 999 \r\ncontent-length: 1\r\n\r\nx", true),
        (
            get,
            "HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n2\r\nhi\r\n0\r\nx: y\r\n\r\n",
            true,
        ),
        (
            get,
            "HTTP/1.1 200 OK\r\nx: y\r\n\r\nall until it closes",
            false,
        ),
        (get, "HTTP/1.0 200 OK\r\n\r\nall until it closes", false),
        (get, "HTTP/1.1 204 No\r\n\r\n", true),
        (get, "HTTP/1.1 204 No\r\ncontent-length: 0\r\n\r\n", true),
        (get, "HTTP/1.1 304 No\r\ncontent-length: 9\r\n\r\n", true),
        (
            get,
            "HTTP/1.1 304 No\r\ntransfer-encoding: chunked\r\n\r\n",
            true,
        ),
        (
            get,
            "HTTP/1.1 100 Go\r\n\r\nHTTP/1.1 103 Hm\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx",
            true,
        ),
        (get, "HTTP/1.1 199 Hm\r\n\r\n", false),
        (HEAD, "HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n", true),
        (
            HEAD,
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
            true,
        ),
        (HEAD, "HTTP/1.1 200 OK\r\n\r\n", true),
        (
            UPGRADE,
            "HTTP/1.1 101 Yes\r\nupgrade: x\r\n\r\nHTTP/1.1 anything \0 goes",
            false,
        ),
        (
            UPGRADE,
            "HTTP/1.1 200 No\r\ncontent-length: 2\r\n\r\nno",
            true,
        ),
    ] {
        let expected = Ok((response.len(), is_over));
        assert_eq!(read(asked, response.as_bytes()), expected, "{response:?}");
        if is_over {
            let more = format!("{response}HTTP/1.1 200 OK\r\n\r\n");
            assert_eq!(read(asked, more.as_bytes()), expected, "{more:?}");
        }
    }
}

/// Heads but for their ends, each with what is said of it.
const TWO_WAYS: &[(&str, &str)] = &[
    ("<html>", "begin with HTTP"),
    ("\r\nHTTP/1.1 200 OK", "begin with HTTP"),
    (" HTTP/1.1 200 OK", "begin with HTTP"),
    ("http/1.1 200 OK", "begin with HTTP"),
    ("ICY 200 OK", "begin with HTTP"),
    ("HTTP/0.9 200 OK", "begin with HTTP"),
    ("HTTP/2 200 OK", "begin with HTTP"),
    ("HTTP/2.0 200 OK", "begin with HTTP"),
    ("HTTP/1.2 200 OK", "begin with HTTP"),
    ("HTTP/1.10 200 OK", "begin with HTTP"),
    ("HTTP/1.1  200 OK", "three digits"),
    ("HTTP/1.1\t200 OK", "begin with HTTP"),
    ("HTTP/1.1", "begin with HTTP"),
    ("HTTP/1.1 ", "three digits"),
    ("HTTP/1.1 20", "three digits"),
    ("HTTP/1.1 2000 OK", "no reason"),
    ("HTTP/1.1 099 OK", "three digits"),
    ("HTTP/1.1 +20 OK", "three digits"),
    ("HTTP/1.1 2x0 OK", "three digits"),
    ("HTTP/1.1 200OK", "no reason"),
    ("HTTP/1.1 200 O\0K", "control character"),
    ("HTTP/1.1 200 O\rK", "CR stands without"),
    ("HTTP/1.1 200 OK\nx: y", "LF alone"),
    ("HTTP/1.1 200 OK\r\nx: y\nz: a", "LF alone"),
    ("HTTP/1.1 200 OK\r\nx: y\r\n z", "folded"),
    ("HTTP/1.1 200 OK\r\n x: y", "folded"),
    ("HTTP/1.1 200 OK\r\nx : y", "before a header's colon"),
    ("HTTP/1.1 200 OK\r\n: y", "name is empty"),
    ("HTTP/1.1 200 OK\r\nx", "no colon"),
    ("HTTP/1.1 200 OK\r\nx y: z", "before a header's colon"),
    ("HTTP/1.1 200 OK\r\nx\u{e9}: z", "not a token"),
    ("HTTP/1.1 200 OK\r\nx: a\0b", "control character"),
    ("HTTP/1.1 200 OK\r\nx: a\x7fb", "control character"),
    ("HTTP/1.1 200 OK\r\nx: a\rb", "CR stands without"),
    (
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 1",
        "more than one Content-Length",
    ),
    (
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\nContent-Length: 2",
        "more than one Content-Length",
    ),
    ("HTTP/1.1 200 OK\r\ncontent-length: 1, 1", "plain number"),
    ("HTTP/1.1 200 OK\r\ncontent-length: +1", "plain number"),
    ("HTTP/1.1 200 OK\r\ncontent-length: -1", "plain number"),
    ("HTTP/1.1 200 OK\r\ncontent-length: 0x1", "plain number"),
    ("HTTP/1.1 200 OK\r\ncontent-length:", "plain number"),
    (
        "HTTP/1.1 200 OK\r\ncontent-length: 18446744073709551617",
        "plain number",
    ),
    (
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked",
        "beside",
    ),
    (
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 1",
        "beside",
    ),
    (
        "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked",
        "chunked alone",
    ),
    (
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked, chunked",
        "chunked alone",
    ),
    (
        "HTTP/1.1 200 OK\r\ntransfer-encoding: identity",
        "chunked alone",
    ),
    (
        "HTTP/1.1 200 OK\r\ntransfer-encoding: xchunked",
        "chunked alone",
    ),
    ("HTTP/1.1 200 OK\r\ntransfer-encoding:", "chunked alone"),
    (
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked",
        "more than one Transfer",
    ),
    ("HTTP/1.0 200 OK\r\ntransfer-encoding: chunked", "HTTP/1.0"),
    (
        "HTTP/1.1 101 Yes\r\nupgrade: x",
        "without having been asked",
    ),
    (
        "HTTP/1.1 100 Go\r\ncontent-length: 1",
        "interim response has a body",
    ),
    (
        "HTTP/1.1 103 Hm\r\ntransfer-encoding: chunked",
        "interim response has a body",
    ),
    ("HTTP/1.1 204 No\r\ncontent-length: 1", "without content"),
    (
        "HTTP/1.1 204 No\r\ntransfer-encoding: chunked",
        "without content",
    ),
];

#[test]
fn what_two_readers_could_read_in_two_ways_is_refused() {
    for (head, reason) in TWO_WAYS {
        assert_refused(Asked::default(), &format!("{head}\r\n\r\n"), reason);
    }
}

#[test]
fn a_broken_body_is_refused_where_it_breaks() {
    for (body, reason) in [
        ("x\r\n", "hexadecimal"),
        ("5;ext=1\r\nhello\r\n", "extension"),
        ("ffffffffffffffff1\r\n", "too large"),
        ("2\r\nhi!\r\n", "as long as it says"),
        ("0\r\nbad\r\n\r\n", "trailer"),
    ] {
        let text = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{body}");
        assert_refused(Asked::default(), &text, reason);
    }
    let trailers = "x: y\r\n".repeat(100);
    let flood = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n{trailers}\r\n");
    assert_refused(Asked::default(), &flood, "trailer section is too large");
}

#[test]
fn a_head_has_limits() {
    let with = |lines: &str| format!("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n{lines}\r\n");
    let most = with(&"x: y\r\n".repeat(LIMITS.header_count - 1));
    assert!(read(Asked::default(), most.as_bytes()).is_ok());
    assert_refused(
        Asked::default(),
        &with(&"x: y\r\n".repeat(LIMITS.header_count)),
        "too many fields",
    );
    let sized = |size: usize| {
        with(&format!(
            "x:{}\r\n",
            "y".repeat(size - with("x:\r\n").len())
        ))
    };
    assert!(read(Asked::default(), sized(LIMITS.header_size).as_bytes()).is_ok());
    assert_refused(
        Asked::default(),
        &sized(LIMITS.header_size + 1),
        "too large",
    );
    // Without an end in sight too.
    let endless = "HTTP/1.1 200 OK\r\nx: ".to_owned() + &"y".repeat(LIMITS.header_size);
    assert_refused(Asked::default(), &endless, "too large");
}

#[test]
fn a_head_of_http_2_has_the_same_limits() {
    let fields = |count: usize, size: usize| vec![(vec![b'n'; 4], vec![b'v'; size]); count];
    let check = |fields: &[(Vec<u8>, Vec<u8>)]| {
        let fields = fields.iter();
        LIMITS.check(fields.map(|(name, value)| (name.as_slice(), value.as_slice())))
    };
    assert_eq!(check(&fields(20, 4)), Ok(()));
    assert_eq!(check(&fields(21, 4)), malformed(TOO_MANY));
    assert_eq!(check(&fields(1, 4096 - 36)), Ok(()));
    assert_eq!(check(&fields(1, 4096 - 35)), malformed(TOO_LARGE));
}

#[test]
fn the_content_is_counted_without_what_frames_it() {
    for (response, content) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", 5),
        (
            "HTTP/1.1 103 Hm\r\n\r\nHTTP/1.1 200 OK\r\n\r\nuntil the close",
            15,
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\nA\r\n0123456789\r\n0\r\n\r\n",
            15,
        ),
        ("HTTP/1.1 204 No Content\r\n\r\n", 0),
    ] {
        for at in 0..response.len() {
            let mut reply = reply(Asked::default());
            assert!(reply.awaits_head());
            let passed = reply.pass(&response.as_bytes()[..at]).unwrap();
            let before = reply.content();
            reply.pass(&response.as_bytes()[passed..]).unwrap();
            assert!(before <= content && !reply.awaits_head());
            assert_eq!(reply.content(), content, "{response:?} {at}");
        }
    }
}

#[test]
fn what_is_left_is_known_where_a_length_says_it() {
    let mut with_length = reply(Asked::default());
    with_length
        .pass(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhe")
        .unwrap();
    assert_eq!(with_length.left(), Some(3));
    let mut chunked = reply(Asked::default());
    chunked
        .pass(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n")
        .unwrap();
    assert_eq!(chunked.left(), None);
}

#[test]
fn interim_responses_are_counted() {
    let interim = "HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\n";
    let most = interim.repeat(MOST_INTERIM as usize);
    let last = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
    let response = format!("{most}{last}");
    assert_eq!(
        read(Asked::default(), response.as_bytes()),
        Ok((response.len(), true))
    );
    assert_refused(
        Asked::default(),
        &format!("{interim}{response}"),
        "too many interim",
    );
}

/// What a reader of the bytes that come in these pieces gives on, and whether it refused in the end.
fn in_pieces(bytes: &[u8], sizes: &[usize], asked: Asked) -> (Vec<u8>, bool, bool) {
    let mut reply = reply(asked);
    let (mut held, mut given) = (Vec::new(), Vec::new());
    let mut rest = bytes;
    for size in sizes.iter().cycle() {
        let (piece, after) = rest.split_at(rest.len().min(*size));
        rest = after;
        held.extend_from_slice(piece);
        match reply.pass(&held) {
            Ok(passed) => given.extend(held.drain(..passed)),
            Err(_) => return (given, reply.is_over(), true),
        }
        if reply.is_over() || rest.is_empty() {
            break;
        }
    }
    (given, reply.is_over(), false)
}

/// Bytes that are often nearly a response.
fn nearly() -> impl Strategy<Value = Vec<u8>> {
    let part = prop::sample::select(vec![
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.0 200 OK\r\n",
        "HTTP/1.1 103 Hm\r\n",
        "HTTP/1.1 204 No\r\n",
        "content-length: 3\r\n",
        "transfer-encoding: chunked\r\n",
        "x: y\r\n",
        "\r\n",
        "3\r\nabc\r\n",
        "0\r\n\r\n",
        "abc",
        "\n",
        "\0",
    ]);
    prop::collection::vec(part, 0..12).prop_map(|parts| parts.concat().into_bytes())
}

proptest! {
    #[test]
    fn any_split_of_the_bytes_gives_the_same(
        bytes in nearly(),
        sizes in prop::collection::vec(1..20_usize, 1..8),
        head_alone in any::<bool>(),
    ) {
        let asked = Asked { head_alone, upgrade: false };
        let (given, is_over, refused) = in_pieces(&bytes, &sizes, asked);
        prop_assert!(bytes.starts_with(&given));
        match read(asked, &bytes) {
            Ok((passed, whole)) => {
                prop_assert!(!refused);
                prop_assert_eq!((given.len(), is_over), (passed, whole));
            }
            Err(_) => prop_assert!(refused),
        }
    }

    #[test]
    fn any_bytes_are_taken_or_refused_without_a_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        after in nearly(),
    ) {
        for bytes in [bytes.clone(), [&b"HTTP/1.1 200 "[..], &bytes].concat(), [after, bytes].concat()] {
            if let Ok((passed, _)) = read(Asked::default(), &bytes) {
                prop_assert!(passed <= bytes.len());
            }
        }
    }
}
