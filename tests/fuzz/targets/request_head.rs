//! The head of a request: what is accepted reads the same to another parser, and not one byte more or less is. Pingora, which
//! reads it next, has nothing to refuse.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use pingora_http::RequestHeader;
use simplon::{
    admit::{Framing, Head, HeadLimits, Host, RequestParts, find_head_end},
    respond::Refusal,
};

const LIMITS: HeadLimits = HeadLimits {
    uri_size: 200,
    header_count: 20,
};

fuzz_target!(|data: &[u8]| {
    let end = find_head_end(data, 0);
    for cut in 0..=data.len() {
        let found = find_head_end(&data[..cut], 0).or_else(|| find_head_end(data, cut));
        assert_eq!(found, end, "cut at {cut}");
    }
    let head = &data[..end.unwrap_or(data.len())];
    let Ok((parsed, parts)) = read(head, &LIMITS) else {
        return;
    };
    assert_eq!(end, Some(head.len()));
    assert_same(&parsed, &parts, head);
    for short in 0..head.len() {
        assert!(read(&head[..short], &LIMITS).is_err());
    }
    let more = [head, b"x"].concat();
    assert!(read(&more, &LIMITS).is_err());
});

fn read(head: &[u8], limits: &HeadLimits) -> Result<(Head, RequestParts), Refusal> {
    Head::read(&Bytes::copy_from_slice(head), limits)
}

/// httparse reads the same fields, and what they say by RFC 9112 is what we took from them.
fn assert_same(ours: &Head, parts: &RequestParts, head: &[u8]) {
    let mut headers = [httparse::EMPTY_HEADER; LIMITS.header_count];
    let mut request = httparse::Request::new(&mut headers);
    let status = request.parse(head).expect("what we accept, httparse does");
    assert_eq!(status, httparse::Status::Complete(head.len()));
    let target = request.path.expect("a target");
    let method = request.method.expect("a method");
    let mut theirs =
        RequestHeader::build(method, target.as_bytes(), None).expect("so does Pingora");
    for field in request.headers.iter() {
        theirs
            .append_header(field.name.to_owned(), field.value)
            .expect("its fields too");
    }
    let lines = request.headers.iter();
    let lines: Vec<_> = lines.map(|it| (it.name.as_bytes(), it.value)).collect();
    assert_eq!(parts.fields.iter().collect::<Vec<_>>(), lines);
    let http10 = request.version == Some(0);
    assert_eq!(ours.http10, http10);
    let all = |name: &str| -> Vec<&[u8]> {
        let fields = request.headers.iter();
        let named = fields.filter(|field| field.name.eq_ignore_ascii_case(name));
        named.map(|field| field.value).collect()
    };
    let lists = |name: &str, wanted: &str| {
        let elements = all(name)
            .into_iter()
            .flat_map(|value| value.split(|byte| *byte == b','));
        let mut elements = elements.map(<[u8]>::trim_ascii);
        elements.any(|element| element.eq_ignore_ascii_case(wanted.as_bytes()))
    };

    let framing = match (&*all("content-length"), &*all("transfer-encoding")) {
        ([], []) => Framing::None,
        ([length], []) => {
            assert!(length.iter().all(u8::is_ascii_digit));
            let length = str::from_utf8(length).expect("digits");
            Framing::Length(length.parse().expect("a number"))
        }
        ([], [coding]) if coding.eq_ignore_ascii_case(b"chunked") && !http10 => Framing::Chunked,
        other => panic!("two readers may differ on {other:?}"),
    };
    assert_eq!(ours.framing, framing);
    let has_body = !matches!(framing, Framing::None | Framing::Length(0));
    let upgrade = all("upgrade").iter().any(|value| !value.is_empty());
    let expects = all("expect")
        .iter()
        .any(|value| value.eq_ignore_ascii_case(b"100-continue"));
    assert_eq!(
        ours.upgrade,
        lists("connection", "upgrade") && upgrade && !http10
    );
    assert_eq!(ours.expects_continue, expects && has_body && !http10);
    assert_eq!(
        ours.keep_alive,
        !lists("connection", "close") && (!http10 || lists("connection", "keep-alive"))
    );
    match &*all("host") {
        [host] => {
            assert!(Host::parse(host).is_ok());
        }
        [] => assert!(http10),
        hosts => panic!("two readers may differ on {hosts:?}"),
    }
    assert_limits(head, target.len(), request.headers.len());
}

/// Each limit holds exactly.
fn assert_limits(head: &[u8], uri_size: usize, header_count: usize) {
    let exact = HeadLimits {
        uri_size,
        header_count,
    };
    assert!(read(head, &exact).is_ok());
    let shorter = HeadLimits {
        uri_size: uri_size - 1,
        ..exact
    };
    assert_eq!(read(head, &shorter).err(), Some(Refusal::UriTooLong));
    if let Some(header_count) = header_count.checked_sub(1) {
        let fewer = HeadLimits {
            header_count,
            ..exact
        };
        assert_eq!(read(head, &fewer).err(), Some(Refusal::HeaderTooLarge));
    }
}
