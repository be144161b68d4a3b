//! The meter of chunked bodies: one verdict wherever reads are cut, and that of a model that has the whole message.
#![no_main]

use libfuzzer_sys::fuzz_target;
use simplon::{admit::ChunkMeter, respond::Refusal};

/// What became of a message.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// It ended after so many bytes.
    Done(usize),
    /// It has not ended yet.
    Open,
    Malformed,
    TooLarge,
}

// The first byte says how reads are cut, the others are the message and what follows it.
fuzz_target!(|data: &[u8]| {
    let Some((seed, message)) = data.split_first() else {
        return;
    };
    let whole = measure(message.chunks(message.len().max(1)));
    assert_eq!(whole, model(message));
    assert_eq!(whole, measure(message.chunks(1)));
    assert_eq!(whole, measure(message.chunks(usize::from(*seed).max(2))));
    let (first, second) = message.split_at(usize::from(*seed).min(message.len()));
    assert_eq!(whole, measure([first, &[], second].into_iter()));
});

fn measure<'a>(reads: impl Iterator<Item = &'a [u8]>) -> Verdict {
    let mut meter = ChunkMeter::default();
    let mut taken = 0;
    for read in reads {
        match meter.accept(read) {
            Ok(accepted) => {
                taken += accepted;
                assert!(accepted == read.len() || meter.done());
            }
            Err(Refusal::Malformed(_)) => return Verdict::Malformed,
            Err(Refusal::HeaderTooLarge) => return Verdict::TooLarge,
            Err(other) => panic!("{other:?}"),
        }
        if meter.done() {
            return Verdict::Done(taken);
        }
    }
    Verdict::Open
}

/// RFC 9112 section 7.1 without extensions, read from left to right.
fn model(message: &[u8]) -> Verdict {
    let mut at = 0;
    loop {
        let digits = message[at..]
            .iter()
            .take_while(|byte| byte.is_ascii_hexdigit());
        let digits = digits.count();
        let text = str::from_utf8(&message[at..at + digits]).expect("digits are ASCII");
        let size = u64::from_str_radix(text, 16).unwrap_or(0);
        if digits > 16 || size > 1 << 53 {
            return Verdict::Malformed;
        }
        at += digits;
        if digits == 0 && at < message.len() {
            return Verdict::Malformed;
        }
        if let Err(verdict) = line_end(message, &mut at) {
            return verdict;
        }
        if size == 0 {
            return trailers(message, at);
        }
        let Some(end) = usize::try_from(size)
            .ok()
            .and_then(|size| at.checked_add(size))
        else {
            return Verdict::Open;
        };
        if end >= message.len() {
            return Verdict::Open;
        }
        at = end;
        if let Err(verdict) = line_end(message, &mut at) {
            return verdict;
        }
    }
}

/// Steps over CR LF.
fn line_end(message: &[u8], at: &mut usize) -> Result<(), Verdict> {
    match message[*at..] {
        [] | [b'\r'] => Err(Verdict::Open),
        [b'\r', b'\n', ..] => {
            *at += 2;
            Ok(())
        }
        _ => Err(Verdict::Malformed),
    }
}

fn trailers(message: &[u8], start: usize) -> Verdict {
    let mut at = start;
    let mut lines = 0;
    loop {
        if message[at..].starts_with(b"\r") {
            return match line_end(message, &mut at) {
                Ok(()) => Verdict::Done(at),
                Err(verdict) => verdict,
            };
        }
        lines += usize::from(at < message.len());
        let rest = &message[at..];
        let end = rest
            .iter()
            .position(|byte| *byte == b'\n')
            .map(|end| end + 1);
        let line = &rest[..end.unwrap_or(rest.len())];
        let sound = sound_start(line);
        // The byte that passes a limit is refused for that, the one before it for what it is.
        let room = if lines > 32 {
            0
        } else {
            (start + (8 << 10)).saturating_sub(at)
        };
        if sound < line.len() && sound < room {
            return Verdict::Malformed;
        }
        if line.len() > room {
            return Verdict::TooLarge;
        }
        if end.is_none() {
            return Verdict::Open;
        }
        at += line.len();
    }
}

/// How many bytes of a line, from the first, may stand there: `name:value CR LF`.
fn sound_start(line: &[u8]) -> usize {
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    let name = line.iter().take_while(|byte| is_token(byte)).count();
    if name == 0 || line.get(name) != Some(&b':') {
        return name;
    }
    let value = &line[name + 1..];
    let is_value = |byte: &u8| *byte == b'\t' || !byte.is_ascii_control();
    let value = value.iter().take_while(|byte| is_value(byte)).count();
    let end = &line[name + 1 + value..];
    let ending = end
        .iter()
        .zip(b"\r\n")
        .take_while(|(byte, expected)| byte == expected);
    name + 1 + value + ending.count()
}
