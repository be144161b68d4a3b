//! `traceparent` and `tracestate`: as a plain reading of W3C Trace Context has them, and as we write them ourselves.
#![no_main]

use libfuzzer_sys::fuzz_target;
use simplon::admit::{SpanId, TraceParent, trace_context::is_state};

// The first line is a value of `traceparent`, each further one a line of `tracestate`.
fuzz_target!(|data: &[u8]| {
    let mut lines = data.split(|byte| *byte == b'\n');
    let said = lines.next().unwrap_or_default();
    assert_parent(said);
    assert_state(&lines.collect::<Vec<_>>());
});

fn assert_parent(said: &[u8]) {
    let parsed = TraceParent::parse(said);
    assert_eq!(TraceParent::of([said].into_iter()), parsed);
    assert_eq!(TraceParent::of([said, said].into_iter()), None);
    let plain = plainly(said);
    let found = parsed.map(|it| {
        (
            it.trace.to_string(),
            it.span.as_str().to_owned(),
            it.flags(),
        )
    });
    assert_eq!(found, plain);
    let Some(parsed) = parsed else {
        return;
    };
    let (trace, span) = (parsed.trace.to_bytes(), parsed.span.to_bytes());
    assert_eq!(
        u128::from_be_bytes(trace),
        u128::from_str_radix(&parsed.trace.to_string(), 16).expect("digits")
    );
    assert_eq!(SpanId::new(u64::from_be_bytes(span)), parsed.span);
    for is_sampled in [false, true] {
        let ours = parsed.child(SpanId::new(7), is_sampled);
        let written = ours.to_bytes();
        assert_eq!(TraceParent::parse(&written), Some(ours));
        assert_eq!((ours.trace, ours.is_sampled()), (parsed.trace, is_sampled));
        assert_eq!(ours.flags() & !3, 0);
    }
}

/// By the parts between the dashes.
fn plainly(said: &[u8]) -> Option<(String, String, u8)> {
    let text = String::from_utf8_lossy(said.trim_ascii());
    let parts: Vec<&str> = text.split('-').collect();
    let is_hex = |part: &str, length| {
        let mut bytes = part.bytes();
        part.len() == length && bytes.all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    let [version, trace, span, flags, rest @ ..] = &parts[..] else {
        return None;
    };
    let sound = is_hex(version, 2) && is_hex(trace, 32) && is_hex(span, 16) && is_hex(flags, 2);
    let zero = trace.bytes().all(|b| b == b'0') || span.bytes().all(|b| b == b'0');
    if !sound || zero || *version == "ff" || (*version == "00" && !rest.is_empty()) {
        return None;
    }
    let flags = u8::from_str_radix(flags, 16).expect("two digits");
    Some(((*trace).to_owned(), (*span).to_owned(), flags))
}

/// All lines as the one that they stand for.
fn assert_state(lines: &[&[u8]]) {
    let whole = lines.join(&b","[..]);
    let members: Vec<_> = whole
        .split(|byte| *byte == b',')
        .map(<[u8]>::trim_ascii)
        .filter(|member| !member.is_empty())
        .collect();
    let is_member = |member: &&[u8]| {
        let mut halves = member.split(|byte| *byte == b'=');
        let (Some(key), Some(value), None) = (halves.next(), halves.next(), halves.next()) else {
            return false;
        };
        let short = |word: &[u8]| (1..=256).contains(&word.len());
        let in_key = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-*/@".contains(b);
        short(key)
            && short(value)
            && key.iter().all(in_key)
            && key[0].is_ascii_alphanumeric()
            && value.iter().all(|b| (0x20..=0x7e).contains(b))
    };
    let expected = whole.len() <= 512 && members.len() <= 32 && members.iter().all(is_member);
    assert_eq!(is_state(lines.iter().copied()), expected);
}
