//! A server's response: one verdict wherever reads are cut, and the end that httparse and RFC 9112 give it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use simplon::{
    admit::{
        find_head_end,
        reply::{Asked, Reply, ReplyLimits},
    },
    respond::Refusal,
};

const LIMITS: ReplyLimits = ReplyLimits {
    header_size: 400,
    header_count: 20,
};

/// What became of a response.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// It ended after so many bytes.
    Over(usize),
    /// It goes on; so many bytes have passed.
    Open(usize),
    Refused,
}

// The first byte says what was asked for and how reads are cut, the others are what the server sends.
fuzz_target!(|data: &[u8]| {
    let Some((choice, sent)) = data.split_first() else {
        return;
    };
    let asked = Asked {
        head_alone: choice & 1 != 0,
        upgrade: choice & 2 != 0,
    };
    let whole = read(asked, sent, usize::MAX);
    for size in [1, 2, usize::from(choice >> 2).max(3)] {
        assert_eq!(read(asked, sent, size), whole, "in pieces of {size}");
    }
    if whole != Verdict::Refused {
        assert_framed(asked, sent, &whole);
    }
});

/// Shows what the server sends in pieces, and what did not pass again with what comes next.
fn read(asked: Asked, sent: &[u8], size: usize) -> Verdict {
    let mut reply = Reply::new(asked, LIMITS);
    let (mut passed, mut shown) = (0, 0);
    while shown < sent.len() {
        shown = shown.saturating_add(size).min(sent.len());
        match reply.pass(&sent[passed..shown]) {
            Ok(more) => passed += more,
            Err(Refusal::ServerMalformed(_)) => return Verdict::Refused,
            Err(other) => panic!("{other:?}"),
        }
        assert!(passed <= shown);
        if reply.is_over() {
            return Verdict::Over(passed);
        }
    }
    Verdict::Open(passed)
}

/// Where the response ends, by what another parser reads.
fn assert_framed(asked: Asked, sent: &[u8], verdict: &Verdict) {
    let mut at = 0;
    let mut interim = 0;
    loop {
        let Some(end) = find_head_end(&sent[at..], 0) else {
            assert_eq!(*verdict, Verdict::Open(at), "a head is passed whole");
            assert!(sent.len() - at <= LIMITS.header_size);
            return;
        };
        assert!(end <= LIMITS.header_size);
        let mut headers = [httparse::EMPTY_HEADER; LIMITS.header_count];
        let mut response = httparse::Response::new(&mut headers);
        let status = response
            .parse(&sent[at..at + end])
            .expect("what we accept, httparse does");
        assert_eq!(status, httparse::Status::Complete(end));
        at += end;
        let all = |name: &str| -> Vec<&[u8]> {
            let fields = response.headers.iter();
            let named = fields.filter(|field| field.name.eq_ignore_ascii_case(name));
            named.map(|field| field.value).collect()
        };
        let lengths = all("content-length");
        let chunked = !all("transfer-encoding").is_empty();
        assert!(
            lengths.len() + usize::from(chunked) <= 1,
            "two readers may differ"
        );
        match response.code.expect("a status") {
            101 => {
                assert!(asked.upgrade);
                assert_eq!(*verdict, Verdict::Open(sent.len()));
                return;
            }
            100..=199 => {
                interim += 1;
                assert!(interim <= 10);
                continue;
            }
            204 | 304 => assert_eq!(*verdict, Verdict::Over(at)),
            _ if asked.head_alone => assert_eq!(*verdict, Verdict::Over(at)),
            _ if chunked => match verdict {
                Verdict::Over(end) => assert!(sent[at..*end].ends_with(b"\r\n\r\n")),
                open => assert_eq!(*open, Verdict::Open(sent.len())),
            },
            _ => match lengths.first() {
                Some(length) => {
                    let length: u64 = str::from_utf8(length)
                        .expect("digits")
                        .parse()
                        .expect("a number");
                    let end = usize::try_from(length)
                        .ok()
                        .and_then(|length| at.checked_add(length));
                    let expected = end.filter(|end| *end <= sent.len());
                    let expected = expected.map_or(Verdict::Open(sent.len()), Verdict::Over);
                    assert_eq!(*verdict, expected);
                }
                None => assert_eq!(*verdict, Verdict::Open(sent.len())),
            },
        }
        return;
    }
}
